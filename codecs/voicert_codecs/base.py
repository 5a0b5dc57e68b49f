"""What every streaming codec offers: explicit state, one frame or many, batched."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.float32]  # [B, samples], full scale is -1..1
Codes = NDArray[np.int64]  # [B, K, T]
Rows = NDArray[np.int64]  # [B] which rows of the state a call works on
State = TypeVar("State")


class CodecError(Exception):
    """The caller gave a codec something it cannot use; the message says what to do."""


class Codec(Protocol[State]):
    """A streaming neural audio codec.

    ``state`` holds one row per slot. A call works on ``rows`` of it (all rows when ``None``), updates
    those in place and leaves the others untouched. Fed frame by frame or all at once, the codes are the
    same exactly and the samples to float rounding.
    """

    sample_rate: int  # Hz
    frame_size: int  # samples per frame; sample_rate / frame_size is the frame rate
    num_codebooks: int
    codebook_size: int
    delay_samples: int  # decode(encode(x)) is x delayed by this many samples

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
