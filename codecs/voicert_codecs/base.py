"""What every streaming codec offers: explicit state, one frame or many, batched."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.float32]  # [B, samples], full scale is -1..1
Codes = NDArray[np.int64]  # [B, K, T]
Rows = NDArray[np.int64]  # [B] which rows of the state a call works on
State = TypeVar("State")

IDENTITY_DIGITS = 16  # of hexadecimal; 64 bits


class CodecError(Exception):
    """The caller gave a codec something it cannot use; the message says what to do."""


class Codec(Protocol[State]):
    """A streaming neural audio codec.

    ``state`` holds one row per slot. A call works on ``rows`` of it (all rows when ``None``), updates
    those in place and leaves the others untouched. Fed frame by frame or all at once, the codes are the
    same exactly and the samples to float rounding.
    """

    name: str  # the kind of codec: "nano", "encodec", "mimi"
    identity: str  # see `identity_of`; codes can only be decoded by a codec of the same identity
    sample_rate: int  # Hz
    frame_size: int  # samples per frame; sample_rate / frame_size is the frame rate
    num_codebooks: int
    codebook_size: int
    delay_samples: int  # decode(encode(x)) is x delayed by this many samples
    decoder_memory_frames: int | None = None  # after so many the decoder's state depends on nothing earlier

    def init_state(self, batch: int) -> State:
        """State of ``batch`` fresh slots."""
        ...

    def reset(self, state: State, row: int) -> None:
        """Makes one row fresh again."""
        ...

    def snapshot(self, state: State, row: int) -> Any:
        """A copy of one row, independent of later calls."""
        ...

    def restore(self, state: State, row: int, saved: Any) -> None:
        """Puts a snapshot into a row."""
        ...

    def encode(self, pcm: Pcm, state: State, rows: Rows | None = None) -> Codes:
        """``pcm`` [B, T * frame_size] → codes [B, K, T].

        Raises:
            CodecError: the shape does not fit the frame size or the rows.
        """
        ...

    def decode(self, codes: Codes, state: State, rows: Rows | None = None) -> Pcm:
        """``codes`` [B, K, T] → pcm [B, T * frame_size].

        Raises:
            CodecError: the shape or a code's range does not fit.
        """
        ...


def identity_of(parts: Iterable[NDArray[Any] | bytes]) -> str:
    """What the codes of a codec mean, as 16 hexadecimal digits: the hash of its codebooks.

    Torch codecs give all codebooks of their weights, as float32 in order, so that the same weights have the
    same identity in every file format. Codecs that only have an opaque graph give that.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else np.ascontiguousarray(part).data)
    return digest.hexdigest()[:IDENTITY_DIGITS]


def check_pcm(pcm: Pcm, frame_size: int) -> None:
    """Refuses samples that are not [B, T * frame_size] with B and T at least 1.

    Raises:
        CodecError: with the shape that was wanted.
    """
    if pcm.ndim != 2 or pcm.size == 0 or pcm.shape[1] % frame_size:
        raise CodecError(f"pcm has shape {pcm.shape}, wanted [B, T * {frame_size}], B and T at least 1")


def check_codes(codes: Codes, num_codebooks: int, codebook_size: int) -> None:
    """Refuses codes that are not [B, num_codebooks, T] integers below ``codebook_size``.

    Raises:
        CodecError: with the shape or the range that was wanted.
    """
    if codes.ndim != 3 or codes.shape[1] != num_codebooks or codes.size == 0:
        raise CodecError(
            f"codes have shape {codes.shape}, wanted [B, {num_codebooks}, T], B and T at least 1"
        )
    if codes.min() < 0 or codes.max() >= codebook_size:
        raise CodecError(f"codes must lie in 0..{codebook_size - 1}, got {codes.min()}..{codes.max()}")


def check_rows(rows: Rows | None, slots: int, given: int) -> Rows:
    """The rows that a call with ``given`` rows of data works on, all ``slots`` of the state when None.

    Raises:
        CodecError: there are more or fewer rows than data, one is outside of the state, or one comes twice.
    """
    chosen = np.arange(slots) if rows is None else rows
    if len(chosen) != given:
        raise CodecError(f"{given} rows of data for {len(chosen)} rows of state")
    if chosen.min() < 0 or chosen.max() >= slots:
        raise CodecError(f"rows must lie in 0..{slots - 1}, got {chosen.min()}..{chosen.max()}")
    if rows is not None and len(set(rows.tolist())) != given:
        raise CodecError(f"rows must differ from each other, got {rows.tolist()}")
    return chosen
