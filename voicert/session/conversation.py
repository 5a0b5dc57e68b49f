"""The turns of one conversation: a frame and its step in, events out.

No I/O, no clock, no threads: time is the number of input samples. The model decides when it answers and what
it says; the voice detector decides when the user's speech begins and ends, and whether it interrupts:

    silent ──start token──▶ responding ──end token──▶ silent
                             │ speech of interrupt_min_ms, cancel, too long
                             ▼
                          hushing: nothing is sent; steps are hushed until the model is out of its answer
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voicert.engine import Stepped
from voicert.session.events import (
    Event,
    FrameTiming,
    Reason,
    ResponseAudio,
    ResponseStarted,
    SpeechStarted,
    SpeechStopped,
    Status,
    TurnTiming,
)
from voicert.session.settings import TurnSettings
from voicert.session.speech import Began, Ended, SpeechTracker, to_ms, to_samples
from voicert.session.turns import Response, UserTurn

AUDIBLE = 10 ** (-50 / 20)  # peak of a frame that can be heard
ANSWER_DUE = to_samples(10_000)  # after a voice, how long an answer is waited for
TEXT_SETTLES = to_samples(1000)  # after voice and text, when a user's transcript is complete
LONGEST_RESPONSE = to_samples(120_000)  # a longer one is cut, so that its transcript stays bounded
LONGEST_SPEECH = to_samples(120_000)  # longer speech is split into items, for the same reason
EARLY_PIECES = 64  # of user text before its item exists; the oldest are dropped


class Vocabulary(Protocol):
    """What the conversation must know of the model's text tokens."""

    pad_id: int
    start_id: int
    end_id: int

    def piece(self, token: int) -> str: ...


