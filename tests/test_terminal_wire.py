"""What a server may send, as events."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from voicert_clients.connection import first_target_ms, realtime_url
from voicert_clients.errors import Disconnected, WireError
from voicert_clients.messages import audio_message
from voicert_clients.pcm import pcm_from_base64, pcm_to_base64
from voicert_clients.wire import (
    AudioDelta,
    AudioDone,
    Event,
    Frames,
    FrameTiming,
    Other,
    ResponseDone,
    ResponsePaused,
    ResponseResumed,
    ResponseStarted,
    ServerError,
    SessionReady,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    TextDone,
    TurnTiming,
    UserDone,
    UserText,
    UserTyped,
    parse_event,
)

TURN_DETECTION = {"interrupt_response": False}
SESSION = {"model": "nano", "audio": {"input": {"turn_detection": TURN_DETECTION}}, "voicert": {}}
NO_DETECTION = {"audio": {"input": {"turn_detection": None}}}
DONE = {"id": "r", "status": "completed", "status_details": None}
CUT = {"id": "r", "status": "cancelled", "status_details": {"reason": "turn_detected"}}
STEPS_MS = {"queue_ms": 1, "encode_ms": 2, "model_ms": 3, "decode_ms": 4}
FRAME = {"input_samples": 480, **STEPS_MS, "batch": 1, "late": True}
FULL = {"type": "server_error", "code": "at_capacity", "message": "Full."}
NO_CODE = {"type": "server_error", "code": None, "message": "No."}
SPOKEN = {"id": "u", "role": "user", "content": [{"type": "input_audio", "transcript": None}]}
TYPED = {"id": "t", "role": "user", "content": [{"type": "input_text", "text": "what time"}]}
HELD = {"response_id": "r", "item_id": "i"}
BUFFER, HEARD = "input_audio_buffer", "conversation.item.input_audio_transcription"


@pytest.mark.parametrize(
    ("kind", "fields", "event"),
    [
        ("session.created", {"session": SESSION}, SessionReady("nano", False, True)),
        ("session.updated", {"session": {}}, SessionReady("", True, False)),
        ("session.created", {"session": NO_DETECTION}, SessionReady("", True, False)),
        (f"{BUFFER}.speech_started", {"item_id": "u", "audio_start_ms": 40}, SpeechStarted("u", 40.0)),
        (f"{BUFFER}.speech_stopped", {"item_id": "u", "audio_end_ms": 90}, SpeechStopped(90.0)),
        (f"{HEARD}.delta", {"item_id": "u", "delta": " hi"}, UserText("u", " hi")),
        (f"{HEARD}.completed", {"item_id": "u", "transcript": "hi"}, UserDone("u", "hi")),
        ("response.created", {"response": {"id": "r"}}, ResponseStarted("r")),
        (
            "response.output_audio_transcript.delta",
            {"response_id": "r", "delta": "one"},
            TextDelta("r", "one"),
        ),
        (
            "response.output_audio_transcript.done",
            {"response_id": "r", "transcript": "one two"},
            TextDone("r", "one two"),
        ),
        ("response.output_audio.done", {"response_id": "r", "item_id": "i"}, AudioDone("i")),
        ("response.done", {"response": DONE}, ResponseDone("r", "completed", "")),
        ("response.done", {"response": CUT}, ResponseDone("r", "cancelled", "turn_detected")),
        ("voicert.turn.timing", {"response_id": "r", "input_end_ms": 12.5}, TurnTiming("r", 12.5)),
        ("voicert.turn.timing", {"response_id": "r", "input_end_ms": None}, TurnTiming("r", None)),
        ("voicert.frames", {"frames": [FRAME]}, Frames((FrameTiming(480, 1, 2, 3, 4, True),))),
        ("error", {"error": FULL}, ServerError("at_capacity", "Full.")),
        ("error", {"error": NO_CODE}, ServerError("server_error", "No.")),
        ("conversation.item.done", {}, Other("conversation.item.done")),
        ("conversation.item.added", {"item": SPOKEN}, Other("conversation.item.added")),
        ("conversation.item.added", {"item": TYPED}, UserTyped("t", "what time")),
        ("voicert.response.paused", {**HELD, "input_ms": 940}, ResponsePaused("r", "i", 940.0)),
        ("voicert.response.paused", HELD, ResponsePaused("r", "i", None)),
        ("voicert.response.resumed", HELD, ResponseResumed("r", "i")),
    ],
)
def test_events(kind: str, fields: dict[str, Any], event: Event) -> None:
    assert parse_event(json.dumps({"type": kind, **fields})) == event


def audio(delta: str, **extra: Any) -> str:
    body = {"type": "response.output_audio.delta", "response_id": "r", "item_id": "i", "delta": delta}
    return json.dumps({**body, **extra})


@pytest.mark.parametrize("extra", [{}, {"voicert": {"input_samples": 960}}])
def test_audio(extra: dict[str, Any]) -> None:
    pcm = np.array([0.0, 0.5, -1.0], np.float32)
    event = parse_event(audio(pcm_to_base64(pcm), **extra))
    assert isinstance(event, AudioDelta)
    np.testing.assert_array_equal(event.pcm, pcm)
    assert (event.response_id, event.item_id) == ("r", "i")
    assert event.input_samples == (960 if extra else None)


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("{", "not JSON"),
        ("[]", "without a type"),
        ('{"type": 3}', "without a type"),
        ('{"type": "response.created"}', "malformed response.created"),
        ('{"type": "response.created", "response": []}', "malformed response.created"),
        (audio("%%"), "cannot be read"),
        (audio("QQ=="), "cannot be read"),
    ],
)
def test_what_is_no_protocol_is_named(message: str, says: str) -> None:
    with pytest.raises(WireError, match=says):
        parse_event(message)


def test_samples_survive_the_wire_exactly() -> None:
    every = np.arange(-32_768, 32_768, dtype=np.int16)
    pcm = every.astype(np.float32) / 32_768
    np.testing.assert_array_equal(pcm_from_base64(pcm_to_base64(pcm)), pcm)


def test_what_is_too_loud_is_clipped() -> None:
    message = json.loads(audio_message(np.array([2.0, -2.0], np.float32)))
    assert message["type"] == "input_audio_buffer.append"
    assert base64.b64decode(message["audio"]) == b"\xff\x7f\x00\x80"


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("http://127.0.0.1:8400", "ws://127.0.0.1:8400/v1/realtime?voicert=timing,frames,playback"),
        ("https://home.example/", "wss://home.example/v1/realtime?voicert=timing,frames,playback"),
        ("localhost:8400", "ws://localhost:8400/v1/realtime?voicert=timing,frames,playback"),
        ("ws://h/realtime?model=x", "ws://h/realtime?model=x&voicert=timing,frames,playback"),
        ("ws://h/v1/realtime?voicert=timing", "ws://h/v1/realtime?voicert=timing"),
        ("ws://[::1]:8400", "ws://[::1]:8400/v1/realtime?voicert=timing,frames,playback"),
    ],
)
def test_addresses(given: str, address: str) -> None:
    assert realtime_url(given) == address


@pytest.mark.parametrize("given", ["ftp://h", "ws://", "http://[", "ws://h:99999999"])
def test_what_is_no_address_is_named(given: str) -> None:
    with pytest.raises(Disconnected, match="no server address"):
        realtime_url(given)


@pytest.mark.parametrize(
    ("url", "target_ms"),
    [
        ("ws://localhost:1", 30),
        ("http://127.0.0.9:8400", 30),
        ("ws://[::1]:1", 30),
        ("wss://home.example", 60),
    ],
)
def test_the_buffer_is_short_on_this_computer(url: str, target_ms: int) -> None:
    assert first_target_ms(url) == target_ms
