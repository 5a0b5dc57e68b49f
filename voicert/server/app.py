"""What answers under which path, and who may ask."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from voicert.config import Config
from voicert.engine import Engine
from voicert.server.access import Caller, Denied, shown_by
from voicert.server.client_secrets import create_secret
from voicert.server.connection import Connection
from voicert.server.metrics import exposition
from voicert.server.origin import origin_allowed
from voicert.server.page import serve_page
from voicert.server.proxy import host_told_by_proxy
from voicert.server.realtime.reading import Refused
from voicert.server.service import Service

log = logging.getLogger(__name__)

REALTIME_PATHS = ("/v1/realtime", "/realtime")
SECRETS_PATHS = ("/v1/realtime/client_secrets", "/realtime/client_secrets")

Endpoint = Callable[[Request], Awaitable[Response]]


def build_app(engine: Engine, config: Config) -> Starlette:
    """The application around a started engine; ``app.state.service`` is what its connections share.

    Raises:
        ConfigError: the API keys cannot be used, or there are none where others can reach the server.
    """
    app = Starlette(
        routes=[
            *(WebSocketRoute(path, _realtime) for path in REALTIME_PATHS),
            *(Route(path, _upgrade) for path in REALTIME_PATHS),
            *(Route(path, _client_secrets, methods=["POST"]) for path in SECRETS_PATHS),
            Route("/health", _health),
            Route("/metrics", _guarded(_metrics)),
            Route("/v1/models", _guarded(_models)),
            Route("/v1/models/{name:path}", _guarded(_model)),
            Route("/v1/{path:path}", _unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
            Route("/static/{path:path}", serve_page),
            Route("/", serve_page),
            Route("/{path:path}", serve_page),
        ]
    )
    app.state.service = Service(engine, config)
    return app


def _service(connection: HTTPConnection) -> Service:
    service: Service = connection.app.state.service
    return service


async def _realtime(websocket: WebSocket) -> None:
    service = _service(websocket)
    try:
        caller = _realtime_caller(websocket, service)
    except Denied as denied:
        await websocket.send_denial_response(_denial(denied, service))
        return
    await Connection(websocket, service, caller).run()


async def _health(request: Request) -> Response:
    service = _service(request)
    engine = service.engine
    state = {
        "status": "ok" if engine.running else "failed",
        "model": service.model_name,
        "sessions": engine.sessions,
        "max_sessions": engine.max_sessions,
    }
    return JSONResponse(state, 200 if engine.running else 503)


async def _metrics(request: Request) -> Response:
    service = _service(request)
    text = exposition(service.engine.stats(), service.counts)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


async def _models(request: Request) -> Response:
    return JSONResponse({"object": "list", "data": [_service(request).describe_model()]})


async def _model(request: Request) -> Response:
    service, name = _service(request), request.path_params["name"]
    if name == service.model_name:
        return JSONResponse(service.describe_model())
    return _error(404, f"The model '{name[:100]}' does not exist here.", "model_not_found", param="model")


async def _client_secrets(request: Request) -> Response:
    service = _service(request)
    try:
        caller = _caller(request, service)
        _check_origin(request, service)
        return JSONResponse(await create_secret(request, caller, service))
    except Denied as denied:
        return _denial(denied, service)
    except Refused as refused:
        return _error(400, str(refused), refused.code, param=refused.param)


def _guarded(endpoint: Endpoint) -> Endpoint:
    """Only for those who show a key, where keys are needed."""

    async def guard(request: Request) -> Response:
        service = _service(request)
        try:
            _caller(request, service)
        except Denied as denied:
            return _denial(denied, service)
        return await endpoint(request)

    return guard


def _realtime_caller(websocket: WebSocket, service: Service) -> Caller:
    """Who wants to talk.

    Raises:
        Denied: they may not, or not now.
    """
    _check_origin(websocket, service)
    caller = _caller(websocket, service, secrets_too=True)
    bound, asked = caller.secret and caller.secret.model, websocket.query_params.get("model")
    if bound and asked and bound != asked:
        message = f"The client secret is for the model {bound[:100]!r}, not for {asked[:100]!r}."
        raise Denied(403, "model_mismatch", message)
    limit = service.config.server.max_sessions_per_key
    if limit and service.conversations(caller.name) >= limit:
        raise Denied(429, "too_many_sessions", f"This caller has its {limit} conversations at once already.")
    return caller


def _caller(connection: HTTPConnection, service: Service, secrets_too: bool = False) -> Caller:
    shown = shown_by(connection.headers, connection.scope.get("subprotocols", ()))
    address = connection.client.host if connection.client is not None else ""
    return service.access.admit(shown, address, secrets_too)


def _check_origin(connection: HTTPConnection, service: Service) -> None:
    """Raises:
    Denied: a browser asks for a page of a foreign origin.
    """
    origin, host = connection.headers.get("origin"), connection.headers.get("host")
    config = service.config.server
    if origin_allowed(origin, host, config.host, config.allow_origins, host_told_by_proxy(connection.scope)):
        return
    service.counts.foreign_origins += 1
    message = f"Pages of {origin} may not connect; the server's setting allow_origins does not name it."
    raise Denied(403, "origin_not_allowed", message)


async def _upgrade(request: Request) -> Response:
    message = "This is a WebSocket: connect with ws:// or wss:// instead."
    return _error(426, message, "upgrade_required", {"Upgrade": "websocket"})


async def _unknown(request: Request) -> Response:
    """Apps of OpenAI's other endpoints, and of its WebRTC, learn why it does not go on."""
    path = request.url.path
    if request.path_params["path"].startswith("realtime/calls"):
        message = "WebRTC is not offered: connect over a WebSocket to /v1/realtime instead."
        return _error(404, message, "webrtc_not_supported")
    return _error(404, f"Unknown request URL: {request.method} {path[:200]}.", "unknown_url")


def _denial(denied: Denied, service: Service) -> Response:
    service.counts.denied += 1
    log.warning("refused: %s", denied)
    headers = {"WWW-Authenticate": "Bearer"} if denied.status == 401 else None
    return _error(denied.status, str(denied), denied.code, headers)


def _error(
    status: int, message: str, code: str, headers: dict[str, str] | None = None, param: str | None = None
) -> Response:
    error = {"type": "invalid_request_error", "code": code, "message": message, "param": param}
    return JSONResponse({"error": error}, status, headers)
