"""The effective configuration of one session: what `session.update` changes and `session.updated` shows.

Fields that change nothing here but do no harm (`voice`, `instructions`, `tracing` …) are accepted, since
stock clients send them by habit. What would mislead if it were ignored (tools, text output, another audio
format, turn detection by hand) is refused by name, and then nothing of that update takes effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from voicert.server.realtime.reading import Fields, Refused

SAMPLE_RATE_HZ = 24_000
_IGNORED = ("model", "include", "tracing", "truncation", "prompt", "reasoning", "parallel_tool_calls")


@dataclass(frozen=True)
class TurnDetection:
    """How turns are told apart. The model decides when to answer; these shape the events and interruption."""

    type: str = "server_vad"  # or "semantic_vad"
    silence_duration_ms: int = 500  # quiet that ends the user's turn
    interrupt_response: bool = True  # whether the user's speech cuts the assistant's
    threshold: float = 0.5  # shown as it was given; the detector has its own measure
    prefix_padding_ms: int = 300  # likewise: the model has always heard everything before
    eagerness: str = "auto"  # of semantic_vad, likewise

    def describe(self) -> dict[str, Any]:
        both = {"create_response": True, "interrupt_response": self.interrupt_response}
        if self.type == "semantic_vad":
            return {"type": self.type, "eagerness": self.eagerness, **both}
        return {
            "type": self.type,
            "threshold": self.threshold,
            "prefix_padding_ms": self.prefix_padding_ms,
            "silence_duration_ms": self.silence_duration_ms,
            "idle_timeout_ms": None,
            **both,
        }


@dataclass(frozen=True)
class Extras:
    """Our own additions to the protocol, for clients that ask."""

    timing: bool = False  # voicert.turn.timing, once per response
    frames: bool = False  # voicert.frames, what the engine spent on each frame


@dataclass(frozen=True)
class Settings:
    """Everything that a client can set, with what is in force."""

    turn_detection: TurnDetection = field(default_factory=TurnDetection)
    extras: Extras = field(default_factory=Extras)
    transcription: Mapping[str, Any] | None = field(default_factory=lambda: {"model": "voicert"})
    instructions: str = ""
    voice: str = "default"

    def describe(self, session_id: str, model: str) -> dict[str, Any]:
        """The full effective configuration, as ``session.created`` and ``session.updated`` carry it."""
        audio_format = {"type": "audio/pcm", "rate": SAMPLE_RATE_HZ}
        return {
            "type": "realtime",
            "object": "realtime.session",
            "id": session_id,
            "model": model,
            "output_modalities": ["audio"],
            "instructions": self.instructions,
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "tracing": None,
            "truncation": "auto",
            "prompt": None,
            "include": None,
            "audio": {
                "input": {
                    "format": audio_format,
                    "transcription": None if self.transcription is None else dict(self.transcription),
                    "noise_reduction": None,
                    "turn_detection": self.turn_detection.describe(),
                },
                "output": {"format": dict(audio_format), "voice": self.voice, "speed": 1.0},
            },
            "voicert": {"timing": self.extras.timing, "frames": self.extras.frames},
        }


def apply_update(settings: Settings, update: dict[str, Any]) -> Settings:
    """``settings`` with a partial ``session`` object laid over it.

    Raises:
        Refused: a field is unknown, of the wrong type or value, or asks for what is not supported.
    """
    session = Fields(update, "session")
    _only(session, "type", "realtime")
    _only_list(session, "output_modalities", ["audio"])
    _only_list(session, "tools", [])
    _max_output_tokens(session)
    _tool_choice(session)
    instructions = session.text("instructions")
    if instructions is not None:
        settings = replace(settings, instructions=instructions)
    extras = session.child("voicert")
    if extras is not None:
        settings = replace(settings, extras=_extras(settings.extras, extras))
    audio = session.child("audio")
    if audio is not None:
        settings = _audio(settings, audio)
    session.finish(ignored=_IGNORED)
    return settings


def _audio(settings: Settings, audio: Fields) -> Settings:
    source, sink = audio.child("input"), audio.child("output")
    audio.finish()
    if source is not None:
        _format(source)
        transcription = source.child("transcription")
        if transcription is not None:
            settings = replace(settings, transcription=_transcription(settings.transcription, transcription))
        elif source.is_null("transcription"):
            settings = replace(settings, transcription=None)
        turns = source.child("turn_detection")
        if turns is not None:
            settings = replace(settings, turn_detection=_turn_detection(settings.turn_detection, turns))
        elif source.is_null("turn_detection"):
            raise _unsupported(source, "turn_detection", "turns cannot be told by hand; use server_vad")
        source.finish(ignored=("noise_reduction",))
    if sink is not None:
        _format(sink)
        if sink.number("speed", 0.25, 1.5) not in (None, 1):
            raise _unsupported(sink, "speed", "the model speaks at its own speed, 1.0")
        settings = replace(settings, voice=_voice(sink) or settings.voice)
        sink.finish()
    return settings


def _format(side: Fields) -> None:
    """24 kHz 16-bit PCM is what there is."""
    audio_format = side.child("format")
    if audio_format is None:
        return
    _only(audio_format, "type", "audio/pcm")
    if audio_format.whole("rate") not in (None, SAMPLE_RATE_HZ):
        raise audio_format.wrong_value("rate", str(SAMPLE_RATE_HZ))
    audio_format.finish()


def _voice(sink: Fields) -> str | None:
    """A name, or an object with an id; there is one voice, whatever it is called."""
    if isinstance(sink.data.get("voice"), dict):
        voice = sink.child("voice")
        return None if voice is None else voice.need_text("id", 200)
    return sink.text("voice", 200)


def _transcription(before: Mapping[str, Any] | None, given: Fields) -> dict[str, Any]:
    """The model writes down what it heard; the names given are shown again and change nothing."""
    after = dict(before or {"model": "voicert"})
    for key in ("model", "language", "prompt"):
        value = given.text(key, 4096)
        if value is not None:
            after[key] = value
    given.finish(ignored=("delay", "keywords", "languages"))
    return after


def _turn_detection(before: TurnDetection, given: Fields) -> TurnDetection:
    kind = given.choice("type", ("server_vad", "semantic_vad")) or before.type
    if given.flag("create_response") is False:
        raise _unsupported(given, "create_response", "the model decides by itself when to answer")
    if given.whole("idle_timeout_ms") is not None:
        raise _unsupported(given, "idle_timeout_ms", "the model speaks only when it is spoken to")
    silence = given.number("silence_duration_ms", 20, 10_000)
    padding = given.number("prefix_padding_ms", 0, 10_000)
    threshold = given.number("threshold", 0.0, 1.0)
    interrupt = given.flag("interrupt_response")
    eagerness = given.choice("eagerness", ("low", "medium", "high", "auto"))
    given.finish()
    return TurnDetection(
        kind,
        before.silence_duration_ms if silence is None else round(silence),
        before.interrupt_response if interrupt is None else interrupt,
        before.threshold if threshold is None else threshold,
        before.prefix_padding_ms if padding is None else round(padding),
        before.eagerness if eagerness is None else eagerness,
    )


def _extras(before: Extras, given: Fields) -> Extras:
    timing, frames = given.flag("timing"), given.flag("frames")
    given.finish()
    return Extras(
        before.timing if timing is None else timing,
        before.frames if frames is None else frames,
    )


def _max_output_tokens(session: Fields) -> None:
    limit = session.data.get("max_output_tokens")
    if limit != "inf" and session.whole("max_output_tokens") is not None:
        raise _unsupported(session, "max_output_tokens", "answers cannot be limited; use 'inf'")
    session.seen.add("max_output_tokens")


def _tool_choice(session: Fields) -> None:
    if isinstance(session.data.get("tool_choice"), dict):
        raise _unsupported(session, "tool_choice", "the model calls no tools")
    session.choice("tool_choice", ("auto", "none"))


def _only(fields: Fields, key: str, value: str) -> None:
    if fields.text(key) not in (None, value):
        raise fields.wrong_value(key, f"'{value}'")


def _only_list(fields: Fields, key: str, value: list[str]) -> None:
    fields.seen.add(key)
    given = fields.data.get(key)
    if given is None or given == value:
        return
    if not isinstance(given, list):
        raise fields.wrong_type(key, "an array")
    raise fields.wrong_value(key, str(value).replace("'", '"'))


def _unsupported(fields: Fields, key: str, reason: str) -> Refused:
    name = fields.name(key)
    return Refused(f"'{name}' is not supported with this value: {reason}.", "unsupported_value", name)
