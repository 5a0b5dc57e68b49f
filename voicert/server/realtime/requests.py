"""What a client may ask: one frozen dataclass per client event, read from a decoded message."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from voicert.server.realtime.reading import Fields, Refused

MAX_ID = 512  # characters of an id


@dataclass(frozen=True)
class Update:
    """``session.update``"""

    session: dict[str, Any]


@dataclass(frozen=True)
class Append:
    """``input_audio_buffer.append``"""

    pcm: NDArray[np.float32]  # [n] 24 kHz, full scale is -1..1


@dataclass(frozen=True)
class Clear:
    """``input_audio_buffer.clear``"""


@dataclass(frozen=True)
class Cancel:
    """``response.cancel``"""

    response_id: str | None  # None: whatever is in progress


@dataclass(frozen=True)
class Retrieve:
    """``conversation.item.retrieve``"""

    item_id: str


@dataclass(frozen=True)
class Delete:
    """``conversation.item.delete``"""

    item_id: str


@dataclass(frozen=True)
class Truncate:
    """``conversation.item.truncate``"""

    item_id: str
    audio_end_ms: int


@dataclass(frozen=True)
class Heard:
    """``voicert.heard``: how much of an assistant item the listener's speaker has played."""

    item_id: str
    heard_samples: int  # 24 kHz


Request: TypeAlias = Update | Append | Clear | Cancel | Retrieve | Delete | Truncate | Heard

# Client events of the protocol that this server cannot carry out, and why.
_UNSUPPORTED: Mapping[str, str] = {
    "input_audio_buffer.commit": "The model listens all the time and turns are detected by the server: "
    "there is nothing to commit.",
    "conversation.item.create": "The model takes spoken input only.",
    "response.create": "The model decides by itself when to answer and cannot be asked for a response.",
    "output_audio_buffer.clear": "This event is for WebRTC connections.",
}


def read_request(data: dict[str, Any]) -> Request:
    """The request in a decoded message.

    Raises:
        Refused: the event is unknown or unsupported, or a field is missing or of the wrong type or value.
    """
    fields = Fields(data)
    kind = fields.need_text("type")
    fields.text("event_id", MAX_ID)
    if kind in _UNSUPPORTED:
        raise Refused(f"'{kind}' is not supported: {_UNSUPPORTED[kind]}", "unsupported_event", "type")
    reader = _READERS.get(kind)
    if reader is None:
        known = ", ".join(_READERS)
        raise Refused(f"Unknown event type '{kind[:100]}'; known are {known}.", "unknown_event", "type")
    request = reader(fields)
    fields.finish()
    return request


def _update(fields: Fields) -> Update:
    session = fields.child("session")
    if session is None:
        raise Refused("Missing required parameter: 'session'.", "missing_required_parameter", "session")
    return Update(session.data)


def _append(fields: Fields) -> Append:
    text = fields.need_text("audio", max_length=1 << 40)  # the message size is the limit
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(f"'audio' is not valid base64: {error}.", "invalid_audio", "audio") from error
    if len(raw) % 2:
        message = f"'audio' must hold 16-bit samples, an even number of bytes, not {len(raw)}."
        raise Refused(message, "invalid_audio", "audio")
    return Append(np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32_768.0))


def _clear(fields: Fields) -> Clear:
    return Clear()


def _cancel(fields: Fields) -> Cancel:
    return Cancel(fields.text("response_id", MAX_ID))


def _retrieve(fields: Fields) -> Retrieve:
    return Retrieve(fields.need_text("item_id", MAX_ID))


def _delete(fields: Fields) -> Delete:
    return Delete(fields.need_text("item_id", MAX_ID))


def _truncate(fields: Fields) -> Truncate:
    _content_index(fields)
    return Truncate(fields.need_text("item_id", MAX_ID), max(0, fields.need_whole("audio_end_ms")))


def _heard(fields: Fields) -> Heard:
    _content_index(fields)
    samples = fields.need_whole("heard_samples")
    if samples < 0:
        raise fields.wrong_value("heard_samples", "a number of samples, 0 or more")
    return Heard(fields.need_text("item_id", MAX_ID), samples)


def _content_index(fields: Fields) -> None:
    """Every item here has one content part, so the index is 0."""
    if fields.whole("content_index") not in (None, 0):
        raise fields.wrong_value("content_index", "0")


_READERS: Mapping[str, Callable[[Fields], Request]] = {
    "session.update": _update,
    "input_audio_buffer.append": _append,
    "input_audio_buffer.clear": _clear,
    "response.cancel": _cancel,
    "conversation.item.retrieve": _retrieve,
    "conversation.item.delete": _delete,
    "conversation.item.truncate": _truncate,
    "voicert.heard": _heard,
}
