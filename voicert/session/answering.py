"""What the model says, step by step: answers begin, go on and end. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from voicert.engine import Stepped
from voicert.models.base import ToolRequest
from voicert.session.events import Event
from voicert.session.floor import Floor
from voicert.session.idle import Idle
from voicert.session.listener import Listener
from voicert.session.prompter import Prompter
from voicert.session.said import Said
from voicert.session.settings import TurnSettings
from voicert.session.speaker import Speaker
from voicert.session.speech import to_ms, to_samples
from voicert.session.steering import Steering

MOST_CALLS = 100  # of functions, without a result


class Words(Protocol):
    """What the conversation must know of the model."""

    pad_id: int
    start_id: int
    end_id: int
    frame_rate: float
    rewind_frames: int
    answer_lead_frames: int

    def piece(self, token: int) -> str: ...


class Answering:
    """Reads the steps that were not cut while they were under way."""

    def __init__(
        self,
        words: Words,
        listener: Listener,
        speaker: Speaker,
        steering: Steering,
        floor: Floor,
        prompter: Prompter,
        idle: Idle,
        new_item: Callable[[], int],
    ) -> None:
        self._words = words
        self._listener = listener
        self._speaker = speaker
        self._steering = steering
        self._floor = floor
        self._prompter = prompter
        self._idle = idle
        self._new_item = new_item
        self._responses = 0
        self._calls: deque[str] = deque(maxlen=MOST_CALLS)  # whose results the model waits for

    def step(self, at: int, step: Stepped, quiet: bool, settings: TurnSettings, now: float) -> list[Event]:
        """The step at position ``at``; ``quiet``: the user said nothing in it."""
        words, speaker = self._words, self._speaker
        events: list[Event] = []
        if step.text == words.start_id:
            if speaker.making:
                self._finish()
            elif self._floor.paused:
                if not self._floor.convinced(settings):
                    return []  # if it was nothing, the model will have forgotten it
                events += self.marked(self._floor.give_way(now))
                if self._steering.pending:  # the model goes back behind this step; it shall answer then
                    self._prompter.ask()
                    return events
            events += self._begin(at, settings)
        if speaker.making is None:
            self._prompter.stepped(at, step.wants, quiet)
            return events
        piece = "" if step.text == words.pad_id else words.piece(step.text)
        speaker.say(piece, step, self._listener.clock)
        if step.call is not None:
            self._call(step.call)
        said = speaker.making
        if step.text == words.end_id:
            self._finish()
        elif said.made * said.frame_samples >= said.longest:
            speaker.end(self._listener.clock, "incomplete", "max_output_tokens")
            self._steering.fall_silent(self._steering.position)
        return events

    def _begin(self, at: int, settings: TurnSettings) -> list[Event]:
        end, clock = self._listener.voice_end, self._listener.clock
        events: list[Event] = [*self._listener.answered(settings.detection == "auto")]
        longest = self._prompter.longest or to_samples(settings.longest_response_ms)
        self._prompter.drop()
        self._responses += 1
        self._speaker.begin(
            Said(
                self._responses, self._new_item(), at, self._speaker.frame_samples,
                self._words.answer_lead_frames, None if end is None else to_ms(end), to_ms(clock), longest,
            )
        )  # fmt: skip
        return events

    def _finish(self) -> None:
        self._speaker.end(self._listener.clock)
        self._steering.mark()
        self._idle.arm(self._listener.clock)

    def _call(self, call: ToolRequest) -> None:
        item = self._new_item()
        call_id = f"call_{item}"
        self._calls.append(call_id)
        self._speaker.call(item, call_id, call.name, call.arguments)

    def marked(self, events: list[Event]) -> list[Event]:
        """An answer that was cut cannot be undone by `Conversation.clear`."""
        if events:
            self._steering.mark()
        return events

    def called(self, call_id: str) -> bool:
        """Whether the model waits for the result of this call; from now on it does not."""
        waits = call_id in self._calls
        if waits:
            self._calls.remove(call_id)
        return waits
