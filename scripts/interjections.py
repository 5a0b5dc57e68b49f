"""Sounds that people make while someone else talks: coughs, murmurs, noises, and words that mean it.

All are made from a seed: the voices by espeak-ng, the rest by filtered noise. 24 kHz, full scale is -1..1.
"""

from __future__ import annotations

import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
import soxr
from nano import espeak
from nano.sound import trimmed
from nano.voices import ACCENTS, VARIANTS
from numpy.typing import NDArray
from scipy.signal import lfilter

SAMPLE_RATE = 24_000
MURMURS = (
    "m:h'm:",
    "m-h'm",
    "m'm:",
    "h'm:",
    "'m-m'm",
    "'Vh'V",
)  # as espeak-ng's phonemes: mm-hm, mm, hm, uh-huh
WORDS = (
    "stop", "wait", "hold on", "no no no", "stop it please", "wait a moment", "thank you that is enough",
    "what is the capital of france", "how many legs does a spider have", "tell me a joke", "who are you",
    "count to ten", "good night", "what is two plus two", "name the seasons", "sorry what was that",
)  # fmt: skip
NOISES = ("knock", "click", "rustle", "thud", "keys", "breath")

Audio = NDArray[np.float32]


def murmur(rng: np.random.Generator) -> Audio:
    """Someone listens: "mm-hm"."""
    name = f"{rng.choice(ACCENTS)}+{rng.choice(VARIANTS)}"
    speed, pitch = int(rng.integers(130, 230)), int(rng.integers(30, 70))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.wav"
        options = ["-v", name, "-s", str(speed), "-p", str(pitch), "-w", str(out)]
        subprocess.run(["espeak-ng", *options, f"[[{rng.choice(MURMURS)}]]"], check=True, capture_output=True)
        with wave.open(str(out)) as file:
            pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32_768.0
            pcm = soxr.resample(pcm, file.getframerate(), SAMPLE_RATE)
    pcm = trimmed(pcm)[0]
    return pcm * np.float32(rng.uniform(0.15, 0.5) / max(float(np.abs(pcm).max()), 1e-9))


def interruption(rng: np.random.Generator) -> Audio:
    """Someone wants to speak."""
    return _voice(rng, str(rng.choice(WORDS)), (0.85, 1.25)) * np.float32(rng.uniform(0.5, 1.0))


def cough(rng: np.random.Generator) -> Audio:
    """One or two bursts of breath through a throat, with a voiced rest."""
    bursts: list[Audio] = []
    for _ in range(int(rng.integers(1, 3))):
        n = int(rng.uniform(0.09, 0.2) * SAMPLE_RATE)
        t = np.arange(n) / SAMPLE_RATE
        attack = np.minimum(1.0, t / 0.008)
        breath = rng.standard_normal(n) * attack * np.exp(-t / rng.uniform(0.03, 0.07))
        pitch = rng.uniform(90, 220) * (1 - 0.4 * t / t[-1])
        throat = np.sign(np.sin(2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE)) * np.exp(
            -(((t - 0.08) / 0.05) ** 2)
        )
        sound = _formants(breath + 0.3 * throat, rng, (500, 1200, 2600))
        bursts += [sound, np.zeros(int(rng.uniform(0.05, 0.15) * SAMPLE_RATE), np.float32)]
    return _level(np.concatenate(bursts[:-1]), rng)


def noise(rng: np.random.Generator) -> Audio:
    """Something that is not a person."""
    kind = str(rng.choice(NOISES))
    if kind == "knock":
        return _level(_hits(rng, int(rng.integers(2, 5)), 0.13, 0.02, (180, 420, 900)), rng)
    if kind == "click":
        return _level(_hits(rng, int(rng.integers(1, 3)), 0.1, 0.003, (1500, 3200, 5000)), rng)
    if kind == "keys":
        return _level(_hits(rng, int(rng.integers(3, 8)), 0.09, 0.006, (1200, 2800, 4500)), rng)
    if kind == "thud":
        return _level(_hits(rng, 1, 0.2, 0.06, (70, 130, 300)), rng)
    n = int(rng.uniform(0.25, 0.6) * SAMPLE_RATE)
    swell = np.sin(np.pi * np.arange(n) / n) ** 2
    if kind == "rustle":
        swell = swell * (0.3 + 0.7 * np.repeat(rng.random(n // 600 + 1), 600)[:n])
    white = rng.standard_normal(n) * swell
    sound = lfilter([1.0, -0.95], [1.0], white) if kind == "rustle" else lfilter([0.3], [1.0, -0.7], white)
    return _level(sound.astype(np.float32), rng)


def _voice(rng: np.random.Generator, text: str, rates: tuple[float, float]) -> Audio:
    name = f"{rng.choice(ACCENTS)}+{rng.choice(VARIANTS)}"
    said = espeak.speak(name, text, float(rng.uniform(*rates)), float(rng.uniform(0.8, 1.3)))
    return trimmed(said.pcm)[0]


def _hits(
    rng: np.random.Generator, count: int, apart_s: float, decay_s: float, modes_hz: tuple[float, ...]
) -> Audio:
    """``count`` strikes on something that rings at ``modes_hz``."""
    out = np.zeros(int((count * apart_s * 1.5 + 0.1) * SAMPLE_RATE), np.float32)
    t = np.arange(int(0.1 * SAMPLE_RATE)) / SAMPLE_RATE
    at = 0
    for _ in range(count):
        ring = sum(
            rng.uniform(0.3, 1.0) * np.sin(2 * np.pi * hz * rng.uniform(0.9, 1.1) * t) for hz in modes_hz
        )
        hit = (ring + rng.standard_normal(len(t)) * np.exp(-t / 0.003)) * np.exp(-t / decay_s)
        part = out[at : at + len(hit)]
        part += (hit * rng.uniform(0.5, 1.0))[: len(part)].astype(np.float32)
        at += int(apart_s * rng.uniform(0.7, 1.3) * SAMPLE_RATE)
    return out[: at + len(t)]


def _formants(sound: NDArray[np.float64], rng: np.random.Generator, centres: tuple[float, ...]) -> Audio:
    out = np.zeros_like(sound)
    for hz in centres:
        angle = 2 * np.pi * hz * rng.uniform(0.85, 1.15) / SAMPLE_RATE
        out += lfilter([1.0], [1.0, -2 * 0.97 * np.cos(angle), 0.97**2], sound)
    return out.astype(np.float32)


def _level(sound: Audio, rng: np.random.Generator) -> Audio:
    """Peak between 0.1 and 0.5."""
    peak = max(float(np.abs(sound).max()), 1e-9)
    return (sound * (rng.uniform(0.1, 0.5) / peak)).astype(np.float32)
