"""Rows of words without a grammar: every word is told right after its own sound, whatever comes before."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from nano.splices import LONGEST_WORD, MOST_WORDS, Spliced, pieces, splice, written_words
from nano.timeline import USER_WORD_LAG
from numpy.typing import NDArray

from voicert.models.vocabulary import PAD

LENGTH = 10  # frames of each word below

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
    return splice(rng, shards, 400)


def test_every_word_is_told_after_its_own_sound(row: Spliced) -> None:
    told = np.flatnonzero(row.user_text != PAD)
    assert len(told) > 15
    for frame in told:
        assert row.user[0, frame - USER_WORD_LAG - 1] == row.user_text[frame]
        assert row.phones[frame - USER_WORD_LAG - 1] == row.user_text[frame]


def test_words_stand_in_an_order_that_no_conversation_has(row: Spliced) -> None:
    """Neighbours in a conversation stay neighbours in a piece only."""
    told = row.user_text[row.user_text != PAD]
    assert len(set(told.tolist())) > MOST_WORDS * 3


def test_every_word_that_sounds_is_told_in_its_turn(row: Spliced) -> None:
    """But for the last, which has no time left."""
    sound = row.user[0]
    heard = [int(w[0]) for w in np.split(sound, np.flatnonzero(np.diff(sound)) + 1) if w[0]]
    told = row.user_text[row.user_text != PAD].tolist()
    assert told == heard[: len(told)]
    assert len(told) >= len(heard) - 1


def test_a_piece_is_of_words_that_follow_each_other() -> None:
    words = [(frame, np.array([frame])) for frame in (60, 70, 80, 80 + LONGEST_WORD + 1, 130)]
    for some, start in pieces(np.random.default_rng(1), words, 200):
        frames = [first for first, _ in some]
        assert all(b - a <= LONGEST_WORD for a, b in pairwise(frames))
        assert start < frames[0] - USER_WORD_LAG
        assert 1 <= len(some) <= MOST_WORDS


def test_typed_words_are_not_heard() -> None:
    text, given = np.array([PAD, 5, 6, PAD, 7]), np.array([0, 1, 1, 0, 0])
    assert [(first, pieces.tolist()) for first, pieces in written_words(text, given)] == [(4, [7])]
