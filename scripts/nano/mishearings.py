"""How the duplex transformer hears requests, as a table for text alone.

Who answers by what was written must know that "four" may have been "seven" once, that "nine times eight" may
be "four eight", and which words are never taken for others. To draw requests from a table of such mistakes is
a noisy channel (Shannon 1948), as in training text models on simulated recognition errors.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np

from nano.lessons import Exchange
from voicert.models.vocabulary import Vocabulary

Difference = tuple[tuple[str, ...], list[int]]  # words, and the tokens that stand for them
LONGEST = 4  # words that were misheard together; more of them are one of a kind
MOST = 0.6  # chance of a word to be misheard, at most: of the others the request still tells


@dataclass(frozen=True)
class Heard:
    """A request and the tokens that were written for it."""

    exchange: Exchange
    tokens: list[int]


def load_heard(path: Path) -> list[Heard]:
    """What scripts/hear_requests.py wrote."""
    made: list[Heard] = []
    with path.open() as lines:
        for line in lines:
            row = json.loads(line)
            exchange = Exchange(row["said"], row["answer"], row["family"], row["topic"], after=row["after"])
            made.append(Heard(exchange, row["heard"]))
    return made


class Mishearings:
    """Words that were taken for others, or not heard at all, and how often."""

    def __init__(self, vocabulary: Vocabulary, heard: Iterable[Heard]) -> None:
        self._vocabulary = vocabulary
        said: Counter[str] = Counter()
        self._wrong: dict[str, list[Difference]] = {}  # by the first of its words
        for one in heard:
            words = one.exchange.request.split()
            said.update(words)
            for span, tokens in self._differences(words, one.tokens):
                self._wrong.setdefault(span[0], []).append((span, tokens))
        self._chance = {word: len(some) / said[word] for word, some in self._wrong.items()}

    def hear(self, rng: np.random.Generator, text: str, often: float) -> list[int]:
        """Tokens of a request, with mistakes ``often`` times as frequent as in what was heard."""
        words, made, at = text.split(), list[int](), 0
        while at < len(words):
            word, taken = words[at], 1
            tokens = self._vocabulary.encode_word(word)
            if rng.random() < min(MOST, often * self._chance.get(word, 0.0)):
                fitting = [w for w in self._wrong[word] if w[0] == tuple(words[at : at + len(w[0])])]
                if fitting:
                    span, tokens = fitting[rng.integers(len(fitting))]
                    taken = len(span)
            made += tokens
            at += taken
        return made

    def _differences(self, words: list[str], tokens: list[int]) -> Iterator[Difference]:
        """Where something else than ``words`` stands in ``tokens``."""
        heard = self._words(tokens)
        texts = [self._vocabulary.decode(word) for word in heard]
        for tag, i, i_end, j, j_end in SequenceMatcher(None, words, texts, autojunk=False).get_opcodes():
            if tag == "insert" and i > 0:  # it belongs to the word before
                yield (words[i - 1],), [t for word in heard[j - 1 : j_end] for t in word]
            elif tag in ("replace", "delete") and i_end - i <= LONGEST:
                yield tuple(words[i:i_end]), [t for word in heard[j:j_end] for t in word]

    def _words(self, tokens: list[int]) -> list[list[int]]:
        """Tokens of each word: one begins with a space."""
        words: list[list[int]] = []
        for token in tokens:
            if not words or self._vocabulary.piece(token).startswith(" "):
                words.append([])
            words[-1].append(token)
        return words
