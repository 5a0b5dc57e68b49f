"""The tiny checkpoint of scripts/make_tiny_moshi.py, written once per test run, opened as a server does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from make_tiny_moshi import SMALL, write_checkpoint
from numpy.typing import NDArray

from voicert.models import Bundle, Control, Options, Sampling, SpeechModel, StepOutput, load

Ints = NDArray[np.int64]
BRIEF = Options(answer_end_ms=400)  # answers of about a second


def tiny_folder(base: Path, model_type: str = "moshi") -> Path:
    """The checkpoint under ``base``, which pytest's ``tmp_path_factory.getbasetemp()`` gives."""
    folder = base / f"tiny-{model_type}"
    return folder if folder.is_dir() else write_checkpoint(folder, model_type)


def open_tiny(folder: Path, slots: int = 1, options: Options = BRIEF, greedy: bool = False) -> Bundle:
    bundle = load(str(folder), slots, 1, options)
    return replace(bundle, sampling=Sampling()) if greedy else bundle


def frames(seed: int, steps: int) -> Ints:
    """[steps, 8] codes that a user might say."""
    return np.random.default_rng(seed).integers(0, SMALL["card"], (steps, 8))


def steered(rows: int, hush: bool = False, start: bool = False) -> Control:
    return Control(np.full(rows, hush), np.full(rows, start), np.full(rows, -1))


def talk(
    model: SpeechModel, slot: int, user: Ints, hush: bool = False, start: bool = False
) -> list[StepOutput]:
    """``user`` [T, 8] in one slot, all steps steered alike."""
    return [model.step(np.array([slot]), codes[None], steered(1, hush, start)) for codes in user]


def tokens(out: list[StepOutput]) -> Ints:
    """[T, 1 + 8] the text and the codes of a slot's steps; also of a retake's rows."""
    return np.concatenate([np.concatenate([o.text[:, None], o.codes], axis=1) for o in out])
