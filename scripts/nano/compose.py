"""Answers that nobody has recorded, put together of the words of others, as tokens.

    "Five, six, one."   ←   |Five,| two.      nine, |six,| four.      three, |one.|

What is to be said back may be anything, and the bank holds a few thousand such answers only: a model learns
those by heart. Of their words, each as it stood at the beginning, in the middle or at the end of an answer,
any other answer can be made, with its sound. The joints cost some beauty, but it is for learning to copy.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from voicert.models.vocabulary import END, Vocabulary

Tokens = tuple[NDArray[np.integer], NDArray[np.integer]]  # text [n] and codes [K, n] of an answer, or a part
PLACES = ("first", "middle", "last")


class AnswerComposer:
    """
    Args:
        answers: of which words are taken.
    """

    def __init__(self, answers: Mapping[str, Tokens], vocabulary: Vocabulary) -> None:
        self._parts: dict[tuple[str, str], list[Tokens]] = {}
        begins = np.array([vocabulary.piece(i).startswith(" ") for i in range(len(vocabulary))])
        for said, (text, codes) in answers.items():
            words = said.split()
            firsts = np.flatnonzero(begins[text])
            if len(words) < 2 or len(firsts) != len(words) or text[-1] != END:
                continue
            cuts = [0, *firsts[1:].tolist(), len(text)]
            for word, place, start, end in zip(words, places(len(words)), cuts, cuts[1:], strict=False):
                self._parts.setdefault((word, place), []).append((text[start:end], codes[:, start:end]))

    def answer(self, rng: np.random.Generator, said: str) -> Tokens | None:
        """Tokens of an answer of two words or more; None if one of them was never said in its place."""
        words = said.split()
        found = [self._parts.get(key) for key in zip(words, places(len(words)), strict=True)]
        if len(words) < 2 or None in found:
            return None
        parts = [some[rng.integers(len(some))] for some in found if some]
        texts, codes = zip(*parts, strict=True)
        return np.concatenate(texts), np.concatenate(codes, axis=1)


def places(count: int) -> list[str]:
    """Of each of ``count`` words."""
    first, middle, last = PLACES
    return [first, *[middle] * (count - 2), last][: max(1, count)]
