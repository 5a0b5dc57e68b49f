"""Conversations as text alone, for the transformer over words: request after request, and what is answered.

    user text    capital of France  .      .    .   .      .
    text            .    .    .   START   The  capital ... Paris.  END

Hundreds of requests a second are made so, where their sound would take minutes. Requests are as a model
hears them: some words of them are others, and some requests are ones that it heard (`nano.mishearings`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nano import lessons
from nano.lessons import Exchange
from nano.mishearings import Heard, Mishearings
from nano.typed import AGAIN, FOLLOWS, WORDS, reworded
from voicert.models.vocabulary import END, PAD, START, Vocabulary

CUT = 0.25  # share of the answers that are broken off
CHANGED = 0.06  # words of a request that are left out or others, at most; and as many strange ones come in
UNKNOWN = 0.12  # share of the new requests that are speech it has no answer to, beside those in the others
HEARD = 0.25  # share of the requests that are ones that were heard, as they were
OFTEN = 1.5  # times as many mistakes as in those, at most, in the others of a row
CLEAR = 0.4  # share of the rows in which there are none
FORGOTTEN = 60_000  # texts after which their tokens are made anew

Ints = NDArray[np.int64]


@dataclass
class Talks:
    """Rows of conversation; what is to be foreseen in each step is what stands in the next one."""

    text: Tensor  # [B, 2 + T]
    user_text: Tensor  # [B, 2 + T]; a first step of nothing is before both
    sure: Tensor  # [B, 2 + T] whether what was said before tells the text


class WrittenTalks:
    """
    Args:
        heard: requests as they were heard; without any, every word is heard rightly.
    """

    def __init__(self, vocabulary: Vocabulary, heard: Sequence[Heard] = ()) -> None:
        self._vocabulary = vocabulary
        self._mishearings = Mishearings(vocabulary, heard)
        # What only makes sense after another turn is no request by itself, nor is what nothing was heard of.
        self._heard = [h for h in heard if h.tokens and not h.exchange.after]
        self._tokens: dict[str, list[int]] = {}
        self._following = {family.name: family for family in lessons.FAMILIES}

    def batch(self, rng: np.random.Generator, rows: int, steps: int) -> Talks:
        made = [self._row(rng, steps + 1) for _ in range(rows)]
        return Talks(*(torch.from_numpy(np.stack(part)) for part in zip(*made, strict=True)))

    def _row(self, rng: np.random.Generator, steps: int) -> tuple[Ints, Ints, NDArray[np.bool_]]:
        text, user_text, sure = [PAD], [PAD], [False]
        before, answer = None, ""
        often = rng.random() * OFTEN if rng.random() >= CLEAR else 0.0
        while len(text) <= steps:
            if often and self._heard and rng.random() < HEARD:
                heard = self._heard[rng.integers(len(self._heard))]
                exchange, wanted, request = heard.exchange, heard.exchange.answer, heard.tokens
            else:
                exchange, wanted = self._next(rng, before, answer)
                request = self._request(rng, reworded(rng, exchange, CHANGED).request, often)
            said = self.tokens(wanted)
            whole = rng.random() >= CUT
            said = said if whole else said[: int(rng.integers(0, len(said)))]
            text += [*[PAD] * len(request), START, *said, END]
            user_text += [*request, *[PAD] * (len(said) + 2)]
            sure += [*[False] * (len(request) + 1), *[True] * len(said), whole]
            before, answer = exchange, wanted if whole else ""
        end = steps + 1
        return np.array(text[:end]), np.array(user_text[:end]), np.array(sure[:end])

    def tokens(self, text: str) -> list[int]:
        """The same list for the same text."""
        if len(self._tokens) > FORGOTTEN:
            self._tokens.clear()
        if text not in self._tokens:
            self._tokens[text] = self._vocabulary.encode(text)
        return self._tokens[text]

    def _request(self, rng: np.random.Generator, text: str, often: float) -> list[int]:
        """Its tokens, at least one, with mistakes."""
        return (self._mishearings.hear(rng, text, often) if often else []) or self.tokens(text)

    def _next(self, rng: np.random.Generator, before: Exchange | None, answer: str) -> tuple[Exchange, str]:
        """The next request and its answer, after ``before`` was answered by the whole ``answer``."""
        if before is not None and answer and rng.random() < FOLLOWS:
            if len(answer) <= lessons.LONGEST_AGAIN and rng.random() < AGAIN:
                return lessons.again(rng), answer
            family = self._following.get(before.family)
            found = family.follow(rng) if family else None
            if found and found.topic != before.topic:
                return found, found.answer
        if rng.random() < UNKNOWN:
            exchange = lessons.UNKNOWN.draw(rng)
        elif rng.random() < WORDS:
            exchange = lessons.WORDS[rng.integers(len(lessons.WORDS))].draw(rng)
        else:
            exchange = lessons.draw(rng)
        return exchange, exchange.answer
