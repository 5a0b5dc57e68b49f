"""Reading ``session.update``: a partial ``session`` object laid over the settings in force.

Fields that change nothing here but do no harm (`voice`, `instructions`, `tracing` …) are accepted, since
stock clients send them by habit. What would mislead if it were ignored is refused by name, and then nothing
of that update takes effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from voicert.server.realtime.audio_formats import AudioFormat, read_format
from voicert.server.realtime.capabilities import Capabilities
from voicert.server.realtime.items import Modality
from voicert.server.realtime.reading import Fields, Refused
from voicert.server.realtime.settings import Extras, Settings, TokenLimit
from voicert.server.realtime.tools import read_tool_choice, read_tools
from voicert.server.realtime.turn_detection import read_turn_detection

MAX_TOKENS = 4096  # the largest limit that the protocol knows
MODEL_HABITS = ("model", "prompt", "reasoning", "parallel_tool_calls", "temperature")  # change nothing here
_IGNORED = ("id", "object", "expires_at", "include", "tracing", "truncation", *MODEL_HABITS)


def apply_update(settings: Settings, update: dict[str, Any], can: Capabilities) -> Settings:
    """``settings`` with a partial ``session`` object laid over it.

    Raises:
        Refused: a field is unknown, of the wrong type or value, or asks for what is not supported.
    """
    session = Fields(update, "session")
    if session.text("type") not in (None, "realtime"):
        raise session.wrong_value("type", "'realtime'")
    tools = read_tools(session, can)
    instructions = session.text("instructions")
    settings = replace(
        settings,
        modality=read_modality(session) or settings.modality,
        max_output_tokens=read_token_limit(session) or settings.max_output_tokens,
        tools=settings.tools if tools is None else tools,
        tool_choice=read_tool_choice(session, can) or settings.tool_choice,
        instructions=settings.instructions if instructions is None else instructions,
    )
    extras = session.child("voicert")
    if extras is not None:
        settings = replace(settings, extras=_extras(settings.extras, extras))
    audio = session.child("audio")
    if audio is not None:
        settings = _audio(settings, audio)
    session.finish(ignored=_IGNORED)
    return settings


def read_modality(given: Fields) -> Modality | None:
    """The field ``output_modalities``: one of the two, since sound always comes with its transcript."""
    listed = given.array("output_modalities")
    if listed is None:
        return None
    if listed == ["audio"]:
        return "audio"
    if listed == ["text"]:
        return "text"
    raise given.wrong_value("output_modalities", '["audio"] or ["text"]')


def read_token_limit(given: Fields) -> TokenLimit | None:
    """The field ``max_output_tokens``."""
    if given.data.get("max_output_tokens") == "inf":
        given.seen.add("max_output_tokens")
        return "inf"
    limit = given.whole("max_output_tokens")
    if limit is not None and not 1 <= limit <= MAX_TOKENS:
        raise given.wrong_value("max_output_tokens", f"a number from 1 to {MAX_TOKENS}, or 'inf'")
    return limit


def read_output(given: Fields, audio_format: AudioFormat, voice: str) -> tuple[AudioFormat, str]:
    """The format and the voice of an ``audio.output`` object, laid over those in force."""
    audio_format = read_format(audio_format, given.child("format"))
    if given.number("speed", 0.25, 1.5) not in (None, 1):
        name = given.name("speed")
        message = f"'{name}' is not supported with this value: the model speaks at its own speed, 1.0."
        raise Refused(message, "unsupported_value", name)
    voice = _voice(given) or voice
    given.finish()
    return audio_format, voice


def _audio(settings: Settings, audio: Fields) -> Settings:
    source, sink = audio.child("input"), audio.child("output")
    audio.finish()
    if source is not None:
        settings = _input(settings, source)
    if sink is not None:
        audio_format, voice = read_output(sink, settings.output_format, settings.voice)
        settings = replace(settings, output_format=audio_format, voice=voice)
    return settings


def _input(settings: Settings, source: Fields) -> Settings:
    transcription, turns = source.child("transcription"), source.child("turn_detection")
    if transcription is not None:
        settings = replace(settings, transcription=_transcription(settings.transcription, transcription))
    elif source.is_null("transcription"):
        settings = replace(settings, transcription=None)
    if turns is not None:
        detection = read_turn_detection(settings.turn_detection, turns)
        settings = replace(settings, turn_detection=detection)
    elif source.is_null("turn_detection"):
        settings = replace(settings, turn_detection=None)
    audio_format = read_format(settings.input_format, source.child("format"))
    source.finish(ignored=("noise_reduction",))
    return replace(settings, input_format=audio_format)


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


def _extras(before: Extras, given: Fields) -> Extras:
    timing, frames, playback = (given.flag("timing"), given.flag("frames"), given.flag("playback"))
    given.finish(ignored=("capabilities",))
    return Extras(
        before.timing if timing is None else timing,
        before.frames if frames is None else frames,
        before.playback if playback is None else playback,
    )
