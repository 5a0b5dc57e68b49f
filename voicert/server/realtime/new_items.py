"""Reading ``conversation.item.create``: an item that a client puts into the conversation."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping

from voicert.server.realtime.capabilities import Capabilities
from voicert.server.realtime.items import Body, Call, CallOutput, Heard, Typed
from voicert.server.realtime.reading import Fields, Refused

MAX_ID = 512  # characters of an id
MAX_ITEM_TEXT = 32_768  # characters of one item; they are kept
_MAX_PARTS = 64
_TEXT_PARTS = {"user": ("input_text", "text"), "system": ("input_text", "text")}
_ASSISTANT_PARTS = ("output_text", "text")


def read_item(item: Fields, can: Capabilities) -> tuple[str | None, Body]:
    """The id, if the client gave one, and the content of an item.

    Raises:
        Refused: a field is missing or wrong, or the item holds what cannot be taken in.
    """
    kind = item.choice("type", tuple(_READERS)) or "message"
    item_id = item.text("id", MAX_ID)
    if item_id == "":
        raise item.wrong_value("id", "at least one character")
    item.choice("object", ("realtime.item",))
    item.choice("status", ("completed", "incomplete", "in_progress"))
    body = _READERS[kind](item, can)
    item.finish()
    return item_id, body


def _message(item: Fields, can: Capabilities) -> Body:
    role = item.need_choice("role", ("user", "assistant", "system"))
    parts = item.objects("content", _MAX_PARTS)
    if parts is None:
        raise item.missing("content")
    if role == "user" and any(part.data.get("type") == "input_audio" for part in parts):
        return Heard(sound=b"".join(_sound(part) for part in parts))
    texts = tuple(_text(part, role, can) for part in parts)
    if sum(map(len, texts)) > MAX_ITEM_TEXT:
        name = item.name("content")
        raise Refused(f"'{name}' is longer than {MAX_ITEM_TEXT} characters.", "string_above_max_length", name)
    match role:
        case "user":
            return Typed("user", texts)
        case "assistant":
            return Typed("assistant", texts)
        case _:
            return Typed("system", texts)


def _text(part: Fields, role: str, can: Capabilities) -> str:
    """The text of one content part."""
    kind = part.need_text("type", MAX_ID)
    if kind == "input_image":
        raise can.lacks("The model cannot see images", part.name("type"))
    if kind in ("input_audio", "output_audio", "audio"):
        name = part.name("type")
        message = f"'{name}': only a user's message can hold sound, as 'input_audio'."
        raise Refused(message, "unsupported_value", name)
    wanted = _TEXT_PARTS.get(role, _ASSISTANT_PARTS)
    if kind not in wanted:
        raise part.wrong_value("type", f"'{wanted[0]}' in a message with the role '{role}'")
    text = part.need_text("text", MAX_ITEM_TEXT)
    part.finish(ignored=("id", "audio", "transcript", "image_url", "detail", "annotations"))
    return text


def _sound(part: Fields) -> bytes:
    """The sound of one content part, in the session's input format."""
    if part.need_text("type", MAX_ID) != "input_audio":
        raise part.wrong_value("type", "'input_audio', as in the other parts: one message is spoken or typed")
    sound = read_sound(part)
    part.finish(ignored=("id", "transcript"))
    return sound


def read_sound(given: Fields) -> bytes:
    """The field ``audio``.

    Raises:
        Refused: code ``invalid_audio``, it is no base64.
    """
    text = given.need_text("audio", max_length=1 << 40)  # the message size is the limit
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        name = given.name("audio")
        raise Refused(f"'{name}' is not valid base64: {error}.", "invalid_audio", name) from error


def _call(item: Fields, can: Capabilities) -> Body:
    name, arguments = (item.need_text("name", 64), item.need_text("arguments", MAX_ITEM_TEXT))
    return Call(item.text("call_id", MAX_ID) or "", name, arguments)


def _call_output(item: Fields, can: Capabilities) -> Body:
    return CallOutput(item.need_text("call_id", MAX_ID), item.need_text("output", MAX_ITEM_TEXT))


_READERS: Mapping[str, Callable[[Fields, Capabilities], Body]] = {
    "message": _message,
    "function_call": _call,
    "function_call_output": _call_output,
}
