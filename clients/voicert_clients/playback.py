"""The speaker's jitter buffer: answers come in pieces and unevenly, sound leaves steadily.

    push ──▶ [segment][segment]… ──▶ render

A sound starts when what is queued and what has been waited make up the target. Each time the buffer runs dry
inside an answer the target grows by a step, each long clean stretch shortens it. Above the bound the oldest
samples go, so that lag never stays. It is pure: time is the number of samples rendered.

The browser page has the same buffer in ``page/jitter-buffer.js``; a test holds the two together.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from voicert_clients.wire import SAMPLES_PER_MS, Pcm

STEP = 5 * SAMPLES_PER_MS  # by which the target changes
FADE = 5 * SAMPLES_PER_MS  # wherever sound would break off or set in
MAX_TARGET = 150 * SAMPLES_PER_MS
CLEAN = 30_000 * SAMPLES_PER_MS  # the target is one step shorter after this much playing without a gap
RISE: Pcm = (np.arange(FADE) / FADE).astype(np.float32)  # [FADE] from 0
FALL: Pcm = (1 - np.arange(1, FADE + 1) / FADE).astype(np.float32)  # [FADE] to 0


@dataclass(frozen=True)
class Span:
    """A run of an item's samples that left the speaker."""

    item_id: str
    item_position: int  # of its first sample, within the item
    position: int  # of its first sample, in samples rendered since the beginning
    samples: int


@dataclass(frozen=True)
class Block:
    """What left the speaker in one go."""

    position: int  # of its first sample, in samples rendered since the beginning
    pcm: Pcm  # [samples]
    spans: list[Span]  # which answers it came from, in order

    def of(self, span: Span) -> Pcm:
        """The samples of one of its spans [samples]."""
        begin = span.position - self.position
        return self.pcm[begin : begin + span.samples]


@dataclass
class _Segment:
    item_id: str
    item_position: int  # of its first sample that is still here
    pcm: Pcm


class _Voice:
    """What is playing: the item, how far, and how its sound joins silence without a click."""

    def __init__(self) -> None:
        self.item_id: str | None = None
        self.item_position = 0
        self.last = np.float32(0)  # the last sample played
        self.tail: Pcm = np.zeros(0, np.float32)  # added to what follows: where sound broke off it decays
        self.rise = 0  # samples left of a ramp up from silence
        self.fading: Pcm = np.zeros(0, np.float32)  # what a flush left to play: a ramp down

    def break_off(self) -> None:
        self.tail = self.last * FALL

    def ramp_up(self, pcm: Pcm) -> None:
        """Applies what is left of the ramp to the next samples to play, in place."""
        run = min(self.rise, len(pcm))
        if run:
            begin = FADE - self.rise
            pcm[:run] *= RISE[begin : begin + run]
            self.rise -= run

    def add_tail(self, pcm: Pcm, begin: int) -> None:
        """Adds the tail to ``pcm`` from ``begin`` on, in place."""
        run = min(len(self.tail), len(pcm) - begin)
        pcm[begin : begin + run] += self.tail[:run]
        self.tail = self.tail[run:]

    def take_fading(self, samples: int) -> Pcm:
        taken, self.fading = self.fading[:samples], self.fading[samples:]
        return taken


