"""Typed text as the model would have heard it."""

from __future__ import annotations

import pytest

from voicert.models.typed import LARGEST, number_words, spoken_form


@pytest.mark.parametrize(
    ("typed", "spoken"),
    [
        ("What is the capital of France?", "what is the capital of france"),
        ("  how   ARE you?! ", "how are you"),
        ("What's 5 + 7?", "what's five plus seven"),
        ("what’s 12-5", "what's twelve minus five"),
        ("4x5, 4 × 5 and 4*5", "four times five four times five and four times five"),
        ("8/2 = 4", "eight divided by two equals four"),
        ("3.5 %", "three point five percent"),
        ("end at 3. 5 more", "end at three five more"),
        ("count to 20.", "count to twenty"),
        ("1,000 or 1, 2", "one thousand or one two"),
        ("repeat 007 and 12345678", "repeat zero zero seven and one two three four five six seven eight"),
        ("well-known café", "well known cafe"),
        ("rock 'n' roll & you", "rock n roll and you"),
        ("x-ray", "x ray"),
        ("你好 🙂", ""),
        ("", ""),
        ("?!", ""),
    ],
)
def test_what_is_typed_becomes_what_is_said(typed: str, spoken: str) -> None:
    assert spoken_form(typed) == spoken
    assert spoken_form(spoken) == spoken


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (99, "ninety nine"),
        (100, "one hundred"),
        (105, "one hundred and five"),
        (199, "one hundred and ninety nine"),
        (1000, "one thousand"),
        (2026, "two thousand and twenty six"),
        (1984, "one thousand nine hundred and eighty four"),
        (LARGEST, "nine hundred and ninety nine thousand nine hundred and ninety nine"),
    ],
)
def test_numbers_are_said(number: int, words: str) -> None:
    assert number_words(number) == words


@pytest.mark.parametrize("number", [-1, LARGEST + 1])
def test_a_number_that_nobody_says_so_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="must be from 0 to"):
        number_words(number)
