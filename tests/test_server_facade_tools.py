"""What a model can do besides speaking: functions it calls, and instructions and tools that reach it."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from tests.support.facades import (
    FRAME,
    answer,
    ask,
    configure,
    done,
    kinds,
    new_facade,
    retrieve,
    spoken_turn,
)
from voicert.models.base import Brief
from voicert.server.realtime.actions import Instruct, Respond, ToolOutput
from voicert.session import events as said

ADDED = "response.output_item.added"
TOOL = {"type": "function", "name": "weather"}


def test_a_function_call_and_its_result() -> None:
    facade = new_facade()
    spoken_turn(facade, 1)
    call = said.ToolCall(1, 2, "call_7", "weather", '{"city":"Bern"}')
    events = facade.translate([said.ResponseStarted(1, 9), call])
    assert kinds(events) == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "conversation.item.done",
    ]
    added, finished = events[1]["item"], events[5]["item"]
    assert (added["type"], added["status"], added["arguments"]) == ("function_call", "in_progress", "")
    assert (finished["status"], finished["arguments"]) == ("completed", '{"city":"Bern"}')
    about = (events[4]["call_id"], events[4]["name"], json.loads(events[4]["arguments"]))
    assert about == ("call_7", "weather", {"city": "Bern"})
    assert "role" not in finished
    assert "content" not in finished
    (last,) = facade.translate([said.ResponseDone(1, 9, "completed", None, "", 0, None)])
    assert last["response"]["output"] == [finished]
    output = {"type": "function_call_output", "call_id": "call_7", "output": "rain"}
    outcome = ask(facade, "conversation.item.create", item=output)
    assert outcome.actions == [ToolOutput("call_7", "rain")]
    assert kinds(outcome.events) == ["conversation.item.added", "conversation.item.done"]
    assert outcome.events[0]["previous_item_id"] == finished["id"]
    assert "voicert" not in outcome.events[0]["item"]


def test_a_function_call_amid_speech_is_the_second_output() -> None:
    facade = new_facade()
    answer(facade, 1, 1)
    call = facade.translate([said.ToolCall(1, 2, "call_7", "f", "{}")])
    assert {event["output_index"] for event in call if "output_index" in event} == {1}
    ended = facade.translate([done(1, "w0 w1")])
    assert {event["output_index"] for event in ended if "output_index" in event} == {0}
    assert [item["type"] for item in ended[-1]["response"]["output"]] == ["message", "function_call"]


def test_a_call_alone_has_no_message() -> None:
    """The silence of the frames around the call is held back; without tools nothing is."""
    call = said.ToolCall(1, 2, "call_7", "weather", "{}")
    silent = said.ResponseAudio(1, 1, FRAME, 0)
    told = [said.ResponseStarted(1, 1), silent, call, silent, done(1, "")]
    kept, held = new_facade(), new_facade()
    configure(held, tools=[TOOL])
    shown = [event["item"]["type"] for event in kept.translate(told) if event["type"] == ADDED]
    assert shown == ["message", "function_call"]
    events = held.translate(told)
    assert [event["item"]["type"] for event in events if event["type"] == ADDED] == ["function_call"]
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["function_call"]
    assert events[-1]["response"]["usage"]["output_tokens"] == 0
    assert held.translate([said.Truncated(1, 0, "")]) == []  # of an item that nobody was told of


def test_silence_that_was_held_back_is_not_lost() -> None:
    facade = new_facade()
    configure(facade, tools=[TOOL])
    quiet, loud = said.ResponseAudio(1, 1, FRAME, 0), said.ResponseAudio(1, 1, FRAME + np.float32(0.5), 0)
    assert kinds(facade.translate([said.ResponseStarted(1, 1), quiet, quiet])) == ["response.created"]
    (delta,) = [e for e in facade.translate([loud]) if e["type"] == "response.output_audio.delta"]
    assert base64.b64decode(delta["delta"]) == bytes(2 * 960) + b"\x00\x40" * 480
    ended = facade.translate([done(1, "")])[-1]["response"]
    assert ended["usage"]["output_token_details"]["audio_tokens"] == 3


def test_a_word_ends_the_wait_and_so_does_the_end() -> None:
    spoken, wordless = new_facade(), new_facade()
    for facade in (spoken, wordless):
        configure(facade, tools=[TOOL])
    quiet = said.ResponseAudio(1, 1, FRAME, 0)
    opened = spoken.translate([said.ResponseStarted(1, 1), quiet, said.ResponseText(1, 1, "w0"), quiet])
    assert kinds(opened)[-2:] == ["response.output_audio_transcript.delta", "response.output_audio.delta"]
    assert len(base64.b64decode(opened[-1]["delta"])) == 2 * 960
    ended = wordless.translate([said.ResponseStarted(1, 1), quiet, done(1, "")])
    assert [item["type"] for item in ended[-1]["response"]["output"]] == ["message"]


def test_instructions_and_tools_reach_a_model_that_can_use_them() -> None:
    facade = new_facade(able=frozenset({"tools", "instructions"}))

    def told(kind: str, **fields: Any) -> list[Brief | None]:
        actions = ask(facade, kind, **fields).actions
        return [action.brief for action in actions if isinstance(action, Instruct | Respond)]

    assert told("session.update", session={"instructions": "Be brief.", "tools": [TOOL]}) == [
        Brief("Be brief.", (TOOL,))
    ]
    rule = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be kind."}]}
    assert told("conversation.item.create", item={**rule, "id": "rule"}) == [
        Brief("Be brief.\nBe kind.", (TOOL,))
    ]
    assert told("response.create") == [None]
    ask(facade, "response.cancel")
    own = {"instructions": "Sing.", "tool_choice": "none"}
    assert told("response.create", response=own) == [Brief("Sing.\nBe kind.", ())]
    assert told("conversation.item.delete", item_id="rule") == [Brief("Be brief.", (TOOL,))]
    assert told("session.update", session={"tool_choice": "none"}) == [Brief("Be brief.", ())]


def test_a_model_that_cannot_is_told_nothing() -> None:
    facade = new_facade(able=frozenset())
    outcome = ask(facade, "session.update", session={"instructions": "Be brief."})
    assert not [action for action in outcome.actions if isinstance(action, Instruct)]
    response = {"instructions": "Sing."}
    assert ask(facade, "response.create", response=response).actions == [Respond()]
    tools = new_facade(able=frozenset({"tools"}))
    outcome = ask(tools, "session.update", session={"instructions": "Be brief.", "tools": [TOOL]})
    assert Instruct(Brief("", (TOOL,))) in outcome.actions


def test_a_model_without_transcripts_of_the_user() -> None:
    """Stock clients ask for them by habit."""
    facade = new_facade(able=frozenset())
    session = configure(facade, audio={"input": {"transcription": {"model": "whisper-1"}}})
    assert session["audio"]["input"]["transcription"] is None
    events = spoken_turn(facade, 1)
    assert not [event for event in events if "transcription" in event["type"]]
    assert retrieve(facade, events[-1]["item"]["id"])["content"] == [
        {"type": "input_audio", "transcript": None}
    ]
