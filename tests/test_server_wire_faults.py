"""The server over a real socket: what goes wrong for one client stays with that client."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.exceptions import ConnectionClosedError

from tests.support.scripted import Script, speech
from tests.support.server import RunningServer, running_server, until_free
from tests.support.talker import WAIT_S, talking, turn
from voicert.config import ServerConfig
from voicert.errors import InputError
from voicert.server.realtime import Facade
from voicert.session import Session


async def test_a_message_too_large_closes_its_connection_only() -> None:
    server_config = ServerConfig(max_message_bytes=16_384)
    with running_server(server=server_config) as server:
        async with talking(server.realtime_url) as neighbour, talking(server.realtime_url) as talker:
            await talker.receive()
            await talker.socket.send(json.dumps({"type": "x", "filling": "x" * 20_000}))
            assert (await talker.closed())[0] == 1009
            await until_free(server, sessions=1)
            assert (await turn(neighbour, speech(400))).startswith("one two")


async def test_at_capacity_the_next_is_refused_and_a_free_slot_is_taken_again() -> None:
    with running_server(max_sessions=1) as server:
        async with talking(server.realtime_url) as first:
            await first.receive()
            async with talking(server.realtime_url) as second:
                error = await second.error()
                assert (error["type"], error["code"]) == ("server_error", "at_capacity")
                assert (await second.closed())[0] == 1013
            assert [event["type"] for event in second.events] == ["error"]
            assert (await turn(first, speech(400))).startswith("one two")
        await until_free(server)
        async with talking(server.realtime_url) as third:
            assert (await third.receive())["type"] == "session.created"


async def test_a_client_that_vanishes_frees_its_slot(scripted_server: RunningServer) -> None:
    async with talking(scripted_server.realtime_url) as talker:
        await talker.receive()
        assert scripted_server.engine.sessions == 1
        talker.socket.transport.abort()
        await until_free(scripted_server)


async def test_a_peer_that_answers_no_ping_is_dropped() -> None:
    with running_server(server=ServerConfig(ping_s=0.2)) as server:
        port = int(server.url.rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"GET /v1/realtime HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert b"session.created" in await asyncio.wait_for(reader.readuntil(b"session.created"), WAIT_S)
        async with asyncio.timeout(WAIT_S):
            while await reader.read(4096):
                pass
        await until_free(server)
        writer.close()


async def test_a_client_that_does_not_read_is_closed() -> None:
    with running_server(Script(words=("one",)), ServerConfig(max_outgoing_bytes=262_144)) as server:
        async with (
            talking(server.realtime_url, max_queue=1) as lazy,
            talking(server.realtime_url) as neighbour,
        ):
            session = {"instructions": "x" * 30_000}
            message = json.dumps({"type": "session.update", "session": session})
            try:
                while not server.service.counts.slow_clients:
                    await lazy.socket.send(message)
            except ConnectionClosedError:  # the server has dropped it already
                assert server.service.counts.slow_clients == 1
            await until_free(server, sessions=1)
            assert await turn(neighbour, speech(400)) == "one"
            async with asyncio.timeout(WAIT_S):
                while server.service.peers > 1:  # it does not read its goodbye either
                    await asyncio.sleep(0.05)


async def test_a_slow_client_that_reads_again_learns_why() -> None:
    with running_server(server=ServerConfig(max_outgoing_bytes=65_536)) as server:
        async with talking(server.realtime_url) as talker:
            await talker.receive()
            peer = next(iter(server.service._peers))
            for _ in range(
                40
            ):  # faster than anyone can read, since the event loop does nothing else meanwhile
                peer._loop.call_soon_threadsafe(peer._send, {"type": "x", "filling": "x" * 30_000})
            code, reason = await talker.closed()
            assert (code, "does not read" in reason) == (1008, True)


async def test_the_sound_of_a_cancelled_answer_that_still_waits_is_not_sent(
    scripted_server: RunningServer,
) -> None:
    def audio(response: str) -> dict[str, str]:
        return {"type": "response.output_audio.delta", "response_id": response, "delta": "AAAA"}

    def done(response: str, status: str) -> dict[str, object]:
        return {"type": "response.done", "response": {"id": response, "status": status}}

    async with talking(scripted_server.realtime_url) as talker:
        await talker.receive()
        peer = next(iter(scripted_server.service._peers))

        def tell() -> None:  # in one go, so that nothing of it has been sent when the answers are cut
            peer._send_all([audio("r1"), {"type": "a"}, audio("r1"), audio("r2")])
            peer._send_all([audio("r1"), {"type": "b"}, done("r1", "cancelled")])
            peer._send_all([audio("r2"), done("r2", "completed")])

        peer._loop.call_soon_threadsafe(tell)
        got = [await talker.receive() for _ in range(6)]
        expected = [{"type": "a"}, audio("r2"), {"type": "b"}, done("r1", "cancelled"), audio("r2")]
        assert got == [*expected, done("r2", "completed")]


async def test_what_the_session_cannot_take_is_taken_back(
    scripted_server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(session: Session, text: str) -> int:
        raise InputError("The text cannot be read.", "unreadable_text")

    monkeypatch.setattr(Session, "say", refuse)
    async with talking(scripted_server.realtime_url) as talker:
        await talker.receive()
        content = [{"type": "input_text", "text": "hello"}]
        item = {"id": "mine", "type": "message", "role": "user", "content": content}
        await talker.send("conversation.item.create", event_id="e1", item=item)
        error = await talker.error()
        assert (error["code"], error["event_id"]) == ("unreadable_text", "e1")
        await talker.send("conversation.item.retrieve", item_id="mine")
        assert (await talker.error())["code"] == "item_retrieve_invalid_item_id"
        assert [event["type"] for event in talker.events] == ["session.created", "error", "error"]


async def test_a_mistake_of_the_server_costs_one_connection(
    scripted_server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        talking(scripted_server.realtime_url) as neighbour,
        talking(scripted_server.realtime_url) as talker,
    ):
        await neighbour.receive()
        await talker.receive()
        with monkeypatch.context() as patch:
            patch.setattr(Facade, "receive", lambda facade, message: 1 / 0)
            await talker.send("input_audio_buffer.clear")
            error = await talker.error()
            assert (error["type"], error["code"]) == ("server_error", "internal_error")
            assert (await talker.closed())[0] == 1011
        await until_free(scripted_server, sessions=1)
        assert (await turn(neighbour, speech(400))).startswith("one two")


async def test_a_stopping_server_says_goodbye() -> None:
    with running_server() as server:
        async with talking(server.realtime_url) as talker:
            await talker.receive()
            stopping = asyncio.run_coroutine_threadsafe(
                server.service.shutdown(), next(iter(server.service._peers))._loop
            )
            assert (await talker.closed()) == (1001, "The server is stopping.")
            await asyncio.wrap_future(stopping)
            assert server.engine.sessions == 0
        async with talking(server.realtime_url) as late:
            assert (await late.closed())[0] == 1001
            assert late.events == []
