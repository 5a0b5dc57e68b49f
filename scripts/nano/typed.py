"""Conversations whose requests are typed, in any wording of the lessons: no sound is needed for them.

Most of what the model must know is which answer a wording asks for, and that the latest request counts. Its
heads for words see typed and spoken text alike, so it learns both here in a fraction of the frames of speech.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nano import lessons
from nano.answers import LEAD_FRAMES
from nano.batches import LONG, Batch, Row, crop, lateness, stacked
from nano.compose import AnswerComposer, Tokens
from nano.corpus import load_answers
from nano.lessons import LONGEST_AGAIN, Exchange
from nano.phones import SILENCE
from nano.timeline import GAP_FRAMES
from voicert.models.vocabulary import END, PAD, Vocabulary

TYPED_FRAMES = 240  # of a row
LONG_FRAMES = 1_000  # of a row with long answers, which the others break off
LONG_TALK = 0.75  # share of such a row's requests whose answer is long
LONG_CUT = 0.2  # share of its answers into which the next request is typed
HEARD = 0.5  # share of the requests that are answered as soon after their last word as spoken ones
WORDS = 0.3  # share of the requests that ask for a word itself: its letters, or the word again
CUT = 0.7  # share of the answers into which the next request is typed: so a row holds more of them
LEAST = 12  # frames of a cut answer
FOLLOWS = 0.2  # share of the requests after a whole answer that only make sense after it
AGAIN = 0.3  # share of these that ask for the same once more
CHANGED = 0.06  # words of a request that are left out or others, at most; and as many strange ones come in

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
        recorded = set(lessons.answers())
        self._composer = AnswerComposer(
            {said: a for said, a in self.answers.items() if said not in recorded}, self.vocabulary
        )
        self._following = {family.name: family for family in lessons.FAMILIES}

    def batch(self, rng: np.random.Generator, size: int, frames: int = TYPED_FRAMES) -> Batch:
        """``size`` rows; those of `LONG_FRAMES` are mostly of long answers."""
        return stacked([self._row(rng, frames) for _ in range(size)])

    def _row(self, rng: np.random.Generator, frames: int) -> Row:
        long, cut = (LONG_TALK, LONG_CUT) if frames >= LONG_FRAMES else (0.0, CUT)
        text, user_text = (np.full(frames, PAD, np.int64) for _ in range(2))
        given, unasked = np.zeros(frames, np.int64), np.zeros(frames, np.int64)
        codes = np.repeat(self.silence[:, None], frames, axis=1)
        at, late = int(rng.integers(0, 8)), lateness(rng)  # at: the frame of the next request's first token
        before: Exchange | None = None
        answer = ""  # the one before, if it was given whole
        while at < frames:
            least = LONG if rng.random() < long else 0
            exchange, wanted, (said, spoken) = self._next(rng, before, answer, least)
            words = [self.vocabulary.encode_word(word) for word in exchange.request.split()]
            tokens = [token for word in words for token in word]
            _put(user_text, at, np.array(tokens))
            given[at : at + len(tokens)] = 1
            start = at + len(tokens) + GAP_FRAMES - LEAD_FRAMES + late
            if rng.random() < HEARD:
                start -= len(words[-1]) + 1
                unasked[start - late : start + 1] = 1  # more might have been typed, and was not
            whole = rng.random() >= cut or len(said) < 2 * LEAST
            length = len(said) if whole else int(rng.integers(LEAST, len(said) - 1))
            _put(text, start, said[:length])
            if not whole:
                _put(text, start + length, np.array([END]))
            _put(codes, start, spoken[:, :length])
            # It breaks off at the step to which the next request's first token is given.
            at = start + length + (int(rng.integers(2, 20)) if whole else -1)
            before, answer = exchange, wanted if whole else ""
        room = self.rooms[0 if rng.random() < 0.5 else rng.integers(len(self.rooms))]
        heard = np.arange(frames) + rng.integers(room.shape[1])  # around and around
        phones = np.full(frames, SILENCE, np.int64)
        return crop(room[:, heard % room.shape[1]], codes, text, user_text, given, phones, 0, frames,
                    self.before, self.silence, unasked, late)  # fmt: skip

    def _next(
        self, rng: np.random.Generator, before: Exchange | None, answer: str, least: int
    ) -> tuple[Exchange, str, Tokens]:
        """Like `_drawn`, in no known wording."""
        exchange, wanted, made = self._drawn(rng, before, answer, least)
        return reworded(rng, exchange, CHANGED), wanted, made

    def _drawn(
        self, rng: np.random.Generator, before: Exchange | None, answer: str, least: int
    ) -> tuple[Exchange, str, Tokens]:
        """The next request, its answer and that one's tokens, after ``before`` was answered by ``answer``.

        If the answer is to have at least so many frames, it is to something new.
        """
        if not least and before is not None and answer and rng.random() < FOLLOWS:
            if answer in self.answers and len(answer) <= LONGEST_AGAIN and rng.random() < AGAIN:
                return lessons.again(rng), answer, self.answers[answer]
            family = self._following.get(before.family)
            found = family.follow(rng) if family else None
            if found and found.topic != before.topic and found.answer in self.answers:
                return found, found.answer, self.answers[found.answer]
        while True:
            exchange = _of_words(rng) if not least and rng.random() < WORDS else lessons.draw(rng)
            made = self.answers.get(exchange.answer) or self._composer.answer(rng, exchange.answer)
            if made and len(made[0]) >= least:
                return exchange, exchange.answer, made


def reworded(rng: np.random.Generator, exchange: Exchange, most: float) -> Exchange:
    """Its request with up to a share ``most`` of the words left out or others, and as many strange ones.

    The trained wordings are soon known by heart, and a person has others, which mostly ask for the same. What
    the request is about stays as it is: a word that is to be said back cannot be guessed.
    """
    subject, strange = set(exchange.topic.replace("|", " ").split()), lessons.lexicon()
    share, made = rng.random() * most, list[str]()
    for word in exchange.request.split():
        if rng.random() < share:
            made.append(str(rng.choice(strange)))
        if word in subject or rng.random() >= share:
            made.append(word)
        elif rng.random() < 0.5:
            made.append(str(rng.choice(strange)))
    return replace(exchange, request=" ".join(made)) if made else exchange


def _of_words(rng: np.random.Generator) -> Exchange:
    return lessons.WORDS[rng.integers(len(lessons.WORDS))].draw(rng)


def _put(row: NDArray[np.integer], at: int, some: NDArray[np.integer]) -> None:
    """Writes ``some`` [..., n] into ``row`` [..., T] from ``at`` on; what lies beyond its end is lost."""
    count = max(0, min(some.shape[-1], row.shape[-1] - at))
    row[..., at : at + count] = some[..., :count]
