"""What answers under which path."""

from __future__ import annotations

import logging

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from voicert.config import Config
from voicert.engine import Engine
from voicert.server.connection import Connection
from voicert.server.metrics import exposition
from voicert.server.origin import origin_allowed
from voicert.server.page import serve_page
from voicert.server.service import Service

log = logging.getLogger(__name__)

REALTIME_PATHS = ("/v1/realtime", "/realtime")


def build_app(engine: Engine, config: Config) -> Starlette:
    """The application around a started engine; ``app.state.service`` is what its connections share."""
    service = Service(engine, config)

    async def realtime(websocket: WebSocket) -> None:
        origin, host = websocket.headers.get("origin"), websocket.headers.get("host")
        if origin_allowed(origin, host, config.server.host, config.server.allow_origins):
            await Connection(websocket, service).run()
            return
        service.counts.foreign_origins += 1
        message = f"Pages of {origin} may not connect; the server's setting allow_origins does not name it."
        log.warning("refused a WebSocket: %s", message)
        await websocket.send_denial_response(_error(403, message, "origin_not_allowed"))

    async def health(request: Request) -> Response:
        state = {
            "status": "ok" if engine.running else "failed",
            "model": service.model_name,
            "sessions": engine.sessions,
            "max_sessions": engine.max_sessions,
        }
        return JSONResponse(state, 200 if engine.running else 503)

    async def metrics(request: Request) -> Response:
        text = exposition(engine.stats(), service.counts)
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    async def models(request: Request) -> Response:
        model: dict[str, object] = {
            "id": service.model_name,
            "object": "model",
            "created": 0,
            "owned_by": "voicert",
        }
        model["voicert"] = {"examples": engine.bundle.examples}
        return JSONResponse({"object": "list", "data": [model]})

    async def upgrade(request: Request) -> Response:
        message = "This is a WebSocket: connect with ws:// or wss:// instead."
        return _error(426, message, "upgrade_required", {"Upgrade": "websocket"})

    app = Starlette(
        routes=[
            *(WebSocketRoute(path, realtime) for path in REALTIME_PATHS),
            *(Route(path, upgrade) for path in REALTIME_PATHS),
            Route("/health", health),
            Route("/metrics", metrics),
            Route("/v1/models", models),
            Route("/static/{path:path}", serve_page),
            Route("/", serve_page),
            Route("/{path:path}", serve_page),
        ]
    )
    app.state.service = service
    return app


def _error(status: int, message: str, code: str, headers: dict[str, str] | None = None) -> Response:
    error = {"type": "invalid_request_error", "code": code, "message": message, "param": None}
    return JSONResponse({"error": error}, status, headers)
