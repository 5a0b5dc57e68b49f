"""Conversations as text alone, for the transformer over words: request after request, and what is answered.

    user text    capital of France  .      .    .   .      .
    text            .    .    .   START   The  capital ... Paris.  END

Hundreds of requests a second are made so, where their sound would take minutes. Requests are as a model
hears them: some words of them are others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nano import lessons
from nano.confusions import NoisyChannel
from nano.lessons import Exchange
from nano.typed import AGAIN, FOLLOWS, WORDS, reworded
from voicert.models.vocabulary import END, PAD, START, Vocabulary

CUT = 0.25  # share of the answers that are broken off
CHANGED = 0.06  # words of a request that are left out or others, at most; and as many strange ones come in
LOST = 0.02  # tokens of a row's requests, at most, that are left out
MISHEARD = 0.6  # at most, that are taken for others, if every word were as easily misheard as the next
CLEAR = 0.5  # share of the rows in which none is
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
        channel: takes words for others, as who hears them would.
    """

    def __init__(self, vocabulary: Vocabulary, channel: NoisyChannel | None = None) -> None:
        self._vocabulary = vocabulary
        self._channel = channel
        self._tokens: dict[str, list[int]] = {}
        self._following = {family.name: family for family in lessons.FAMILIES}

    def batch(self, rng: np.random.Generator, rows: int, steps: int) -> Talks:
        made = [self._row(rng, steps + 1) for _ in range(rows)]
        return Talks(*(torch.from_numpy(np.stack(part)) for part in zip(*made, strict=True)))

    def _row(self, rng: np.random.Generator, steps: int) -> tuple[Ints, Ints, NDArray[np.bool_]]:
        text, user_text, sure = [PAD], [PAD], [False]
        before, answer = None, ""
        misheard = rng.random() * MISHEARD * (rng.random() >= CLEAR)
        while len(text) <= steps:
            exchange, wanted = self._next(rng, before, answer)
            request = self._misheard(rng, self.tokens(reworded(rng, exchange, CHANGED).request), misheard)
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

    def _misheard(self, rng: np.random.Generator, tokens: list[int], share: float) -> list[int]:
        if share and self._channel:
            tokens = self._channel.heard(rng, tokens, share)
        left = rng.random(len(tokens)) >= share / MISHEARD * LOST
        return [token for token, there in zip(tokens, left, strict=True) if there] or tokens

    def _next(self, rng: np.random.Generator, before: Exchange | None, answer: str) -> tuple[Exchange, str]:
        """The next request and its answer, after ``before`` was answered by the whole ``answer``."""
        if before is not None and answer and rng.random() < FOLLOWS:
            if len(answer) <= lessons.LONGEST_AGAIN and rng.random() < AGAIN:
                return lessons.again(rng), answer
            family = self._following.get(before.family)
            found = family.follow(rng) if family else None
            if found and found.topic != before.topic:
                return found, found.answer
        if rng.random() < WORDS:
            exchange = lessons.WORDS[rng.integers(len(lessons.WORDS))].draw(rng)
        else:
            exchange = lessons.draw(rng)
        return exchange, exchange.answer
