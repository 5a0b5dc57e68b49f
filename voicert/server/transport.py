"""uvicorn's WebSocket transport, with a way to drop a peer that does not read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_EXTENSION = "voicert.abort"


class Transport(WebSocketsSansIOProtocol):
    """Closing waits for the peer to read what is buffered, which may take forever; aborting does not.

    The application finds the abort in the scope's extensions. A peer that answers no ping is aborted too.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.conn.debug = False  # it would log every header of the handshake, API keys among them

    async def run_asgi(self) -> None:
        self.scope.setdefault("extensions", {})[_EXTENSION] = {"abort": self.transport.abort}
        await super().run_asgi()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()


def abort_of(scope: Scope) -> Callable[[], None]:
    """How to drop the connection of a WebSocket scope at once."""
    extension = scope.get("extensions", {}).get(_EXTENSION)
    return _nothing if extension is None else extension["abort"]


def _nothing() -> None:
    """Another server's transport: all one can do is to wait."""
