"""The session object: what a client sets is in force, shown in full, and refused by name if it cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.facades import ask, configure, new_facade, refusal
from voicert.server.realtime import Extras, Facade
from voicert.server.realtime.actions import Configure
from voicert.session import TurnSettings

TURNS = TurnSettings(silence_ms=400)


def turns_after(facade: Facade, **turn_detection: Any) -> TurnSettings:
    """How the session takes turns after an update of the turn detection."""
    audio = {"input": {"turn_detection": turn_detection or None}}
    (action,) = ask(facade, "session.update", session={"audio": audio}).actions
    assert isinstance(action, Configure)
    return action.settings


def test_session_created_shows_the_full_configuration() -> None:
    facade = Facade("tiny", TURNS, 50.0, "t0", frozenset({"typed_text", "user_transcripts"}))
    outcome = facade.open(Extras(timing=True))
    session = outcome.events[0]["session"]
    assert outcome.events[0]["type"] == "session.created"
    assert session["id"].startswith("sess_")
    assert (session["type"], session["object"], session["model"]) == ("realtime", "realtime.session", "tiny")
    assert session["audio"]["input"] == {
        "format": {"type": "audio/pcm", "rate": 24_000},
        "transcription": {"model": "tiny"},
        "noise_reduction": None,
        "turn_detection": {
            "type": "server_vad",
            "threshold": 0.5,
            "prefix_padding_ms": 300,
            "silence_duration_ms": 400,
            "idle_timeout_ms": None,
            "create_response": True,
            "interrupt_response": True,
        },
    }
    assert session["voicert"] == {
        "timing": True,
        "frames": False,
        "playback": False,
        "capabilities": ["typed_text", "user_transcripts"],
    }
    assert outcome.actions == [Configure(TURNS)]


def test_a_partial_update_changes_only_what_it_names() -> None:
    facade = new_facade()
    turns = {"type": "server_vad", "silence_duration_ms": 250, "interrupt_response": False}
    first = ask(
        facade, "session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": turns}}}
    )
    second = ask(facade, "session.update", session={"voicert": {"frames": True}, "instructions": "Be kind."})
    session = second.events[0]["session"]
    shown = session["audio"]["input"]["turn_detection"]
    kept = (shown["silence_duration_ms"], shown["interrupt_response"], shown["threshold"])
    assert kept == (250, False, 0.5)
    extras = session["voicert"]
    assert (session["instructions"], extras["timing"], extras["frames"]) == ("Be kind.", False, True)
    settings = TurnSettings(silence_ms=250, interrupt="off")
    assert first.actions == [Configure(settings)]
    assert second.actions == [Configure(replace(settings, frame_timing=True))]
    assert set(session) == set(first.events[0]["session"])


def test_a_refused_update_changes_nothing() -> None:
    facade = new_facade()
    before = configure(facade)
    bad = {"instructions": "new", "audio": {"input": {"format": {"type": "audio/opus"}}}}
    assert refusal(facade, {"type": "session.update", "session": bad})["code"] == "invalid_value"
    assert configure(facade) == before


def test_habits_of_stock_clients_are_accepted() -> None:
    session = {
        "type": "realtime",
        "model": "gpt-realtime",
        "output_modalities": ["audio"],
        "instructions": "You are helpful.",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": "auto",
        "truncation": "auto",
        "include": None,
        "prompt": None,
        "reasoning": {"effort": "low"},
        "parallel_tool_calls": True,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "noise_reduction": {"type": "near_field"},
                "transcription": {"model": "gpt-4o-mini-transcribe", "language": "en"},
                "turn_detection": {"type": "semantic_vad", "eagerness": "low", "create_response": True},
            },
            "output": {"format": {"type": "audio/pcm"}, "voice": {"id": "voice_1"}, "speed": 1},
        },
    }
    shown = configure(new_facade(able=frozenset({"user_transcripts"})), **session)
    assert shown["model"] == "tiny"
    assert shown["audio"]["output"]["voice"] == "voice_1"
    assert shown["audio"]["input"]["transcription"] == {"model": "gpt-4o-mini-transcribe", "language": "en"}
    detection = {
        "type": "semantic_vad",
        "eagerness": "low",
        "create_response": True,
        "interrupt_response": True,
    }
    assert shown["audio"]["input"]["turn_detection"] == detection


def test_turns_by_hand_and_back() -> None:
    facade = new_facade()
    assert turns_after(facade) == replace(TURNS, detection="manual", interrupt="off")
    assert configure(facade)["audio"]["input"]["turn_detection"] is None
    no_type = {"audio": {"input": {"turn_detection": {"silence_duration_ms": 300}}}}
    error = refusal(facade, {"type": "session.update", "session": no_type})
    assert error["param"] == "session.audio.input.turn_detection.type"
    assert turns_after(facade, type="semantic_vad") == replace(TURNS, silence_ms=500)


def test_every_setting_of_turn_detection_reaches_the_session() -> None:
    facade = new_facade()
    assert turns_after(facade, create_response=False, idle_timeout_ms=5000, threshold=0.9) == replace(
        TURNS, create_response=False, idle_timeout_ms=5000, vad_aggressiveness=3
    )
    assert turns_after(facade, threshold=0.1, idle_timeout_ms=None) == replace(
        TURNS, create_response=False, vad_aggressiveness=1
    )


def test_a_limit_of_tokens_is_a_limit_of_steps() -> None:
    facade = new_facade()
    (action,) = ask(facade, "session.update", session={"max_output_tokens": 100}).actions
    assert action == Configure(replace(TURNS, longest_response_ms=2000))
    assert configure(facade)["max_output_tokens"] == 100
    (action,) = ask(facade, "session.update", session={"max_output_tokens": "inf"}).actions
    assert action == Configure(TURNS)


def test_tools_are_shown_as_they_were_defined() -> None:
    facade = new_facade()
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    tool = {"type": "function", "name": "weather", "description": "Tells it.", "parameters": parameters}
    assert configure(facade, tools=[tool], tool_choice="none")["tools"] == [tool]
    session = configure(facade, instructions="x")
    assert (session["tools"], session["tool_choice"]) == ([tool], "none")


TOOL = {"type": "function", "name": "f"}


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"type": "transcription"}, "invalid_value", "session.type"),
        ({"nonsense": 1}, "unknown_parameter", "session.nonsense"),
        ({"instructions": 1}, "invalid_type", "session.instructions"),
        ({"instructions": "x" * 70_000}, "string_above_max_length", "session.instructions"),
        ({"output_modalities": ["text", "audio"]}, "invalid_value", "session.output_modalities"),
        ({"output_modalities": "audio"}, "invalid_type", "session.output_modalities"),
        ({"tools": {}}, "invalid_type", "session.tools"),
        ({"tools": [TOOL] * 129}, "array_above_max_length", "session.tools"),
        ({"tools": [TOOL, None]}, "invalid_type", "session.tools[1]"),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
        ({"tools": [{"type": "mcp"}]}, "unsupported_value", "session.tools[0].type"),
        ({"tools": [TOOL | {"description": "x" * 65_500}]}, "string_above_max_length", "session.tools"),
        ({"tool_choice": "required"}, "unsupported_value", "session.tool_choice"),
        ({"tool_choice": "some"}, "invalid_value", "session.tool_choice"),
        ({"tool_choice": {"type": "function"}}, "unsupported_value", "session.tool_choice"),
        ({"max_output_tokens": 0}, "invalid_value", "session.max_output_tokens"),
        ({"max_output_tokens": 4097}, "invalid_value", "session.max_output_tokens"),
        ({"max_output_tokens": "many"}, "invalid_type", "session.max_output_tokens"),
        ({"voicert": {"timing": 1}}, "invalid_type", "session.voicert.timing"),
        ({"voicert": {"frame": True}}, "unknown_parameter", "session.voicert.frame"),
        ({"audio": {"both": {}}}, "unknown_parameter", "session.audio.both"),
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}},
            "invalid_value",
            "session.audio.input.format.rate",
        ),
        (
            {"audio": {"output": {"format": {"type": "audio/pcma", "rate": 24000}}}},
            "invalid_value",
            "session.audio.output.format.rate",
        ),
        ({"audio": {"output": {"speed": 1.2}}}, "unsupported_value", "session.audio.output.speed"),
        ({"audio": {"output": {"speed": 9}}}, "invalid_value", "session.audio.output.speed"),
        (
            {"audio": {"input": {"turn_detection": {"type": "manual"}}}},
            "invalid_value",
            "session.audio.input.turn_detection.type",
        ),
        (
            {"audio": {"input": {"turn_detection": {"idle_timeout_ms": 10}}}},
            "invalid_value",
            "session.audio.input.turn_detection.idle_timeout_ms",
        ),
        (
            {"audio": {"input": {"turn_detection": {"silence_duration_ms": 5}}}},
            "invalid_value",
            "session.audio.input.turn_detection.silence_duration_ms",
        ),
        (
            {"audio": {"input": {"turn_detection": {"silence_duration_ms": True}}}},
            "invalid_type",
            "session.audio.input.turn_detection.silence_duration_ms",
        ),
    ],
)
def test_an_update_that_cannot_be_is_refused_by_name(session: Any, code: str, param: str) -> None:
    message = {"type": "session.update", "session": session, "event_id": "mine"}
    error = refusal(new_facade(), message)
    assert (error["code"], error["param"], error["event_id"]) == (code, param, "mine")
    assert param in error["message"]


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"tools": [TOOL]}, "session.tools"),
        ({"tool_choice": "required"}, "session.tool_choice"),
    ],
)
def test_tools_are_refused_when_the_model_calls_none(session: Any, param: str) -> None:
    error = refusal(new_facade(able=frozenset()), {"type": "session.update", "session": session})
    assert (error["code"], error["param"]) == ("unsupported_by_model", param)
    assert "capabilities" in error["message"]
