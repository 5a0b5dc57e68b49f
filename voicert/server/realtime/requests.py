"""What a client may ask: one frozen dataclass per client event, read from a decoded message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from voicert.server.realtime.new_items import MAX_ID, read_sound
from voicert.server.realtime.reading import Fields, Refused


@dataclass(frozen=True)
class Update:
    """``session.update``"""

    session: dict[str, Any]


@dataclass(frozen=True)
class Append:
    """``input_audio_buffer.append``"""

    sound: bytes  # in the session's input format


@dataclass(frozen=True)
class CommitInput:
    """``input_audio_buffer.commit``"""


@dataclass(frozen=True)
class Clear:
    """``input_audio_buffer.clear``"""


@dataclass(frozen=True)
class Create:
    """``conversation.item.create``"""

    item: Fields
    previous_item_id: str | None  # None: at the end; "root": at the beginning


@dataclass(frozen=True)
class Ask:
    """``response.create``"""

    response: Fields | None


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
class Played:
    """``voicert.heard``: how much of an assistant item the listener's speaker has played."""

    item_id: str
    heard_samples: int  # 24 kHz
    stopped: bool  # the speaker stands still


Request: TypeAlias = (
    Update | Append | CommitInput | Clear | Create | Ask | Cancel | Retrieve | Delete | Truncate | Played
)


def read_request(data: dict[str, Any]) -> Request:
    """The request in a decoded message.

    Raises:
        Refused: the event is unknown, or a field is missing or of the wrong type or value.
    """
    fields = Fields(data)
    kind = fields.need_text("type")
    fields.text("event_id", MAX_ID)
    if kind == "output_audio_buffer.clear":
        message = f"'{kind}' is for WebRTC connections; here the client holds the sound it has received."
        raise Refused(message, "unsupported_event", "type")
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
        raise fields.missing("session")
    return Update(session.data)


def _append(fields: Fields) -> Append:
    return Append(read_sound(fields))


def _commit(fields: Fields) -> CommitInput:
    return CommitInput()


def _clear(fields: Fields) -> Clear:
    return Clear()


def _create(fields: Fields) -> Create:
    item = fields.child("item")
    if item is None:
        raise fields.missing("item")
    return Create(item, fields.text("previous_item_id", MAX_ID))


def _ask(fields: Fields) -> Ask:
    return Ask(fields.child("response"))


def _cancel(fields: Fields) -> Cancel:
    return Cancel(fields.text("response_id", MAX_ID))


def _retrieve(fields: Fields) -> Retrieve:
    return Retrieve(fields.need_text("item_id", MAX_ID))


def _delete(fields: Fields) -> Delete:
    return Delete(fields.need_text("item_id", MAX_ID))


def _truncate(fields: Fields) -> Truncate:
    _content_index(fields)
    return Truncate(fields.need_text("item_id", MAX_ID), max(0, fields.need_whole("audio_end_ms")))


def _played(fields: Fields) -> Played:
    _content_index(fields)
    samples = fields.need_whole("heard_samples")
    if samples < 0:
        raise fields.wrong_value("heard_samples", "a number of samples, 0 or more")
    return Played(fields.need_text("item_id", MAX_ID), samples, fields.flag("stopped") or False)


def _content_index(fields: Fields) -> None:
    """Every item here has one content part, so the index is 0."""
    if fields.whole("content_index") not in (None, 0):
        raise fields.wrong_value("content_index", "0")


_READERS: Mapping[str, Callable[[Fields], Request]] = {
    "session.update": _update,
    "input_audio_buffer.append": _append,
    "input_audio_buffer.commit": _commit,
    "input_audio_buffer.clear": _clear,
    "conversation.item.create": _create,
    "conversation.item.retrieve": _retrieve,
    "conversation.item.truncate": _truncate,
    "conversation.item.delete": _delete,
    "response.create": _ask,
    "response.cancel": _cancel,
    "voicert.heard": _played,
}
