"""What both directions of a connection share: settings, items, the response in progress, and the ids."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from voicert.models.base import Brief
from voicert.server.realtime.answer import Answer
from voicert.server.realtime.audio_formats import SoundIn
from voicert.server.realtime.capabilities import Capabilities
from voicert.server.realtime.history import History
from voicert.server.realtime.items import Event, Typed
from voicert.server.realtime.response_options import ResponseOptions
from voicert.server.realtime.settings import Settings
from voicert.server.realtime.tools import Tool
from voicert.server.realtime.turn_detection import TurnDetection
from voicert.server.realtime.usage import InputMeter
from voicert.session import TurnSettings


class Ids:
    """Ids that no other connection gives, and none is given twice."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._counter = itertools.count(1)

    def new(self, prefix: str) -> str:
        return f"{prefix}_{self._token}{next(self._counter):06x}"


@dataclass(frozen=True)
class Server:
    """What the connection is to."""

    model: str  # its name, as clients see it
    turns: TurnSettings  # the defaults
    frame_rate: float  # model steps per second; one step is one audio token
    can: Capabilities
    count_tokens: Callable[[str], int]  # of typed text, 0 when the model cannot read any of it


class State:
    """One connection's."""

    def __init__(self, server: Server, ids: Ids) -> None:
        self.server = server
        self.ids = ids
        self.session_id = ids.new("sess")
        self.conversation_id = ids.new("conv")
        self.settings = Settings(
            turn_detection=TurnDetection.of(server.turns), transcription={"model": server.model}
        )
        self.history = History()
        self.answer: Answer | None = None  # asked for or in progress
        self.sound = SoundIn(self.settings.input_format)
        self.uncommitted_samples = 0  # appended since the last commit, 24 kHz
        self.input = InputMeter()
        self.instructed = Brief()  # what the model was told
        self.last: Answer | None = None  # the newest that has begun; its sound may outlast it

    def describe(self) -> Event:
        """The session object of the protocol."""
        return self.settings.describe(self.session_id, self.server.model, self.server.can)

    @property
    def transcribes(self) -> bool:
        """The client is told what the user said."""
        return self.settings.transcription is not None and self.server.can.user_transcripts

    def turn_settings(self) -> TurnSettings:
        return self.settings.turn_settings(self.server.turns, self.server.frame_rate)

    def brief(self, instructions: str | None = None, tools: Sequence[Tool] | None = None) -> Brief:
        """What is wanted of the model, as far as it can follow: instructions, then system messages.

        Args:
            instructions: of one response, in place of the session's.
            tools: of one response, in place of the session's.
        """
        chosen, can = self.settings, self.server.can
        usual = chosen.tools if chosen.tool_choice != "none" else ()
        texts = [chosen.instructions if instructions is None else instructions]
        for item in self.history:
            if isinstance(item.body, Typed) and item.body.role == "system":
                texts += item.body.parts
        return Brief(
            "\n".join(text for text in texts if text) if can.instructions else "",
            tuple(usual if tools is None else tools) if can.tools else (),
        )

    def new_answer(self, options: ResponseOptions | None = None) -> Answer:
        """A response that is now the one in progress."""
        options = ResponseOptions.of(self.settings) if options is None else options
        self.answer = Answer(self.ids.new, self.history, self.conversation_id, options)
        return self.answer
