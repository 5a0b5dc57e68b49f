"""The text of tokens: SentencePiece pieces, joined into words as they come.

A piece that begins a word begins with a space. Characters that are no piece of their own come as their bytes,
one token each; they are told as one once the last byte is there, under a number above all tokens.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from voicert.errors import ModelError

SPACE = "\u2581"  # how SentencePiece writes a space
MOST_BYTES = 4  # of a character in UTF-8
_CHARACTERS = 1 << 24  # above every token: ``_CHARACTERS + c`` is the character with the code c
_UNKNOWN = "\ufffd"


class Spelling:
    """What tokens say.

    Args:
        pieces: of every token its text, ``""`` where there is none to tell.
        bytes_of: the tokens that are one byte of a character.
    """

    def __init__(self, pieces: Sequence[str], bytes_of: dict[int, int]) -> None:
        self._pieces, self._bytes = tuple(pieces), bytes_of

    def __len__(self) -> int:
        return len(self._pieces)

    def is_word(self, token: int) -> bool:
        """Whether a token is a part of some word, and no padding or control."""
        return token in self._bytes or bool(self.piece(token))

    def piece(self, token: int) -> str:
        """Text of a token, or of a number that :meth:`told` gave."""
        if token >= _CHARACTERS:
            return chr(token - _CHARACTERS)
        return self._pieces[token] if 0 <= token < len(self._pieces) else ""

    def told(self, last: Sequence[int]) -> int | None:
        """What the newest of the ``last`` tokens, oldest first, tells; None while a character is unfinished.

        Bytes that are no part of a character are told as U+FFFD.
        """
        token = last[-1]
        if token not in self._bytes:
            return token
        trail: list[int] = []
        for each in reversed(last[-MOST_BYTES:]):
            if each not in self._bytes:
                break
            trail.insert(0, self._bytes[each])
            length = _length(trail[0])
            if length:  # the byte with which a character begins
                if len(trail) < length:
                    return None
                text = bytes(trail).decode(errors="replace")
                return _CHARACTERS + ord(text if len(text) == 1 else _UNKNOWN)
        return _CHARACTERS + ord(_UNKNOWN)


class Tokenizer:
    """The SentencePiece model of a checkpoint.

    Args:
        silent: tokens that the language model gives a meaning of its own, such as its padding.

    Raises:
        ModelError: the file cannot be read, or ``sentencepiece`` is not installed.
    """

    def __init__(self, path: Path, silent: Sequence[int]) -> None:
        try:
            library: Any = importlib.import_module("sentencepiece")
        except ImportError as error:
            raise ModelError(
                'the tokenizer of this model needs sentencepiece; install "voicert[torch]"'
            ) from error
        try:
            self._processor: Any = library.SentencePieceProcessor(model_proto=path.read_bytes())
        except (OSError, RuntimeError) as error:
            raise ModelError(f"cannot read the tokenizer {path}: {error}") from error
        processor = self._processor
        pieces: list[str] = []
        bytes_of: dict[int, int] = {}
        for token in range(int(processor.get_piece_size())):
            piece = str(processor.id_to_piece(token))
            if processor.is_byte(token):
                bytes_of[token] = int(piece[3:5], 16)  # such as <0x0A>
            untold = (
                token in silent
                or token in bytes_of
                or processor.is_control(token)
                or processor.is_unknown(token)
                or processor.is_unused(token)
            )
            pieces.append("" if untold else piece.replace(SPACE, " "))
        self.spelling = Spelling(pieces, bytes_of)

    def encode(self, text: str) -> list[int]:
        return [int(token) for token in self._processor.encode(text)]


def _length(byte: int) -> int:
    """Bytes of the character that begins with this one; 0: none begins with it."""
    for length, first, end in ((1, 0x00, 0x80), (2, 0xC0, 0xE0), (3, 0xE0, 0xF0), (4, 0xF0, 0xF8)):
        if first <= byte < end:
            return length
    return 0
