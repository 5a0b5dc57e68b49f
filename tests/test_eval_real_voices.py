"""scripts/real_voices.py: strings of digits from single recordings."""

from __future__ import annotations

import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
from nano.sound import SAMPLE_RATE

from voicert.evaluation.recordings import load_recordings

SCRIPT = Path(__file__).parents[1] / "scripts/real_voices.py"


def test_digits_of_one_speaker_become_recordings_named_by_what_they_say(tmp_path: Path) -> None:
    """Here digit ``d`` of a person is 100 ms of a tone of 300 + 100 d Hz, at 8 kHz."""
    takes = tmp_path / "takes"
    takes.mkdir()
    t = np.arange(800) / 8_000
    for digit in range(10):
        tone = (np.sin(2 * np.pi * (300 + 100 * digit) * t) * 8_000).astype(np.int16)
        for take in range(50):
            with wave.open(str(takes / f"{digit}_ann_{take}.wav"), "wb") as file:
                file.setparams((1, 2, 8_000, 0, "NONE", ""))
                file.writeframes(tone.tobytes())
    out = tmp_path / "out"
    subprocess.run([sys.executable, str(SCRIPT), str(takes), str(out), "--count", "3"], check=True)
    material = load_recordings(out / "people")
    assert len(material.trials) == 3
    assert len(load_recordings(out / "known").trials) == len(load_recordings(out / "known_8khz").trials) == 18
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    for trial in material.trials:
        pcm = material.sound(trial.audio)[trial.begin : trial.end]
        assert 0.38 * SAMPLE_RATE < len(pcm) < 0.58 * SAMPLE_RATE
        digits = [words.index(word) for word in trial.text.split()]
        for digit, part in zip((digits[0], digits[-1]), (pcm[:2_400], pcm[-2_400:]), strict=True):
            spectrum = np.abs(np.fft.rfft(part * np.hanning(2_400)))
            assert abs(int(spectrum.argmax()) * 10 - (300 + 100 * digit)) <= 10
