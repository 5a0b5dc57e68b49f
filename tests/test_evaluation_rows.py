"""What the examination counts in the courses of trials, and when an answer is right."""

from __future__ import annotations

import numpy as np
import pytest

from voicert.evaluation import rows
from voicert.evaluation.material import Second, Trial
from voicert.evaluation.rows import Listener
from voicert.evaluation.stage import Answer, Course
from voicert.evaluation.words import spoken_words


def answered(text: str, started: int, audible: int | None, ended: int | None) -> Answer:
    return Answer(started, text, audible, ended, [np.full(480, 0.1, np.float32)])


def test_what_is_counted_of_turns() -> None:
    trial = Trial("row", "hello", "One.", (0, 48_000), 1_000, 24_000)
    good = Course(trial, [answered("One.", 25_000, 26_400, 40_000)])
    late = Course(trial, [answered("One.", 130_000, 140_000, 150_000)])
    early = Course(trial, [answered("One.", 12_000, 13_000, 20_000)])
    silent = Course(trial)
    all_of_them = [good, late, early, silent]
    assert rows.gap_ms(good) == 100
    assert rows.gap_ms(early) == pytest.approx(-458.3, abs=0.1)
    assert rows.gap_ms(silent) is None
    assert rows.turns_taken(all_of_them) == 0.25
    assert rows.pause_takeovers(all_of_them) == 0.25
    assert rows.false_starts([good]) == pytest.approx(300)


class Ear:
    """Hears what it is told: the judge's place in tests of what is counted."""

    def __init__(self, heard: str) -> None:
        self.heard = heard

    def hear(self, pcm: np.ndarray) -> list[str]:
        return spoken_words(self.heard)


@pytest.mark.parametrize(
    ("heard", "right"),
    [
        ("paris is in france", True),
        ("paris is france", True),  # one word lost, still nearest to the right one
        ("rome is in italy", False),
        ("in", False),  # as near to one as to the other
        ("", False),
    ],
)
def test_the_nearest_answer_counts(heard: str, right: bool) -> None:
    listener = Listener(Ear(heard), ["Paris is in France.", "Rome is in Italy."])  # type: ignore[arg-type]
    assert listener.right(answered("", 0, 0, 10), "Paris is in France.") == right
    assert not listener.right(None, "Paris is in France.")
    assert not listener.right(Answer(0), "Paris is in France.")  # nothing sounded


@pytest.mark.parametrize(
    ("mine", "original", "right"), [(5, 5, True), (5, 6, False), (7, 7, False), (8, 8, False)]
)
def test_what_sounds_to_the_judge_like_the_original_is_right(mine: int, original: int, right: bool) -> None:
    """Even if neither is what was said, but not if it is another answer, or nothing."""

    class Deaf(Ear):
        def hear(self, pcm: np.ndarray) -> list[str]:
            return {5: ["wind", "sun"], 6: ["wind", "song"], 7: ["rome"], 8: []}[len(pcm)]

    wanted = "Wood son."
    sound = Answer(0, wanted, sound=[np.full(mine, 0.5, np.float32)])
    without = Listener(Deaf(""), [wanted, "Rome."])  # type: ignore[arg-type]
    assert not without.right(sound, wanted)
    kept = {wanted: np.zeros(original, np.float32)}
    assert Listener(Deaf(""), [wanted, "Rome."], kept.get).right(sound, wanted) == right  # type: ignore[arg-type]


def test_interruptions_count_when_it_stops_in_time_and_answers() -> None:
    trial = Trial("row", "a", "One.", (0, 9), 0, 9, second=Second("b", "Two.", (0, 9), 500))
    listener = Listener(Ear("two"), ["One.", "Two."])  # type: ignore[arg-type]

    def course(ended: int | None, *more: Answer) -> Course:
        return Course(trial, [answered("One", 1_000, 2_000, ended), *more], second_at=24_000)

    answer = answered("Two.", 60_000, 61_000, 70_000)
    good = course(24_000 + 5_000, answer)
    slow = course(24_000 + 9_000, answer)
    lost = course(24_000 + 5_000)
    never = course(None)
    before = course(23_000, answer)
    assert rows.stopped_and_answered([good, slow, lost, never, before], listener) == 0.2


def test_a_small_sound_is_one_that_the_answer_goes_on_through() -> None:
    """Whichever answer it is; but it must be under way, and be finished or go on well after the sound."""
    small = Trial("row", "a", "One.", (0, 9), 0, 9, second=Second("", "", (0, 12_000), 500))
    listener = Listener(Ear(""), ["One.", "Two, three, four."])  # type: ignore[arg-type]

    def course(text: str, ended: int | None, *more: Answer) -> Course:
        return Course(small, [answered(text, 1_000, 2_000, ended), *more], second_at=24_000)

    for text, ended, kept in (
        ("One.", 26_000, True),
        ("Two, three, four.", 26_000, True),
        ("Two, three,", 26_000, False),  # cut
        ("Two, three,", 60_000, False),  # 24_000 + 12_000 + 24_000 is still its doing
        ("Two, three,", 60_001, True),
        ("Two, three,", None, True),
        ("One.", 24_000, False),  # it was over before
    ):
        assert rows.kept_speaking([course(text, ended)], listener) == kept, (text, ended)
    again = answered("One.", 70_000, 71_000, 80_000)
    assert rows.kept_speaking([course("One.", 60_000, again), Course(small)], listener) == 0
