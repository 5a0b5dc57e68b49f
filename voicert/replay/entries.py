"""What a recording is made of: steps, and notes of what else happened; to bytes and back.

    step: flags, the numbers that the flags name, packed codes
    note: flags NOTE, length, JSON

Eight codebooks of 512 codes take 9 bytes a step, the assistant's as many while it speaks; codes that are
those of the step before are left out, and of the rest most is usually nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicert.models.base import Ints

BRIEF = "brief"  # kind of the note right before a step that tells the model what is wanted of it
NOTE = 1 << 15  # in place of the flags
HUSH, START, WANTS = 1, 2, 4
TEXT, USER_TEXT, GIVEN, REWIND, RETAKE, HEARD, SAID = 8, 16, 32, 64, 128, 256, 512


@dataclass(frozen=True)
class Step:
    """One step: how it was steered, what went in and what came out."""

    heard: Ints  # [K] the user's codes
    codes: Ints  # [K] the frame that was said
    text: int
    user_text: int
    wants: bool
    hush: bool
    start: bool
    given: int = -1  # user text that came from outside, -1 for none
    rewind: int = 0  # steps undone before it
    retake: int = 0  # steps before those, taken again in silence
    retaken: tuple[int, ...] = ()  # user text of these


@dataclass(frozen=True)
class Note:
    """Anything else, between two steps."""

    kind: str
    values: dict[str, Any]


Entry = Step | Note


class Packer:
    """Entries to bytes; `Unpacker` is its counterpart."""

    def __init__(self, codebooks: int, codebook_size: int, pad: int) -> None:
        self._bits = max(1, (codebook_size - 1).bit_length())
        self._pad = pad
        self._heard = self._said = np.full(codebooks, -1)

    def step(self, step: Step) -> bytes:
        flags = HUSH * step.hush | START * step.start | WANTS * step.wants
        numbers: list[int] = []
        for flag, value, usual in (
            (TEXT, step.text, self._pad),
            (USER_TEXT, step.user_text, self._pad),
            (GIVEN, step.given, -1),
            (REWIND, step.rewind, 0),
            (RETAKE, step.retake, 0),
        ):
            if value != usual:
                flags |= flag
                numbers.append(value)
        numbers += step.retaken if step.retake else ()
        packed = b""
        if not np.array_equal(step.heard, self._heard):
            flags |= HEARD
            packed += _pack(step.heard, self._bits)
        if not np.array_equal(step.codes, self._said):
            flags |= SAID
            packed += _pack(step.codes, self._bits)
        self._heard, self._said = step.heard, step.codes
        return flags.to_bytes(2, "little") + b"".join(map(_varint, numbers)) + packed

    def note(self, note: Note) -> bytes:
        text = json.dumps([note.kind, note.values], separators=(",", ":")).encode()
        return NOTE.to_bytes(2, "little") + _varint(len(text)) + text


class Unpacker:
    """Bytes to entries."""

    def __init__(self, codebooks: int, codebook_size: int, pad: int) -> None:
        self._bits = max(1, (codebook_size - 1).bit_length())
        self._pad = pad
        self._heard = self._said = np.full(codebooks, -1)

    def entries(self, data: bytes) -> Iterator[Entry]:
        """All entries of a block.

        Raises:
            ValueError: these are no entries.
        """
        reader = _Reader(data)
        while reader.left:
            flags = int.from_bytes(reader.take(2), "little")
            if flags == NOTE:
                kind, values = json.loads(reader.take(reader.number()))
                yield Note(kind, values)
            else:
                yield self._step(flags, reader)

    def _step(self, flags: int, reader: _Reader) -> Step:
        usual = {TEXT: self._pad, USER_TEXT: self._pad, GIVEN: -1, REWIND: 0, RETAKE: 0}
        values = {flag: reader.number() if flags & flag else value for flag, value in usual.items()}
        retaken = tuple(reader.number() for _ in range(values[RETAKE]))
        count = len(self._heard)
        if flags & HEARD:
            self._heard = _unpack(reader.take((count * self._bits + 7) // 8), count, self._bits)
        if flags & SAID:
            self._said = _unpack(reader.take((count * self._bits + 7) // 8), count, self._bits)
        hush, start, wants = (bool(flags & flag) for flag in (HUSH, START, WANTS))
        return Step(
            self._heard, self._said, values[TEXT], values[USER_TEXT], wants, hush, start,
            values[GIVEN], values[REWIND], values[RETAKE], retaken,
        )  # fmt: skip


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise ValueError("an entry ends too early")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self) -> int:
        """A number of 7 bits a byte, the lowest first."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise ValueError("a number is too long")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _pack(codes: Ints, bits: int) -> bytes:
    """codes [K] → ``bits`` bits each, the lowest first."""
    flags = (codes[:, None] >> np.arange(bits)) & 1  # [K, bits]
    return np.packbits(flags.astype(np.uint8).ravel(), bitorder="little").tobytes()


def _unpack(data: bytes, count: int, bits: int) -> Ints:
    flags: NDArray[np.uint8] = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    return flags[: count * bits].reshape(count, bits).astype(np.int64) @ (1 << np.arange(bits))
