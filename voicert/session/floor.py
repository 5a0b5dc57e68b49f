"""Who has the floor: what the user's voice does to the assistant's, and what of an answer remains. Pure.

    a voice over the assistant ─▶ `Interruption` judges ─┬─ pause: nothing leaves
                                                         ├─ resume: the answer goes on where its sound ended
                                                         └─ cut ─▶ (where did your speaker stop?) ─▶ cut there

A sound that was no interruption is forgotten by the model, if the settings say so: it goes back to where the
sound began and makes the rest of its answer as if nothing had been.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicert.session.bands import HOP, Liveliness
from voicert.session.events import Event, Reason, ResponsePaused, ResponseResumed, Status
from voicert.session.interruption import Cut, Heard, Interruption, Pause, Resume
from voicert.session.listener import Listener
from voicert.session.said import Said
from voicert.session.settings import TurnSettings
from voicert.session.speaker import Cut as Remains
from voicert.session.speaker import Speaker
from voicert.session.speech import to_ms, to_samples
from voicert.session.steering import Steering

REPORT_DUE = to_samples(300)  # how long a cut waits for the client to say where its speaker stopped
MOST_LAG = to_samples(4000)  # how far pauses may put the model ahead of the listener


class Floor:
    """Between the listener and the speaker of one conversation."""

    def __init__(self, listener: Listener, speaker: Speaker, steering: Steering) -> None:
        self._listener = listener
        self._speaker = speaker
        self._steering = steering
        self._policy = Interruption()
        self._lively = Liveliness()  # of the voice in progress
        self._hiss_at: int | None = None  # samples: end of the last frame with a hiss in it
        self._paused: Said | None = None  # the item that is paused
        self.doubtful = False  # someone is heard over the assistant, and it is not decided what it is
        self._cut_due: int | None = None  # samples: until then a decided cut waits for the client's report
        self.lag = 0  # samples that pauses have put the model ahead of the listener

    @property
    def paused(self) -> bool:
        return self._policy.paused

    @property
    def cutting(self) -> bool:
        """It is decided that the response is cut, but not yet where."""
        return self._cut_due is not None

    def hear(self, frame: NDArray[np.float32], settings: TurnSettings, now: float) -> list[Event]:
        """One frame of the user, or of the assistant's own voice."""
        listener = self._listener
        still = self._speaker.outlet.paused and self._speaker.playback.reports
        echo = self._speaker.guard.hear(frame, not still) and settings.echo_guard
        auto = settings.detection == "auto"
        mode = settings.interrupt if auto else "off"
        sounding = self._speaker.sounding(now) or (self._paused if self.paused else None)
        judged = sounding is not None and not self.cutting and (mode != "off" or self.paused)
        begin_ms = settings.min_speech_ms if sounding is None else settings.pause_ms
        events: list[Event] = [
            *listener.hear(frame, begin_ms if auto and not judged else None, settings.silence_ms, echo)
        ]
        self._follow(len(frame))
        if judged and sounding:
            seen = Heard(
                listener.clock,
                listener.tracker.run,
                listener.tracker.run_start,
                listener.tracker.voiced,
                listener.tracker.voice_end,
                self._lively.db,
                self._hiss_at,
                listener.early_words,
                self._speaker.broke_off,
            )
            match self._policy.advance(seen, settings, mode):
                case Pause(start):
                    self._pause(sounding, start, events)
                case Resume() as resume:
                    self._resume(sounding, resume, settings, now, events)
                case Cut(start):
                    self._give_way(start, now, events)
                case None:
                    pass
        elif sounding is None:
            self._policy.reset()
        self.doubtful = self.paused or (judged and listener.tracker.run > 0)
        if self._cut_due is not None and listener.clock >= self._cut_due:
            events += self.cut("cancelled", "turn_detected", now)
        return events

    def convinced(self, settings: TurnSettings) -> bool:
        """Whether the model's wish to answer a sound makes an interruption of it."""
        undone = self._paused is not None and not self._paused.done
        return not (undone and settings.forget_noises and settings.interrupt == "vad")

    def give_way(self, now: float) -> list[Event]:
        """The model wants to answer the voice that has paused it: that was an interruption."""
        events: list[Event] = []
        self._give_way(self._listener.tracker.run_start, now, events)
        return events if not self.cutting else events + self.cut("cancelled", "turn_detected", now)

    def cut(self, status: Status, reason: Reason, now: float) -> list[Event]:
        """All that was not heard is forgotten by everyone."""
        self._cut_due = None  # also when nothing is left to be cut
        return self._back(self._speaker.cut(status, reason, self._steering.oldest, now))

    def cancel(self, response: int | None, now: float) -> list[Event]:
        """The client wants a response cut; ``[]`` when there is none, or another one was meant."""
        running = self._speaker.running(now)
        if running is None or response not in (None, running.response):
            return []
        return self.cut("cancelled", "turn_detected" if self.cutting else "client_cancelled", now)

    def heard(self, item: int, samples: int, still: bool, now: float) -> list[Event]:
        """The client has played so much of an item, and goes on or stands ``still`` there."""
        deeper = self._speaker.heard(item, samples, still, self._steering.oldest, now)
        events: list[Event] = self._back(deeper) if deeper.events else []
        if self.cutting and self._speaker.playback.final:
            events += self.cut("cancelled", "turn_detected", now)
        return events

    def truncate(self, item: int, samples: int, now: float) -> list[Event]:
        """The client has played no more than this of an item; ends with one `Truncated`."""
        events: list[Event] = []
        if self.cutting:
            self._speaker.heard(item, samples, True, self._steering.oldest, now)
            events += self.cut("cancelled", "turn_detected", now)
        return events + self._back(self._speaker.truncate(item, samples, self._steering.oldest, now))

    def _follow(self, samples: int) -> None:
        """Listens to how the voice in progress changes."""
        tracker = self._listener.tracker
        if not tracker.run and not self.paused:
            self._lively.clear()
        bands, hops = self._speaker.guard.heard, samples // HOP
        if tracker.voice_end > tracker.clock - samples:
            self._lively.add(bands.energies[-hops:])
        if bands.hissing(hops):
            self._hiss_at = tracker.clock

    def _pause(self, said: Said, start: int, events: list[Event]) -> None:
        self._paused = said
        self._speaker.outlet.paused = True
        clock = self._listener.clock
        events.append(ResponsePaused(said.response, said.item, said.sent, to_ms(clock), to_ms(start)))

    def _resume(
        self, said: Said, resume: Resume, settings: TurnSettings, now: float, events: list[Event]
    ) -> None:
        listener, speaker = self._listener, self._speaker
        heard = speaker.heard_of(said, now)
        events.append(ResponseResumed(said.response, said.item, heard, to_ms(resume.paused), resume.reason))
        step = self._step_at(resume.start)
        listener.forget(step)
        listener.dismiss()
        if settings.forget_noises and not said.done and said.announced:
            step = min(
                step, said.first_step + said.sent // said.frame_samples
            )  # all after it must be made again
            step = max(step, said.first_step + 1, self._steering.oldest)
            if step < self._steering.position:
                self._steering.forget(step)
                speaker.redo(said, step)
        speaker.outlet.paused = False
        speaker.playback.go_on(now)
        self.lag = min(MOST_LAG, speaker.outlet.held)

    def _give_way(self, start: int, now: float, events: list[Event]) -> None:
        self._policy.reset()
        self._speaker.outlet.paused = True
        events += self._listener.begin(start)
        events += self._listener.adopt()
        if self._speaker.playback.final:
            events += self.cut("cancelled", "turn_detected", now)
        else:
            self._cut_due = self._listener.clock + REPORT_DUE

    def _back(self, remains: Remains) -> list[Event]:
        """The model goes back to what remains."""
        if remains.step is not None:
            self._policy.reset()
            self._cut_due, self.lag = None, 0
            self._steering.fall_silent(remains.step)
        return [*remains.events]

    def _step_at(self, sample: int) -> int:
        """The step that heard this sample of the input."""
        frames = -(-(self._listener.clock - sample) // self._speaker.frame_samples)
        return max(0, self._steering.position - frames)
