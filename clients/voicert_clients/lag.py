"""Catching up inside an answer: what waits longer than it must is shortened where nobody hears it.

A burst of the network leaves the speaker behind for the rest of an answer. The lag is what still waits at the
leanest moment of half a second, beyond the target; it is taken back out of pauses between words, 5 ms at a
time, by fading from one quiet piece into the next.
"""

from __future__ import annotations

import numpy as np

from voicert_clients.joins import FADE, FALL, RISE
from voicert_clients.pcm import SAMPLES_PER_MS, Pcm

WINDOW = 500 * SAMPLES_PER_MS  # of arriving sound, over which the leanest moment is sought
QUIET = 10 ** (-50 / 20)  # peak of a piece that nobody hears
QUIET_SHARE = 1 / 32  # of the answer's loudest sample: 30 dB below it nobody misses 5 ms
PIECE = 2 * FADE  # two of these halves become one


class Lag:
    """How far the speaker is behind, and what can be shortened."""

    def __init__(self) -> None:
        self.samples = 0  # to be taken back
        self._leanest: int | None = None  # samples that waited
        self._arrived = 0  # samples since the window began
        self._loudest = 0.0  # of the answer so far

    def forget(self) -> None:
        """Another answer, or a break in this one."""
        self.samples = self._arrived = 0
        self._leanest = None

    def begin(self) -> None:
        """An answer begins to play."""
        self._loudest = 0.0

    def arrive(self, samples: int, queued: int, target: int) -> None:
        """So many samples arrived while sound played; with them, ``queued`` wait."""
        self._leanest = queued if self._leanest is None else min(self._leanest, queued)
        self._arrived += samples
        if self._arrived >= WINDOW:
            self.samples = max(0, self._leanest - target)
            self._leanest, self._arrived = None, 0

    def play(self, pcm: Pcm) -> None:
        """These samples are played."""
        self._loudest = max(self._loudest, float(np.abs(pcm).max()))

    def shorten(self, piece: Pcm) -> Pcm | None:
        """PIECE samples that come next as half as many, None where it would be heard or is not needed."""
        if self.samples < FADE or len(piece) < PIECE:
            return None
        if float(np.abs(piece).max()) > max(QUIET, self._loudest * QUIET_SHARE):
            return None
        self.samples -= FADE
        return (piece[:FADE] * FALL + piece[FADE:] * RISE).astype(np.float32)
