"""Behind a proxy: its headers count when it is trusted, and only then."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from tests.support.server import running_server
from tests.support.talker import WAIT_S, talking
from tests.test_server_access import refusal
from voicert.config import ServerConfig
from voicert.errors import ConfigError
from voicert.server.proxy import Forwarded, host_told_by_proxy, networks

PROXY = "10.0.0.9"


async def seen(headers: dict[str, str], client: str = PROXY, path: str = "/", **scope: Any) -> Scope:
    """The scope behind a proxy of 10.0.0.0/24 with the prefix /voice."""
    found: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.append(scope)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    asked = {
        "type": "http",
        "client": (client, 1234),
        "scheme": "http",
        "path": path,
        "headers": raw,
        **scope,
    }
    unused: Any = None
    await Forwarded(app, networks(["10.0.0.0/24", "::1"]), "/voice")(asked, unused, unused)
    return found[0]


async def test_a_trusted_proxy_tells_who_calls_and_how() -> None:
    headers = {
        "host": "127.0.0.1:8400",
        "x-forwarded-for": "203.0.113.5",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "home.example",
    }
    scope = await seen(headers)
    assert scope["client"][0] == "203.0.113.5"
    assert scope["scheme"] == "https"
    assert [value for name, value in scope["headers"] if name == b"host"] == [b"home.example"]
    assert host_told_by_proxy(scope)
    assert (await seen(headers, type="websocket"))["scheme"] == "wss"
    stranger = await seen(headers, client="203.0.113.77")
    assert (stranger["client"][0], stranger["scheme"]) == ("203.0.113.77", "http")
    assert not host_told_by_proxy(stranger)


@pytest.mark.parametrize(
    ("forwarded_for", "client"),
    [
        ("1.1.1.1, 203.0.113.5", "203.0.113.5"),  # the first was written by the client itself
        ("203.0.113.5, 10.0.0.1, 10.0.0.2", "203.0.113.5"),  # proxies behind each other
        ("10.0.0.1", "10.0.0.1"),
        ("unknown", "unknown"),
        (" , ", PROXY),
        ("", PROXY),
    ],
)
async def test_the_client_is_the_last_address_that_is_no_proxy(forwarded_for: str, client: str) -> None:
    assert (await seen({"x-forwarded-for": forwarded_for}))["client"][0] == client


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("/voice", "/voice"),
        ("/voice/", "/voice"),
        ("/voice/v1/realtime", "/voice"),
        ("/voices", None),
        ("/", None),
    ],
)
async def test_the_prefix_is_taken_off_where_it_is(path: str, root: str | None) -> None:
    assert (await seen({}, path=path)).get("root_path") == root


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="trusted_proxies must be addresses or networks: 'nginx'"):
        networks(["nginx"])


async def test_a_page_behind_a_proxy_talks_to_its_own_server() -> None:
    origin = "https://home.example"
    told = {"X-Forwarded-Host": "home.example", "X-Forwarded-For": "203.0.113.5"}
    with running_server(
        server=ServerConfig(trusted_proxies=("127.0.0.1",), max_sessions_per_key=1)
    ) as server:
        async with talking(server.realtime_url, origin=origin, additional_headers=told) as talker:
            assert (await talker.receive())["type"] == "session.created"
            same = await refusal(server.realtime_url, origin=origin, additional_headers=told)
            assert same == (429, "too_many_sessions")
            told["X-Forwarded-For"] = "203.0.113.6"
            async with talking(server.realtime_url, origin=origin, additional_headers=told) as another:
                assert (await another.receive())["type"] == "session.created"
        strange = {"origin": "https://evil.example", "additional_headers": told}
        assert await refusal(server.realtime_url, **strange) == (403, "origin_not_allowed")
    with running_server() as server:  # trusts nobody
        untrusted = {"origin": origin, "additional_headers": told}
        assert await refusal(server.realtime_url, **untrusted) == (403, "origin_not_allowed")


async def test_everything_is_there_under_the_prefix_and_without_it() -> None:
    with running_server(server=ServerConfig(path_prefix="/voice")) as server:
        for prefix in ("", "/voice"):
            assert httpx.get(server.url + prefix + "/health", timeout=WAIT_S).json()["status"] == "ok"
            page = httpx.get(server.url + prefix + "/", timeout=WAIT_S)
            assert (page.status_code, page.headers["content-type"][:9]) == (200, "text/html")
            assert httpx.get(server.url + prefix + "/static/app.js", timeout=WAIT_S).status_code == 200
            async with talking(server.realtime_url.replace("/v1/", prefix + "/v1/")) as talker:
                assert (await talker.receive())["type"] == "session.created"
        bare = httpx.get(server.url + "/voice", timeout=WAIT_S)  # the page's links need the slash
        assert (bare.status_code, httpx.URL(bare.headers["location"]).path) == (307, "/voice/")
