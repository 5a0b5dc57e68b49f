"""The turns of one conversation: a frame and its step in, events out.

No I/O, no threads, no clock of its own: turns are timed by the number of input samples; where the listener is
in the sound that was sent depends on the time that every caller gives. The model decides when it answers and
what it says, the voice detector what the user's speech is, the listener's ear how much of an answer was said:

    silent ──start token──▶ responding ──end token──▶ silent
                             │ a voice     ▲
                             ▼             │ too short: go on
                           paused ─────────┘
                             │ an interruption; a cancel or truncate at any time
                             ▼
                       the model goes back to what was heard, and was silent from there on
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicert.engine import Stepped
from voicert.session.answering import Answering, Words
from voicert.session.events import Event, FrameTiming
from voicert.session.floor import Floor
from voicert.session.idle import Idle
from voicert.session.listener import Listener
from voicert.session.prompter import PATIENCE_MS, Prompt, Prompter
from voicert.session.settings import TurnSettings
from voicert.session.speaker import Speaker
from voicert.session.speech import to_samples
from voicert.session.steering import Steering
from voicert.session.vad import SAMPLE_RATE

AHEAD = to_samples(500)  # how far the model may be ahead of what is sent


@dataclass(frozen=True, slots=True)
class Steer:
    """How the next step is to be taken, see `voicert.engine.Frame`."""

    hush: bool
    start: bool
    rewind: int
    retake: int


class Conversation:
    """One user, one assistant. For every frame: `steer`, take the step so, `advance`."""

    def __init__(self, words: Words, settings: TurnSettings) -> None:
        frame = round(SAMPLE_RATE / words.frame_rate)
        self._words = words
        self._settings = settings
        self._items = 0
        self._listener = Listener(settings.vad_aggressiveness, self._new_item)
        self._speaker = Speaker(frame)
        self._steering = Steering(words.rewind_frames)
        self._floor = Floor(self._listener, self._speaker, self._steering)
        self._prompter = Prompter(to_samples(PATIENCE_MS) // frame)
        self._idle = Idle(self._speaker.playback)
        self._answering = Answering(
            words, self._listener, self._speaker, self._steering, self._floor, self._prompter, self._idle,
            self._new_item,
        )  # fmt: skip
        self._recounting: int | None = None  # samples: where the recording began that the client has put in
        self._given: deque[int] = deque(maxlen=words.rewind_frames)  # steps whose text came from outside

    @property
    def settings(self) -> TurnSettings:
        return self._settings

    @property
    def waiting(self) -> bool:
        """More input is needed, be it silence: something is due, in progress or unsettled."""
        floor = self._floor.paused or self._floor.cutting or self._steering.pending
        return bool(floor or self._listener.waiting or self._speaker.making or self._prompter.asked)

    @property
    def going_back(self) -> bool:
        """The model still remembers more than was heard; it goes back before the next step."""
        return self._steering.pending or self._floor.cutting

    @property
    def urgent(self) -> bool:
        """Silence is needed at once: an answer was asked for, and nobody speaks."""
        return self._prompter.asked and not (self._speaker.making or self._listener.tracker.run)

    @property
    def full(self) -> bool:
        """The model is so far ahead of the listener that the next frame had better wait."""
        undecided = self._floor.paused or self._floor.cutting  # what comes decides it
        return not undecided and self._speaker.outlet.held >= AHEAD + self._floor.lag

    @property
    def responding(self) -> bool:
        """A response is in progress, or was asked for."""
        return self._prompter.asked or self._speaker.making is not None

    @property
    def recounting(self) -> bool:
        """What is heard is a recording that the client has put in."""
        return self._recounting is not None

    # ---- frame by frame

    def steer(self, given: bool = False) -> Steer:
        """The next step is taken now, in this way; ``given``: its text of the user comes from outside."""
        prompt = Prompt()
        if self._floor.cutting or self.recounting:
            prompt = Prompt(hush=True)
        elif self._speaker.making is None:
            self._prompter.typed |= given
            free = self._settings.detection == "auto" and self._settings.create_response
            prompt = self._prompter.next(free)
        if prompt.back_to is not None:
            self._forget(prompt.back_to)
        way = self._steering.take()
        at = self._steering.position - 1
        while self._given and self._given[-1] >= at:  # a step that was forgotten
            self._given.pop()
        if given:
            self._given.append(at)
        return Steer(prompt.hush or way.hush, prompt.start and not way.hush, way.rewind, way.retake)

    def advance(self, frame: NDArray[np.float32], step: Stepped, now: float) -> list[Event]:
        """One frame of input [samples, a multiple of 480] and what the model made of it."""
        at = self._steering.position - 1
        void = self._floor.cutting or self._steering.pending  # it was cut while the step was under way
        events = self._reread(at, step)
        heard = self._listener.tracker.voiced
        if self.recounting:
            events += self._listener.hear(frame, None, self._settings.silence_ms, echo=False)
        else:
            events += self._floor.hear(frame, self._settings, now)
        quiet = self._listener.tracker.voiced == heard
        events += self._read(at, step.user_text)
        if not (void or self._floor.cutting or self._steering.pending):
            events += self._answering.step(at, step, quiet and at not in self._given, self._settings, now)
        events += self._listener.settle()
        if self._listener.speaking:
            self._idle.disarm()
            self._prompter.typed = False  # what is said after it wants an answer
        if self._settings.frame_timing:
            t = step.timing
            times = (t.queue_ms, t.encode_ms, t.model_ms, t.decode_ms)
            events.append(FrameTiming(self._listener.clock, *times, t.batch, t.late))
        return events + self.tick(now)

    def tick(self, now: float) -> list[Event]:
        """What happens without a frame: sound leaves, and a long silence is noticed."""
        events: list[Event] = [*self._speaker.release(to_samples(self._settings.send_ahead_ms), now)]
        if self._idle.due(self._idle_ms, now) <= now:
            events += self._listener.idle(self._idle.armed_at or 0)
            self._idle.disarm()
            self.respond()
        return events

    def due(self, now: float) -> float:
        """When `tick` must be called next; infinity: not before something else happens."""
        leaves = self._speaker.outlet.due(to_samples(self._settings.send_ahead_ms), now)
        return min(leaves, self._idle.due(self._idle_ms, now))

    # ---- what the client wants

    def update(self, settings: TurnSettings) -> list[Event]:
        """Takes turns in this way from the next frame on."""
        switched = settings.detection != self._settings.detection
        self._settings = settings
        self._listener.tracker.set_aggressiveness(settings.vad_aggressiveness)
        if not switched:
            return []
        self._steering.mark()
        return [*self._listener.reopen()]

    def commit(self) -> list[Event]:
        """The user's turn is over: speech in progress ends, or what was heard since the last is an item."""
        self._idle.disarm()
        if self._settings.detection == "auto":
            return [*(self._listener.end() or self._listener.commit(if_any=True))]
        self._steering.mark()
        return [*self._listener.commit()]

    def recount(self, now: float) -> list[Event]:
        """What is heard from now on is a recording that the client puts in; an answer in progress ends."""
        self._idle.disarm()
        events: list[Event] = [*self._listener.reopen()]
        if self._speaker.making is not None or self._floor.cutting:
            events += self._answering.marked(self._floor.cut("cancelled", "client_cancelled", now))
        self._recounting = self._listener.clock
        return events

    def recounted(self, ref: str) -> list[Event]:
        """The recording is over: an item, like one that was typed. The model answers when it is asked to."""
        since = self._listener.clock if self._recounting is None else self._recounting
        self._recounting = None
        self._prompter.typed = True
        self._steering.mark()
        return [*self._listener.recounted(since, ref)]

    def clear(self) -> None:
        """What was heard since the last commit, or since the last answer, was never said."""
        if self._settings.detection == "manual" and self._speaker.making is None:
            self._forget(self._steering.marked)
            self._listener.reopen()

    def respond(self, longest_ms: int | None = None) -> None:
        """The model shall answer, without being asked by the user; nothing if it does already."""
        if not self.responding:
            self._idle.disarm()
            self._prompter.ask(None if longest_ms is None else to_samples(longest_ms))

    def cancel(self, response: int | None, now: float) -> list[Event]:
        """Cuts the response in progress; ``[]`` when there is none, or another one was meant."""
        if response is None:
            self._prompter.asked = False
        self._idle.disarm()
        return self._answering.marked(self._floor.cancel(response, now))

    def heard(self, item: int, samples: int, still: bool, now: float) -> list[Event]:
        """The client has played this much of an assistant item, and goes on or stands ``still`` there."""
        return self._answering.marked(self._floor.heard(item, samples, still, now))

    def truncate(self, item: int, samples: int, now: float) -> list[Event]:
        """No more than this of an assistant item was heard; clamped. Ends with exactly one `Truncated`."""
        return self._answering.marked(self._floor.truncate(item, samples, now))

    def called(self, call_id: str) -> bool:
        """Whether the model waits for the result of this call; from now on it does not."""
        return self._answering.called(call_id)

    def fail(self, now: float) -> list[Event]:
        """Ends what is in progress because the session cannot go on."""
        running = self._speaker.running(now)
        return [] if running is None else self._floor.cut("failed", "error", now)

    # ---- what the model heard

    @property
    def _idle_ms(self) -> int | None:
        return self._settings.idle_timeout_ms if self._settings.detection == "auto" else None

    def _reread(self, at: int, step: Stepped) -> list[Event]:
        """What was heard in steps that were taken again."""
        first = at - len(step.retaken)
        pieces = [
            "" if first + i in self._given else self._piece(token) for i, token in enumerate(step.retaken)
        ]
        return [*self._listener.rewrite(first, pieces)]

    def _read(self, at: int, token: int) -> list[Event]:
        """What was heard in this step, unless it was given."""
        manual = self._settings.detection == "manual"
        hold = self._floor.doubtful or self.recounting or (manual and self._listener.uncommitted)
        adopted: list[Event] = [] if hold else [*self._listener.adopt()]
        if at in self._given:
            return adopted
        return [*adopted, *self._listener.read(at, self._piece(token), hold)]

    def _new_item(self) -> int:
        self._items += 1
        return self._items

    def _forget(self, step: int) -> None:
        """The steps from this one on never were."""
        self._steering.forget(step)
        self._listener.forget(step)
        self._prompter.back(step)

    def _piece(self, token: int) -> str:
        return "" if token == self._words.pad_id else self._words.piece(token)
