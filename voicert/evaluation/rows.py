"""What is measured: one function per row of the table, from how its trials went to a value."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from voicert.evaluation.judge import Judge
from voicert.evaluation.material import Material, Pcm
from voicert.evaluation.stage import AUDIBLE, Answer, Course
from voicert.evaluation.words import errors, spoken_words

SAMPLE_RATE = 24_000
STOPS_WITHIN_MS = 240  # of the onset of an interruption
TAKES_WITHIN_MS = 3_000  # of the end of a request: later is no taking of the turn
GOES_ON_MS = 1_000  # past a small sound: what is still said then was not stopped by it
FADE_MS = 40  # of sound that a codec may let ring on after its answer's end


@dataclass(frozen=True)
class Goal:
    """What is to be reached: at least, or at most, ``value``."""

    value: float
    at_most: bool = False

    def met(self, value: float) -> bool:
        return value <= self.value if self.at_most else value >= self.value

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.value:g}"


GOALS = {
    "answer_known_voice": Goal(0.97),
    "answer_new_voice": Goal(0.93),
    "answer_new_engine": Goal(0.85),
    "answer_noise_15db": Goal(0.92),  # within five points of the same without noise, set when that is known
    "out_of_domain": Goal(0.90),
    "spoken_wer_over_original": Goal(0.03, at_most=True),
    "transcript_wer": Goal(0.12, at_most=True),
    "turn_taken": Goal(0.98),
    "gap_p50_ms": Goal(160.0, at_most=True),
    "gap_p95_ms": Goal(260.0, at_most=True),
    "pause_takeover": Goal(0.08, at_most=True),
    "interrupt_stop": Goal(0.95),
    "backchannel_kept": Goal(0.90),
    "false_starts_10min": Goal(2.0, at_most=True),
    "typed_answer": Goal(0.97),
    "frame_ms_p50": Goal(6.0, at_most=True),
    "shipped_mb": Goal(30.0, at_most=True),
}  # fmt: skip


@dataclass(frozen=True)
class Result:
    """One row of the table."""

    value: float
    trials: int
    goal: Goal


class Listener:
    """Tells by ear which answer was given.

    The ear itself mishears one in thirty of the originals ("Wood begins with W." as "wind begins with w"), so
    what sounds to it like the original is right, unless that is what another answer says.

    Args:
        answers: everything that may be answered.
        original: an answer as the voice that the model learnt from says it, if it is there.
    """

    def __init__(
        self, judge: Judge, answers: Sequence[str], original: Callable[[str], Pcm | None] = lambda _: None
    ) -> None:
        self.judge = judge
        self._known = {text: spoken_words(text) for text in answers}
        self._whole = {tuple(words) for words in self._known.values()}
        self._original = original
        self._misheard: dict[str, list[str]] = {}  # originals by their texts, as the judge hears them

    def complete(self, text: str) -> bool:
        """Whether ``text`` is one of the answers from beginning to end."""
        return tuple(spoken_words(text)) in self._whole

    def right(self, answer: Answer | None, wanted: str) -> bool:
        """Whether what is heard is nearer to ``wanted`` than to any other answer, or just as its original."""
        if answer is None or not np.any(np.abs(answer.pcm) > AUDIBLE):
            return False
        heard, words = self.judge.hear(answer.pcm), spoken_words(wanted)
        distance = errors(heard, words)
        if distance == 0 or self._as_original(heard, wanted):
            return True
        if distance >= max(1, len(words)):
            return False
        others = (
            w for text, w in self._known.items() if text != wanted and abs(len(w) - len(heard)) <= distance
        )
        return all(errors(heard, other) > distance for other in others)

    def _as_original(self, heard: list[str], wanted: str) -> bool:
        if not heard or tuple(heard) in self._whole:
            return False
        if wanted not in self._misheard:
            pcm = self._original(wanted)
            self._misheard[wanted] = [] if pcm is None else self.judge.hear(pcm)
        return heard == self._misheard[wanted]


def right_answers(courses: Sequence[Course], listener: Listener) -> float:
    """Share of trials whose first answer after the request began is the right one."""
    return float(np.mean([listener.right(first_answer(c), c.trial.answer) for c in courses]))


def first_answer(course: Course) -> Answer | None:
    """The answer to a trial's request; one that began before the request was heard is none."""
    return course.answer_after(course.trial.begin)