class Conversation:
    """One user, one assistant. `advance` with every frame; `hush` says how to take the next step."""

    def __init__(self, vocabulary: Vocabulary, settings: TurnSettings) -> None:
        self._words = vocabulary
        self._settings = settings
        self._tracker = SpeechTracker(settings.vad_aggressiveness)
        self._user: UserTurn | None = None  # until its text has settled
        self._response: Response | None = None
        self._hushing = False
        self._voice_end: int | None = None  # samples: end of the speech that is not yet answered
        self._due = 0  # samples: until then an answer is waited for
        self._early: deque[str] = deque(maxlen=EARLY_PIECES)  # user text without an item
        self._early_at = 0  # samples: when its last piece came
        self._items = 0
        self._responses = 0

    @property
    def hush(self) -> bool:
        """The next step must be silent."""
        return self._hushing

    @property
    def _clock(self) -> int:
        """Input samples so far."""
        return self._tracker.clock

    @property
    def settings(self) -> TurnSettings:
        return self._settings

    @property
    def waiting(self) -> bool:
        """More input is needed, be it silence: an answer is due or in progress, or a transcript unsettled."""
        return bool(self._response or self._hushing or self._user or self._clock < self._due)

    def update(self, settings: TurnSettings) -> None:
        """Takes turns in this way from the next frame on."""
        self._settings = settings
        self._tracker.set_aggressiveness(settings.vad_aggressiveness)

    def advance(self, frame: NDArray[np.float32], step: Stepped) -> list[Event]:
        """One frame of input [samples, a multiple of 480] and what the model made of it."""
        events: list[Event] = []
        self._listen(frame, events)
        self._read(step.user_text, events)
        self._speak(step, events)
        if self._user and self._user.settled(self._clock, TEXT_SETTLES):
            self._settle(events)
        if self._settings.frame_timing:
            t = step.timing
            events.append(
                FrameTiming(self._clock, t.queue_ms, t.encode_ms, t.model_ms, t.decode_ms, t.batch, t.late)
            )
        return events

    def cancel(self, response: int | None = None) -> list[Event]:
        """Cuts the response in progress; ``[]`` when there is none or another one was meant."""
        if self._response is None or response not in (None, self._response.response):
            return []
        events: list[Event] = []
        self._cut("cancelled", "client_cancelled", events)
        return events

    def fail(self) -> list[Event]:
        """Ends what is in progress because the session cannot go on."""
        events: list[Event] = []
        if self._response:
            self._cut("failed", "error", events)
        return events

    def heard(self, item: int, samples: int) -> None:
        """The client has played this much of an assistant item; of others nothing is remembered."""
        if self._response and self._response.item == item:
            self._response.hear(samples)

    def _listen(self, frame: NDArray[np.float32], events: list[Event]) -> None:
        chosen = self._settings
        begin_ms = chosen.interrupt_min_ms if self._response else chosen.min_speech_ms
        for edge in self._tracker.advance(frame, to_samples(begin_ms), to_samples(chosen.silence_ms)):
            match edge:
                case Began(at):
                    self._begin_user(at, events)
                    if self._response and chosen.interrupt_response:
                        self._cut("cancelled", "turn_detected", events)
                case Ended(at):
                    self._end_user(at, events)
        if self._tracker.voice_end > self._clock - len(frame):
            self._voice_end = self._tracker.voice_end
            self._due = self._clock + ANSWER_DUE
        if self._tracker.speaking and self._user and self._clock - self._user.start >= LONGEST_SPEECH:
            self._end_user(self._tracker.end().at, events)

    def _read(self, token: int, events: list[Event]) -> None:
        self._adopt(events)
        piece = self._words.piece(token) if token != self._words.pad_id else ""
        if piece and self._user:
            written = self._user.write(piece, self._clock)
            events.extend([written] if written else [])
        elif piece:
            self._early.append(piece)
            self._early_at = self._clock
            self._due = self._clock + ANSWER_DUE

    def _adopt(self, events: list[Event]) -> None:
        """Text that came before its item goes to the item, unless it is too old."""
        if self._user and self._early:
            for piece in self._early if self._clock - self._early_at < ANSWER_DUE else ():
                written = self._user.write(piece, self._clock)
                events.extend([written] if written else [])
            self._early.clear()

    def _speak(self, step: Stepped, events: list[Event]) -> None:
        words = self._words
        if (
            self._hushing
        ):  # a step that was taken before the cut is not hushed; its answer is over all the same
            out = step.text == words.end_id or (step.hushed and step.text == words.pad_id)
            self._hushing = not out
            return
        if step.text == words.start_id:
            if self._response:
                self._finish("completed", None, events)
            self._begin_response(events)
        response = self._response
        if response is None:
            return
        if step.text not in (words.pad_id, words.start_id, words.end_id):
            written = response.write(words.piece(step.text))
            events.extend([written] if written else [])
        self._send(response, step, events)
        if step.text == words.end_id:
            self._finish("completed", None, events)
        elif response.sent >= LONGEST_RESPONSE:
            self._cut("incomplete", "max_output_tokens", events)

    def _send(self, response: Response, step: Stepped, events: list[Event]) -> None:
        if not response.audible and float(np.abs(step.pcm).max()) > AUDIBLE:
            response.audible = True
            events.append(self._turn_timing(response, step))
        events.append(ResponseAudio(response.response, response.item, step.pcm, self._clock))
        response.sent += len(step.pcm)

    def _turn_timing(self, response: Response, step: Stepped) -> TurnTiming:
        t = step.timing
        return TurnTiming(
            response.response,
            response.item,
            response.input_end_ms,
            response.first_audio_ms,
            to_ms(self._clock),
            t.queue_ms,
            t.encode_ms,
            t.model_ms,
            t.decode_ms,
        )

    def _begin_user(self, start: int, events: list[Event]) -> None:
        if self._user:
            self._settle(events)
        self._items += 1
        user = self._user = UserTurn(self._items, start)
        events.append(SpeechStarted(user.item, to_ms(start)))

    def _end_user(self, end: int, events: list[Event]) -> None:
        if self._user and self._user.end is None:
            self._user.end = max(end, self._user.start)
            events.append(SpeechStopped(self._user.item, to_ms(self._user.end)))

    def _settle(self, events: list[Event]) -> None:
        if self._user:
            events.append(self._user.done())
            self._user = None

    def _begin_response(self, events: list[Event]) -> None:
        """It is the model's turn: the user's item is closed, or made if only text was heard."""
        if self._user is None and self._early and self._clock - self._early_at < ANSWER_DUE:
            self._begin_user(self._clock if self._voice_end is None else self._voice_end, events)
            self._adopt(events)
        ended = self._tracker.end().at
        self._end_user(ended, events)
        self._items += 1
        self._responses += 1
        end_ms = None if self._voice_end is None else to_ms(self._voice_end)
        self._response = Response(self._responses, self._items, end_ms, to_ms(self._clock))
        self._voice_end = None
        self._due = 0
        events.append(ResponseStarted(self._responses, self._items))

    def _cut(self, status: Status, reason: Reason, events: list[Event]) -> None:
        self._finish(status, reason, events)
        self._hushing = True

    def _finish(self, status: Status, reason: Reason | None, events: list[Event]) -> None:
        if self._response:
            events.append(self._response.done(status, reason))
            self._response = None
