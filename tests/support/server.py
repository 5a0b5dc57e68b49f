"""A real server on a real port around the scripted model, for tests and for trying clients by hand.

In a test: the fixture `scripted_server`, or ``with running_server(...) as server`` for one of your own.
By hand: ``python tests/support/server.py --port 8499``, then open the address it prints.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

if __name__ == "__main__":  # by hand, nothing has put the folders on the path
    root = Path(__file__).parents[2]
    sys.path[:0] = [str(root), str(root / "codecs"), str(root / "clients")]

from tests.support.scripted import Script, scripted_bundle
from voicert.config import Config, EngineConfig, ServerConfig
from voicert.engine import Engine
from voicert.models.base import Bundle
from voicert.server.certificate import with_certificate
from voicert.server.listen import open_sockets, url_of
from voicert.server.run import make_server, serve
from voicert.server.service import Service

START_S = 60  # generous: the machine may be busy


@dataclass(frozen=True)
class RunningServer:
    """Where a server listens, and its insides for assertions."""

    url: str  # http://127.0.0.1:PORT
    engine: Engine
    service: Service

    @property
    def realtime_url(self) -> str:
        """The WebSocket of the conversation."""
        return self.url.replace("http", "ws", 1) + "/v1/realtime"


@contextmanager
def running_server(
    script: Script | None = None,
    server: ServerConfig | None = None,
    max_sessions: int = 4,
    bundle: Bundle | None = None,
    seed: int = -1,
) -> Iterator[RunningServer]:
    """Starts a server in a thread of its own on a free port, and stops it at the end."""
    server = replace(with_certificate(server or ServerConfig()), port=0)
    config = Config(server=server, engine=EngineConfig(max_sessions=max_sessions, seed=seed))
    engine = Engine(bundle or scripted_bundle(max_sessions, script), max_sessions)
    engine.start()
    sockets = open_sockets(server.host, server.port)
    url = url_of(server, sockets)
    ready = threading.Event()
    uvicorn_server = make_server(engine, config, ready.set)
    thread = threading.Thread(target=lambda: asyncio.run(uvicorn_server.serve(sockets)), name="test-server")
    thread.start()
    try:
        assert ready.wait(START_S), "the server did not start"
        yield RunningServer(url, engine, uvicorn_server.service)
    finally:
        uvicorn_server.should_exit = True
        thread.join(START_S)
        engine.stop()
        for opened in sockets:
            opened.close()
    assert not thread.is_alive(), "the server did not stop"


async def until_free(server: RunningServer, sessions: int = 0) -> None:
    """The engine has no more than so many sessions."""
    async with asyncio.timeout(START_S):
        while server.engine.sessions > sessions:
            await asyncio.sleep(0.01)


@pytest.fixture
def scripted_server() -> Iterator[RunningServer]:
    """A server of four sessions whose model answers energy with "one two three … twenty"."""
    with running_server() as server:
        yield server


def main() -> None:
    """The scripted server in the foreground."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, default=8499)
    parser.add_argument("--max-sessions", type=int, default=4)
    options = parser.parse_args()
    config = Config(ServerConfig(port=options.port), EngineConfig(max_sessions=options.max_sessions))
    serve(config, scripted_bundle(options.max_sessions))


if __name__ == "__main__":
    main()
