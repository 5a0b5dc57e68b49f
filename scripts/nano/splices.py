"""Speech that no grammar tells beforehand: words of many conversations, one after the other.

    of A   ... what is the |capital of| France ...
    of B                   |seven and| ...            → seven and capital of please Norway ...

Requests are made by patterns, and a model soon knows the patterns: it writes the word that should come, and
mishears whoever asks in other words. In rows spliced from pieces of one to four words it must hear each word
for itself. They are joined as tokens, at the ends of words, so that they cost nothing; a frame or two at each
join sound like no mouth, which does no harm. Nobody answers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nano.timeline import USER_WORD_LAG
from voicert.models.vocabulary import PAD

LONGEST_WORD = 30  # frames
MOST_WORDS = 4  # of a piece

Ints = NDArray[np.integer]


class Spliced:
    """A row as it grows: user codes [K, F], phones [F] and user text [F]."""

    def __init__(self, codebooks: int, frames: int) -> None:
        self.user = np.zeros((codebooks, frames), np.int64)
        self.phones, self.user_text = np.zeros(frames, np.int64), np.full(frames, PAD, np.int64)
        self.filled = 0

    @property
    def full(self) -> bool:
        return self.filled >= len(self.phones)

    def add(self, shard: dict[str, Ints], n: int, words: list[tuple[int, Ints]], start: int) -> None:
        """Frames ``start`` of conversation ``n`` to the end of the last of ``words``."""
        at, room = self.filled, len(self.phones) - self.filled
        length = min(room, words[-1][0] - USER_WORD_LAG - start)
        self.user[:, at : at + length] = shard["user"][n][:, start : start + length]
        self.phones[at : at + length] = shard["phones"][n][start : start + length]
        for first, pieces in words:
            for i, piece in enumerate(pieces):
                if (place := self._free(at + first + i - start)) is not None:
                    self.user_text[place] = piece
        self.filled += length

    def _free(self, frame: int) -> int | None:
        """The first frame from ``frame`` on in which nothing is written."""
        free = np.flatnonzero(self.user_text[frame:] == PAD)
        return frame + int(free[0]) if len(free) else None


def written_words(user_text: Ints, given: Ints) -> list[tuple[int, Ints]]:
    """(first frame, pieces) of what was heard in a conversation, one for each run of frames."""
    at = np.flatnonzero((user_text != PAD) & (given == 0))
    return [
        (int(run[0]), user_text[run]) for run in np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if len(run)
    ]


def pieces(
    rng: np.random.Generator, words: list[tuple[int, Ints]], count: int
) -> Iterator[tuple[list[tuple[int, Ints]], int]]:
    """``count`` pieces of a conversation: their words, and the frame that each begins with."""
    for _ in range(count if words else 0):
        i = int(rng.integers(len(words)))
        stop = i + 1
        wanted = int(rng.integers(1, MOST_WORDS + 1))
        while stop < len(words) and stop - i < wanted and words[stop][0] - words[stop - 1][0] <= LONGEST_WORD:
            stop += 1
        end = words[i][0] - USER_WORD_LAG
        before = words[i - 1][0] - USER_WORD_LAG if i else 0
        start = max(0, before, end - LONGEST_WORD)
        if end > start:
            yield words[i:stop], start


def splice(rng: np.random.Generator, shards: list[dict[str, Ints]], frames: int) -> Spliced:
    """A row of ``frames``, two pieces from each of several conversations."""
    row = Spliced(shards[0]["user"].shape[1], frames)
    while not row.full:
        shard = shards[int(rng.integers(len(shards)))]
        n = int(rng.integers(len(shard["user"])))
        words = written_words(shard["user_text"][n], shard["given"][n])
        for some, start in pieces(rng, words, 2):
            if not row.full:
                row.add(shard, n, some, start)
    return row
