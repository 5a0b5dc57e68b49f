"""The browser page: files of the package ``voicert_clients.page``, and the headers that go with them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

PACKAGE = "voicert_clients.page"

# What is served at all; everything else in the package, Python files for instance, is not there.
MEDIA_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/vnd.microsoft.icon",
    ".woff2": "font/woff2",
    ".wav": "audio/wav",
}

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def serve_page(request: Request) -> Response:
    """``/`` and ``/static/…``. Not a coroutine, so that reading files happens off the event loop."""
    name = request.path_params.get("path", "index.html")
    content = read_file(name)
    if content is None:
        return PlainTextResponse("There is no such page.\n", 404, dict(HEADERS))
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {**HEADERS, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=MEDIA_TYPES[PurePosixPath(name).suffix])


def read_file(name: str) -> bytes | None:
    """A file of the page's package, by its path inside; None when it is not there or not to be served."""
    path = PurePosixPath(name)
    if path.suffix not in MEDIA_TYPES or path.is_absolute():
        return None
    if any(part.startswith(".") or "\\" in part or "\0" in part for part in path.parts):
        return None
    try:
        node: Traversable = files(PACKAGE)
    except ModuleNotFoundError:
        return None
    for part in path.parts:
        node = node / part
    return node.read_bytes() if node.is_file() else None
