"""What a room, a microphone and a person do to a voice: level, band, echo, noise."""

from __future__ import annotations

import numpy as np
from scipy.signal import fftconvolve, lfilter

from nano.voices import SAMPLE_RATE, Audio


def shaped_noise(rng: np.random.Generator, samples: int) -> Audio:
    """Noise of unit RMS whose spectrum falls by a random slope (white to brown)."""
    pole = rng.uniform(0.0, 0.98)
    noise = lfilter([1.0], [1.0, -pole], rng.standard_normal(samples))
    return (noise / np.sqrt(np.mean(noise**2) + 1e-12)).astype(np.float32)


def tilt(rng: np.random.Generator, pcm: Audio) -> Audio:
    """A random gentle filter: a microphone's colour."""
    zero = rng.uniform(-0.4, 0.4)
    return lfilter([1.0, zero], [1.0, rng.uniform(-0.3, 0.3)], pcm).astype(np.float32)


def room(rng: np.random.Generator, pcm: Audio) -> Audio:
    """A small room: exponentially falling noise as impulse response."""
    seconds = rng.uniform(0.05, 0.25)
    n = int(seconds * SAMPLE_RATE)
    tail = rng.standard_normal(n) * np.exp(-6.9 * np.arange(n) / n)
    tail *= rng.uniform(0.05, 0.3) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return fftconvolve(pcm, tail)[: len(pcm)].astype(np.float32)


def colour(rng: np.random.Generator, pcm: Audio) -> Audio:
    """What happens to a voice before it reaches the converter: filter and room, each now and then."""
    if rng.random() < 0.6:
        pcm = tilt(rng, pcm)
    if rng.random() < 0.3:
        pcm = room(rng, pcm)
    return pcm


def gain_db(rng: np.random.Generator, low: float = -18.0, high: float = 3.0) -> float:
    return float(10 ** (rng.uniform(low, high) / 20))


def dither(rng: np.random.Generator, samples: int, low_db: float = -75.0, high_db: float = -42.0) -> Audio:
    """The floor of a microphone: shaped noise at a random level."""
    level = 10 ** (rng.uniform(low_db, high_db) / 20)
    return shaped_noise(rng, samples) * level
