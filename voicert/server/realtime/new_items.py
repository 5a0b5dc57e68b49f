"""Reading ``conversation.item.create``: an item that a client puts into the conversation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from voicert.server.realtime.capabilities import Capabilities
from voicert.server.realtime.items import Body, Call, CallOutput, Typed
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
        message = f"'{name}': sound cannot be put in as an item; send it with 'input_audio_buffer.append'."
        raise Refused(message, "unsupported_value", name)
    wanted = _TEXT_PARTS.get(role, _ASSISTANT_PARTS)
    if kind not in wanted:
        raise part.wrong_value("type", f"'{wanted[0]}' in a message with the role '{role}'")
    text = part.need_text("text", MAX_ITEM_TEXT)
    part.finish(ignored=("id", "audio", "transcript", "image_url", "detail", "annotations"))
    return text


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
