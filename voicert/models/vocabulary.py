"""The text tokens of the bundled model: whole words of its domain, and letters for everything else."""

from __future__ import annotations

import json
import string
from collections.abc import Iterable
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

    def __len__(self) -> int:
        return len(self.pieces)

    @staticmethod
    def build(texts: Iterable[str]) -> Vocabulary:
        words = sorted({f" {w}" for t in texts for w in t.split() if len(w) > 1})
        return Vocabulary([*SPECIAL, *LETTERS, *(f" {c}" for c in LETTERS), *words])

    def encode_word(self, word: str) -> list[int]:
        """Tokens of one word: one if it is known, else its letters; characters outside ASCII are left out."""
        if (token := self._ids.get(f" {word}")) is not None:
            return [token]
        letters = [c for c in word if c in LETTERS]
        return [self._ids[(" " if i == 0 else "") + c] for i, c in enumerate(letters)]

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
            ModelError: the file is missing or holds no list of pieces.
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
        return Vocabulary(pieces)
