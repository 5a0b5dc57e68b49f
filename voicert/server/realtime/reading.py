"""Reading what a client sent: typed fields of JSON objects, and refusals that name the one at fault."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any, NoReturn, cast

MAX_TEXT = 65_536  # characters of any one text that is kept or sent back


class Refused(Exception):  # noqa: N818 - a refusal is an answer to the client, not a failure of the server
    """A client's message cannot be carried out; becomes one ``error`` event.

    Args:
        message: a sentence for the developer of the client.
        code: stable machine-readable name.
        param: dotted path of the field at fault, such as ``session.audio.input.format.rate``.
    """

    def __init__(self, message: str, code: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.param = param


def error_event(
    message: object,
    code: str,
    param: str | None = None,
    event_id: str | None = None,
    kind: str = "invalid_request_error",
) -> dict[str, Any]:
    """An ``error`` event; ``event_id`` is that of the client's message at fault."""
    error = {"type": kind, "code": code, "message": str(message), "param": param, "event_id": event_id}
    return {"type": "error", "error": error}


def decode(message: str | bytes) -> dict[str, Any]:
    """The JSON object of one WebSocket message.

    Raises:
        Refused: code ``invalid_json``.
    """
    if isinstance(message, bytes):
        raise Refused("Messages must be text frames that hold JSON; this one was binary.", "invalid_json")
    try:
        data = json.loads(message, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        detail = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refused(f"The message is not valid JSON: {detail}.", "invalid_json") from error
    if not isinstance(data, dict):
        raise Refused("The message must be a JSON object with a 'type'.", "invalid_json")
    return cast(dict[str, Any], data)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class Fields:
    """The fields of one JSON object; each reader checks the type and refuses by the field's full name.

    Readers give None where the field is absent or null; `need_…` refuses then; `finish` refuses leftovers.
    """

    def __init__(self, data: dict[str, Any], path: str = "") -> None:
        self.data = data
        self.path = path
        self.seen: set[str] = set()

    def name(self, key: str) -> str:
        """Dotted path of a field."""
        return f"{self.path}.{key}" if self.path else key

    def is_null(self, key: str) -> bool:
        """Whether the field is there and null."""
        self.seen.add(key)
        return key in self.data and self.data[key] is None

    def text(self, key: str, max_length: int = MAX_TEXT) -> str | None:
        value = self._typed(key, str, "a string")
        if value is not None and len(value) > max_length:
            message = f"'{self.name(key)}' is longer than {max_length} characters."
            raise Refused(message, "string_above_max_length", self.name(key))
        return value

    def need_text(self, key: str, max_length: int = MAX_TEXT) -> str:
        return self._needed(key, self.text(key, max_length))

    def flag(self, key: str) -> bool | None:
        return self._typed(key, bool, "true or false")

    def whole(self, key: str) -> int | None:
        value = self._typed(key, (int, float), "an integer")
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, float) and value.is_integer():
            return int(value)
        raise self.wrong_type(key, "an integer")

    def need_whole(self, key: str) -> int:
        return self._needed(key, self.whole(key))

    def number(self, key: str, low: float, high: float) -> float | None:
        value = self._typed(key, (int, float), "a number")
        if isinstance(value, bool):
            raise self.wrong_type(key, "a number")
        if value is not None and not low <= value <= high:
            raise self.wrong_value(key, f"a number from {low:g} to {high:g}")
        return value

    def choice(self, key: str, choices: Iterable[str]) -> str | None:
        value = self.text(key)
        if value is not None and value not in choices:
            raise self.wrong_value(key, "one of " + ", ".join(f"'{choice}'" for choice in choices))
        return value

    def need_choice(self, key: str, choices: Iterable[str]) -> str:
        return self._needed(key, self.choice(key, choices))

    def child(self, key: str) -> Fields | None:
        """The fields of an object inside this one."""
        value = self._typed(key, dict, "an object")
        return None if value is None else Fields(value, self.name(key))

    def array(self, key: str) -> list[Any] | None:
        return self._typed(key, list, "an array")

    def objects(self, key: str, most: int) -> list[Fields] | None:
        """The fields of each object of an array of at most so many."""
        listed = self.array(key)
        if listed is None:
            return None
        name = self.name(key)
        if len(listed) > most:
            message = f"'{name}' has {len(listed)} entries; at most {most} are allowed."
            raise Refused(message, "array_above_max_length", name)
        for at, entry in enumerate(listed):
            if not isinstance(entry, dict):
                message = f"Invalid type for '{name}[{at}]': expected an object, got {_kind(entry)}."
                raise Refused(message, "invalid_type", f"{name}[{at}]")
        return [Fields(entry, f"{name}[{at}]") for at, entry in enumerate(listed)]

    def finish(self, ignored: Collection[str] = ()) -> None:
        """Refuses the first field that nobody asked for and that is not in ``ignored``."""
        for key in self.data:
            if key not in self.seen and key not in ignored:
                name = self.name(key)[:200]
                raise Refused(f"Unknown parameter: '{name}'.", "unknown_parameter", name)

    def missing(self, key: str) -> Refused:
        name = self.name(key)
        return Refused(f"Missing required parameter: '{name}'.", "missing_required_parameter", name)

    def wrong_type(self, key: str, wanted: str) -> Refused:
        name = self.name(key)
        message = f"Invalid type for '{name}': expected {wanted}, got {_kind(self.data[key])}."
        return Refused(message, "invalid_type", name)

    def wrong_value(self, key: str, wanted: str) -> Refused:
        name = self.name(key)
        got = json.dumps(self.data.get(key))[:100]
        return Refused(f"Invalid value for '{name}': expected {wanted}, got {got}.", "invalid_value", name)

    def _typed(self, key: str, kinds: type | tuple[type, ...], wanted: str) -> Any:
        self.seen.add(key)
        value = self.data.get(key)
        if value is not None and not isinstance(value, kinds):
            raise self.wrong_type(key, wanted)
        return value

    def _needed(self, key: str, value: Any) -> Any:
        if value is None:
            raise self.missing(key)
        return value


def _kind(value: object) -> str:
    match value:
        case dict():
            return "an object"
        case list():
            return "an array"
        case str():
            return "a string"
        case None:
            return "null"
        case bool():
            return "a boolean"
        case _:
            return "a number"
