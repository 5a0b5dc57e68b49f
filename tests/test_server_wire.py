"""The server over a real socket: what goes wrong for one client stays with that client."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from pathlib import Path

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosedError

from tests.support.scripted import PcmCodec, Script, ScriptedModel, silence, speech
from tests.support.server import RunningServer, running_server
from tests.support.talker import WAIT_S, Talker, talking
from voicert.config import ServerConfig
from voicert.errors import InputError
from voicert.models.base import Bools, Bundle, Ints, Sampling, StepOutput
from voicert.server.realtime import Facade
from voicert.session import Session

TLS = Path(__file__).parent / "support" / "tls"


async def turn(talker: Talker, question: np.ndarray) -> str:
    """Asks, waits for the end of the answer and gives its transcript."""
    await talker.say(question, silence(6000))
    done = await talker.until("response.done")
    assert done["response"]["status"] == "completed"
    return done["response"]["output"][0]["content"][0]["transcript"]


async def until_free(server: RunningServer, sessions: int = 0) -> None:
    """The engine has no more than so many sessions."""
    async with asyncio.timeout(WAIT_S):
        while server.engine.sessions > sessions:
            await asyncio.sleep(0.01)


async def test_both_paths_and_the_subprotocol(scripted_server: RunningServer) -> None:
    offered = ["realtime", "openai-insecure-api-key.sk-none"]
    url = scripted_server.realtime_url.replace("/v1/", "/") + "?model=gpt-realtime"
    async with talking(url, subprotocols=offered) as talker:
        assert talker.socket.subprotocol == "realtime"
        assert (await talker.receive())["type"] == "session.created"
    async with talking(scripted_server.realtime_url) as talker:
        assert talker.socket.subprotocol is None
        extras = (await talker.receive())["session"]["voicert"]
        assert "typed_text" in extras["capabilities"]
        assert {extras[name] for name in ("timing", "frames", "playback")} == {False}


async def test_extras_are_sent_to_those_who_ask(scripted_server: RunningServer) -> None:
    async with (
        talking(scripted_server.realtime_url) as plain,
        talking(scripted_server.realtime_url) as curious,
    ):
        await curious.send(
            "session.update", session={"type": "realtime", "voicert": {"timing": True, "frames": True}}
        )
        updated = await curious.until("session.updated")
        extras = updated["session"]["voicert"]
        assert (extras["timing"], extras["frames"], extras["playback"]) == (True, True, False)
        await asyncio.gather(turn(plain, speech(400)), turn(curious, speech(400)))
        assert not [event for event in plain.events if "voicert." in event["type"] or "voicert" in event]
        assert len(curious.of_type("voicert.turn.timing")) == 1
        frames = [frame for event in curious.of_type("voicert.frames") for frame in event["frames"]]
        clocks = [frame["input_samples"] for frame in frames]
        assert clocks == list(range(clocks[0], clocks[0] + 480 * len(clocks), 480))
        deltas = curious.of_type("response.output_audio.delta")
        assert all(delta["voicert"]["input_samples"] % 480 == 0 for delta in deltas)


async def test_two_sessions_at_once_do_not_hear_each_other() -> None:
    questions = [speech(500, pitch_hz=110.0), speech(700, pitch_hz=150.0, level=0.2)]
    with running_server(Script(words=tuple(f" w{n}" for n in range(7)), by_loudness=True)) as server:

        async def alone(question: np.ndarray) -> tuple[str, bytes]:
            async with talking(server.realtime_url) as talker:
                return await turn(talker, question), talker.heard().tobytes()

        async def silent() -> int:
            async with talking(server.realtime_url) as talker:
                await talker.say(silence(8000))
                await talker.send("input_audio_buffer.clear")
                await talker.until("input_audio_buffer.cleared")
                return len(talker.events)

        apart = [await alone(question) for question in questions]
        first, second, listened = await asyncio.gather(*map(alone, questions), silent())
    assert apart[0] != apart[1]
    assert [first, second] == apart
    assert listened == 2  # session.created and the answer to clear


async def test_a_barge_in_cancels_and_the_next_answer_comes(scripted_server: RunningServer) -> None:
    async with talking(scripted_server.realtime_url) as talker:
        await talker.say(speech(400), silence(1000), speech(400), silence(200))
        cut = await talker.until("response.done")
        assert cut["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        sent = len(talker.of_type("response.output_audio.delta"))
        await talker.until("response.created")
        assert len(talker.of_type("response.output_audio.delta")) == sent
        await talker.say(silence(6000))
        assert (await talker.until("response.done"))["response"]["status"] == "completed"


async def test_a_client_can_cancel(scripted_server: RunningServer) -> None:
    async with talking(scripted_server.realtime_url) as talker:
        await talker.say(speech(400), silence(400))
        response_id = (await talker.until("response.created"))["response"]["id"]
        await talker.send("response.cancel", response_id=response_id)
        done = (await talker.until("response.done"))["response"]
        assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "client_cancelled")
        await talker.send("response.cancel", event_id="again")
        error = await talker.error()
        assert (error["code"], error["event_id"]) == ("response_cancel_not_active", "again")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{not json", "invalid_json"),
        ("[]", "invalid_json"),
        (b"\x00\x01", "invalid_json"),
        ('{"type":"no.such.event"}', "unknown_event"),
        ('{"type":"input_audio_buffer.append","audio":"!!"}', "invalid_audio"),
        ('{"type":"input_audio_buffer.append","audio":"AAAA"}', "invalid_audio"),
        ('{"type":"input_audio_buffer.append"}', "missing_required_parameter"),
        ('{"type":"session.update","session":{"output_modalities":["smell"]}}', "invalid_value"),
        ('{"type":"output_audio_buffer.clear"}', "unsupported_event"),
    ],
)
async def test_a_bad_message_costs_an_error_event_and_nothing_else(
    scripted_server: RunningServer, message: str | bytes, code: str
) -> None:
    async with talking(scripted_server.realtime_url) as talker:
        await talker.socket.send(message)
        assert (await talker.error())["code"] == code
        assert (await turn(talker, speech(400))).startswith("one two")


async def test_more_audio_than_may_wait_is_reported(scripted_server: RunningServer) -> None:
    from tests.support.talker import to_base64

    async with talking(scripted_server.realtime_url) as talker:
        await talker.send("input_audio_buffer.append", audio=to_base64(silence(40_000)), event_id="flood")
        error = await talker.error()
        assert (error["code"], error["event_id"]) == ("input_audio_buffer_overflow", "flood")
        assert (await turn(talker, speech(400))).startswith("one two")


async def test_a_message_too_large_closes_its_connection_only() -> None:
    server_config = ServerConfig(max_message_bytes=16_384)
    with running_server(server=server_config) as server:
        async with talking(server.realtime_url) as neighbour, talking(server.realtime_url) as talker:
            await talker.receive()
            await talker.socket.send(json.dumps({"type": "x", "filling": "x" * 20_000}))
            assert (await talker.closed())[0] == 1009
            await until_free(server, sessions=1)
            assert (await turn(neighbour, speech(400))).startswith("one two")


class GatedModel(ScriptedModel):
    """Once armed, its next step waits until the gate opens."""

    armed = False

    def __init__(self, max_slots: int) -> None:
        super().__init__(max_slots, Script())
        self.entered, self.gate = threading.Event(), threading.Event()

    def step(self, slots: Ints, user_codes: Ints, hush: Bools) -> StepOutput:
        if self.armed:
            self.entered.set()
            assert self.gate.wait(WAIT_S)
        return super().step(slots, user_codes, hush)


async def test_the_server_answers_while_the_model_is_in_a_step() -> None:
    model = GatedModel(2)
    with running_server(max_sessions=2, bundle=Bundle(model, PcmCodec(), Sampling())) as server:
        async with talking(server.realtime_url) as talker, talking(server.realtime_url) as neighbour:
            await talker.receive()
            model.armed = True
            try:
                await talker.say(silence(20))
                assert await asyncio.to_thread(model.entered.wait, WAIT_S)
                for asker in (talker, neighbour):
                    await asker.send("session.update", session={})
                    await asker.until("session.updated")
            finally:
                model.armed = False
                model.gate.set()


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


async def test_a_ping_of_the_client_is_answered(scripted_server: RunningServer) -> None:
    async with talking(scripted_server.realtime_url) as talker:
        await talker.receive()
        await asyncio.wait_for(await talker.socket.ping(b"still there?"), WAIT_S)


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


async def test_tls() -> None:
    files = ServerConfig(tls_cert=TLS / "localhost.crt", tls_key=TLS / "localhost.key")
    trust = ssl.create_default_context(cafile=str(TLS / "localhost.crt"))
    with running_server(server=files) as server:
        assert server.url.startswith("https://127.0.0.1:")
        async with talking(server.realtime_url, ssl=trust) as talker:
            assert (await turn(talker, speech(400))).startswith("one two")