def word_error(pairs: Sequence[tuple[Sequence[str], Sequence[str]]]) -> float:
    """Errors over words of (found, wanted) pairs."""
    return sum(errors(f, w) for f, w in pairs) / max(1, sum(len(w) for _, w in pairs))


def transcript_error(courses: Sequence[Course]) -> float:
    return word_error([(spoken_words(c.heard), spoken_words(c.trial.text)) for c in courses])


def turns_taken(courses: Sequence[Course]) -> float:
    """Share of requests after whose end, and not before, an answer is heard within bounds."""
    taken = [g for c in courses if (g := gap_ms(c)) is not None and 0 <= g <= TAKES_WITHIN_MS]
    return len(taken) / len(courses)


def gap_ms(course: Course) -> float | None:
    """From the end of the request to the first audible sample; negative when it began too early."""
    answer = first_answer(course)
    if answer is None or answer.audible is None:
        return None
    return (answer.audible - course.trial.end) * 1000 / SAMPLE_RATE


def pause_takeovers(courses: Sequence[Course]) -> float:
    """Share of requests with a pause in which, or before the end of which, an answer began."""
    early = [any(a.started <= c.trial.end for a in c.answers) for c in courses]
    return float(np.mean(early))


def stopped_and_answered(courses: Sequence[Course], listener: Listener) -> float:
    """Share of interruptions after which it is silent in time, and which it then answers rightly."""
    good = 0
    for course in courses:
        second, at = course.trial.second, course.second_at
        if second is None or at is None:
            continue
        first = first_answer(course)
        limit = at + (STOPS_WITHIN_MS + FADE_MS) * SAMPLE_RATE // 1000
        if first and first.ended is not None and at < first.ended <= limit:
            good += listener.right(course.answer_after(first.ended), second.answer)
    return good / len(courses)


def kept_speaking(courses: Sequence[Course], listener: Listener) -> float:
    """Share of small sounds through which the answer in progress went on, and nothing else was said.

    It went on if it came to the end of some answer, or could still be heard well after the sound. Whether it
    was the answer to the request is what other rows count.
    """
    kept = 0
    for course in courses:
        answer, second, at = first_answer(course), course.trial.second, course.second_at
        if answer is None or second is None or at is None or len(course.answers) > 1:
            continue
        ended = math.inf if answer.ended is None else answer.ended
        after = at + second.audio[1] + GOES_ON_MS * SAMPLE_RATE // 1000
        kept += ended > after or (ended > at and listener.complete(answer.text))
    return kept / len(courses)


def false_starts(courses: Sequence[Course]) -> float:
    """Answers in sound that asks for nothing, per ten minutes."""
    heard_s = sum(c.trial.audio[1] for c in courses) / SAMPLE_RATE
    return sum(len(c.answers) for c in courses) * 600 / max(1.0, heard_s)


def spoken_error(courses: Sequence[Course], judge: Judge, material: Material) -> float | None:
    """Word error of the judge on the model's voice above that on the original voice, for the same texts.

    Only answers that it wrote as they should be count, so that both say the same; None without any.
    """
    spoken: list[tuple[Sequence[str], Sequence[str]]] = []
    original: list[tuple[Sequence[str], Sequence[str]]] = []
    for course in courses:
        answer, wanted = first_answer(course), spoken_words(course.trial.answer)
        source = material.original(course.trial.answer)
        if answer is None or source is None or spoken_words(answer.text) != wanted:
            continue
        spoken.append((judge.hear(answer.pcm), wanted))
        original.append((judge.hear(source), wanted))
    return word_error(spoken) - word_error(original) if spoken else None


Measure = Callable[[Sequence[Course], Listener], float]
MEASURES: dict[str, Measure] = {
    "answer_known_voice": right_answers,
    "answer_new_voice": right_answers,
    "answer_new_engine": right_answers,
    "answer_noise_15db": right_answers,
    "out_of_domain": right_answers,
    "pause_takeover": lambda courses, _: pause_takeovers(courses),
    "interrupt_stop": stopped_and_answered,
    "backchannel_kept": kept_speaking,
    "false_starts_10min": lambda courses, _: false_starts(courses),
    "typed_answer": right_answers,
}
