"""Strings of digits in the voices of people, for `voicert eval --wav-dir`: what training never had.

The recordings are those of the Free Spoken Digit Dataset (CC BY-SA 4.0), six people, single digits, 8 kHz:
https://github.com/Jakobovski/free-spoken-digit-dataset. Beside them the same is made of voices that were
trained on, once as they are and once through 8 kHz, to tell what is lost to people and what to the band.
Writes the folders ``people``, ``known`` and ``known_8khz``.
"""

from __future__ import annotations

import argparse
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soxr
from nano.sound import SAMPLE_RATE, Audio
from nano.voices import Voice, read_wav, speak_many

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TAKES = 50  # of each digit by each speaker
BAND = 8_000  # Hz, sample rate of the recordings
VOICES = (
    Voice("flite", "rms"),
    Voice("flite", "slt"),
    Voice("flite", "awb"),
    Voice("espeak", "en-us+m2"),
    Voice("espeak", "en-gb-x-rp+f2"),
    Voice("espeak", "en-us+Andrea"),
)


def strings(
    out: Path, number: int, count: int, rng: np.random.Generator, say: Callable[[int], Audio]
) -> None:
    """``count`` files of three digits each, 40 to 140 ms apart, each digit as loud as any other."""
    out.mkdir(parents=True, exist_ok=True)
    for take in range(count):
        digits = rng.integers(10, size=3).tolist()
        parts: list[Audio] = []
        for digit in digits:
            pcm = say(digit)
            parts.append(pcm * np.float32(0.4 / np.abs(pcm).max()))
            parts.append(np.zeros(int(rng.uniform(0.04, 0.14) * SAMPLE_RATE), np.float32))
        name = f"{' '.join(DIGITS[d] for d in digits)}-{number}{take:03d}.wav"
        with wave.open(str(out / name), "wb") as file:
            file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
            file.writeframes((np.concatenate(parts[:-1]) * 32767).astype(np.int16).tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", type=Path, help="the dataset's folder of that name")
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=40, help="strings of each voice")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    people = sorted({path.stem.split("_")[1] for path in args.recordings.glob("*.wav")})
    if not people:
        parser.error(f"there are no recordings in {args.recordings}")
    for number, person in enumerate(people):

        def recorded(digit: int, person: str = person) -> Audio:
            return read_wav(args.recordings / f"{digit}_{person}_{rng.integers(TAKES)}.wav")

        strings(args.out / "people", number, args.count, rng, recorded)
    for number, voice in enumerate(VOICES):
        wide = [spoken.pcm for spoken in speak_many(voice, list(DIGITS))]
        narrow = [soxr.resample(soxr.resample(x, SAMPLE_RATE, BAND), BAND, SAMPLE_RATE) for x in wide]
        for name, said in (("known", wide), ("known_8khz", narrow)):
            strings(args.out / name, number, args.count, rng, said.__getitem__)


if __name__ == "__main__":
    main()
