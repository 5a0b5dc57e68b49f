"""Where the server listens, and the address it tells."""

from __future__ import annotations

import socket

import pytest

from voicert.config import ServerConfig
from voicert.errors import ConfigError
from voicert.server.listen import open_sockets, url_of


def test_a_name_with_several_addresses_gets_one_port() -> None:
    sockets = open_sockets("localhost", 0)
    try:
        assert len({opened.getsockname()[1] for opened in sockets}) == 1
        assert len({opened.family for opened in sockets}) == len(sockets)
    finally:
        for opened in sockets:
            opened.close()


def test_a_port_is_taken_for_good_as_soon_as_it_is_open() -> None:
    (opened,) = open_sockets("127.0.0.1", 0)
    with opened:
        port = opened.getsockname()[1]
        with pytest.raises(ConfigError, match=f"Port {port} on 127.0.0.1 is in use"):
            open_sockets("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 300, "192.0.2.1"])
def test_a_host_that_is_not_here(host: str) -> None:
    with pytest.raises(ConfigError, match=host):
        open_sockets(host, 0)


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("my.host", "my.host")],
)
def test_the_address_told_can_be_opened_here(host: str, shown: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        port = opened.getsockname()[1]
        assert url_of(ServerConfig(host=host), [opened]) == f"http://{shown}:{port}"
