"""Which web pages may open a WebSocket: a browser sends the page's origin, and any page may try."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit


def origin_allowed(
    origin: str | None, host: str | None, listens_on: str, allowed: Sequence[str], proxied: bool = False
) -> bool:
    """Whether a connection may come from a page of ``origin``.

    Args:
        origin: the ``Origin`` header; None for clients that are no browsers, which may always connect.
        host: the ``Host`` header, by which the page called this server.
        listens_on: the address the server listens on. On a loopback address the server's own pages have a
            loopback origin; any other name for it is somebody's trick with DNS.
        allowed: origins from the configuration; ``*`` is any.
        proxied: a trusted proxy vouches for ``host``, so it is no trick.
    """
    if origin is None or origin in allowed or "*" in allowed:
        return True
    try:
        page = urlsplit(origin)
        name = page.hostname
    except ValueError:
        return False
    if name is None or page.scheme not in ("http", "https"):
        return False
    own_name = proxied or not is_loopback(listens_on)
    return is_loopback(name) or (own_name and page.netloc == host)


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine only."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
