"""Makes another person of a voice: other pitch, melody, formants, breath and tempo.

Analysis and synthesis are WORLD's (Morise et al. 2016; PyPI: pyworld). What it makes sounds like a vocoder;
for a model that learns to hear, that is one more way of speaking, and engines have few.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from nano.phones import SILENCE
from nano.sound import FRAME, SAMPLE_RATE, Audio

PERIOD_MS = 5.0  # of the analysis
FFT = 1024
PITCH_HZ = (60.0, 500.0)  # what is looked for
KNOT_S = 0.2  # tempo changes about as often as syllables do
WHISPERED = 0.04

Floats = NDArray[np.float64]


def revoiced(
    rng: np.random.Generator, pcm: Audio, ends: list[int], phones: NDArray[np.uint8]
) -> tuple[Audio, list[int], NDArray[np.uint8]]:
    """The same words of a person drawn at random.

    Args:
        pcm: at `SAMPLE_RATE`.
        ends: of the words, in samples.
        phones: one class per frame of 20 ms.

    Returns:
        The three of the new voice; peak at 0.5.
    """
    import pyworld  # only for those who train

    sound = pcm.astype(np.float64)
    pitch, times = pyworld.dio(sound, SAMPLE_RATE, PITCH_HZ[0], PITCH_HZ[1], frame_period=PERIOD_MS)
    pitch = pyworld.stonemask(sound, pitch, times, SAMPLE_RATE)
    envelope = pyworld.cheaptrick(sound, pitch, times, SAMPLE_RATE, fft_size=FFT)
    step = SAMPLE_RATE * PERIOD_MS / 1000
    at = tempo(rng, len(pitch))  # where in the old voice each analysis frame of the new one is
    old = np.minimum(np.round(at).astype(int), len(pitch) - 1)
    envelope = np.ascontiguousarray(throat(rng, envelope)[old])
    pitch = melody(rng, pitch)[old]
    made = pyworld.synthesize(pitch, envelope, breath(rng, pitch), SAMPLE_RATE, PERIOD_MS)
    made = made[: round(len(at) * step)]
    made *= 0.5 / (np.abs(made).max() + 1e-9)
    where = np.arange(len(at)) * step
    new_ends = [min(round(np.interp(e / step, at, where)), len(made)) for e in ends]
    frames = np.interp(np.arange(0, len(made), FRAME), where, at) * step / FRAME
    heard = phones[np.minimum(frames.round().astype(int), len(phones) - 1)]
    return made.astype(np.float32), new_ends, np.where(frames < len(phones), heard, SILENCE).astype(np.uint8)


def tempo(rng: np.random.Generator, frames: int) -> Floats:
    """Rising positions in [0, frames), one per frame of the new voice, whose steps wander around a rate."""
    longest = 2 * frames + 2
    knots = max(2, round(longest * PERIOD_MS / 1000 / KNOT_S))
    rate = rng.uniform(-0.15, 0.15) + rng.normal(0.0, 0.15, knots)
    steps = np.exp(np.interp(np.linspace(0, knots - 1, longest), np.arange(knots), np.clip(rate, -0.5, 0.5)))
    at = np.concatenate([[0.0], np.cumsum(steps)])
    return at[at < frames]


def melody(rng: np.random.Generator, pitch: Floats) -> Floats:
    """Another height, and its movements smaller or larger; 0 where there is no voice, as before."""
    voiced = pitch > 0
    if not voiced.any() or rng.random() < WHISPERED:
        return np.zeros_like(pitch)
    logs = np.log(np.where(voiced, pitch, 1.0))
    mean = logs[voiced].mean()
    logs = mean + (logs - mean) * rng.uniform(0.3, 1.7) + rng.uniform(-0.4, 0.4)
    return np.where(voiced, np.exp(np.clip(logs, np.log(55.0), np.log(480.0))), 0.0)


def throat(rng: np.random.Generator, envelope: Floats) -> Floats:
    """Formants higher or lower, some more than others, and duller or sharper: [T, FFT / 2 + 1] power."""
    bins = np.arange(envelope.shape[1])
    last = bins[-1]
    knee = 0.35 * last  # formants are below; above, the spectrum is pressed together to end where it did
    low, mid = np.exp(rng.uniform(-0.17, 0.17) + rng.normal(0.0, 0.04, 2))
    warped = np.interp(bins, [0, 0.1 * last, knee, last], [0, 0.1 * last * low, knee * mid, last])
    logs = np.log(envelope + 1e-12)[:, warped.round().astype(int)]
    if rng.random() < 0.4:  # as statistical voices are
        logs = uniform_filter1d(logs, int(rng.integers(3, 12)), axis=1)
    if rng.random() < 0.4:
        logs = uniform_filter1d(logs, int(rng.integers(2, 6)), axis=0)
    logs += rng.normal(0.0, 1.5) * (bins / last - 0.3)
    return np.exp(logs)


def breath(rng: np.random.Generator, pitch: Floats) -> Floats:
    """How much of each frequency is noise, in amplitude: all without a voice, the high ones with it."""
    hz = np.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1)
    profile = 1 / (1 + np.exp(-(hz - rng.uniform(1500, 8000)) / rng.uniform(300, 1500)))
    profile = np.clip(profile * rng.uniform(0.3, 0.95) + rng.uniform(0.0, 0.12), 0.001, 0.999)
    return np.where(pitch[:, None] > 0, profile, 0.999)
