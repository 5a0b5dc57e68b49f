"""The speaker's jitter buffer: answers come in pieces and unevenly, sound leaves steadily.

    push ──▶ [segment][segment]… ──▶ render

A sound starts when what is queued and what has been waited make up the target. Each time the buffer runs dry
inside an answer the target grows by a step, each long clean stretch shortens it. Lag beyond the target is
taken back in pauses of the speech (``lag``); above the bound the oldest samples go. A pause falls silent and
keeps all that waits; a flush falls silent and forgets it. It is pure: time is the number of samples rendered.

The browser page has the same buffer in ``page/jitter-buffer.js``; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voicert_clients.joins import FADE, Joins
from voicert_clients.lag import PIECE, Lag
from voicert_clients.pcm import SAMPLES_PER_MS, Pcm
from voicert_clients.segments import Segment, Segments

STEP = 5 * SAMPLES_PER_MS  # by which the target changes
MAX_TARGET = 150 * SAMPLES_PER_MS
CLEAN = 10_000 * SAMPLES_PER_MS  # the target is one step shorter after this much playing without a gap


@dataclass(frozen=True)
class Span:
    """A run of an item's samples that left the speaker."""

    item_id: str
    item_position: int  # of its first sample, within the item
    position: int  # of its first sample, in samples rendered since the beginning
    samples: int
    fading: bool = False  # the ramp down of a pause or a flush


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


