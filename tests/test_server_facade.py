"""The Realtime facade, fed directly: messages and session events in, actions and wire events out."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicert.server.realtime import Extras, Facade, Outcome
from voicert.server.realtime.actions import CancelResponse, Configure, HeardUpTo, Push
from voicert.server.realtime.items import KEEP_ITEMS
from voicert.session import TurnSettings
from voicert.session import events as said

FRAME = np.zeros(480, np.float32)


def new_facade(extras: Extras | None = None) -> Facade:
    facade = Facade("tiny", TurnSettings(silence_ms=400), frame_rate=50.0, token="t0")
    facade.open(extras)
    return facade


def ask(facade: Facade, kind: str, **fields: Any) -> Outcome:
    return facade.receive(json.dumps({"type": kind, **fields}))


def refusal(facade: Facade, message: str | bytes) -> dict[str, Any]:
    """The error that a message is answered with, and nothing else."""
    outcome = facade.receive(message)
    assert outcome.actions == []
    assert [event["type"] for event in outcome.events] == ["error"]
    return outcome.events[0]["error"]


def answer(facade: Facade, response: int, item: int, words: int = 2) -> list[dict[str, Any]]:
    """A response in progress: per word its text and ten frames of audio."""
    events: list[said.Event] = [said.ResponseStarted(response, item)]
    for word in range(words):
        events.append(said.ResponseText(response, item, f" w{word}" if word else "w0"))
        events += [said.ResponseAudio(response, item, FRAME, 0)] * 10
    return facade.translate(events)


def done(item: int, transcript: str, status: said.Status = "completed") -> said.ResponseDone:
    reason = None if status == "completed" else "turn_detected"
    return said.ResponseDone(1, item, status, reason, transcript, 9600, None)


def test_session_created_shows_the_full_configuration() -> None:
    facade = Facade("tiny", TurnSettings(silence_ms=400), frame_rate=50.0, token="t0")
    outcome = facade.open(Extras(timing=True))
    session = outcome.events[0]["session"]
    assert outcome.events[0]["type"] == "session.created"
    assert session["id"].startswith("sess_")
    assert (session["type"], session["object"], session["model"]) == ("realtime", "realtime.session", "tiny")
    assert session["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 400,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }
    assert session["voicert"] == {"timing": True, "frames": False}
    assert outcome.actions == [Configure(TurnSettings(silence_ms=400))]


def test_a_partial_update_changes_only_what_it_names() -> None:
    facade = new_facade()
    turns = {"type": "server_vad", "silence_duration_ms": 250, "interrupt_response": False}
    first = ask(
        facade, "session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": turns}}}
    )
    second = ask(facade, "session.update", session={"voicert": {"frames": True}, "instructions": "Be kind."})
    session = second.events[0]["session"]
    shown = session["audio"]["input"]["turn_detection"]
    assert (shown["silence_duration_ms"], shown["interrupt_response"], shown["threshold"]) == (
        250,
        False,
        0.5,
    )
    assert (session["instructions"], session["voicert"]) == ("Be kind.", {"timing": False, "frames": True})
    settings = TurnSettings(silence_ms=250, interrupt_response=False)
    assert first.actions == [Configure(settings)]
    assert second.actions == [
        Configure(TurnSettings(silence_ms=250, interrupt_response=False, frame_timing=True))
    ]
    assert set(session) == set(first.events[0]["session"])


def test_a_refused_update_changes_nothing() -> None:
    facade = new_facade()
    before = ask(facade, "session.update", session={}).events[0]["session"]
    bad = {"instructions": "new", "audio": {"input": {"format": {"type": "audio/pcmu"}}}}
    assert refusal(facade, json.dumps({"type": "session.update", "session": bad}))["code"] == "invalid_value"
    assert ask(facade, "session.update", session={}).events[0]["session"] == before


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
    shown = ask(new_facade(), "session.update", session=session).events[0]["session"]
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


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ("{", "invalid_json", None),
        ("", "invalid_json", None),
        ("[1]", "invalid_json", None),
        ('"text"', "invalid_json", None),
        ("null", "invalid_json", None),
        ('{"type": NaN}', "invalid_json", None),
        ("[" * 100_000, "invalid_json", None),
        ('{"type": ' + "9" * 5000 + "}", "invalid_json", None),
        (b"\x00\x01", "invalid_json", None),
        ("{}", "missing_required_parameter", "type"),
        ('{"type": null}', "missing_required_parameter", "type"),
        ('{"type": 1}', "invalid_type", "type"),
        ('{"type": "session.updat"}', "unknown_event", "type"),
        ('{"type": "\\ud800"}', "unknown_event", "type"),
        ('{"type": "response.create"}', "unsupported_event", "type"),
        ('{"type": "conversation.item.create"}', "unsupported_event", "type"),
        ('{"type": "input_audio_buffer.commit"}', "unsupported_event", "type"),
        ('{"type": "input_audio_buffer.clear", "event_id": 5}', "invalid_type", "event_id"),
        ('{"type": "input_audio_buffer.clear", "more": 5}', "unknown_parameter", "more"),
        ('{"type": "input_audio_buffer.append"}', "missing_required_parameter", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": 5}', "invalid_type", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "AA"}', "invalid_audio", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "A A="}', "invalid_audio", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "ä"}', "invalid_audio", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "AAAA"}', "invalid_audio", "audio"),  # 3 bytes
        ('{"type": "session.update"}', "missing_required_parameter", "session"),
        ('{"type": "session.update", "session": []}', "invalid_type", "session"),
        ('{"type": "response.cancel"}', "response_cancel_not_active", None),
        ('{"type": "conversation.item.retrieve"}', "missing_required_parameter", "item_id"),
        (
            '{"type": "conversation.item.retrieve", "item_id": "x"}',
            "item_retrieve_invalid_item_id",
            "item_id",
        ),
        ('{"type": "conversation.item.delete", "item_id": "x"}', "item_delete_invalid_item_id", "item_id"),
        (
            '{"type": "conversation.item.truncate", "item_id": "x", "content_index": 0, "audio_end_ms": 0}',
            "item_truncate_invalid_item_id",
            "item_id",
        ),
        (
            '{"type": "conversation.item.truncate", "item_id": "x", "audio_end_ms": 1.5}',
            "invalid_type",
            "audio_end_ms",
        ),
        ('{"type": "voicert.heard", "item_id": "x"}', "missing_required_parameter", "heard_samples"),
        ('{"type": "voicert.heard", "item_id": "x", "heard_samples": -1}', "invalid_value", "heard_samples"),
        ('{"type": "voicert.heard", "item_id": "x", "heard_samples": true}', "invalid_type", "heard_samples"),
        (
            '{"type": "voicert.heard", "item_id": "x", "heard_samples": 1, "content_index": 1}',
            "invalid_value",
            "content_index",
        ),
    ],
)
def test_a_bad_message_is_answered_with_an_error(message: str | bytes, code: str, param: str | None) -> None:
    facade = new_facade()
    error = refusal(facade, message)
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)
    assert error["message"]
    json.dumps(error).encode()
    assert ask(facade, "input_audio_buffer.clear").events[0]["type"] == "input_audio_buffer.cleared"


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"type": "transcription"}, "invalid_value", "session.type"),
        ({"nonsense": 1}, "unknown_parameter", "session.nonsense"),
        ({"instructions": 1}, "invalid_type", "session.instructions"),
        ({"instructions": "x" * 70_000}, "string_above_max_length", "session.instructions"),
        ({"output_modalities": ["text"]}, "invalid_value", "session.output_modalities"),
        ({"output_modalities": "audio"}, "invalid_type", "session.output_modalities"),
        ({"tools": [{"type": "function"}]}, "invalid_value", "session.tools"),
        ({"tool_choice": "required"}, "invalid_value", "session.tool_choice"),
        ({"tool_choice": {"type": "function"}}, "unsupported_value", "session.tool_choice"),
        ({"max_output_tokens": 100}, "unsupported_value", "session.max_output_tokens"),
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
            {"audio": {"output": {"format": {"type": "audio/pcma"}}}},
            "invalid_value",
            "session.audio.output.format.type",
        ),
        ({"audio": {"output": {"speed": 1.2}}}, "unsupported_value", "session.audio.output.speed"),
        ({"audio": {"output": {"speed": 9}}}, "invalid_value", "session.audio.output.speed"),
        (
            {"audio": {"input": {"turn_detection": None}}},
            "unsupported_value",
            "session.audio.input.turn_detection",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "manual"}}}},
            "invalid_value",
            "session.audio.input.turn_detection.type",
        ),
        (
            {"audio": {"input": {"turn_detection": {"create_response": False}}}},
            "unsupported_value",
            "session.audio.input.turn_detection.create_response",
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
    error = refusal(
        new_facade(), json.dumps({"type": "session.update", "session": session, "event_id": "mine"})
    )
    assert (error["code"], error["param"], error["event_id"]) == (code, param, "mine")
    assert param in error["message"]


def test_audio_is_read_exactly() -> None:
    samples = np.array([0, 1, -1, 32_767, -32_768], "<i2")
    outcome = ask(
        new_facade(), "input_audio_buffer.append", audio=base64.b64encode(samples.tobytes()).decode()
    )
    (push,) = outcome.actions
    assert isinstance(push, Push)
    assert push.pcm.dtype == np.float32
    assert (push.pcm * 32_768).astype(np.int16).tolist() == samples.tolist()
    assert outcome.events == []


def test_audio_is_written_exactly() -> None:
    samples = np.arange(-240, 240, dtype="<i2") * 136
    facade = new_facade()
    facade.translate([said.ResponseStarted(1, 1)])
    pcm = samples.astype(np.float32) / np.float32(32_768)
    (delta,) = facade.translate([said.ResponseAudio(1, 1, pcm, 480)])
    assert base64.b64decode(delta["delta"]) == samples.tobytes()
    assert "voicert" not in delta


def test_with_an_extra_each_delta_carries_the_input_clock() -> None:
    facade = new_facade(Extras(timing=True))
    facade.translate([said.ResponseStarted(1, 1)])
    (delta,) = facade.translate([said.ResponseAudio(1, 1, FRAME, 960)])
    assert delta["voicert"] == {"input_samples": 960}


def test_what_is_understood_early_waits_for_its_item() -> None:
    facade = new_facade()
    early = facade.translate([said.SpeechStarted(1, 100), said.UserText(1, "hel"), said.UserText(1, "lo")])
    assert [event["type"] for event in early] == ["input_audio_buffer.speech_started"]
    events = facade.translate([said.SpeechStopped(1, 900), said.UserText(1, " you")])
    assert [event["type"] for event in events] == [
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.delta",
    ]
    assert [event["delta"] for event in events[4:]] == ["hello", " you"]
    assert events[3]["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    (completed,) = facade.translate([said.UserDone(1, "hello you", 800)])
    assert completed["transcript"] == "hello you"
    assert completed["usage"] == {"type": "duration", "seconds": 0.8}
    (retrieved,) = ask(facade, "conversation.item.retrieve", item_id=completed["item_id"]).events
    assert retrieved["item"]["content"] == [{"type": "input_audio", "transcript": "hello you"}]


def test_no_transcription_is_sent_when_it_is_switched_off() -> None:
    facade = new_facade()
    ask(facade, "session.update", session={"audio": {"input": {"transcription": None}}})
    events = facade.translate(
        [
            said.SpeechStarted(1, 0),
            said.UserText(1, "hi"),
            said.SpeechStopped(1, 500),
            said.UserDone(1, "hi", 500),
        ]
    )
    assert not [event for event in events if "transcription" in event["type"]]


def test_usage_counts_frames_and_pieces() -> None:
    facade = new_facade()
    facade.translate([said.SpeechStarted(1, 100), said.SpeechStopped(1, 900)])
    answer(facade, 1, 2)
    usage = facade.translate([done(2, "w0 w1")])[-1]["response"]["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (40, 22, 62)
    assert usage["output_token_details"] == {"text_tokens": 2, "audio_tokens": 20}


def test_cancel_names_the_running_response() -> None:
    facade = new_facade()
    response_id = answer(facade, 7, 1)[0]["response"]["id"]
    assert ask(facade, "response.cancel").actions == [CancelResponse(7)]
    assert ask(facade, "response.cancel", response_id=response_id).actions == [CancelResponse(7)]
    other = refusal(facade, '{"type": "response.cancel", "response_id": "resp_x"}')
    assert other["code"] == "response_cancel_not_active"
    assert other["message"].startswith("Cancellation failed")


@pytest.mark.parametrize(
    ("audio_end_ms", "clamped", "transcript"),
    [(0, 0, ""), (100, 100, "w0"), (200, 200, "w0"), (201, 201, "w0 w1"), (10**9, 400, "w0 w1"), (-5, 0, "")],
)
def test_truncate_is_clamped_and_cuts_the_transcript(
    audio_end_ms: int, clamped: int, transcript: str
) -> None:
    facade = new_facade()
    item_id = answer(facade, 1, 3)[1]["item"]["id"]
    facade.translate([done(3, "w0 w1")])
    fields = {"item_id": item_id, "content_index": 0, "audio_end_ms": audio_end_ms}
    outcome = ask(facade, "conversation.item.truncate", **fields)
    assert outcome.actions == [HeardUpTo(3, clamped * 24)]
    (truncated,) = outcome.events
    assert truncated["type"] == "conversation.item.truncated"
    assert (truncated["item_id"], truncated["audio_end_ms"]) == (item_id, clamped)
    (retrieved,) = ask(facade, "conversation.item.retrieve", item_id=item_id).events
    assert retrieved["item"]["content"] == [{"type": "output_audio", "transcript": transcript}]
    again = ask(facade, "conversation.item.truncate", **fields).events[0]
    assert (again["type"], again["audio_end_ms"]) == ("conversation.item.truncated", clamped)


def test_heard_is_passed_on_and_never_answered() -> None:
    facade = new_facade()
    item_id = answer(facade, 1, 5)[1]["item"]["id"]
    outcome = ask(facade, "voicert.heard", item_id=item_id, content_index=0, heard_samples=77)
    assert (outcome.actions, outcome.events) == ([HeardUpTo(5, 77)], [])
    outcome = ask(facade, "voicert.heard", item_id="item_of_long_ago", heard_samples=77)
    assert (outcome.actions, outcome.events) == ([], [])


def test_a_deleted_item_is_gone() -> None:
    facade = new_facade()
    item_id = answer(facade, 1, 1)[1]["item"]["id"]
    facade.translate([done(1, "w0 w1")])
    (deleted,) = ask(facade, "conversation.item.delete", item_id=item_id).events
    assert (deleted["type"], deleted["item_id"]) == ("conversation.item.deleted", item_id)
    gone = refusal(facade, json.dumps({"type": "conversation.item.retrieve", "item_id": item_id}))
    assert gone["code"] == "item_retrieve_invalid_item_id"
    committed = facade.translate([said.SpeechStarted(2, 0), said.SpeechStopped(2, 1)])[2]
    assert (committed["type"], committed["previous_item_id"]) == ("input_audio_buffer.committed", None)


def test_an_endless_conversation_keeps_a_bounded_number_of_items() -> None:
    facade = new_facade()
    ids: list[str] = []
    for number in range(KEEP_ITEMS + 50):
        events = facade.translate([said.SpeechStarted(number, 0), said.SpeechStopped(number, 500)])
        ids.append(events[0]["item_id"])
        assert events[2]["previous_item_id"] == (ids[-2] if number else None)
    refused = refusal(facade, json.dumps({"type": "conversation.item.retrieve", "item_id": ids[0]}))
    assert refused["code"] == "item_retrieve_invalid_item_id"
    assert ask(facade, "conversation.item.retrieve", item_id=ids[-1]).events[0]["item"]["id"] == ids[-1]


def test_frames_are_reported_in_groups_and_before_the_end() -> None:
    facade = new_facade(Extras(frames=True))
    frame = said.FrameTiming(480, 0.12345, 1.0, 2.0, 3.0, 2, False)
    events = facade.translate([said.ResponseStarted(1, 1), *[frame] * 60])
    assert [len(event["frames"]) for event in events if event["type"] == "voicert.frames"] == [25, 25]
    last = facade.translate([done(1, "")])
    assert [event["type"] for event in last[:1] + last[-1:]] == ["voicert.frames", "response.done"]
    assert len(last[0]["frames"]) == 10
    assert last[0]["frames"][0]["queue_ms"] == 0.123


def test_a_failed_session_says_so() -> None:
    (event,) = new_facade().translate([said.SessionFailed("model_error", "the model could not go on")])
    assert (event["type"], event["error"]["type"], event["error"]["code"]) == (
        "error", "server_error", "model_error",
    )  # fmt: skip


KINDS = ("session.update", "response.cancel", "conversation.item.truncate", "voicert.heard", "x")
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
NAMES = st.text(max_size=5) | st.sampled_from(
    ["audio", "input", "output", "turn_detection", "format", "type", "rate", "voice", "voicert", "tools"]
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(KINDS)},
        optional={
            "session": st.dictionaries(NAMES, VALUES, max_size=5),
            "item_id": VALUES,
            "audio_end_ms": VALUES,
            "heard_samples": VALUES,
            "event_id": VALUES,
            "response_id": VALUES,
        },
    )
)
def test_any_json_gets_a_sendable_answer_and_never_an_exception(message: dict[str, Any]) -> None:
    outcome = new_facade().receive(json.dumps(message))
    assert len(outcome.events) <= 1
    for event in outcome.events:
        assert event["event_id"].startswith("event_")
        json.dumps(event).encode("ascii")


@settings(deadline=None)
@given(st.text() | st.binary())
def test_any_message_is_survived(message: str | bytes) -> None:
    assert new_facade().receive(message).events[0]["type"] == "error"
