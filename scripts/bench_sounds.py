"""Makes the sounds of ``voicert bench`` that must not stop an answer: hums, words of assent, coughs, noises.

    python scripts/bench_sounds.py [FOLDER]

Needs flite. The result is the same each time.
"""

from __future__ import annotations

import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

RATE_HZ = 24_000
FOLDER = Path(__file__).parents[1] / "voicert/bench/speech"
LEVEL = 0.35  # peak
PHONES = {"mm_hm": ("rms", "m m hh m m"), "uh_huh": ("kal", "ah hh ah"), "hm": ("awb", "hh m m")}
WORDS = {"yeah": ("rms", "yeah"), "right": ("kal", "right"), "okay": ("awb", "okay")}
Sound = NDArray[np.float64]


def said(voice: str, arguments: list[str], folder: Path) -> Sound:
    """What flite says [samples], without the silence around it."""
    path = folder / "flite.wav"
    subprocess.run(["flite", "-voice", voice, *arguments, "-o", str(path)], check=True, timeout=60)
    with wave.open(str(path)) as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32_768
        pcm = soxr.resample(raw, file.getframerate(), RATE_HZ)
    path.unlink()
    loud = np.flatnonzero(np.abs(pcm) > 0.02)
    return pcm[max(0, loud[0] - 240) : loud[-1] + 240]


def cough(dice: np.random.Generator, bursts: int) -> Sound:
    """Bursts of breath noise that begin hard and die away."""
    parts: list[Sound] = []
    for number in range(bursts):
        seconds = np.arange(RATE_HZ * (17 - 4 * number) // 100) / RATE_HZ
        noise = dice.standard_normal(len(seconds))
        breath = np.convolve(noise, [0.25, 0.5, 0.25], "same") - np.convolve(noise, np.ones(40) / 40, "same")
        parts += [breath * np.minimum(1, seconds / 0.004) * np.exp(-seconds / 0.045), np.zeros(RATE_HZ // 25)]
    return np.concatenate(parts)


def knock(dice: np.random.Generator) -> Sound:
    """Three knocks on wood."""
    seconds = np.arange(RATE_HZ // 6) / RATE_HZ
    one = np.sin(2 * np.pi * 190 * seconds) * np.exp(-seconds / 0.02)
    one += 0.3 * dice.standard_normal(len(seconds)) * np.exp(-seconds / 0.003)
    return np.tile(one, 3)


def clatter(dice: np.random.Generator) -> Sound:
    """A few keys of a keyboard."""
    out = np.zeros(RATE_HZ // 2)
    for at in dice.integers(0, len(out) - 600, 6):
        out[at : at + 600] += dice.standard_normal(600) * np.exp(-np.arange(600) / 90)
    return out


def main() -> None:
    """Writes them all."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    dice = np.random.default_rng(20)
    sounds = {"cough": cough(dice, 1), "cough_twice": cough(dice, 2)}
    sounds |= {"knock": knock(dice), "keys": clatter(dice)}
    for name, (voice, phones) in PHONES.items():
        sounds[name] = said(voice, ["-p", f"pau {phones} pau"], folder)
    for name, (voice, word) in WORDS.items():
        sounds[name] = said(voice, ["-t", word], folder)
    for name, pcm in sounds.items():
        scaled = np.rint(pcm * LEVEL / np.abs(pcm).max() * 32_767).astype("<i2")
        with wave.open(str(folder / f"backchannel_{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(scaled.tobytes())


if __name__ == "__main__":
    main()
