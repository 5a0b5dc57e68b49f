"""What a sound is like, 100 times a second: its energy in a few bands where voices are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicert.session.vad import SAMPLE_RATE

Floats = NDArray[np.float32]

HOP = 240  # samples, 10 ms
EDGES_HZ = (150, 300, 450, 600, 800, 1000, 1250, 1500, 1850, 2200, 2700, 3200, 3900)
BANDS = len(EDGES_HZ) - 1
HISS_HZ = (3900, 10_000)  # where an s, a t or a ch is louder than in all bands together
HISS_CLEAR_DB = 10.0  # by which a hiss stands out of the quietest moment
FLOOR_DB = -65.0  # of a band, full scale is 0: nothing is quieter

_WINDOW = np.hanning(2 * HOP).astype(np.float32)
_BINS = [hz * 2 * HOP // SAMPLE_RATE for hz in EDGES_HZ]
_HISS = slice(*(hz * 2 * HOP // SAMPLE_RATE for hz in HISS_HZ))


class Bands:
    """Energies of the last hops of a sound, in dB by band."""

    def __init__(self, hops: int) -> None:
        self.energies: Floats = np.full((hops, BANDS), FLOOR_DB, np.float32)
        self._totals: Floats = np.full(hops, FLOOR_DB, np.float32)
        self._hisses: Floats = np.full(hops, FLOOR_DB, np.float32)
        self._before: Floats = np.zeros(HOP, np.float32)  # the last hop heard

    def add(self, pcm: Floats) -> None:
        """Hears ``pcm`` [n * 240]."""
        sound = np.concatenate([self._before, pcm])
        self._before = sound[-HOP:]
        frames = np.lib.stride_tricks.sliding_window_view(sound, 2 * HOP)[::HOP] * _WINDOW  # [n, 480]
        power = np.square(np.abs(np.fft.rfft(frames))) / (HOP * float(np.square(_WINDOW).sum()))
        bands = np.add.reduceat(power, _BINS, axis=1)[:, :BANDS]
        floor = 10 ** (FLOOR_DB / 10)
        new = (10 * np.log10(bands + floor)).astype(np.float32)
        total = (10 * np.log10(bands.sum(1) + floor)).astype(np.float32)
        hiss = (10 * np.log10(power[:, _HISS].sum(1) + floor)).astype(np.float32)
        self.energies = _follow(self.energies, new)
        self._totals, self._hisses = _follow(self._totals, total), _follow(self._hisses, hiss)

    def busy(self, level_db: float) -> float:
        """The part of the hops that is louder."""
        return float((self._totals > level_db).mean())

    def hissing(self, hops: int) -> bool:
        """Whether there was a hiss in the last ``hops``: most of the sound is above HISS_HZ."""
        hisses, totals = self._hisses[-hops:], self._totals[-hops:]
        return bool(((hisses > totals) & (hisses > self._hisses.min() + HISS_CLEAR_DB)).any())

    def loudest(self, hops: int | None = None) -> float:
        """Of the last ``hops``, or of all, in dB."""
        return float(self._totals[-hops if hops else 0 :].max())


def _follow(old: Floats, new: Floats) -> Floats:
    """As many hops as before, ``new`` the last of them."""
    return np.concatenate([old[len(new) :], new[-len(old) :]])


class Liveliness:
    """How much the colour of a sound changes: words wander from vowel to vowel, coughs do not."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """A new sound begins."""
        self._count = 0
        self._sum = np.zeros(BANDS)
        self._squares = np.zeros(BANDS)

    def add(self, energies: Floats) -> None:
        """The next frame of the sound, ``energies`` [hops, BANDS] in dB."""
        colour = energies.mean(0) - energies.mean()
        self._count += 1
        self._sum += colour
        self._squares += colour * colour

    @property
    def db(self) -> float:
        """Standard deviation of a band's share over the frames so far, mean over the bands."""
        if not self._count:
            return 0.0
        mean = self._sum / self._count
        return float(np.sqrt(np.maximum(self._squares / self._count - mean * mean, 0.0)).mean())
