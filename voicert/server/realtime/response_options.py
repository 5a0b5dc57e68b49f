"""Reading ``response.create``: how one response differs from what the session's settings say."""

from __future__ import annotations

from dataclasses import dataclass, field

from voicert.server.realtime.audio_formats import AudioFormat
from voicert.server.realtime.capabilities import Capabilities
from voicert.server.realtime.items import Modality
from voicert.server.realtime.reading import Fields, Refused
from voicert.server.realtime.settings import Settings, TokenLimit
from voicert.server.realtime.tools import Tool, read_tool_choice, read_tools
from voicert.server.realtime.updates import MODEL_HABITS, read_modality, read_output, read_token_limit

_MOST_PAIRS, _LONGEST_KEY, _LONGEST_VALUE = 16, 64, 512  # of metadata


@dataclass(frozen=True)
class ResponseOptions:
    """How a response is given."""

    modality: Modality = "audio"
    audio_format: AudioFormat = field(default_factory=AudioFormat)
    voice: str = "default"
    max_output_tokens: TokenLimit = "inf"
    metadata: dict[str, str] | None = None  # given back as it came
    may_call: bool = False  # functions are defined that the model may call
    instructions: str | None = None  # for this response; None: as the session has it
    tools: tuple[Tool, ...] | None = None  # that may be called in this response; None: as the session has it

    @staticmethod
    def of(settings: Settings) -> ResponseOptions:
        """As the session has it."""
        chosen = settings
        may_call = bool(chosen.tools) and chosen.tool_choice != "none"
        return ResponseOptions(
            chosen.modality, chosen.output_format, chosen.voice, chosen.max_output_tokens, None, may_call
        )


def read_options(given: Fields | None, settings: Settings, can: Capabilities) -> ResponseOptions:
    """The ``response`` object of a ``response.create`` laid over the session's settings.

    ``instructions`` are let pass as in the session: `session.voicert.capabilities` tells whether they reach
    the model.

    Raises:
        Refused: a field is unknown or wrong, or asks for what cannot be done for one response.
    """
    usual = ResponseOptions.of(settings)
    if given is None:
        return usual
    _in_the_conversation(given, can)
    instructions, tools = given.text("instructions"), read_tools(given, can)
    choice = read_tool_choice(given, can) or settings.tool_choice
    if choice != settings.tool_choice:
        tools = settings.tools if tools is None else tools
    if choice == "none" and tools is not None:
        tools = ()
    audio_format, voice = usual.audio_format, usual.voice
    audio = given.child("audio")
    if audio is not None:
        output = audio.child("output")
        audio.finish()
        if output is not None:
            audio_format, voice = read_output(output, audio_format, voice)
    options = ResponseOptions(
        read_modality(given) or usual.modality,
        audio_format,
        voice,
        read_token_limit(given) or usual.max_output_tokens,
        _metadata(given),
        usual.may_call if tools is None else bool(tools),
        instructions,
        tools,
    )
    given.finish(ignored=MODEL_HABITS)
    return options


def _in_the_conversation(given: Fields, can: Capabilities) -> None:
    """One model hears one conversation; it has no second context to answer from."""
    conversation, other_input = given.text("conversation"), given.array("input")
    if conversation not in (None, "auto"):
        raise can.lacks("The model answers in the conversation only", given.name("conversation"))
    if other_input is not None:
        raise can.lacks("The model answers from what it heard, not from other input", given.name("input"))


def _metadata(given: Fields) -> dict[str, str] | None:
    pairs = given.child("metadata")
    if pairs is None:
        return None
    if len(pairs.data) > _MOST_PAIRS:
        message = f"'{pairs.path}' has {len(pairs.data)} pairs; at most {_MOST_PAIRS} are allowed."
        raise Refused(message, "object_above_max_properties", pairs.path)
    for key in pairs.data:
        if len(key) > _LONGEST_KEY:
            message = f"A key of '{pairs.path}' is longer than {_LONGEST_KEY} characters."
            raise Refused(message, "string_above_max_length", pairs.path)
        pairs.need_text(key, _LONGEST_VALUE)
    return dict(pairs.data)
