"""scripts/eval_typed.py: what counts as right, and that the shipped model is asked in writing."""

from __future__ import annotations

import sys

import eval_typed
import pytest
from eval_typed import right, room, written

from voicert.models import load


def test_an_answer_is_right_by_its_words_and_a_long_one_by_those_it_came_to() -> None:
    counted = "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve."
    assert right(" Yes, ice is cold.", "Yes, ice is cold.")
    assert not right(" Yes, ice is", "Yes, ice is cold.")
    assert not right("", "Yes, ice is cold.")
    assert right(" One, two, three, four, five, six, seven, eight,", counted)
    assert not right(" One, two, three, four, five, six, seven, nine,", counted)
    assert not right(counted + " Thirteen.", counted)


def test_requests_are_answered_side_by_side() -> None:
    bundle = load("nano", max_slots=2)
    asked = ["what is the capital of france", "how many legs does a spider have"]
    answers = written(bundle, room(bundle), asked)
    assert [a.strip() for a in answers] == ["The capital of France is Paris.", "A spider has eight legs."]


def test_families_are_told_with_what_went_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(eval_typed, "written", lambda bundle, quiet, requests: ["No."] * len(requests))
    monkeypatch.setattr(eval_typed, "room", lambda bundle: None)
    monkeypatch.setattr(sys, "argv", ["eval_typed.py", "--requests", "40", "--worst", "1", "--wrong"])
    eval_typed.main()
    told = capsys.readouterr().out.splitlines()
    assert "right: 0.000 of 40" in told
    assert sum("→ 'No.'" in line for line in told) == 40
    assert len(told) == 42
