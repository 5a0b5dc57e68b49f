"""The whole examination: every row's trials through the model, and the table of results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np

from voicert.evaluation.judge import Judge
from voicert.evaluation.material import Material, Trial
from voicert.evaluation.rows import (
    GOALS,
    MEASURES,
    Goal,
    Listener,
    Result,
    gap_ms,
    spoken_error,
    transcript_error,
    turns_taken,
)
from voicert.evaluation.stage import Course, frame_times_ms, run_trials
from voicert.models.base import Bundle

CLEAN = "answer_known_voice"  # the row whose trials also tell of turns, gaps and the voice
NEW = "answer_new_voice"  # the row whose trials also tell of transcripts
NOISE_COSTS = 0.05  # at most, of right answers
TIMED_FRAMES = 500
WARM_FRAMES = 3_200  # more than the context of any bundled model

Report = Callable[[str, int, int], None]  # row, trials done, trials in all
Witness = Callable[[Course], None]  # of each trial, as it comes to its end


def examine(
    bundle: Bundle, material: Material, rows: Sequence[str], limit: int, slots: int, report: Report,
    witness: Witness = lambda course: None,
) -> Iterator[tuple[str, Result]]:  # fmt: skip
    """Each row's name and result, as they are known.

    Args:
        rows: names of `GOALS`; those that need trials which the material lacks are left out.
        limit: trials of a row at most.
        slots: trials side by side.
    """
    judge = Judge(material.answers)
    listener = Listener(judge, material.answers, material.original)
    right: dict[str, float] = {}
    for row in MEASURES:
        also = _derived(row)
        trials = [t for t in material.trials if t.row == row][:limit]
        if not trials or not {row, *also} & set(rows):
            continue
        courses = _run(bundle, material, trials, slots, report, witness)
        if row in rows:
            right[row] = MEASURES[row](courses, listener)
            yield row, Result(right[row], len(trials), _goal(row, right))
        for name in also:
            if name in rows and (result := _derive(name, courses, judge, material)):
                yield name, result
    if "frame_ms_p50" in rows:
        times = frame_times_ms(bundle, TIMED_FRAMES, WARM_FRAMES)
        yield "frame_ms_p50", Result(float(np.median(times)), len(times), GOALS["frame_ms_p50"])
    if "shipped_mb" in rows:
        yield "shipped_mb", Result(shipped_bytes() / 1e6, 1, GOALS["shipped_mb"])


def _run(
    bundle: Bundle, material: Material, trials: list[Trial], slots: int, report: Report, witness: Witness
) -> list[Course]:
    courses: list[Course] = []
    row = trials[0].row
    report(row, 0, len(trials))
    for course in run_trials(bundle, material, trials, min(slots, len(trials))):
        courses.append(course)
        witness(course)
        report(row, len(courses), len(trials))
    return courses


def _derived(row: str) -> tuple[str, ...]:
    """Rows that come from the same trials."""
    if row == CLEAN:
        return "spoken_wer_over_original", "turn_taken", "gap_p50_ms", "gap_p95_ms"
    return ("transcript_wer",) if row == NEW else ()


def _derive(name: str, courses: list[Course], judge: Judge, material: Material) -> Result | None:
    gaps = [gap for course in courses if (gap := gap_ms(course)) is not None]
    value: float | None
    match name:
        case "spoken_wer_over_original":
            value = spoken_error(courses, judge, material)
        case "turn_taken":
            value = turns_taken(courses)
        case "transcript_wer":
            value = transcript_error(courses)
        case _:
            value = float(np.percentile(gaps, 50 if name == "gap_p50_ms" else 95)) if gaps else None
    return None if value is None else Result(value, len(courses), GOALS[name])


def _goal(row: str, right: dict[str, float]) -> Goal:
    """In noise it may be a little worse than without; how good that is, is known by then."""
    if row == "answer_noise_15db" and CLEAN in right:
        return Goal(round(right[CLEAN] - NOISE_COSTS, 4))
    return GOALS[row]


def shipped_bytes() -> int:
    """Of all files of the bundled model and its codec."""
    folders = (
        Path(str(files("voicert.models"))) / "weights",
        Path(str(files("voicert_codecs.nano"))) / "weights",
    )
    return sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
