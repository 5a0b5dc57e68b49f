"""The text tokens of the bundled model: frequent words whole, the rest in parts down to letters."""

from __future__ import annotations

import json
import string
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from voicert.errors import ModelError

PAD, START, END = 0, 1, 2  # nothing to write; an answer begins; an answer ends
SPECIAL = ("<pad>", "<start>", "<end>")
LETTERS = string.ascii_letters + string.digits + string.punctuation


class Vocabulary:
    """Pieces by number. A piece that begins a word begins with a space, so joining pieces gives the text."""

    def __init__(self, pieces: list[str]) -> None:
        if tuple(pieces[: len(SPECIAL)]) != SPECIAL:
            raise ModelError(f"a vocabulary begins with {', '.join(SPECIAL)}")
        self.pieces = pieces
        self._ids = {p: i for i, p in enumerate(pieces)}
        self._longest = max(map(len, pieces))

    def __len__(self) -> int:
        return len(self.pieces)

    @staticmethod
    def build(texts: Iterable[str], size: int = 4096) -> Vocabulary:
        """At most ``size`` pieces: all letters, then always the pair that stands together most often.

        Source: Sennrich et al., "Neural machine translation of rare words with subword units", ACL 2016.
        """
        counts = Counter(word for text in texts for word in text.split())
        words = {
            word: [" " + word[0], *word[1:]] for word in sorted(counts) if all(c in LETTERS for c in word)
        }
        pieces = [*SPECIAL, *LETTERS, *(f" {c}" for c in LETTERS)]
        known = set(pieces)
        while len(pieces) < size:
            pairs: Counter[tuple[str, str]] = Counter()
            for word, parts in words.items():
                for pair in pairwise(parts):
                    pairs[pair] += counts[word]
            if not pairs:
                break
            best = max(pairs, key=lambda p: (pairs[p], p))
            joined = "".join(best)
            words = {word: _join(parts, best, joined) for word, parts in words.items()}
            if joined not in known:
                pieces.append(joined)
                known.add(joined)
        return Vocabulary(pieces)

    def encode_word(self, word: str) -> list[int]:
        """Tokens of a word: each time the longest piece that fits; characters outside ASCII are left out."""
        rest = " " + "".join(c for c in word if c in LETTERS)
        tokens: list[int] = []
        while rest.strip():
            length = next(n for n in range(min(len(rest), self._longest), 0, -1) if rest[:n] in self._ids)
            tokens.append(self._ids[rest[:length]])
            rest = rest[length:]
        return tokens

    def encode(self, text: str) -> list[int]:
        return [t for word in text.split() for t in self.encode_word(word)]

    def piece(self, token: int) -> str:
        """Text of a token, ``""`` for the special ones."""
        return "" if token < len(SPECIAL) else self.pieces[token]

    def decode(self, tokens: Iterable[int]) -> str:
        return "".join(self.piece(t) for t in tokens).strip()

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(self.pieces, ensure_ascii=False, indent=0) + "\n")

    @staticmethod
    def load(path: Path) -> Vocabulary:
        """Reads what :meth:`save` wrote.

        Raises:
            ModelError: the file is missing or holds no list of pieces, or a letter is missing.
        """
        try:
            raw: Any = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise ModelError(f"cannot read the vocabulary {path}: {error}") from error
        pieces = cast("list[Any]", raw) if isinstance(raw, list) else []
        if tuple(pieces[: len(SPECIAL)]) != SPECIAL or not all(isinstance(p, str) for p in pieces):
            raise ModelError(
                f"the vocabulary {path} must be a list of texts that begins with {', '.join(SPECIAL)}"
            )
        if missing := {form for c in LETTERS for form in (c, f" {c}")}.difference(pieces):
            raise ModelError(f"the vocabulary {path} lacks letters, such as {min(missing)!r}")
        return Vocabulary(pieces)


def _join(parts: list[str], pair: tuple[str, str], joined: str) -> list[str]:
    """``parts`` with every ``pair`` in them made one."""
    out: list[str] = []
    for part in parts:
        if out and (out[-1], part) == pair:
            out[-1] = joined
        else:
            out.append(part)
    return out
