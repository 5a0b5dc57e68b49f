"""Behind a proxy: who the client is, what it called this server, and under which path.

The headers ``X-Forwarded-For``, ``-Proto`` and ``-Host`` are believed only from proxies that the
configuration names, since anyone can send them.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from voicert.errors import ConfigError

Network = IPv4Network | IPv6Network


class Forwarded:
    """An ASGI application around another that sees requests as the proxy saw them."""

    def __init__(self, app: ASGIApp, trusted: Sequence[Network], prefix: str) -> None:
        self._app, self._trusted, self._prefix = app, trusted, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            scope = self._seen(scope)
        await self._app(scope, receive, send)

    def _seen(self, scope: Scope) -> Scope:
        path = scope["path"]
        if self._prefix and (path == self._prefix or path.startswith(self._prefix + "/")):
            scope = {**scope, "root_path": self._prefix}
        client = scope.get("client")
        if client is None or not self._trusts(client[0]):
            return scope
        headers = Headers(scope=scope)
        address = self._origin_of(headers.get("x-forwarded-for", ""))
        if address is not None:
            scope = {**scope, "client": (address, 0)}
        protocol = headers.get("x-forwarded-proto", "").strip().lower()
        if protocol in ("http", "https", "ws", "wss"):
            secure = protocol in ("https", "wss")
            plain = "ws" if scope["type"] == "websocket" else "http"
            scope = {**scope, "scheme": plain + "s" * secure}
        host = headers.get("x-forwarded-host", "").rpartition(",")[2].strip()
        if host:
            kept = [(name, value) for name, value in scope["headers"] if name != b"host"]
            scope = {**scope, "headers": [*kept, (b"host", host.encode("latin-1"))], "voicert.host": True}
        return scope

    def _origin_of(self, forwarded_for: str) -> str | None:
        """The last address that no trusted proxy has: what stands before it anyone may have written."""
        addresses = [part.strip() for part in forwarded_for.split(",") if part.strip()]
        for address in reversed(addresses):
            if not self._trusts(address):
                return address[:64]
        return addresses[0] if addresses else None

    def _trusts(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._trusted)


def host_told_by_proxy(scope: Scope) -> bool:
    """Whether a trusted proxy has said by which name the client called."""
    return "voicert.host" in scope


def networks(names: Sequence[str]) -> tuple[Network, ...]:
    """The addresses and networks of the setting ``trusted_proxies``.

    Raises:
        ConfigError: one is neither.
    """
    try:
        return tuple(ip_network(name, strict=False) for name in names)
    except ValueError as error:
        raise ConfigError(f"trusted_proxies must be addresses or networks: {error}.") from error
