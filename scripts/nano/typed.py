"""Conversations whose requests are typed, in any wording of the lessons: no sound is needed for them.

Most of what the model must know is which answer a wording asks for, and that the latest request counts. Its
heads for words see typed and spoken text alike, so it learns both here in a fraction of the frames of speech.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nano import lessons
from nano.answers import LEAD_FRAMES
from nano.batches import Batch, Row, crop, stacked
from nano.corpus import load_answers
from nano.lessons import LONGEST_AGAIN, Exchange
from nano.phones import SILENCE
from nano.timeline import GAP_FRAMES
from voicert.models.vocabulary import END, PAD, Vocabulary

TYPED_FRAMES = 240  # of a row
CUT = 0.7  # share of the answers into which the next request is typed: so a row holds more of them
LEAST = 12  # frames of a cut answer
FOLLOWS = 0.2  # share of the requests after a whole answer that only make sense after it
AGAIN = 0.3  # share of these that ask for the same once more

Ints = NDArray[np.int64]


class TypedTalks:
    """
    Args:
        folder: of the corpus.
    """

    def __init__(self, folder: Path, user_frames: int) -> None:
        self.before = user_frames - 1
        self.vocabulary = Vocabulary.load(folder / "vocabulary.json")
        self.answers = load_answers(folder / "answers.npz")
        with np.load(folder / "answers.npz") as data:
            self.silence, self.rooms = data["silence"], data["quiet"]
        self._following = {family.name: family for family in lessons.FAMILIES}

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        return stacked([self._row(rng) for _ in range(size)])

    def _row(self, rng: np.random.Generator) -> Row:
        frames = TYPED_FRAMES
        text, user_text = (np.full(frames, PAD, np.int64) for _ in range(2))
        given = np.zeros(frames, np.int64)
        codes = np.repeat(self.silence[:, None], frames, axis=1)
        at = int(rng.integers(0, 8))  # the frame of the next request's first token
        before: Exchange | None = None
        answer = ""  # the one before, if it was given whole
        while at < frames:
            exchange, wanted = self._next(rng, before, answer)
            tokens = self.vocabulary.encode(exchange.request)
            _put(user_text, at, np.array(tokens))
            given[at : at + len(tokens)] = 1
            start = at + len(tokens) + GAP_FRAMES - LEAD_FRAMES
            said, spoken = self.answers[wanted]
            whole = rng.random() >= CUT or len(said) < 2 * LEAST
            length = len(said) if whole else int(rng.integers(LEAST, len(said) - 1))
            _put(text, start, said[:length])
            if not whole:
                _put(text, start + length, np.array([END]))
            _put(codes, start, spoken[:, :length])
            # It breaks off at the step to which the next request's first token is given.
            at = start + length + (int(rng.integers(2, 20)) if whole else -1)
            before, answer = exchange, wanted if whole else ""
        room = self.rooms[0 if rng.random() < 0.5 else rng.integers(len(self.rooms))]
        first = int(rng.integers(room.shape[1] - frames))
        phones = np.full(frames, SILENCE, np.int64)
        return crop(room[:, first : first + frames], codes, text, user_text, given, phones, 0, frames,
                    self.before, self.silence)  # fmt: skip

    def _next(self, rng: np.random.Generator, before: Exchange | None, answer: str) -> tuple[Exchange, str]:
        """The next request and its answer, after ``before`` was answered with ``answer``."""
        if before is not None and answer and rng.random() < FOLLOWS:
            if len(answer) <= LONGEST_AGAIN and rng.random() < AGAIN:
                return lessons.again(rng), answer
            family = self._following.get(before.family)
            found = family.follow(rng) if family else None
            if found and found.topic != before.topic and found.answer in self.answers:
                return found, found.answer
        while True:
            exchange = lessons.draw(rng)
            if exchange.answer in self.answers:
                return exchange, exchange.answer


def _put(row: NDArray[np.integer], at: int, some: NDArray[np.integer]) -> None:
    """Writes ``some`` [..., n] into ``row`` [..., T] from ``at`` on; what lies beyond its end is lost."""
    count = max(0, min(some.shape[-1], row.shape[-1] - at))
    row[..., at : at + count] = some[..., :count]
