"""The file that a session is recorded in.

    voicert-tape 1\\n
    {"model": …, "sampling": …, …}\\n          the header, one line of JSON
    block, block, …                           each: 4 bytes "tape", length, CRC-32, then entries behind zlib

A block holds about a second. It is appended whole, so a crash costs the last one.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from voicert.errors import TapeError
from voicert.replay.entries import Entry, Step, Unpacker

MAGIC = b"voicert-tape 1\n"
BLOCK = struct.Struct("<4sII")  # mark, bytes of the payload, its CRC-32
MARK = b"tape"
LONGEST_BLOCK = 64 << 20  # a length above is damage, not data


@dataclass(frozen=True)
class Header:
    """What a recording was made with."""

    model: str
    identity: str  # of the weights of model and codec
    sampling: dict[str, Any]  # as in `voicert.models.Sampling`
    frame_rate: float  # steps per second
    sample_rate: int  # Hz
    frame_size: int  # samples
    codebooks: int
    codebook_size: int
    pad: int  # the text token that stands for nothing
    started: str  # UTC, ISO 8601
    version: str  # of voicert
    options: dict[str, Any] = field(default_factory=dict[str, Any])  # as in `voicert.models.Options`


def opening(header: Header) -> bytes:
    """The first bytes of a file."""
    return MAGIC + json.dumps(vars(header), ensure_ascii=False).encode() + b"\n"


def block(entries: bytes) -> bytes:
    """Packed entries as they stand in the file."""
    payload = zlib.compress(entries)
    return BLOCK.pack(MARK, len(payload), zlib.crc32(payload)) + payload


@dataclass
class Tape:
    """A recording that was read."""

    header: Header
    entries: list[Entry]
    cut_bytes: int  # of a last block that is not whole: the server stopped while it was written

    @property
    def steps(self) -> int:
        return sum(isinstance(entry, Step) for entry in self.entries)


def read_tape(path: Path) -> Tape:
    """Reads a recording; an end that is cut off is left out.

    Raises:
        TapeError: there is no such file, it is no recording, or it is damaged; the message says where.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TapeError(f"cannot read {path}: {error.strerror}") from error
    end = data.find(b"\n", len(MAGIC)) + 1
    if not data.startswith(MAGIC) or not end:
        raise TapeError(f"{path} is no recording of voicert, or of another version of it")
    header = _header(data[len(MAGIC) : end], path)
    unpacker = Unpacker(header.codebooks, header.codebook_size, header.pad)
    entries, at = list[Entry](), end
    while at < len(data):
        if len(data) - at < BLOCK.size:
            break
        mark, length, checksum = BLOCK.unpack_from(data, at)
        payload = data[at + BLOCK.size : at + BLOCK.size + length]
        if mark != MARK or length > LONGEST_BLOCK:
            raise TapeError(f"{path} is damaged at byte {at}: no block begins there")
        if len(payload) < length:
            break
        if zlib.crc32(payload) != checksum:
            raise TapeError(f"{path} is damaged between byte {at} and {at + BLOCK.size + length}")
        try:
            entries += unpacker.entries(zlib.decompress(payload))
        except (ValueError, TypeError, zlib.error) as error:
            raise TapeError(f"{path} has a block at byte {at} that is not understood: {error}") from error
        at += BLOCK.size + length
    return Tape(header, entries, len(data) - at)


def _header(line: bytes, path: Path) -> Header:
    try:
        return Header(**cast("dict[str, Any]", json.loads(line)))
    except (ValueError, TypeError) as error:
        raise TapeError(f"the header of {path} is not understood: {error}") from error
