"""The bytes of a ``.vcz`` file; all numbers are little-endian, CRC-32 is that of zlib.

    file   = header block* last
    header = magic (8 bytes)   89 56 43 5A 0D 0A 1A 0A, which a transfer as text would damage visibly
             version (u16)     1
             length (u16)      of what follows up to the checksum
             sample rate (u32, Hz), frame size (u32, samples), codebooks (u16), codebook size (u32),
             samples (u64)     of the sound; all bits set when it was not known as the header was written
             identity (8)      of the codec, see `voicert_codecs.base.identity_of`
             name (u8 + UTF-8) of the codec: "nano", "encodec", "mimi"
             CRC-32 (u32)      of all bytes above
    block  = kind (u8)         1
             frames (u16)      1 or more
             codes             frames after one another, the codebooks of each in order, every code in
                               ceil(log2(codebook size)) bits, the highest first; 0 to 7 bits of 0 at the end
             CRC-32 (u32)      of the number of the block's first frame (u64) and of all bytes above
    last   = a block of kind 2 that may have 0 frames, with the samples of the sound (u64) before its codes

The number of the first frame in a block's checksum shows when a block is missing, doubled or out of place.

A sound of S samples has ceil((S + delay) / frame size) frames, padded with silence at the end; decoding drops
the codec's delay at the beginning and what goes beyond S at the end. All the padding is in the last block, so
every other block can be played in full as soon as it is there.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

from voicert_codecs.base import IDENTITY_DIGITS, Codec, CodecError
from voicert_codecs.vcz.bits import bits_of, packed_bytes

MAGIC = b"\x89VCZ\r\n\x1a\n"
VERSION = 1
FRAMES, LAST = 1, 2  # kinds of blocks
UNKNOWN = 2**64 - 1  # samples of a sound that had not ended when its header was written
MOST_BLOCK_BYTES = 1 << 18  # of codes in a block: what a reader may have to hold
MOST_BLOCK_FRAMES = 0xFFFF

_BEGINNING = struct.Struct("<8sHH")  # magic, version, length
_NUMBERS = struct.Struct("<IIHIQ8sB")
_CRC = struct.Struct("<I")
BLOCK = struct.Struct("<BH")  # kind, frames
SAMPLES = struct.Struct("<Q")
BEGINNING_BYTES = _BEGINNING.size
CRC_BYTES = _CRC.size


@dataclass(frozen=True)
class Header:
    """What a file says about its codes.

    Raises:
        CodecError: a number does not fit its field, or a frame would not fit a block.
    """

    codec: str  # name
    identity: str  # 16 hexadecimal digits
    sample_rate: int  # Hz
    frame_size: int  # samples
    num_codebooks: int
    codebook_size: int
    samples: int | None = None  # of the sound; None while it is not known

    def __post_init__(self) -> None:
        ranges = {
            "sample_rate": 32,
            "frame_size": 32,
            "num_codebooks": 16,
            "codebook_size": 32,
        }
        for name, bits in ranges.items():
            if not 1 <= getattr(self, name) < 2**bits:
                raise CodecError(f"{name} must lie in 1..{2**bits - 1}, not {getattr(self, name)}")
        if self.samples is not None and not 0 <= self.samples < UNKNOWN:
            raise CodecError(f"a sound cannot have {self.samples} samples")
        if len(self.identity) != IDENTITY_DIGITS or set(self.identity) - set("0123456789abcdef"):
            raise CodecError(f"an identity is {IDENTITY_DIGITS} hexadecimal digits, not {self.identity!r}")
        if not self.codec.isprintable() or not 1 <= len(self.codec.encode()) <= 255:
            raise CodecError(f"the codec's name must be 1 to 255 bytes to print, not {self.codec!r}")
        if self.codebook_size < 2 or self.block_bytes(1) > MOST_BLOCK_BYTES:
            raise CodecError(f"a frame of {self.num_codebooks} × {self.bits} bits does not fit a block")

    @classmethod
    def of(cls, codec: Codec[Any]) -> Header:
        """The header of a stream that ``codec`` makes."""
        return cls(
            codec.name,
            codec.identity,
            codec.sample_rate,
            codec.frame_size,
            codec.num_codebooks,
            codec.codebook_size,
        )

    @property
    def bits(self) -> int:
        """Of each code."""
        return bits_of(self.codebook_size)

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.sample_rate / self.frame_size

    @property
    def bits_per_second(self) -> float:
        """Of the codes alone."""
        return self.frame_rate * self.num_codebooks * self.bits

    @property
    def block_frames(self) -> int:
        """Most frames of a block."""
        return min(MOST_BLOCK_FRAMES, MOST_BLOCK_BYTES * 8 // (self.num_codebooks * self.bits))

    def block_bytes(self, frames: int) -> int:
        """Length of the codes of a block."""
        return packed_bytes(frames, self.num_codebooks, self.bits)

    def to_bytes(self) -> bytes:
        """The header as it stands in a file; its length does not depend on ``samples``."""
        name = self.codec.encode()
        body = _NUMBERS.pack(
            self.sample_rate,
            self.frame_size,
            self.num_codebooks,
            self.codebook_size,
            UNKNOWN if self.samples is None else self.samples,
            bytes.fromhex(self.identity),
            len(name),
        )
        whole = _BEGINNING.pack(MAGIC, VERSION, len(body) + len(name)) + body + name
        return whole + _CRC.pack(zlib.crc32(whole))

    @classmethod
    def from_bytes(cls, data: bytes) -> Header:
        """The opposite of `to_bytes`; ``data`` is the header exactly, `header_length` gives its length.

        Raises:
            CodecError: it is damaged.
        """
        if not is_intact(b"", data):
            raise CodecError("its header is damaged")
        body = data[BEGINNING_BYTES:-CRC_BYTES]
        try:
            rate, size, books, book_size, samples, identity, length = _NUMBERS.unpack_from(body)
            name = body[_NUMBERS.size :].decode()
        except (struct.error, UnicodeDecodeError) as error:
            raise CodecError("its header is not understood") from error
        if len(body) != _NUMBERS.size + length:
            raise CodecError("its header is not understood")
        known = None if samples == UNKNOWN else samples
        return cls(name, identity.hex(), rate, size, books, book_size, known)


def header_length(beginning: bytes) -> int:
    """Length in bytes of the header of which ``beginning`` has at least the first BEGINNING_BYTES.

    Raises:
        CodecError: it is no ``.vcz`` file, or of a newer version than this one reads.
    """
    magic, version, length = _BEGINNING.unpack_from(beginning)
    if magic != MAGIC:
        raise CodecError("it does not begin as a .vcz file")
    if version > VERSION:
        raise CodecError(
            f"it has version {version} of the format and this program reads up to {VERSION}; update voicert"
        )
    if version < 1:
        raise CodecError("its header is damaged")
    return BEGINNING_BYTES + length + CRC_BYTES


def sealed(place: bytes, data: bytes) -> bytes:
    """``data`` with the checksum of ``place`` and itself behind it."""
    return data + _CRC.pack(zlib.crc32(data, zlib.crc32(place)))


def is_intact(place: bytes, data: bytes) -> bool:
    """Whether `sealed` made this."""
    return sealed(place, data[:-CRC_BYTES]) == data


def frames_of(samples: int, frame_size: int, delay_samples: int) -> int:
    """Frames of a sound: enough for its last sample to come out of the decoder; none for no sound."""
    return -(-(samples + delay_samples) // frame_size) if samples else 0
