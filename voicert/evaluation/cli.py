"""``voicert eval``: its options, progress and tables."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import nullcontext
from pathlib import Path

from voicert.errors import ConfigError
from voicert.evaluation.examination import examine
from voicert.evaluation.material import load_material
from voicert.evaluation.recordings import load_recordings
from voicert.evaluation.rows import GOALS, Result, first_answer, gap_ms, transcript_error
from voicert.evaluation.stage import Course, run_trials
from voicert.models import load

NOT_REACHED = 1  # exit code when a goal was not reached
MATERIAL = Path("runs/material")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Puts the options of the examination into a parser."""
    parser.add_argument(
        "--model", default="nano", metavar="NAME", help="name or folder of a model (default nano)"
    )
    parser.add_argument(
        "--material",
        type=Path,
        default=MATERIAL,
        metavar="DIR",
        help=f"what scripts/make_material.py made (default {MATERIAL})",
    )
    parser.add_argument(
        "--wav-dir", type=Path, metavar="DIR", help="ask WAV files named by what they say instead"
    )
    parser.add_argument("--rows", metavar="A,B", help=f"measure only these of {', '.join(GOALS)}")
    parser.add_argument(
        "--trials", type=_count, default=1_000_000, metavar="N", help="at most so many of a row"
    )
    parser.add_argument(
        "--slots", type=_count, default=16, metavar="N", help="trials side by side (default 16)"
    )
    parser.add_argument(
        "--threads", type=_count, default=1, metavar="N", help="CPU threads of the model (default 1)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results there")
    parser.add_argument(
        "--courses", type=Path, metavar="FILE",
        help="also write there what was said, heard, wanted and answered in each trial, a line of JSON",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Examines and prints; the result is the exit code."""
    if options.wav_dir:
        return _run_recordings(options)
    rows = list(GOALS) if options.rows is None else [r.strip() for r in options.rows.split(",") if r.strip()]
    if unknown := [row for row in rows if row not in GOALS]:
        raise ConfigError(f"there is no row {unknown[0]!r}; rows are {', '.join(GOALS)}")
    material = load_material(options.material)
    bundle = load(options.model, max_slots=options.slots, threads=options.threads)
    results: dict[str, Result] = {}
    print(f"{'':26}{'value':>10}{'goal':>10}{'trials':>8}")
    with options.courses.open("w") if options.courses else nullcontext() as lines:

        def witness(course: Course) -> None:
            if lines:
                trial = course.trial
                told = {"row": trial.row, "wanted": trial.answer, **_told(course)}
                lines.write(json.dumps(told) + "\n")

        some = options.trials, options.slots
        for row, result in examine(bundle, material, rows, *some, _progress, witness):
            results[row] = result
            mark = "" if result.goal.met(result.value) else "  not reached"
            _clear()
            print(f"{row:26}{result.value:10.3f}{result.goal!s:>10}{result.trials:8}{mark}", flush=True)
    if missing := [row for row in rows if row not in results]:
        print(f"not measured, since the material has nothing for it: {', '.join(missing)}")
    if options.json:
        table = {
            r: {"value": round(v.value, 4), "trials": v.trials, "goal": v.goal.value}
            for r, v in results.items()
        }
        options.json.write_text(json.dumps(table, indent=1) + "\n")
    return 0 if all(r.goal.met(r.value) for r in results.values()) else NOT_REACHED


def _run_recordings(options: argparse.Namespace) -> int:
    material = load_recordings(options.wav_dir)
    bundle = load(options.model, max_slots=options.slots, threads=options.threads)
    slots = min(options.slots, len(material.trials))
    courses = list(run_trials(bundle, material, material.trials, slots))
    for course in sorted(courses, key=lambda c: c.trial.text):
        answer, gap = first_answer(course), gap_ms(course)
        print(f"said   {course.trial.text}\nheard  {course.heard.strip()}")
        print(
            f"answer {answer.text.strip() if answer else '-'}"
            + (f"  ({gap:.0f} ms)\n" if gap is not None else "\n")
        )
    error = transcript_error(courses)
    print(f"word error of the transcripts: {100 * error:.1f} % in {len(courses)} recordings")
    if options.json:
        told = [_told(course) for course in courses]
        options.json.write_text(
            json.dumps({"transcript_wer": round(error, 4), "recordings": told}, indent=1) + "\n"
        )
    return 0


def _told(course: Course) -> dict[str, object]:
    answers = [answer.text.strip() for answer in course.answers]
    return {
        "said": course.trial.text,
        "heard": course.heard.strip(),
        "answers": answers,
        "gap_ms": gap_ms(course),
    }


def _progress(row: str, done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{row}: {done} of {of}", end="", file=sys.stderr, flush=True)


def _clear() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return int(text)