class Playback:
    """A queue of samples with a delayed start. Not thread-safe: its owner locks."""

    def __init__(self, target_ms: int = 30, bound_ms: int | None = 400) -> None:
        self.set_target(target_ms)
        self.bound = None if bound_ms is None else bound_ms * SAMPLES_PER_MS  # samples; None keeps everything
        self.position = 0  # samples rendered since the beginning
        self.paused = False
        self.underruns = 0  # times the buffer ran dry inside an answer
        self.dropped = 0  # samples that the bound took
        self.shortened = 0  # samples of silence that were left out to catch up
        self._queue = Segments()
        self._arriving: tuple[str, int] = ("", 0)  # the item that arrives, and how many of its samples have
        self._complete: str | None = None  # the item of which nothing more will arrive
        self._begun: str | None = None  # the item that began to play
        self._playing: tuple[str, int] | None = None  # the item that plays or did last, and how far
        self._joins = Joins()
        self._lag = Lag()
        self._held = 0  # samples that a pause left waiting and still do: the bound does not count them
        self._running = False
        self._starved = False  # it ran dry in the middle of an item
        self._waited = 0  # samples waited since the first one was queued
        self._clean_for = 0

    def set_target(self, target_ms: int) -> None:
        """From the next answer on, this long from arriving to playing at least."""
        self.least_target = target_ms * SAMPLES_PER_MS
        self.target = self.least_target  # samples, adapted

    @property
    def queued(self) -> int:
        """Samples waiting."""
        return self._queue.samples

    @property
    def idle(self) -> bool:
        """Nothing is playing or waiting to be played."""
        return self.queued == 0 and len(self._joins.fading) == 0

    @property
    def still(self) -> bool:
        """The heard position stays where it is: paused, flushed, or all was played."""
        return self.paused or (self.queued == 0 and not self._starved and not self._running)

    def push(self, item_id: str, pcm: Pcm) -> None:
        """Adds samples of an item; an item's samples come in order, items one after another."""
        if len(pcm) == 0:
            return
        before = self._arriving[1] if self._arriving[0] == item_id else 0
        self._arriving = (item_id, before + len(pcm))
        if self._starved and self._playing and item_id == self._playing[0]:
            self.underruns += 1
            self.target = min(max(MAX_TARGET, self.least_target), self.target + STEP)
            self._clean_for = 0
            self._lag.forget()
            self._joins.set_in()
        self._starved = False
        self._held = min(self._held, self.queued)
        self._queue.push(Segment(item_id, before, pcm))
        if self.bound is None or self.paused:
            return
        if self._running:
            self._lag.arrive(len(pcm), self.queued, self.target)
        if self.queued > max(self.bound, self.least_target) + self._held:
            self._skip(self.queued - self.target)

    def finish(self, item_id: str) -> None:
        """Nothing more will arrive of this item: running dry is its end."""
        self._complete = item_id

    def pause(self) -> None:
        """Falls silent within 5 ms; ``resume`` goes on at the same sample."""
        if self.paused:
            return
        self.paused = True
        self._lag.forget()
        if self._running and not len(self._joins.fading):
            self._joins.fall_silent(self._queue.peek(FADE))

    def resume(self) -> None:
        """Goes on where ``pause`` stopped: what faded out then fades in now, so that nothing is lost."""
        if not self.paused:
            return
        self.paused = False
        self._held = self.queued
        if self._running:
            self._joins.set_in()

    def flush(self) -> None:
        """Falls silent within 5 ms and forgets what was queued."""
        if self._running and not self.paused and not len(self._joins.fading):
            self._joins.fall_silent(self._take(FADE))
        self._joins.set_in_at_once()
        self._queue.clear()
        self._held = 0
        self.paused = self._running = self._starved = False
        self._waited = 0
        self._begun = None
        self._lag.forget()

    def heard(self) -> tuple[str, int] | None:
        """The item played last and how many of its samples have been; None before the first."""
        return self._playing

    def due(self) -> tuple[str, int] | None:
        """The item whose samples come next, and the position of the first; as ``heard`` when none wait."""
        head = self._queue.head
        return self._playing if head is None else (head.item_id, head.item_position)

    def render(self, samples: int) -> Block:
        """The next ``samples`` of the speaker."""
        out = np.zeros(samples, np.float32)
        block = Block(self.position, out, [])
        at = self._render_fading(block)
        dry_at = 0
        while at < samples and not self.paused:
            head = self._queue.head
            if head is None:
                dry_at = self._run_dry(at)
                break
            at = self._play(head, block, at) if self._running else self._wait(head, at, samples)
        self._joins.add_tail(out, dry_at)
        self.position += samples
        return block

    def _wait(self, head: Segment, at: int, end: int) -> int:
        """Silence until the target is reached; returns where the wait ended."""
        missing = self.target - self.queued - self._waited
        run = 0 if head.item_id == self._complete else max(0, min(missing, end - at))
        self._waited += run
        self._running = at + run < end
        return at + run

    def _play(self, head: Segment, block: Block, at: int) -> int:
        """Plays from the first segment; returns where its run ended."""
        if head.item_id != self._begun:
            self._begun = head.item_id
            self._lag.begin()
        run = min(len(head.pcm), len(block.pcm) - at)
        if self._lag.samples >= FADE:  # on a grid, so that the size of a block does not matter
            self._shorten(head)
            run = min(run, len(head.pcm), FADE - head.item_position % FADE)
        item_position = head.item_position
        self._playing = (head.item_id, item_position)
        pcm = self._take(run)
        self._lag.play(pcm)
        self._joins.ramp_up(pcm)
        block.pcm[at : at + run] = pcm
        block.spans.append(Span(head.item_id, item_position, block.position + at, run))
        self._clean_for += run
        if self._clean_for >= CLEAN:
            self._clean_for = 0
            self.target = max(self.least_target, self.target - STEP)
        return at + run

    def _shorten(self, head: Segment) -> None:
        """Leaves out 5 ms where it does not matter."""
        piece = None if head.item_position % FADE else self._lag.shorten(head.pcm[:PIECE])
        if piece is not None:
            self._queue.replace(PIECE, piece)
            self.shortened += FADE

    def _run_dry(self, at: int) -> int:
        """Nothing is queued: the item is over, or the network is late. Returns where a tail begins."""
        if not self._running:
            return 0
        self._running = False
        self._waited = 0
        self._lag.forget()
        self._joins.break_off()
        self._starved = self._playing is not None and self._playing[0] != self._complete
        return at

    def _render_fading(self, block: Block) -> int:
        """Plays what a pause or a flush left; returns where it ended."""
        fading = self._joins.take_fading(len(block.pcm))
        block.pcm[: len(fading)] = fading
        if len(fading) and self._playing is not None:
            block.spans.append(Span(*self._playing, block.position, len(fading), fading=True))
        return len(fading)

    def _skip(self, samples: int) -> None:
        """Passes over the oldest samples, softly."""
        if self._running:
            self._joins.break_off()
            self._joins.set_in()
        self._take(samples)
        self._lag.forget()
        self.dropped += samples

    def _take(self, samples: int) -> Pcm:
        """Removes up to ``samples`` of the oldest; a copy."""
        pcm, reached = self._queue.take(samples)
        if self._playing and self._playing[0] in reached:
            self._playing = (self._playing[0], reached[self._playing[0]])
        if len(pcm):
            self._joins.last = pcm[-1]
        return pcm
