"""One setting: what it is called in each place that can give it, and which values it takes from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from voicert.errors import ConfigError


@dataclass(frozen=True)
class About:
    """The comment of a field, which is its ``--help`` text too, and the values it allows."""

    text: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False  # of a text: whether it may be empty
    secret: bool = False  # its value is never shown


@dataclass(frozen=True)
class Setting:
    """One leaf of the tree, as the command line, the environment and the file see it."""

    section: str
    name: str
    kind: Any  # the annotated type: bool, int, float, str, Path | None or tuple[str, ...]
    default: object
    about: About

    @property
    def flag(self) -> str:
        """The command line option, such as ``--max-sessions``."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable, such as ``VOICERT_MAX_SESSIONS``."""
        return "VOICERT_" + self.name.upper()


_TRUTH = {
    "yes": True,
    "true": True,
    "on": True,
    "1": True,
    "no": False,
    "false": False,
    "off": False,
    "0": False,
}


def from_text(setting: Setting, text: str, source: str) -> object:
    """A value written as text on the command line or in the environment."""
    kind = _base(setting.kind)
    if kind is Path:
        return Path(text).expanduser() if text else None
    if kind is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if kind is str:
        return _checked(setting, text, source)
    if kind is bool:
        if text.lower() not in _TRUTH:
            raise ConfigError(f"{source} must be {_wanted(setting)}, not {text!r}.")
        return _TRUTH[text.lower()]
    try:
        number = kind(text)
    except ValueError:
        raise ConfigError(f"{source} must be {_wanted(setting)}, not {text!r}.") from None
    return _checked(setting, number, source)


def from_toml(setting: Setting, value: object, source: str) -> object:
    """A value that TOML has already typed."""
    kind = _base(setting.kind)
    if kind is tuple and isinstance(value, list):
        parts = cast(list[object], value)
        if all(isinstance(part, str) for part in parts):
            return tuple(parts)
    elif kind is Path and isinstance(value, str):
        return Path(value).expanduser() if value else None
    elif kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return _checked(setting, float(value), source)
    elif isinstance(value, bool):
        if kind is bool:
            return value
    elif isinstance(value, kind):
        return _checked(setting, value, source)
    shown = "" if setting.about.secret else f", not {value!r}"
    raise ConfigError(f"{source} must be {_wanted(setting)}{shown}.")


def _checked(setting: Setting, value: Any, source: str) -> object:
    outside_choices = bool(setting.about.choices) and value not in setting.about.choices
    too_low = setting.about.low is not None and not value >= setting.about.low  # "not >=" refuses nan too
    too_high = setting.about.high is not None and not value <= setting.about.high
    empty = (value == "" and not setting.about.optional) or value == float("inf")
    if outside_choices or too_low or too_high or empty:
        raise ConfigError(f"{source} must be {_wanted(setting)}, not {value!r}.")
    return value


def _wanted(setting: Setting) -> str:
    """What a setting accepts, to complete "must be …"."""
    if setting.about.choices:
        return "one of " + ", ".join(setting.about.choices)
    kind = _base(setting.kind)
    noun = _NOUNS.get(kind, "a list of texts")
    if setting.about.low is not None and setting.about.high is not None:
        return f"{noun} from {setting.about.low:.15g} to {setting.about.high:.15g}"
    return noun if setting.about.low is None else f"{noun} of at least {setting.about.low:.15g}"


_NOUNS: Mapping[Any, str] = {
    bool: "yes or no",
    int: "a whole number",
    float: "a number",
    str: "a text that is not empty",
    Path: "a path",
}


def _base(kind: Any) -> Any:
    """``Path | None`` → Path, ``tuple[str, ...]`` → tuple, others as they are."""
    if kind in (bool, int, float, str):
        return kind
    args = get_args(kind)
    return Path if Path in args else tuple
