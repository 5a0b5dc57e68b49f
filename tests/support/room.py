"""A user with a microphone and a speaker in front of a real engine, in a time that passes only when told to.

    microphone ─▶ Session.push ─▶ engine thread ─▶ events ─▶ (the way back) ─▶ buffer ─▶ speaker

Every frame of 20 ms the microphone gives one, the engine steps it, and the speaker plays what is due. It
begins to play sound ``lag_ms`` after it was sent; what it is told takes effect ``way_ms`` after it was sent,
and what it reports arrives ``way_ms`` later, too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tests.support.duet import Collector, of
from voicert.engine import Engine
from voicert.models.base import Bundle
from voicert.session import Session, TurnSettings, open_session
from voicert.session.events import (
    Event,
    FrameTiming,
    ResponseAudio,
    ResponsePaused,
    ResponseResumed,
    ResponseText,
    SpeechStarted,
)

FRAME = 480  # samples
TICK_S = FRAME / 24_000
REPORT_TICKS = 5  # a report every 100 ms


@dataclass
class Speaker:
    """Plays what it gets, in order, and knows of each item how much it has played."""

    lag_ms: int
    way_ms: int
    queue: list[tuple[float, int, int]] = field(
        default_factory=list[tuple[float, int, int]]
    )  # due, item, end
    played: dict[int, int] = field(default_factory=dict[int, int])  # samples by item
    got: dict[int, int] = field(default_factory=dict[int, int])
    item: int = 0  # the one that plays
    still: bool = True

    def get(self, event: ResponseAudio, sent_at: float) -> None:
        self.got[event.item] = self.got.get(event.item, 0) + len(event.pcm)
        self.queue.append((sent_at + self.lag_ms / 1000, event.item, self.got[event.item]))

    def play(self, now: float) -> None:
        """One tick: a frame, if one is due."""
        if self.still and self.queue and self.queue[0][0] <= now:
            self.still = False
        if self.still or not self.queue:
            return
        _, self.item, end = self.queue.pop(0)
        self.played[self.item] = end
        if not self.queue:  # it ran dry: what comes next waits for the lag again
            self.still = True


class Room:
    """One session, one user."""

    def __init__(
        self, engine: Engine, settings: TurnSettings, speaker: Speaker, reports: bool = True
    ) -> None:
        self.now = 0.0  # seconds, as the engine's clock shows it
        self.seen = Collector()
        self.speaker = speaker
        self.reports = reports
        self.session: Session | None = None
        self.paused = False
        self._engine = engine
        self._settings = settings
        self._read = 0  # events that are on their way to the client
        self._told: list[tuple[float, Event]] = []
        self._said: list[
            tuple[float, int, int, bool]
        ] = []  # reports on their way: due, item, samples, stopped
        self._frames = 0
        self._counted = 0  # frames that were answered, of those read
        self._ticks = itertools.count()

    def enter(self) -> None:
        self.session = open_session(self._engine, self.seen, self._settings)

    def hear(self, *parts: NDArray[np.float32]) -> None:
        """The user's microphone gives this, frame by frame."""
        pcm = np.concatenate(parts)
        for frame in pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME):
            self.tick(frame)

    def tick(self, frame: NDArray[np.float32]) -> None:
        """20 ms pass."""
        assert self.session
        self.now += TICK_S
        self._deliver()
        self.session.push(frame)
        self._frames += 1
        count = self._frames
        self.seen.wait(lambda events: self._timings(events) >= count)
        self._collect()
        self._follow()
        if not self.paused:
            self.speaker.play(self.now)
        if self.reports and next(self._ticks) % REPORT_TICKS == 0:
            self._report(self.speaker.still)

    def _timings(self, events: list[Event]) -> int:
        # Counted from where reading stopped, so that long conversations stay quick.
        return self._counted + sum(isinstance(event, FrameTiming) for event in events[self._read :])

    def _collect(self) -> None:
        events = self.seen.events[self._read :]
        self._read += len(events)
        self._counted += len(of(FrameTiming, events))
        for event in events:
            if isinstance(event, ResponseAudio):
                self.speaker.get(event, self.now)
            elif isinstance(event, ResponsePaused | ResponseResumed | SpeechStarted):
                self._told.append((self.now + self.speaker.way_ms / 1000, event))

    def _follow(self) -> None:
        """The client does what it was told."""
        while self._told and self._told[0][0] <= self.now:
            match self._told.pop(0)[1]:
                case ResponsePaused() if self.reports:
                    self.paused = True
                    self._report(True)
                case ResponseResumed() if self.reports:
                    self.paused = False
                    self._report(self.speaker.still)
                case SpeechStarted():
                    self.speaker.queue.clear()
                    self.speaker.still, self.paused = True, False
                    self._report(True)
                case _:
                    pass

    def _report(self, stopped: bool) -> None:
        if self.speaker.item:
            samples = self.speaker.played.get(self.speaker.item, 0)
            self._said.append((self.now + self.speaker.way_ms / 1000, self.speaker.item, samples, stopped))

    def _deliver(self) -> None:
        assert self.session
        while self._said and self._said[0][0] <= self.now:
            _, item, samples, stopped = self._said.pop(0)
            if self.reports:
                self.session.heard(item, samples, stopped)
            elif stopped:
                self.session.truncate(item, samples)


@contextmanager
def room(
    bundle: Bundle, settings: TurnSettings, lag_ms: int = 100, way_ms: int = 0, reports: bool = True
) -> Iterator[Room]:
    """A room with its engine running."""
    times: list[Room] = []
    engine = Engine(bundle, 1, clock=lambda: times[0].now if times else 0.0)
    inside = Room(engine, settings, Speaker(lag_ms, way_ms), reports)
    times.append(inside)
    inside.enter()
    engine.start()
    try:
        yield inside
    finally:
        engine.stop()


def words_of(events: list[Event], item: int) -> list[tuple[int, str]]:
    """(samples of the item sent before it, word) of all that was written of an item."""
    sent, words = 0, []
    for event in events:
        if isinstance(event, ResponseText) and event.item == item:
            words.append((sent, event.delta.strip()))
        elif isinstance(event, ResponseAudio) and event.item == item:
            sent += len(event.pcm)
    return words
