"""Who may come in: keys, client secrets, and what those who may not are told."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus

from tests.support.server import RunningServer, running_server
from tests.support.talker import WAIT_S, talking
from voicert.config import ServerConfig
from voicert.server.access import Access, Caller, Denied
from voicert.server.secret import LONGEST, Secret, open_secret, seal

KEY, OTHER = "sk-test-0123456789abcdef", "sk-test-fedcba9876543210"
KEYED = ServerConfig(api_keys=(KEY, OTHER))
SECRETS = "/v1/realtime/client_secrets"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def post(server: RunningServer, body: Any, key: str | None = KEY, **headers: str) -> httpx.Response:
    headers |= bearer(key) if key else {}
    return httpx.post(server.url + SECRETS, json=body, headers=headers, timeout=WAIT_S)


def minted(server: RunningServer, session: dict[str, Any] | None = None, key: str | None = KEY) -> str:
    response = post(server, {} if session is None else {"session": session}, key)
    assert response.status_code == 200, response.text
    return response.json()["value"]


async def refusal(url: str, **options: Any) -> tuple[int, str]:
    """Status and code with which a WebSocket is refused."""
    with pytest.raises(InvalidStatus) as refused:
        async with talking(url, **options):
            pass
    response = refused.value.response
    error = json.loads(response.body)["error"]
    assert error.keys() == {"type", "code", "message", "param"}
    if response.status_code == 401:
        assert response.headers["WWW-Authenticate"] == "Bearer"
    return response.status_code, error["code"]


async def test_a_key_opens_every_door_and_none_opens_without() -> None:
    with running_server(server=KEYED) as server:
        for path in ("/v1/models", "/v1/models/scripted", "/metrics"):
            without = httpx.get(server.url + path, timeout=WAIT_S)
            assert (without.status_code, without.headers["www-authenticate"]) == (401, "Bearer")
            assert without.json()["error"]["code"] == "missing_api_key"
            assert httpx.get(server.url + path, headers=bearer(KEY), timeout=WAIT_S).status_code == 200
        for path in ("/", "/health", "/static/index.html"):  # the page asks for the key
            assert httpx.get(server.url + path, timeout=WAIT_S).status_code == 200
        assert await refusal(server.realtime_url) == (401, "missing_api_key")
        wrong = {"additional_headers": bearer("sk-test-0123456789abcdeg")}
        assert await refusal(server.realtime_url, **wrong) == (401, "invalid_api_key")
        for key in (KEY, OTHER):
            async with talking(server.realtime_url, additional_headers=bearer(key)) as talker:
                assert (await talker.receive())["type"] == "session.created"
        assert server.service.counts.denied == 5
        assert server.service.counts.connections == 2


async def test_a_browser_shows_its_key_as_a_subprotocol() -> None:
    with running_server(server=KEYED) as server:
        offered = ["realtime", f"openai-insecure-api-key.{KEY}", "openai-agents-sdk.0.20.0"]
        async with talking(server.realtime_url, subprotocols=offered) as talker:
            assert talker.socket.subprotocol == "realtime"
            assert (await talker.receive())["type"] == "session.created"
        offered[1] = f"openai-insecure-api-key.{KEY}x"
        assert await refusal(server.realtime_url, subprotocols=offered) == (401, "invalid_api_key")


async def test_without_keys_whatever_is_shown_is_let_in(scripted_server: RunningServer) -> None:
    async with talking(scripted_server.realtime_url, additional_headers=bearer("unused")) as talker:
        assert (await talker.receive())["type"] == "session.created"


async def test_a_client_secret_opens_conversations_and_nothing_else() -> None:
    with running_server(server=KEYED) as server:
        secret = minted(server)
        assert re.fullmatch(r"ek_[A-Za-z0-9_-]+", secret)
        async with talking(server.realtime_url, additional_headers=bearer(secret)) as talker:
            assert (await talker.receive())["type"] == "session.created"
        offered = ["realtime", f"openai-insecure-api-key.{secret}"]
        async with talking(server.realtime_url, subprotocols=offered) as talker:
            assert (await talker.receive())["type"] == "session.created"
        models = httpx.get(server.url + "/v1/models", headers=bearer(secret), timeout=WAIT_S)
        assert (models.status_code, models.json()["error"]["code"]) == (403, "insufficient_permissions")
        assert post(server, {}, key=secret).status_code == 403
        forged = secret[:-1] + ("A" if secret[-1] != "A" else "B")
        for bad in (forged, "ek_", "ek_AAAA", "ek_é", secret + "A" * LONGEST):
            headers = {"Authorization": f"Bearer {bad}".encode("latin-1").decode("latin-1")}
            assert await refusal(server.realtime_url, additional_headers=headers) == (401, "invalid_api_key")


async def test_a_client_secret_carries_its_session() -> None:
    session = {
        "type": "realtime",
        "model": "scripted",
        "instructions": "Be brief. Äöü 漢字",
        "audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 700}}},
    }
    with running_server(server=KEYED) as server:
        response = post(
            server, {"session": session, "expires_after": {"anchor": "created_at", "seconds": 60}}
        )
        answer = response.json()
        told = answer["session"]
        assert told["instructions"] == session["instructions"]
        assert told["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 700
        headers = bearer(answer["value"])
        async with talking(server.realtime_url + "?model=scripted", additional_headers=headers) as talker:
            created = (await talker.receive())["session"]
        assert {**created, "id": None} == {**told, "id": None}
        assert created["id"] != told["id"]
        other = server.realtime_url + "?model=another"
        assert await refusal(other, additional_headers=headers) == (403, "model_mismatch")


async def test_secrets_are_of_use_on_a_server_without_keys(scripted_server: RunningServer) -> None:
    secret = minted(scripted_server, {"instructions": "Hello."}, key=None)
    async with talking(scripted_server.realtime_url, additional_headers=bearer(secret)) as talker:
        assert (await talker.receive())["session"]["instructions"] == "Hello."
    with running_server() as another:
        headers = bearer(secret)
        assert await refusal(another.realtime_url, additional_headers=headers) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"session": {"type": "transcription"}}, 400, "invalid_value", "session.type"),
        ({"session": {"no_such": 1}}, 400, "unknown_parameter", "session.no_such"),
        ({"session": []}, 400, "invalid_type", "session"),
        ({"expires_after": {"seconds": 9}}, 400, "invalid_value", "expires_after.seconds"),
        ({"expires_after": {"seconds": 7201}}, 400, "invalid_value", "expires_after.seconds"),
        ({"expires_after": {"anchor": "now"}}, 400, "invalid_value", "expires_after.anchor"),
        ({"expires": 10}, 400, "unknown_parameter", "expires"),
        ([], 400, "invalid_json", None),
        ({"session": {"instructions": "x" * 300_000}}, 413, "request_too_large", None),
    ],
)
def test_a_wrong_request_for_a_secret_is_explained(
    scripted_server: RunningServer, body: Any, status: int, code: str, param: str | None
) -> None:
    response = post(scripted_server, body, key=None)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, code, param)


def test_a_session_too_long_for_a_header_is_refused(scripted_server: RunningServer) -> None:
    import random

    noise = "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz ", k=20_000))
    response = post(scripted_server, {"session": {"instructions": noise}}, key=None)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "session_too_long")
    minted(scripted_server, {"instructions": "Be kind. " * 2000}, key=None)  # it packs well


def test_bodies_that_are_no_text_and_pages_of_strangers(scripted_server: RunningServer) -> None:
    url = scripted_server.url + SECRETS
    for body, code in ((b"\xff\xfe", "invalid_json"), (b"{", "invalid_json")):
        response = httpx.post(url, content=body, timeout=WAIT_S)
        assert (response.status_code, response.json()["error"]["code"]) == (400, code)
    assert httpx.post(url, content=b"", timeout=WAIT_S).status_code == 200
    foreign = post(scripted_server, {}, key=None, Origin="https://evil.example")
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (403, "origin_not_allowed")


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_secret_ends_at_its_time_and_with_its_key() -> None:
    clock = Clock()
    access = Access([KEY, OTHER], clock)
    value, expires_at = access.mint(access.admit(KEY, "1.2.3.4"), {"model": "m"}, 60)
    assert expires_at == 1_000_060
    caller = access.admit(value, "1.2.3.4", secrets_too=True)
    assert caller == Caller(access.admit(KEY, "").name, Secret(caller.name, 1_000_060, {"model": "m"}))
    restarted = Access([OTHER, KEY], clock)
    assert restarted.admit(value, "", secrets_too=True) == caller  # it outlives a restart
    with pytest.raises(Denied, match="not of this server"):
        Access([OTHER], clock).admit(value, "", secrets_too=True)  # the key it was made with is gone
    clock.now = 1_000_059.9
    access.admit(value, "", secrets_too=True)
    clock.now = 1_000_060.0
    with pytest.raises(Denied, match="expired") as denied:
        access.admit(value, "", secrets_too=True)
    assert (denied.value.status, denied.value.code) == (401, "invalid_api_key")


@given(st.dictionaries(st.text(), st.text()), st.integers(0, 2**40), st.integers(0), st.integers(0, 255))
def test_a_secret_says_what_was_sealed_and_a_changed_one_says_nothing(
    session: dict[str, str], expires_at: int, place: int, change: int
) -> None:
    import base64

    secret = Secret("k", expires_at, session)
    text = seal(secret, b"s" * 32)
    if text is None:
        return
    keys = {"other": b"o" * 32, "k": b"s" * 32}
    assert open_secret(text, keys, expires_at - 1) == secret
    assert open_secret(text, keys, expires_at) is None
    assert open_secret(text, {"other": b"o" * 32}, 0) is None
    raw = bytearray(base64.urlsafe_b64decode(text[3:] + "=" * (-len(text[3:]) % 4)))
    raw[place % len(raw)] ^= change
    changed = "ek_" + base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")
    assert open_secret(changed, keys, -1) == (secret if change == 0 else None)


async def test_keys_are_never_logged(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with running_server(server=replace(KEYED, log_level="debug")) as server:
        secret = minted(server)
        for shown in (KEY, secret, KEY + "-but-wrong", secret[:-2]):
            offered = ["realtime", f"openai-insecure-api-key.{shown}"]
            for options in ({"additional_headers": bearer(shown)}, {"subprotocols": offered}):
                httpx.get(server.url + "/v1/models", headers=bearer(shown), timeout=WAIT_S)
                try:
                    async with talking(server.realtime_url, logger=logging.Logger("ours"), **options):
                        pass
                except InvalidStatus:
                    pass
    written = caplog.text + "".join(capfd.readouterr())
    assert "refused: " in written
    assert KEY not in written
    assert secret[:-2] not in written
