"""Speaks the WAV files that `voicert bench` asks (16 kHz, 16 bit), with Debian's free engines."""

from __future__ import annotations

import argparse
import wave
from pathlib import Path

import numpy as np
import soxr
from nano.sound import SAMPLE_RATE
from nano.voices import Voice, speak

FOLDER = Path(__file__).resolve().parent.parent / "voicert/bench/speech"
RATE = 16_000
SAID = (
    ("ask_capital_of_france", Voice("flite", "rms"), "what is the capital of france"),
    ("ask_capital_of_japan", Voice("espeak", "en-us+f2", 0.95), "which city is the capital of japan"),
    ("ask_five_times_five", Voice("flite", "awb"), "how much is five times five"),
    ("ask_how_are_you", Voice("espeak", "en+m7"), "how are you today"),
    ("ask_name", Voice("festival", "ked_diphone"), "tell me what is your name"),
    ("ask_spider", Voice("flite", "kal16"), "how many legs does a spider have"),
    ("ask_sky", Voice("espeak", "en-gb-scotland+f5"), "why is the sky blue"),
    ("ask_seasons", Voice("flite", "rms", 1.1), "please name the seasons"),
    ("ask_two_plus_two", Voice("espeak", "en-us+m2"), "what is two plus two"),
    ("ask_largest_planet", Voice("flite", "awb", 0.95), "which planet is the largest"),
    ("long_count", Voice("flite", "rms"), "count to twenty"),
    ("long_story", Voice("espeak", "en-us+f2"), "tell me a story"),
    ("long_days", Voice("flite", "awb"), "please name the days of the week"),
    ("interrupt_italy", Voice("flite", "rms"), "what is the capital of italy"),
    ("interrupt_dog", Voice("flite", "kal16"), "how many legs does a dog have"),
    ("interrupt_sun", Voice("espeak", "en+m7"), "what is the sun"),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=FOLDER)
    folder: Path = parser.parse_args().to
    folder.mkdir(parents=True, exist_ok=True)
    for name, voice, text in SAID:
        pcm = soxr.resample(speak(voice, text) * 0.6, SAMPLE_RATE, RATE)
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes((pcm * 32767).astype(np.int16).tobytes())


if __name__ == "__main__":
    main()
