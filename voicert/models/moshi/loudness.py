"""How loud a sound is, in LUFS, by ITU-R BS.1770-4, for one channel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_S, STEP_S = 0.4, 0.1
SILENT_DB, QUIET_DB = (
    -70.0,
    -10.0,
)  # blocks below do not count: absolute, and relative to the mean of the others
_OFFSET_DB = -0.691
# The head as a shelf, and the ear's deafness to low tones: gain of the first in dB; quality and corner.
_SHELF = (3.999843853973347, 0.7071752369554196, 1681.974450955533)
_HIGH_PASS = (0.5003270373238773, 38.13547087602444)


def loudness_db(pcm: NDArray[np.float32], rate: int) -> float | None:
    """Of ``pcm`` [samples], shorter sounds than a block with silence behind; None if all is silent."""
    block, step = round(BLOCK_S * rate), round(STEP_S * rate)
    sound = np.pad(pcm.astype(np.float64), (0, max(0, block - len(pcm))))
    weighted = _weighted(sound, rate)
    starts = range(0, len(weighted) - block + 1, step)
    powers = np.array([np.mean(weighted[start : start + block] ** 2) for start in starts])
    kept = powers[_db(powers) > SILENT_DB]
    if not len(kept):
        return None
    kept = kept[_db(kept) > _db(np.array([kept.mean()])) + QUIET_DB]
    return float(_db(np.array([kept.mean()]))[0])


def _weighted(pcm: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Both filters at once, by their response in frequency; zeros behind keep the end off the beginning."""
    size = 1 << (len(pcm) + rate - 1).bit_length()
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response = np.ones_like(z)
    for b, a in (_shelf(*_SHELF, rate), _high_pass(*_HIGH_PASS, rate)):
        response *= np.polyval(b[::-1], z) / np.polyval(a[::-1], z)
    return np.fft.irfft(np.fft.rfft(pcm, size) * response, size)[: len(pcm)]


def _shelf(gain_db: float, quality: float, corner_hz: float, rate: int) -> tuple[NDArray[np.float64], ...]:
    """Coefficients of the standard's first filter at any rate."""
    k, high = math.tan(math.pi * corner_hz / rate), 10 ** (gain_db / 20)
    band = high**0.4996667741545416
    b = [high + band * k / quality + k * k, 2 * (k * k - high), high - band * k / quality + k * k]
    a = [1 + k / quality + k * k, 2 * (k * k - 1), 1 - k / quality + k * k]
    return np.array(b) / a[0], np.array(a) / a[0]


def _high_pass(quality: float, corner_hz: float, rate: int) -> tuple[NDArray[np.float64], ...]:
    """Of its second."""
    k = math.tan(math.pi * corner_hz / rate)
    a = np.array([1 + k / quality + k * k, 2 * (k * k - 1), 1 - k / quality + k * k])
    return np.array([1.0, -2.0, 1.0]), a / a[0]


def _db(power: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    return _OFFSET_DB + 10 * np.log10(np.maximum(power, 1e-20))