class Playback:
    """A queue of samples with a delayed start. Not thread-safe: its owner locks."""

    def __init__(self, target_ms: int = 30, bound_ms: int | None = 400) -> None:
        self.least_target = target_ms * SAMPLES_PER_MS
        self.target = self.least_target  # samples from arriving to playing, adapted
        self.bound = None if bound_ms is None else bound_ms * SAMPLES_PER_MS  # samples; None keeps everything
        self.position = 0  # samples rendered since the beginning
        self.queued = 0  # samples waiting
        self.underruns = 0  # times the buffer ran dry inside an answer
        self.dropped = 0  # samples that the bound took
        self._queue: deque[_Segment] = deque()
        self._arriving: tuple[str, int] = ("", 0)  # the item that arrives, and how many of its samples have
        self._complete: str | None = None  # the item of which nothing more will arrive
        self._voice = _Voice()
        self._running = False
        self._starved = False  # it ran dry in the middle of an item
        self._waited = 0  # samples waited since the first one was queued
        self._clean_for = 0

    @property
    def idle(self) -> bool:
        """Nothing is playing or waiting to be played."""
        return self.queued == 0 and len(self._voice.fading) == 0

    def push(self, item_id: str, pcm: Pcm) -> None:
        """Adds samples of an item; an item's samples come in order, items one after another."""
        if len(pcm) == 0:
            return
        before = self._arriving[1] if self._arriving[0] == item_id else 0
        self._arriving = (item_id, before + len(pcm))
        if self._starved and item_id == self._voice.item_id:
            self.underruns += 1
            self.target = min(MAX_TARGET, self.target + STEP)
            self._clean_for = 0
            self._voice.rise = FADE
        self._starved = False
        self._queue.append(_Segment(item_id, before, pcm))
        self.queued += len(pcm)
        if self.bound is not None and self.queued > self.bound:
            self._skip(self.queued - self.target)

    def finish(self, item_id: str) -> None:
        """Nothing more will arrive of this item: running dry is its end."""
        self._complete = item_id

    def flush(self) -> None:
        """Falls silent within 5 ms and forgets what was queued."""
        if not (self._queue or self._running or self._starved):
            return
        if self._running:
            heard = self._take(FADE)
            fading = np.full(FADE, self._voice.last, np.float32)
            fading[: len(heard)] = heard
            self._voice.fading = fading * FALL
        self._queue.clear()
        self.queued = 0
        self._running = self._starved = False
        self._waited = 0
        self._voice.rise = 0

    def heard(self) -> tuple[str, int] | None:
        """The item played last and how many of its samples have been; None before the first."""
        return None if self._voice.item_id is None else (self._voice.item_id, self._voice.item_position)

    def render(self, samples: int) -> Block:
        """The next ``samples`` of the speaker."""
        out = np.zeros(samples, np.float32)
        block = Block(self.position, out, [])
        at = self._render_fading(block)
        dry_at = 0
        while at < samples:
            if not self._queue:
                dry_at = self._run_dry(at)
                break
            at = self._play(block, at) if self._running else self._wait(at, samples)
        self._voice.add_tail(out, dry_at)
        self.position += samples
        return block

    def _wait(self, at: int, end: int) -> int:
        """Silence until the target is reached; returns where the wait ended."""
        missing = self.target - self.queued - self._waited
        complete = self._queue[0].item_id == self._complete
        run = 0 if complete else max(0, min(missing, end - at))
        self._waited += run
        self._running = at + run < end
        return at + run

    def _play(self, block: Block, at: int) -> int:
        """Plays from one segment; returns where its run ended."""
        head = self._queue[0]
        self._voice.item_id, item_position = head.item_id, head.item_position
        pcm = self._take(min(len(head.pcm), len(block.pcm) - at))
        self._voice.ramp_up(pcm)
        block.pcm[at : at + len(pcm)] = pcm
        block.spans.append(Span(head.item_id, item_position, block.position + at, len(pcm)))
        self._clean_for += len(pcm)
        if self._clean_for >= CLEAN:
            self._clean_for = 0
            self.target = max(self.least_target, self.target - STEP)
        return at + len(pcm)

    def _run_dry(self, at: int) -> int:
        """Nothing is queued: the item is over, or the network is late. Returns where a tail begins."""
        if not self._running:
            return 0
        self._running = False
        self._waited = 0
        self._voice.break_off()
        self._starved = self._voice.item_id != self._complete
        return at

    def _render_fading(self, block: Block) -> int:
        """Plays what a flush left; returns where it ended."""
        fading = self._voice.take_fading(len(block.pcm))
        block.pcm[: len(fading)] = fading
        if len(fading) and self._voice.item_id is not None:
            begin = self._voice.item_position  # what is played twice has no place of its own in the item
            block.spans.append(Span(self._voice.item_id, begin, block.position, len(fading)))
        return len(fading)

    def _skip(self, samples: int) -> None:
        """Passes over the oldest samples, softly."""
        if self._running:
            self._voice.break_off()
            self._voice.rise = FADE
        self._take(samples)
        self.dropped += samples

    def _take(self, samples: int) -> Pcm:
        """Removes up to ``samples`` of the oldest; a copy [samples]."""
        taken: list[Pcm] = []
        samples = min(samples, self.queued)
        self.queued -= samples
        while samples > 0:
            head = self._queue[0]
            run = min(samples, len(head.pcm))
            taken.append(head.pcm[:run])
            head.pcm, head.item_position = head.pcm[run:], head.item_position + run
            if head.item_id == self._voice.item_id:
                self._voice.item_position = head.item_position
            if len(head.pcm) == 0:
                self._queue.popleft()
            samples -= run
        pcm = np.concatenate(taken) if taken else np.zeros(0, np.float32)
        if len(pcm):
            self._voice.last = pcm[-1]
        return pcm
