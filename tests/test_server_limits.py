"""Limits of one connection and of one caller: each is told and costs nobody else anything."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.scripted import silence, speech
from tests.support.server import running_server, until_free
from tests.support.talker import Talker, talking, turn
from tests.test_server_access import KEY, OTHER, bearer, refusal
from voicert.config import ServerConfig
from voicert.server.limits import BURST_S, Limits

FREE = ServerConfig(max_session_s=0, idle_s=0, max_messages_per_s=0)


def test_no_limit_is_no_limit() -> None:
    limits = Limits(FREE, 0.0)
    assert limits.next_check() is None
    assert all(limits.message(0.0) is None for _ in range(100_000))
    assert limits.check(1e9) is None


def test_a_burst_is_let_through_and_then_the_rate() -> None:
    limits = Limits(ServerConfig(max_messages_per_s=5), 100.0)
    assert [limits.message(100.0) for _ in range(int(5 * BURST_S))] == [None] * 50
    exceeded = limits.message(100.0)
    assert exceeded is not None
    assert exceeded.code == "rate_limit_exceeded"
    steady = Limits(ServerConfig(max_messages_per_s=5), 0.0)
    assert all(steady.message(n / 5) is None for n in range(1000))
    fast = Limits(ServerConfig(max_messages_per_s=5), 0.0)
    refused = next(n for n in range(1000) if fast.message(n / 10) is not None)
    assert refused == pytest.approx(
        2 * 5 * BURST_S, abs=2
    )  # ten a second use up a store of 50 at five a second


def test_the_time_since_the_last_message_and_the_time_in_all() -> None:
    limits = Limits(ServerConfig(max_session_s=100, idle_s=10), 1000.0)
    assert limits.next_check() == 1010
    limits.message(1009.0)
    assert limits.check(1010.0) is None
    assert limits.next_check() == 1019
    idle = limits.check(1019.0)
    assert idle is not None
    assert idle.code == "session_idle"
    for second in range(1019, 1100):
        limits.message(float(second))
    assert limits.next_check() == 1100
    expired = limits.check(1100.0)
    assert expired is not None
    assert (expired.code, expired.message) == ("session_expired", "The session has lasted 100 seconds.")


async def ends_with(talker: Talker, code: str) -> None:
    """The error event comes, and then the close code with the same words."""
    error = await talker.error()
    assert error["code"] == code
    assert await talker.closed() == (1008, error["message"])


@pytest.mark.parametrize(
    ("limit", "code"), [({"max_session_s": 0.3}, "session_expired"), ({"idle_s": 0.3}, "session_idle")]
)
async def test_a_connection_ends_at_its_limit_of_time(limit: dict[str, float], code: str) -> None:
    with running_server(server=ServerConfig(**limit)) as server:  # type: ignore[arg-type]
        async with talking(server.realtime_url) as talker:
            await ends_with(talker, code)
        await until_free(server)
        assert server.service.counts.limited == 1


async def test_who_sends_is_not_idle() -> None:
    with running_server(server=ServerConfig(idle_s=30)) as server:
        async with talking(server.realtime_url) as talker:
            await talker.receive()
            alarm = next(iter(server.service._peers))._alarm
            assert (await turn(talker, speech(400))).startswith("one two")
            assert not alarm.cancelled()
        async with asyncio.timeout(30):
            while server.service.peers:
                await asyncio.sleep(0.01)
        assert alarm.cancelled()  # an alarm does not outlive its connection


async def test_too_many_messages_end_one_connection() -> None:
    with running_server(server=ServerConfig(max_messages_per_s=10)) as server:
        async with talking(server.realtime_url) as neighbour, talking(server.realtime_url) as talker:
            await neighbour.receive()
            for _ in range(150):
                await talker.send("input_audio_buffer.clear")
            await ends_with(talker, "rate_limit_exceeded")
            assert 100 <= len(talker.of_type("input_audio_buffer.cleared")) < 150
            await until_free(server, sessions=1)
            await neighbour.say(speech(400), silence(1200))
            assert (await neighbour.until("response.created"))["response"]["status"] == "in_progress"


async def test_a_key_has_its_share_of_conversations() -> None:
    config = ServerConfig(api_keys=(KEY, OTHER), max_sessions_per_key=1)
    with running_server(server=config) as server:
        async with talking(server.realtime_url, additional_headers=bearer(KEY)) as first:
            await first.receive()
            again = await refusal(server.realtime_url, additional_headers=bearer(KEY))
            assert again == (429, "too_many_sessions")
            async with talking(server.realtime_url, additional_headers=bearer(OTHER)) as second:
                assert (await second.receive())["type"] == "session.created"
        async with asyncio.timeout(30):
            while server.service.peers:
                await asyncio.sleep(0.01)
        async with talking(server.realtime_url, additional_headers=bearer(KEY)) as third:
            assert (await third.receive())["type"] == "session.created"


async def test_without_keys_an_address_has_its_share() -> None:
    with running_server(server=ServerConfig(max_sessions_per_key=2)) as server:
        async with talking(server.realtime_url) as first, talking(server.realtime_url) as second:
            await first.receive()
            await second.receive()
            assert await refusal(server.realtime_url) == (429, "too_many_sessions")
