"""Codes as bits: each code takes as many as the largest one needs, the highest bit first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

OneCodes = NDArray[np.int64]  # [K, T] codes of one stream


def bits_of(codebook_size: int) -> int:
    """Bits of a code: 9 for 512, 11 for 2048."""
    return (codebook_size - 1).bit_length()


def packed_bytes(frames: int, num_codebooks: int, bits: int) -> int:
    """Length of ``frames`` packed frames; only the last byte can have unused bits, which are 0."""
    return (frames * num_codebooks * bits + 7) // 8


def pack(codes: OneCodes, bits: int) -> bytes:
    """``codes`` [K, T] frame after frame, the codebooks of each in order."""
    values = codes.T.reshape(-1, 1)
    shifts = np.arange(bits - 1, -1, -1)
    return np.packbits(((values >> shifts) & 1).astype(np.uint8)).tobytes()


def unpack(packed: bytes, frames: int, num_codebooks: int, bits: int) -> OneCodes:
    """The codes [num_codebooks, frames] that were packed."""
    each = np.unpackbits(np.frombuffer(packed, np.uint8), count=frames * num_codebooks * bits)
    weights = np.int64(1) << np.arange(bits - 1, -1, -1)
    values = each.reshape(-1, bits).astype(np.int64) @ weights
    return values.reshape(frames, num_codebooks).T
