"""Speech that no grammar tells beforehand: words of many conversations, one after the other.

    of A   ... what is the |capital of| France ...
    of B                   |seven and| ...            → seven and capital of please Norway ...

Requests are made by patterns, and a model soon knows the patterns: it writes the word that should come, and
mishears whoever asks in other words. In rows spliced from pieces of one to four words it must hear each word
for itself. Rare words are taken nearly as often as common ones, for it is a rare one on which an answer
depends. They are joined as tokens, at the ends of words, so that they cost nothing; a frame or two at each
join sound like no mouth, which does no harm. Nobody answers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nano.timeline import USER_WORD_LAG
from voicert.models.vocabulary import PAD

LONGEST_WORD = 30  # frames
MOST_BESIDE = 2  # words of its own conversation on either side of the one that was drawn
EVENNESS = 0.7  # 0: words come as often as they are said, 1: each equally often

Ints = NDArray[np.integer]
Shard = dict[str, Ints]


@dataclass(frozen=True)
class Word:
    """As it is written: ``pieces`` from frame ``first`` on."""

    first: int
    pieces: tuple[int, ...]

    @property
    def end(self) -> int:
        """The first frame after its sound."""
        return self.first - USER_WORD_LAG


def written_words(user_text: Ints, given: Ints, begins: NDArray[np.bool_]) -> list[Word]:
    """What was heard in a conversation; ``begins`` tells of each piece whether a word begins with it."""
    words: list[Word] = []
    last = -2
    for frame in np.flatnonzero((user_text != PAD) & (given == 0)).tolist():
        piece = int(user_text[frame])
        if frame == last + 1 and not begins[piece]:
            words[-1] = Word(words[-1].first, (*words[-1].pieces, piece))
        else:
            words.append(Word(frame, (piece,)))
        last = frame
    return words


class Spliced:
    """A row as it grows: user codes [K, F], phones [F] and user text [F]."""

    def __init__(self, codebooks: int, frames: int) -> None:
        self.user = np.zeros((codebooks, frames), np.int64)
        self.phones, self.user_text = np.zeros(frames, np.int64), np.full(frames, PAD, np.int64)
        self.filled = 0

    @property
    def full(self) -> bool:
        return self.filled >= len(self.phones)

    def add(self, shard: Shard, n: int, words: list[Word], start: int) -> None:
        """Frames ``start`` of conversation ``n`` to the end of the last of ``words``."""
        at, room = self.filled, len(self.phones) - self.filled
        length = min(room, words[-1].end - start)
        self.user[:, at : at + length] = shard["user"][n][:, start : start + length]
        self.phones[at : at + length] = shard["phones"][n][start : start + length]
        for word in words:
            for i, piece in enumerate(word.pieces):
                if (place := self._free(at + word.first + i - start)) is not None:
                    self.user_text[place] = piece
        self.filled += length

    def _free(self, frame: int) -> int | None:
        """The first frame from ``frame`` on in which nothing is written."""
        free = np.flatnonzero(self.user_text[frame:] == PAD)
        return frame + int(free[0]) if len(free) else None


class Splicer:
    """Makes rows of words of all conversations of some shards.

    Args:
        begins: of each piece of text, whether a word begins with it.
    """

    def __init__(self, shards: list[Shard], begins: NDArray[np.bool_]) -> None:
        self._talks = [
            (shard, n, words)
            for shard in shards
            for n in range(len(shard["user_text"]))
            if (words := written_words(shard["user_text"][n], shard["given"][n], begins))
        ]
        said = [word.pieces for _, _, words in self._talks for word in words]
        count = Counter(said)
        self._place = [(t, i) for t, (_, _, words) in enumerate(self._talks) for i in range(len(words))]
        self._weights = np.cumsum([count[pieces] ** -EVENNESS for pieces in said])

    def row(self, rng: np.random.Generator, frames: int) -> Spliced:
        """
        Raises:
            ValueError: no word is said in any conversation.
        """
        if not self._place:
            raise ValueError("no word is said in these shards: there is nothing to splice")
        row = Spliced(self._talks[0][0]["user"].shape[1], frames)
        while not row.full:
            drawn = int(np.searchsorted(self._weights, rng.random() * self._weights[-1], side="right"))
            talk, i = self._place[drawn]
            shard, n, words = self._talks[talk]
            some, start = piece_around(rng, words, i)
            if some[-1].end > start:
                row.add(shard, n, some, start)
        return row


def piece_around(rng: np.random.Generator, words: list[Word], i: int) -> tuple[list[Word], int]:
    """Word ``i`` with some beside it that follow each other, and the frame that they begin with."""
    start, stop = i, i + 1
    before, after = rng.integers(0, MOST_BESIDE + 1, 2)
    while start and i - start < before and words[start].first - words[start - 1].first <= LONGEST_WORD:
        start -= 1
    while (
        stop < len(words) and stop - i <= after and words[stop].first - words[stop - 1].first <= LONGEST_WORD
    ):
        stop += 1
    silent_until = words[start].end - LONGEST_WORD
    return words[start:stop], max(0, silent_until, words[start - 1].end if start else 0)
