"""Items over a real socket, where they come from elsewhere than the microphone and the model's mouth."""

from __future__ import annotations

from typing import Any

from tests.support.scripted import Script, ScriptedModel, silence, speech
from tests.support.server import RunningServer, running_server
from tests.support.talker import talking, to_base64

TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}


async def test_a_spoken_item_is_understood_and_answered(scripted_server: RunningServer) -> None:
    """Nothing was ever sent through the input buffer."""
    part = {"type": "input_audio", "audio": to_base64(speech(600))}
    item = {"id": "mine", "type": "message", "role": "user", "content": [part]}
    async with talking(scripted_server.realtime_url) as talker:
        await talker.send("conversation.item.create", item=item)
        await talker.send("response.create")
        completed = await talker.until("conversation.item.input_audio_transcription.completed")
        assert (completed["item_id"], completed["transcript"]) == ("mine", "hello there there")
        done = next((e for e in talker.of_type("response.done")), None) or await talker.until("response.done")
        assert done["response"]["status"] == "completed"
        assert not talker.of_type("input_audio_buffer.speech_started")


async def test_a_recording_longer_than_may_wait_is_refused_whole(scripted_server: RunningServer) -> None:
    part = {"type": "input_audio", "audio": to_base64(silence(31_000))}
    item = {"id": "mine", "type": "message", "role": "user", "content": [part]}
    async with talking(scripted_server.realtime_url) as talker:
        await talker.send("conversation.item.create", item=item)
        assert (await talker.error())["code"] == "input_audio_buffer_overflow"
        await talker.send("conversation.item.retrieve", item_id="mine")
        assert (await talker.error())["code"] == "item_retrieve_invalid_item_id"


async def test_the_model_calls_the_function_that_the_client_has_defined() -> None:
    """And has read its instructions; a call alone is no message."""
    with running_server(Script(tool="other")) as server:
        model = server.engine.bundle.model
        assert isinstance(model, ScriptedModel)
        async with talking(server.realtime_url) as talker:
            session: dict[str, Any] = {"type": "realtime", "instructions": "Be brief.", "tools": [TOOL]}
            await talker.send("session.update", session=session)
            await talker.say(speech(400), silence(1000))
            done = await talker.until("response.done")
            output = [(item["type"], item.get("name")) for item in done["response"]["output"]]
            assert output == [("function_call", "weather")]
            assert model.briefs[0].instructions == "Be brief."
            assert [dict(tool) for tool in model.briefs[0].tools] == [TOOL]
