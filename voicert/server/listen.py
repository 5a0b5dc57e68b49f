"""The sockets of the server, opened before anything slow begins: errors come early."""

from __future__ import annotations

import errno
import socket

from voicert.config import ServerConfig
from voicert.errors import ConfigError

BACKLOG = 256  # connections that may wait to be accepted


def open_sockets(host: str, port: int) -> list[socket.socket]:
    """Listens on every address that ``host`` stands for, all on the same port; port 0 picks a free one.

    Raises:
        ConfigError: the host is unknown, or its port is taken, reserved or not of this machine.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigError(f"The host {host!r} is not known on this machine.") from error
    sockets: list[socket.socket] = []
    absent: OSError | None = None  # an address family that this machine does not have
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            chosen = sockets[0].getsockname()[1] if sockets else port
            try:
                sockets.append(_open_socket(family, kind, protocol, (address[0], chosen, *address[2:])))
            except OSError as error:
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
                absent = error
    except OSError as error:
        for opened in sockets:
            opened.close()
        raise ConfigError(_explain(error, host, port)) from error
    if not sockets:
        raise ConfigError(f"The address {host} is not one of this machine.") from absent
    return sockets


def _open_socket(family: int, kind: int, protocol: int, address: tuple[str | int, ...]) -> socket.socket:
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(address)
        opened.listen(BACKLOG)  # at once: only a listening port is taken for good
        opened.setblocking(False)
    except OSError:
        opened.close()
        raise
    return opened


def _explain(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use by another program; stop that or choose another with --port."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Port {port} on {host} needs more rights than you have; choose one above 1023 with --port."
    return f"Cannot listen on {host} port {port}: {error.strerror}."


def url_of(config: ServerConfig, sockets: list[socket.socket]) -> str:
    """The address to open in a browser on this machine."""
    host, port = config.host, sockets[0].getsockname()[1]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    scheme = "http" if config.tls_cert is None else "https"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
