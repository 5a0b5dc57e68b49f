"""The speaker's jitter buffer: answers arrive in bursts, sound leaves steadily.

    push ──▶ [ waits start_ms ][ plays ... empty: late by x ][ waits step_ms ][ plays ... ] ──▶ render
                                          the next answer waits start_ms + step_ms

It is pure: time is the number of samples rendered. The browser page's playback worklet has the same rules.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from voicert_clients.wire import SAMPLES_PER_MS, Pcm


@dataclass(frozen=True)
class PlaybackSettings:
    start_ms: int = 20  # from the first samples of an answer to their playing, at first
    step_ms: int = 5  # each time the buffer runs dry inside an answer, later answers start this much later
    max_start_ms: int = 200  # and never later than this
    fade_ms: int = 5  # a flush fades out over this
    bound_ms: int = 60_000  # above this the oldest samples are dropped


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
    spans: list[Span]  # which answers it came from, in order; between them is silence

    def of(self, span: Span) -> Pcm:
        """The samples of one of its spans [samples]."""
        begin = span.position - self.position
        return self.pcm[begin : begin + span.samples]


@dataclass
class _Piece:
    item_id: str
    item_position: int
    pcm: Pcm


class Playback:
    """A queue of samples with a delayed start. Not thread-safe: its owner locks."""

    def __init__(self, settings: PlaybackSettings | None = None) -> None:
        self.settings = settings or PlaybackSettings()
        self.position = 0  # samples rendered since the beginning
        self.buffered = 0  # samples waiting
        self.underruns = 0  # times the buffer ran dry inside an answer
        self.dropped = 0  # samples that the bound took
        self.start_ms = self.settings.start_ms  # adapted
        self._pieces: deque[_Piece] = deque()
        self._pushed: tuple[str, int] = ("", 0)  # the newest item and how many of its samples came
        self._plays_from: int | None = None  # position at which what is buffered may play
        self._open = False  # more of the answer is expected
        self._dry = False  # it ran dry inside the answer

    @property
    def idle(self) -> bool:
        """Nothing is playing or waiting to be played."""
        return self.buffered == 0

    def push(self, item_id: str, pcm: Pcm) -> None:
        """Adds samples of an item; an item's samples come in order, items one after another."""
        before = self._pushed[1] if self._pushed[0] == item_id else 0
        self._pushed = (item_id, before + len(pcm))
        if len(pcm) == 0:
            return
        if self._plays_from is None:
            wait_ms = self.settings.step_ms if self._dry else self.start_ms
            self._plays_from = self.position + wait_ms * SAMPLES_PER_MS
        self._open = True
        self._dry = False
        self._pieces.append(_Piece(item_id, before, pcm))
        self.buffered += len(pcm)
        excess = self.buffered - self.settings.bound_ms * SAMPLES_PER_MS
        if excess > 0:
            self.dropped += excess
            self._take(excess)

    def finish(self) -> None:
        """No more of this answer will come: running dry is its end and no underrun."""
        self._open = False
        self._dry = False

    def flush(self) -> None:
        """Falls silent: fades out what plays just now and forgets the rest."""
        playing = self._plays_from is not None and self.position >= self._plays_from
        fade_samples = self.settings.fade_ms * SAMPLES_PER_MS if playing else 0
        kept = self._take(fade_samples)
        self._pieces.clear()
        total = sum(len(piece.pcm) for piece in kept)
        ramp = np.linspace(1.0, 0.0, total, endpoint=False, dtype=np.float32)
        done = 0
        for piece in kept:
            piece.pcm = piece.pcm * ramp[done : done + len(piece.pcm)]
            done += len(piece.pcm)
        self._pieces.extend(kept)
        self.buffered = total
        if total == 0:
            self._plays_from = None
        self.finish()

    def render(self, samples: int) -> Block:
        """The next ``samples`` of the speaker."""
        out = np.zeros(samples, dtype=np.float32)
        spans: list[Span] = []
        filled = 0
        while filled < samples and self._plays_from is not None:
            now = self.position + filled
            if now < self._plays_from:
                filled = min(samples, filled + self._plays_from - now)
                continue
            if self.buffered == 0:
                self._run_dry()
                break
            for piece in self._take(samples - filled):
                out[filled : filled + len(piece.pcm)] = piece.pcm
                where = self.position + filled
                spans.append(Span(piece.item_id, piece.item_position, where, len(piece.pcm)))
                filled += len(piece.pcm)
        block = Block(self.position, out, spans)
        self.position += samples
        return block

    def _run_dry(self) -> None:
        self._plays_from = None
        if self._open:
            self._dry = True
            self.underruns += 1
            self.start_ms = min(self.start_ms + self.settings.step_ms, self.settings.max_start_ms)

    def _take(self, samples: int) -> list[_Piece]:
        """Removes up to ``samples`` of the oldest, in pieces."""
        taken: list[_Piece] = []
        while samples > 0 and self._pieces:
            piece = self._pieces.popleft()
            if len(piece.pcm) > samples:
                rest = _Piece(piece.item_id, piece.item_position + samples, piece.pcm[samples:])
                self._pieces.appendleft(rest)
                piece = _Piece(piece.item_id, piece.item_position, piece.pcm[:samples])
            taken.append(piece)
            samples -= len(piece.pcm)
            self.buffered -= len(piece.pcm)
        return taken
