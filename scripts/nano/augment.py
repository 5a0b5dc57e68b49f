"""What a room, a microphone and a person do to a voice: level, band, echo, noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from nano.sound import SAMPLE_RATE, Audio


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


def band(rng: np.random.Generator, pcm: Audio) -> Audio:
    """What a telephone, a headset or a small microphone leaves of a voice."""
    low, high = np.exp(rng.uniform(np.log([50, 3_000]), np.log([400, 9_000])))
    return sosfilt(butter(4, [low, high], "bandpass", fs=SAMPLE_RATE, output="sos"), pcm).astype(np.float32)


def colour(rng: np.random.Generator, pcm: Audio) -> Audio:
    """What happens to a voice before it reaches the converter: filter, band and room, each now and then."""
    if rng.random() < 0.6:
        pcm = tilt(rng, pcm)
    if rng.random() < 0.3:
        pcm = band(rng, pcm)
    if rng.random() < 0.3:
        pcm = room(rng, pcm)
    return pcm


def gain_db(rng: np.random.Generator, low: float = -18.0, high: float = 3.0) -> float:
    return float(10 ** (rng.uniform(low, high) / 20))


def dither(rng: np.random.Generator, samples: int, low_db: float = -75.0, high_db: float = -42.0) -> Audio:
    """The floor of a microphone: shaped noise at a random level."""
    level = 10 ** (rng.uniform(low_db, high_db) / 20)
    return shaped_noise(rng, samples) * level


def cough(rng: np.random.Generator) -> Audio:
    """A cough or a cleared throat: one to three bursts of noise through two resonances, falling off fast."""
    parts: list[NDArray[np.float64]] = []
    for _ in range(int(rng.integers(1, 4))):
        n = int(rng.uniform(0.06, 0.22) * SAMPLE_RATE)
        t = np.arange(n) / SAMPLE_RATE
        burst = rng.standard_normal(n) * np.minimum(1.0, t / 0.004) * np.exp(-t / rng.uniform(0.03, 0.08))
        for hz in (rng.uniform(300, 900), rng.uniform(1100, 2600)):
            radius, angle = rng.uniform(0.93, 0.98), 2 * np.pi * hz / SAMPLE_RATE
            burst = burst * 0.3 + lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], burst)
        parts += [burst, np.zeros(int(rng.uniform(0.03, 0.2) * SAMPLE_RATE))]
    pcm = np.concatenate(parts)
    return (pcm * (0.5 / np.abs(pcm).max())).astype(np.float32)


def clicks(rng: np.random.Generator, samples: int) -> Audio:
    """Keys, a mouse, something put on the table: short damped knocks at random times."""
    pcm = np.zeros(samples, np.float32)
    for _ in range(int(rng.integers(1, 12))):
        n = int(rng.uniform(0.002, 0.03) * SAMPLE_RATE)
        t = np.arange(n) / SAMPLE_RATE
        knock = np.exp(-t / rng.uniform(0.001, 0.008)) * np.sin(
            2 * np.pi * rng.uniform(150, 5000) * t + rng.uniform(0, 6)
        )
        at = int(rng.integers(max(1, samples - n)))
        pcm[at : at + n] += (knock * rng.uniform(0.1, 1.0)).astype(np.float32)[: samples - at]
    return pcm * np.float32(0.5)


def tones(rng: np.random.Generator, samples: int) -> Audio:
    """Music-like: a few notes with harmonics, one after the other or together."""
    pcm = np.zeros(samples)
    for _ in range(int(rng.integers(1, 4))):  # voices
        at = 0
        while at < samples:
            n = min(samples - at, int(rng.uniform(0.08, 0.7) * SAMPLE_RATE))
            t = np.arange(n) / SAMPLE_RATE
            hz = 110.0 * 2 ** (int(rng.integers(0, 37)) / 12)
            note = sum(
                np.sin(2 * np.pi * hz * k * t) / k ** rng.uniform(1.0, 2.0)
                for k in range(1, int(rng.integers(2, 9)))
            )
            envelope = np.minimum(1.0, t / 0.01) * np.exp(-t * rng.uniform(0.5, 5.0))
            pcm[at : at + n] += note * envelope
            at += n
    return (pcm * (0.5 / (np.abs(pcm).max() + 1e-9))).astype(np.float32)


def nonspeech(rng: np.random.Generator, samples: int) -> Audio:
    """Sound without a voice at a random level: noise, music, knocks, coughs."""
    kind = rng.integers(4)
    if kind == 0:
        level = np.interp(np.arange(samples), np.linspace(0, samples, 6), rng.uniform(0.0, 1.0, 6))
        pcm = shaped_noise(rng, samples) * 0.15 * level.astype(np.float32)
    elif kind == 1:
        pcm = tones(rng, samples)
    elif kind == 2:
        pcm = clicks(rng, samples)
    else:
        pcm, some = np.zeros(samples, np.float32), cough(rng)
        at = int(rng.integers(max(1, samples - len(some))))
        pcm[at : at + len(some)] += some[: samples - at]
    return pcm * gain_db(rng, -24.0, 0.0) + dither(rng, samples)
