"""What the server tells a client without a screen: JSON text in, events out. No I/O.

Names and shapes are those of the OpenAI Realtime protocol; the extras, all named ``voicert``, are absent
with other servers, and every field that comes from them may then be None.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

from voicert_clients.errors import WireError
from voicert_clients.pcm import Pcm, pcm_from_base64


@dataclass(frozen=True)
class SessionReady:
    """``session.created`` or ``session.updated``."""

    model: str
    interrupts: bool  # the server cancels an answer when the user speaks over it
    voicert: bool  # it is one of ours: answers come as fast as they are spoken, and the extras are there


@dataclass(frozen=True)
class SpeechStarted:
    item_id: str  # of the user's turn that begins
    audio_start_ms: float  # on the clock of the input samples


@dataclass(frozen=True)
class SpeechStopped:
    audio_end_ms: float  # on the clock of the input samples


@dataclass(frozen=True)
class UserText:
    item_id: str
    delta: str


@dataclass(frozen=True)
class UserDone:
    item_id: str
    transcript: str


@dataclass(frozen=True)
class UserTyped:
    """The server has taken text that the user typed."""

    item_id: str
    text: str


@dataclass(frozen=True)
class ResponseStarted:
    response_id: str


@dataclass(frozen=True)
class AudioDelta:
    response_id: str
    item_id: str
    pcm: Pcm
    input_samples: int | None  # input consumed when this audio was generated


@dataclass(frozen=True)
class TextDelta:
    response_id: str
    delta: str


@dataclass(frozen=True)
class TextDone:
    """The whole transcript of an answer; of an interrupted one, what was heard of it."""

    response_id: str
    transcript: str


@dataclass(frozen=True)
class AudioDone:
    item_id: str


@dataclass(frozen=True)
class ResponseDone:
    response_id: str
    status: str  # completed, cancelled, incomplete or failed
    reason: str  # why it was not completed, "" when it was


@dataclass(frozen=True)
class ResponsePaused:
    """The server may be interrupted: the speaker falls silent, and keeps what it has."""

    response_id: str
    item_id: str
    input_ms: float | None = None  # when it was decided, on the clock of the input samples


@dataclass(frozen=True)
class ResponseResumed:
    """It was no interruption: the speaker goes on where it stopped."""

    response_id: str
    item_id: str


@dataclass(frozen=True)
class TurnTiming:
    """When the server heard the user end and when it answered, in ms of the input clock."""

    response_id: str
    input_end_ms: float | None


@dataclass(frozen=True)
class FrameTiming:
    """How long the server took over one frame."""

    input_samples: int  # input consumed up to the end of this frame
    queue_ms: float
    encode_ms: float
    model_ms: float
    decode_ms: float
    late: bool  # it missed its deadline


@dataclass(frozen=True)
class Frames:
    frames: tuple[FrameTiming, ...]


@dataclass(frozen=True)
class ServerError:
    code: str
    message: str


@dataclass(frozen=True)
class Other:
    """An event that needs nothing done."""

    type: str


Event = (
    SessionReady
    | SpeechStarted
    | SpeechStopped
    | UserText
    | UserDone
    | UserTyped
    | ResponseStarted
    | AudioDelta
    | TextDelta
    | TextDone
    | AudioDone
    | ResponseDone
    | ResponsePaused
    | ResponseResumed
    | TurnTiming
    | Frames
    | ServerError
    | Other
)


def parse_event(message: str | bytes) -> Event:
    """One message of the server as an event.

    Raises:
        WireError: it is not JSON, has no type, or lacks a field that its type must have.
    """
    try:
        body = json.loads(message)
    except ValueError as error:
        raise WireError(f"The server sent something that is not JSON: {error}.") from error
    if not isinstance(body, dict) or not isinstance(cast(dict[str, Any], body).get("type"), str):
        raise WireError("The server sent a message without a type.")
    event = cast(dict[str, Any], body)
    try:
        return _event(event["type"], event)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WireError(f"The server sent a malformed {event['type']} ({error!r}).") from error


def _event(kind: str, body: dict[str, Any]) -> Event:
    match kind:
        case "session.created" | "session.updated":
            return _session(body["session"])
        case "input_audio_buffer.speech_started":
            return SpeechStarted(str(body["item_id"]), float(body["audio_start_ms"]))
        case "input_audio_buffer.speech_stopped":
            return SpeechStopped(float(body["audio_end_ms"]))
        case "conversation.item.input_audio_transcription.delta":
            return UserText(str(body["item_id"]), str(body["delta"]))
        case "conversation.item.input_audio_transcription.completed":
            return UserDone(str(body["item_id"]), str(body["transcript"]))
        case "conversation.item.added":
            return _added(body["item"])
        case "response.created":
            return ResponseStarted(str(body["response"]["id"]))
        case "response.output_audio.delta":
            return _audio(body)
        case "response.output_audio_transcript.delta":
            return TextDelta(str(body["response_id"]), str(body["delta"]))
        case "response.output_audio_transcript.done":
            return TextDone(str(body["response_id"]), str(body["transcript"]))
        case "response.output_audio.done":
            return AudioDone(str(body["item_id"]))
        case "response.done":
            return _response_done(body["response"])
        case "voicert.response.paused":
            input_ms = body.get("input_ms")
            return ResponsePaused(
                str(body["response_id"]), str(body["item_id"]), None if input_ms is None else float(input_ms)
            )
        case "voicert.response.resumed":
            return ResponseResumed(str(body["response_id"]), str(body["item_id"]))
        case "voicert.turn.timing":
            end_ms = body.get("input_end_ms")
            return TurnTiming(str(body["response_id"]), None if end_ms is None else float(end_ms))
        case "voicert.frames":
            return Frames(tuple(_frame(frame) for frame in body["frames"]))
        case "error":
            error = body["error"]
            return ServerError(str(error.get("code") or error.get("type") or ""), str(error["message"]))
        case _:
            return Other(kind)


def _part(whole: dict[str, Any], name: str) -> dict[str, Any]:
    """An object inside another one, empty when it is absent or null."""
    return whole.get(name) or {}


def _session(session: dict[str, Any]) -> SessionReady:
    detection = _part(_part(_part(session, "audio"), "input"), "turn_detection")
    interrupts = bool(detection.get("interrupt_response", True))
    return SessionReady(str(session.get("model") or ""), interrupts, "voicert" in session)


def _added(item: dict[str, Any]) -> Event:
    content: list[dict[str, Any]] = item.get("content") or []
    parts = [str(part.get("text") or "") for part in content if part.get("type") == "input_text"]
    if item.get("role") != "user" or not parts:
        return Other("conversation.item.added")
    return UserTyped(str(item["id"]), " ".join(parts))


def _audio(body: dict[str, Any]) -> AudioDelta:
    input_samples = _part(body, "voicert").get("input_samples")
    return AudioDelta(
        str(body["response_id"]),
        str(body["item_id"]),
        pcm_from_base64(body["delta"]),
        None if input_samples is None else int(input_samples),
    )


def _response_done(response: dict[str, Any]) -> ResponseDone:
    reason = _part(response, "status_details").get("reason")
    return ResponseDone(str(response["id"]), str(response["status"]), str(reason or ""))


def _frame(frame: dict[str, Any]) -> FrameTiming:
    return FrameTiming(
        int(frame["input_samples"]),
        float(frame["queue_ms"]),
        float(frame["encode_ms"]),
        float(frame["model_ms"]),
        float(frame["decode_ms"]),
        bool(frame["late"]),
    )
