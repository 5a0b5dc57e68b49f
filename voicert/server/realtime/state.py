"""What both directions of a connection share: settings, items, the response in progress, and the ids."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from voicert.server.realtime.answer import Answer
from voicert.server.realtime.audio_formats import SoundIn
from voicert.server.realtime.capabilities import Capabilities
from voicert.server.realtime.history import History
from voicert.server.realtime.items import Event
from voicert.server.realtime.response_options import ResponseOptions
from voicert.server.realtime.settings import Settings
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
        self.last: Answer | None = None  # the newest that has begun; its sound may outlast it

    def describe(self) -> Event:
        """The session object of the protocol."""
        return self.settings.describe(self.session_id, self.server.model, self.server.can)

    def turn_settings(self) -> TurnSettings:
        return self.settings.turn_settings(self.server.turns, self.server.frame_rate)

    def new_answer(self, options: ResponseOptions | None = None) -> Answer:
        """A response that is now the one in progress."""
        options = ResponseOptions.of(self.settings) if options is None else options
        self.answer = Answer(self.ids.new, self.history, self.conversation_id, options)
        return self.answer
