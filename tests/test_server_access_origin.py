"""Which web pages may connect."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.server import RunningServer, running_server
from tests.support.talker import talking
from voicert.config import ServerConfig
from voicert.server.origin import origin_allowed


async def test_foreign_pages_are_refused(scripted_server: RunningServer) -> None:
    async with talking(scripted_server.realtime_url, origin=scripted_server.url) as talker:
        assert (await talker.receive())["type"] == "session.created"
    with pytest.raises(InvalidStatus) as refused:
        async with talking(scripted_server.realtime_url, origin="https://evil.example"):
            pass
    assert refused.value.response.status_code == 403
    assert json.loads(refused.value.response.body)["error"]["code"] == "origin_not_allowed"
    with running_server(server=ServerConfig(allow_origins=("https://my.example",))) as server:
        async with talking(server.realtime_url, origin="https://my.example") as talker:
            assert (await talker.receive())["type"] == "session.created"


@pytest.mark.parametrize(
    ("origin", "host", "listens_on", "allowed", "verdict"),
    [
        (None, "anything", "127.0.0.1", (), True),  # no browser
        ("http://localhost:8400", "localhost:8400", "127.0.0.1", (), True),
        ("http://127.0.0.1:8400", "127.0.0.1:8400", "127.0.0.1", (), True),
        ("http://[::1]:8400", "[::1]:8400", "::1", (), True),
        ("http://localhost:3000", "localhost:8400", "127.0.0.1", (), True),  # a page in development
        ("http://evil.example:8400", "evil.example:8400", "127.0.0.1", (), False),  # a name that points here
        ("https://evil.example", "localhost:8400", "127.0.0.1", (), False),
        ("https://home.example:8400", "home.example:8400", "0.0.0.0", (), True),
        ("https://evil.example", "home.example:8400", "0.0.0.0", (), False),
        ("https://my.example", "localhost:8400", "127.0.0.1", ("https://my.example",), True),
        ("https://any.example", "localhost:8400", "127.0.0.1", ("*",), True),
        ("http://localhost.evil.example", "localhost:8400", "127.0.0.1", (), False),
        ("null", "localhost:8400", "127.0.0.1", (), False),
        ("", "localhost:8400", "127.0.0.1", (), False),
        ("http://[", "localhost:8400", "127.0.0.1", (), False),
        ("file://localhost/x", "localhost:8400", "127.0.0.1", (), False),
    ],
)
def test_origins(
    origin: str | None, host: str, listens_on: str, allowed: tuple[str, ...], verdict: bool
) -> None:
    assert origin_allowed(origin, host, listens_on, allowed) is verdict
