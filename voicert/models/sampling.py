"""Drawing tokens: a function of logits, settings and a counter, so that a step can be repeated exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def uniforms(seed: int, position: int, count: int) -> NDArray[np.float64]:
    """``count`` numbers in [0, 1) that depend on nothing but ``seed`` and ``position`` (Philox).

    A position has 2⁶⁴ values of the counter to itself, so no two positions share a number.
    """
    return np.random.Generator(np.random.Philox(key=seed % 2**64, counter=position << 64)).random(count)


def draw(logits: Floats, temperature: float, top_k: int, uniform: NDArray[np.float64]) -> Ints:
    """logits [R, N], one uniform number per row → tokens [R]; temperature 0 takes the most likely."""
    if temperature <= 0.0:
        return logits.argmax(-1)
    k = max(1, min(top_k, logits.shape[-1]))
    best = np.argpartition(logits, -k, axis=-1)[:, -k:]  # [R, k]
    best.sort(axis=-1)  # argpartition's order is not defined
    kept = np.take_along_axis(logits, best, -1).astype(np.float64) / temperature
    weight = np.exp(kept - kept.max(-1, keepdims=True))
    total = np.cumsum(weight, axis=-1)
    index = (total <= uniform[:, None] * total[:, -1:]).sum(-1)
    return np.take_along_axis(best, np.minimum(index, k - 1)[:, None], -1)[:, 0]
