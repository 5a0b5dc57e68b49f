"""How sound joins silence without a click: ramps of 5 ms wherever it breaks off or sets in."""

from __future__ import annotations

import numpy as np

from voicert_clients.pcm import SAMPLES_PER_MS, Pcm

FADE = 5 * SAMPLES_PER_MS
FALL: Pcm = (1 - np.arange(1, FADE + 1) / FADE).astype(np.float32)  # [FADE] to 0
RISE: Pcm = (1 - FALL).astype(np.float32)  # [FADE] to 1; what fades out here and in there is whole


class Joins:
    """The ramps of one speaker."""

    def __init__(self) -> None:
        self.last = np.float32(0)  # the last sample played
        self.fading: Pcm = np.zeros(0, np.float32)  # a ramp down that is played before all else
        self._tail: Pcm = np.zeros(0, np.float32)  # added to what follows: where sound broke off it decays
        self._rise = 0  # samples left of a ramp up

    def break_off(self) -> None:
        """Sound ended at the last sample played: it decays over what comes next."""
        self._tail = self.last * FALL

    def set_in(self) -> None:
        """The next sound comes up from silence."""
        self._rise = FADE

    def set_in_at_once(self) -> None:
        """What was to come up from silence does not come."""
        self._rise = 0

    def fall_silent(self, pcm: Pcm) -> None:
        """Plays ``pcm``, what would have come next [up to FADE], as a ramp down."""
        last = pcm[-1] if len(pcm) else self.last
        fading = np.full(FADE, last, np.float32)
        fading[: len(pcm)] = pcm
        self.ramp_up(fading)
        self.fading = fading * FALL
        self._rise = 0

    def take_fading(self, samples: int) -> Pcm:
        """The next samples of the ramp down [up to samples]."""
        taken, self.fading = self.fading[:samples], self.fading[samples:]
        return taken

    def ramp_up(self, pcm: Pcm) -> None:
        """Applies what is left of the ramp up to the next samples to play, in place."""
        run = min(self._rise, len(pcm))
        if run:
            begin = FADE - self._rise
            pcm[:run] *= RISE[begin : begin + run]
            self._rise -= run

    def add_tail(self, pcm: Pcm, begin: int) -> None:
        """Adds the decay to ``pcm`` from ``begin`` on, in place."""
        run = min(len(self._tail), len(pcm) - begin)
        pcm[begin : begin + run] += self._tail[:run]
        self._tail = self._tail[run:]
