"""Text tokens: whole words where they are known, letters where not."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicert.errors import ModelError
from voicert.models.vocabulary import END, LETTERS, PAD, START, Vocabulary

VOCABULARY = Vocabulary.build(["What is the time?", "I am fine, thank you."])
known = st.sampled_from(["What", "is", "the", "time?", "I", "am", "fine,", "thank", "you."])
ascii_word = st.text(string.ascii_letters + string.digits + string.punctuation, min_size=1)


@settings(deadline=None, derandomize=True)
@given(st.lists(known | ascii_word).map(" ".join))
def test_text_comes_back_as_it_was(text: str) -> None:
    tokens = VOCABULARY.encode(text)
    assert VOCABULARY.decode(tokens) == text
    assert all(len(SPECIAL) <= t < len(VOCABULARY) for t in tokens)


SPECIAL = (PAD, START, END)


def test_a_known_word_is_one_token_and_another_is_its_letters() -> None:
    assert len(VOCABULARY.encode("What is the time?")) == 4
    assert [VOCABULARY.piece(t) for t in VOCABULARY.encode("is it")] == [" is", " i", "t"]


def test_special_tokens_have_no_text() -> None:
    tokens = VOCABULARY.encode("I am")
    assert VOCABULARY.decode([START, PAD, tokens[0], PAD, PAD, tokens[1], END]) == "I am"
    assert [VOCABULARY.piece(t) for t in SPECIAL] == ["", "", ""]


def test_what_cannot_be_written_is_left_out() -> None:
    assert VOCABULARY.decode(VOCABULARY.encode("naïve é fine,")) == "nave fine,"


@settings(deadline=None, derandomize=True)
@given(st.lists(st.text()))
def test_pieces_are_different_and_hold_every_letter(texts: list[str]) -> None:
    vocabulary = Vocabulary.build(texts)
    assert len(set(vocabulary.pieces)) == len(vocabulary)
    assert {*LETTERS, *(f" {c}" for c in LETTERS)} <= set(vocabulary.pieces)


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    VOCABULARY.save(tmp_path / "v.json")
    assert Vocabulary.load(tmp_path / "v.json").pieces == VOCABULARY.pieces


@pytest.mark.parametrize("text", ["", "{", "7", "{}", "[1, 2]", '["a", "b", "c"]', '"text"', "\xff"])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "v.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelError, match=r"v\.json"):
        Vocabulary.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.json"):
        Vocabulary.load(tmp_path / "none.json")


def test_the_file_is_readable_json(tmp_path: Path) -> None:
    VOCABULARY.save(tmp_path / "v.json")
    assert json.loads((tmp_path / "v.json").read_text()) == VOCABULARY.pieces
