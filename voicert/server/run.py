"""`voicert serve`: from a configuration to a running server, and back to nothing."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from types import FrameType

import uvicorn

from voicert.config import Config, ServerConfig
from voicert.engine import Engine
from voicert.models.base import Bundle
from voicert.replay.recorder import Recorder
from voicert.server.access import configured_keys
from voicert.server.app import build_app
from voicert.server.certificate import authority_of, with_certificate
from voicert.server.listen import open_sockets, url_of
from voicert.server.origin import is_loopback
from voicert.server.proxy import Forwarded, networks
from voicert.server.service import Service
from voicert.server.transport import Transport

log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """uvicorn, with a goodbye to every session at the end and a word when it listens."""

    def __init__(self, config: uvicorn.Config, service: Service, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.service = service
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listening in self.servers:
            listening.close()
        await self.service.shutdown()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGINT and SIGTERM end the server in order; a second one ends it at once. Neither is an error."""
        self.force_exit = self.should_exit
        self.should_exit = True


def serve(config: Config, bundle: Bundle | None = None) -> None:
    """Runs until SIGINT or SIGTERM. ``bundle`` None loads the configured model.

    Raises:
        ConfigError: the address, the port, the TLS files, the API keys or the folder cannot be used.
        ModelError: the model is unknown, incomplete or cannot run.
    """
    config = replace(config, server=with_certificate(config.server))
    sockets = open_sockets(config.server.host, config.server.port)
    try:
        configured_keys(config.server)  # what is wrong is told before the model is loaded
        networks(config.server.trusted_proxies)
        if bundle is None:
            bundle = load_bundle(config)
        folder = config.engine.record
        recorder = Recorder(bundle, folder, config.engine.record_audio) if folder else None
        engine = Engine(bundle, config.engine.max_sessions, tapes=recorder.tape if recorder else None)
        engine.start()
        try:
            server = make_server(engine, config, lambda: announce(config.server, sockets))
            _warn_of_plain_http(config.server)
            asyncio.run(server.serve(sockets))
        finally:
            engine.stop()
            if recorder:
                recorder.close()
    finally:
        for opened in sockets:
            opened.close()


def load_bundle(config: Config) -> Bundle:
    """The configured model. The import waits until here, since reading a model's library takes a moment."""
    from voicert.models import Options, load

    options = Options(**{field.name: getattr(config.model, field.name) for field in fields(Options)})
    engine = config.engine
    return load(engine.model, engine.max_sessions, engine.threads, options, _tell)


def _tell(text: str) -> None:
    print(f"voicert: {text}.", file=sys.stderr, flush=True)


def make_server(engine: Engine, config: Config, ready: Callable[[], None]) -> Server:
    """The uvicorn server around a started engine; ``ready`` is called when it accepts connections.

    Raises:
        ConfigError: the API keys or the trusted proxies cannot be used.
    """
    app = build_app(engine, config)
    server = config.server
    settings = uvicorn.Config(
        Forwarded(app, networks(server.trusted_proxies), server.path_prefix),
        proxy_headers=False,  # uvicorn's own way believes whoever is on this machine
        loop="asyncio",
        http="h11",
        ws=Transport,
        ws_max_size=server.max_message_bytes,
        ws_ping_interval=server.ping_s,
        ws_ping_timeout=server.ping_s,
        ws_per_message_deflate=False,  # base64 of sound hardly shrinks, and it costs time
        lifespan="off",
        log_config=None,
        log_level=server.log_level,
        access_log=False,
        server_header=False,
        ssl_certfile=server.tls_cert,
        ssl_keyfile=server.tls_key,
        timeout_graceful_shutdown=1,
    )
    return Server(settings, app.state.service, ready)


def announce(server: ServerConfig, sockets: list[socket.socket]) -> None:
    """Tells where the server listens, first line, and how to trust a certificate of its own making."""
    print(f"voicert is listening on {url_of(server, sockets)}", flush=True)
    if server.tls_self_signed:
        print(f"Clients that check its certificate need {authority_of(server)}", flush=True)


def _warn_of_plain_http(server: ServerConfig) -> None:
    if server.tls_cert is None and not server.trusted_proxies and not is_loopback(server.host):
        log.warning(
            "without TLS browsers on other machines give no page the microphone, and keys and sound can be "
            "read on their way: set tls_cert and tls_key, or tls_self_signed"
        )
