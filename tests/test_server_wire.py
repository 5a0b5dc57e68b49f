"""The server over a real socket: conversations, and mistakes that cost an error event."""

from __future__ import annotations

import asyncio
import ssl
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.support.pcmcodec import PcmCodec
from tests.support.scripted import Script, ScriptedModel, silence, speech
from tests.support.server import RunningServer, running_server
from tests.support.talker import WAIT_S, talking, turn
from voicert.config import ServerConfig
from voicert.models.base import Bools, Bundle, Ints, Sampling, StepOutput

TLS = Path(__file__).parent / "support" / "tls"


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


async def test_a_ping_of_the_client_is_answered(scripted_server: RunningServer) -> None:
    async with talking(scripted_server.realtime_url) as talker:
        await talker.receive()
        await asyncio.wait_for(await talker.socket.ping(b"still there?"), WAIT_S)


async def test_tls() -> None:
    files = ServerConfig(tls_cert=TLS / "localhost.crt", tls_key=TLS / "localhost.key")
    trust = ssl.create_default_context(cafile=str(TLS / "localhost.crt"))
    with running_server(server=files) as server:
        assert server.url.startswith("https://127.0.0.1:")
        async with talking(server.realtime_url, ssl=trust) as talker:
            assert (await turn(talker, speech(400))).startswith("one two")
