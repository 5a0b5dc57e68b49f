"""What a model is examined with: a folder of trials, made by scripts/make_material.py.

``trials.jsonl`` holds one trial per line, ``audio.i16`` their sound at 24 kHz one after the other, and
``texts.json`` what may be asked and answered at all, from which the judge learns its words, and where the
original voice's answers stand, by which the judge itself is judged.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicert.errors import ConfigError

VERSION = 2
Pcm = NDArray[np.float32]
Span = tuple[int, int]  # first sample in the audio file, number of samples


@dataclass(frozen=True)
class Second:
    """What the user says while the assistant answers."""

    text: str  # "" for a sound that asks for nothing
    answer: str  # "" if the answer in progress is to go on
    audio: Span
    after_ms: int  # from the first audible sample of the answer


@dataclass(frozen=True)
class Trial:
    """One request, or a stretch of sound to which nothing is to be said."""

    row: str  # what it measures
    text: str  # what is asked, as it is written down; "" for no request
    answer: str  # the right answer, as it is spoken
    audio: Span  # of the request and the room before and around it; of no length when typed
    begin: int  # sample of `audio` at which speech begins
    end: int  # and one after its last
    typed: bool = False  # given as text
    second: Second | None = None


class Material:
    """Read access; the audio is a memory map."""

    def __init__(
        self,
        trials: list[Trial],
        audio: NDArray[np.int16],
        answers: list[str],
        originals: dict[str, Span],
    ) -> None:
        self.trials = trials
        self.answers = answers
        self._audio = audio
        self._originals = originals

    def original(self, answer: str) -> Pcm | None:
        """An answer as the voice that the model learnt from says it."""
        span = self._originals.get(answer)
        return None if span is None else self.sound(span)

    def sound(self, span: Span) -> Pcm:
        return self._audio[span[0] : span[0] + span[1]].astype(np.float32) / np.float32(32_768)

    def rows(self) -> list[str]:
        return list(dict.fromkeys(trial.row for trial in self.trials))


def load_material(folder: Path) -> Material:
    """Reads a folder that `write_material` wrote.

    Raises:
        ConfigError: there is none, or a file of it is missing, damaged or of another version.
    """
    try:
        with (folder / "trials.jsonl").open() as lines:
            head = json.loads(next(lines))
            if head.get("version") != VERSION:
                raise ConfigError(f"the material in {folder} is not of version {VERSION}; make it again")
            trials = [_trial(json.loads(line)) for line in lines]
        texts = json.loads((folder / "texts.json").read_text())
        audio = np.memmap(folder / "audio.i16", np.int16, "r")
        if max((t.audio[0] + t.audio[1] for t in trials), default=0) > len(audio):
            raise ConfigError(f"the audio in {folder} is shorter than its trials")
        originals = {text: (int(span[0]), int(span[1])) for text, span in texts["originals"].items()}
        return Material(trials, audio, list(texts["answers"]), originals)
    except OSError as error:
        hint = "make it with scripts/make_material.py"
        raise ConfigError(f"cannot read the material {folder} ({error.strerror}); {hint}") from error
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise ConfigError(f"the material in {folder} is damaged: {error!r}") from error


def _trial(row: dict[str, Any]) -> Trial:
    second = row.pop("second")
    row["audio"] = tuple(row["audio"])
    if second:
        second["audio"] = tuple(second["audio"])
    return Trial(**row, second=Second(**second) if second else None)


class Writer:
    """Makes a folder of material; `close` completes it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._audio = (folder / "audio.i16").open("wb")
        self._trials = (folder / "trials.jsonl").open("w")
        self._trials.write(json.dumps({"version": VERSION}) + "\n")
        self._position = 0

    def sound(self, pcm: Pcm) -> Span:
        """Keeps ``pcm`` [n]; where it stands."""
        span = (self._position, len(pcm))
        self._audio.write((np.clip(pcm, -1, 1) * 32_767).astype(np.int16).tobytes())
        self._position += len(pcm)
        return span

    def trial(self, trial: Trial) -> None:
        self._trials.write(json.dumps(asdict(trial)) + "\n")

    def close(self, answers: list[str], originals: dict[str, Span]) -> None:
        """``answers`` are all that may be given, ``originals`` where those of the trials stand."""
        self._audio.close()
        self._trials.close()
        (self._folder / "texts.json").write_text(json.dumps({"answers": answers, "originals": originals}))
