"""Other people's recordings: WAV files named by what is said in them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from voicert_clients.errors import SoundFileError
from voicert_clients.wav import read_wav

from voicert.errors import ConfigError
from voicert.evaluation.material import Material, Trial

ROW = "recording"
MARGIN = 12_000  # samples of silence before and after, half a second


def load_recordings(folder: Path) -> Material:
    """One trial per WAV file: ``what_is_the_time.wav`` or ``what is the time-2.wav`` says what its name says.

    Raises:
        ConfigError: there is no WAV file, or one cannot be read.
    """
    paths = sorted(folder.glob("*.wav"))
    if not paths:
        raise ConfigError(f"there are no WAV files in {folder}")
    trials: list[Trial] = []
    sounds: list[np.ndarray] = []
    position = 0
    for path in paths:
        try:
            pcm = read_wav(path)
        except SoundFileError as error:
            raise ConfigError(str(error)) from error
        whole = np.pad(pcm, (MARGIN, MARGIN))
        sounds.append((np.clip(whole, -1, 1) * 32_767).astype(np.int16))
        said = said_in(path.stem)
        trials.append(Trial(ROW, said, "", (position, len(whole)), MARGIN, MARGIN + len(pcm)))
        position += len(whole)
    return Material(trials, np.concatenate(sounds), [], {})


def said_in(stem: str) -> str:
    """The words in a file's name; a number at its end only tells takes apart."""
    return " ".join(re.sub(r"[-_ ]*\d+$", "", stem).replace("_", " ").lower().split())
