"""Words and phones of a voice that does not tell them, by warping it onto espeak-ng saying the same.

Both sounds become log-mel frames of 10 ms, and dynamic time warping finds the cheapest path between them
(Sakoe and Chiba, 1978, with the local slopes 1/2, 1 and 2). The path carries the known times over.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nano.sound import FRAME, SAMPLE_RATE, Audio

HOP = SAMPLE_RATE // 100
WINDOW = 2 * HOP
BANDS = 24
MARGIN = 0.25  # share of the length by which the path may leave the straight line

Floats = NDArray[np.float64]


def _filters() -> Floats:
    """[bins, BANDS] triangles on the mel scale up to 8 kHz."""
    bins = np.linspace(0, SAMPLE_RATE / 2, WINDOW // 2 + 1)[:, None]
    edges = 700 * (10 ** (np.linspace(2, 2840, BANDS + 2) / 2595) - 1)
    rise, fall = (bins - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - bins) / np.diff(edges)[1:]
    return np.minimum(rise, fall).clip(min=0)


_FILTERS = _filters()
_HANN = np.hanning(WINDOW)


def features(pcm: Audio) -> Floats:
    """[frames, BANDS + 1] log-mel of every 10 ms, the mean voice taken out, and the loudness."""
    padded = np.pad(pcm.astype(np.float64), (WINDOW // 2, WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[: len(pcm) : HOP]
    power = np.abs(np.fft.rfft(frames * _HANN)) ** 2 @ _FILTERS
    mel = np.log10(power + 1e-6 * power.max())
    loud = np.log10(power.sum(1, keepdims=True) + 1e-6 * power.sum(1).max())
    spoken = loud[:, 0] > loud.max() - 3
    shape = mel - loud
    shape = (shape - shape[spoken].mean(0)) / (shape[spoken].std(0) + 1e-3)
    return np.concatenate([shape / BANDS**0.5, (loud - loud.mean()) / (loud.std() + 1e-3)], axis=1)


def stretched(rows: Floats, length: int) -> Floats:
    """The same rows at another tempo."""
    return rows[np.linspace(0, len(rows) - 1, length).round().astype(int)]


def warp(known: Floats, other: Floats) -> NDArray[np.int64]:
    """For each frame of ``other`` [M, D] the one of ``known`` [N, D] that it sounds like; never goes back."""
    n, m = len(known), len(other)
    even = stretched(known, m)  # square, so that slopes around one are enough
    squared = (other**2).sum(1)[:, None] + (even**2).sum(1) - 2 * other @ even.T
    cost = squared.clip(min=0) ** 0.5  # [m of other, m of known]
    away = np.abs(np.arange(m)[:, None] - np.arange(m)[None])
    cost[away > max(12, MARGIN * m)] += 1e3
    total = np.full((m + 2, m + 2), np.inf)  # two rows and columns of edge
    total[1, 1] = 0.0
    steps = np.zeros((m, m), np.int8)
    padded = np.pad(cost, ((1, 0), (1, 0)), constant_values=1e9)
    for i in range(m):
        choices = np.stack([
            total[i + 1, 1:-1],  # one of each
            total[i + 1, :-2] + padded[i + 1, :-1],  # two frames of the known one
            total[i, 1:-1] + padded[i, 1:],  # two frames of the other
        ])  # fmt: skip
        steps[i] = choices.argmin(0)
        total[i + 2, 2:] = choices.min(0) + cost[i]
    path = np.zeros(m, np.int64)
    i = j = m - 1
    while i >= 0 and j >= 0:
        path[i] = j
        step = steps[i, j]
        if step == 2 and i:
            path[i - 1] = j
            i -= 1
        i, j = i - 1, j - (2 if step == 1 else 1)
    return (np.maximum.accumulate(path) * (n - 1) / max(1, m - 1)).round().astype(np.int64)


def aligned(
    pcm: Audio, known: Audio, words: tuple[float, ...], phones: NDArray[np.uint8]
) -> tuple[tuple[float, ...], NDArray[np.uint8]]:
    """Ends of words as fractions of ``pcm``, and its phone per 20 ms, from those of ``known``."""
    path = warp(features(known), features(pcm))  # of 10 ms frames
    at = np.searchsorted(path, np.array(words) * len(known) / HOP) * HOP / len(pcm)
    count = -(-len(pcm) // FRAME)
    centres = path[np.minimum(np.arange(count) * 2 + 1, len(path) - 1)] * HOP // FRAME
    return tuple(np.minimum(at, 1.0).tolist()), phones[np.minimum(centres, len(phones) - 1)]
