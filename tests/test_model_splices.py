"""Rows of words without a grammar: every word is told right after its own sound, whatever comes before."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from nano.splices import LONGEST_WORD, MOST_BESIDE, Spliced, Splicer, Word, piece_around, written_words
from nano.timeline import USER_WORD_LAG
from numpy.typing import NDArray

from voicert.models.vocabulary import PAD

LENGTH = 10  # frames of each word below
BEGINS = np.ones(1000, np.bool_)  # every piece is a word

Shard = dict[str, NDArray[np.integer]]


def shard_of(words: list[int]) -> Shard:
    """A conversation in which each of ``words`` sounds as its own number for LENGTH frames."""
    frames = 50 + LENGTH * len(words) + 20
    sound, text = np.zeros(frames, np.int64), np.full(frames, PAD, np.int64)
    for i, word in enumerate(words):
        end = 50 + LENGTH * (i + 1)
        sound[end - LENGTH : end] = word
        text[end + USER_WORD_LAG] = word
    user = np.stack([sound, sound])
    return {
        "user": user[None],
        "phones": sound[None],
        "user_text": text[None],
        "given": np.zeros((1, frames), int),
    }


@pytest.fixture(scope="module")
def row() -> Spliced:
    rng = np.random.default_rng(1)
    shards = [shard_of([*rng.integers(100, 200, 8)]) for _ in range(5)]
    return Splicer(shards, BEGINS).row(rng, 400)


def test_every_word_is_told_after_its_own_sound(row: Spliced) -> None:
    told = np.flatnonzero(row.user_text != PAD)
    assert len(told) > 15
    for frame in told:
        assert row.user[0, frame - USER_WORD_LAG - 1] == row.user_text[frame]
        assert row.phones[frame - USER_WORD_LAG - 1] == row.user_text[frame]


def test_every_word_that_sounds_is_told_in_its_turn(row: Spliced) -> None:
    """But for the last, which has no time left."""
    sound = row.user[0]
    heard = [int(w[0]) for w in np.split(sound, np.flatnonzero(np.diff(sound)) + 1) if w[0]]
    told = row.user_text[row.user_text != PAD].tolist()
    assert told == heard[: len(told)]
    assert len(told) >= len(heard) - 1


def test_a_piece_is_of_words_that_follow_each_other() -> None:
    words = [Word(frame, (frame,)) for frame in (60, 70, 80, 80 + LONGEST_WORD + 1, 130)]
    rng = np.random.default_rng(1)
    sizes: set[int] = set()
    for i in [0, 1, 2, 3, 4] * 40:
        some, start = piece_around(rng, words, i)
        sizes.add(len(some))
        assert words[i] in some
        assert all(b.first - a.first <= LONGEST_WORD for a, b in pairwise(some))
        assert some[0].end - LONGEST_WORD <= start < some[0].end
    assert sizes == {1, 2, 3}  # three of these follow each other at most
    assert MOST_BESIDE == 2


def test_a_rare_word_comes_nearly_as_often_as_a_common_one() -> None:
    shards = [shard_of([7] * 20), shard_of([8])]
    row = Splicer(shards, BEGINS).row(np.random.default_rng(1), 20_000)
    told = row.user_text[row.user_text != PAD].tolist()
    assert told.count(8) > 0.1 * len(told)


def test_shards_without_a_word_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing to splice"):
        Splicer([shard_of([])], BEGINS).row(np.random.default_rng(1), 10)


def test_typed_words_are_not_heard_and_pieces_of_a_word_belong_together() -> None:
    text, given = np.array([PAD, 5, 6, PAD, 7, 3, 8]), np.array([0, 1, 1, 0, 0, 0, 0])
    begins = np.array([False] * 5 + [True] * 4)
    assert written_words(text, given, begins) == [Word(4, (7, 3)), Word(6, (8,))]
