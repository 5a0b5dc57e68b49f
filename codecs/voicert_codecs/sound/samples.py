"""Sample bytes as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from voicert_codecs.base import CodecError

Mono = NDArray[np.float32]  # [samples], full scale is -1..1
Kind = Literal["integer", "float"]
FULL_SCALE = 2**15


@dataclass(frozen=True)
class SampleFormat:
    """How samples stand in a file; little-endian, the channels of a moment side by side.

    Raises:
        CodecError: such samples cannot be read.
    """

    rate: int  # Hz
    channels: int = 1
    bits: int = 16
    kind: Kind = "integer"

    def __post_init__(self) -> None:
        if not 1 <= self.rate <= 1_000_000:
            raise CodecError(f"a sample rate of {self.rate} Hz cannot be used")
        if self.channels < 1:
            raise CodecError("it has no channels")
        if self.bits not in ((8, 16, 24, 32) if self.kind == "integer" else (32, 64)):
            raise CodecError(f"its samples are {self.kind}s of {self.bits} bits, which cannot be read")

    @property
    def moment_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return self.channels * self.bits // 8

    def mono(self, data: bytes) -> Mono:
        """Whole moments as the mean of their channels.

        Raises:
            CodecError: a float sample is not a finite number.
        """
        mixed = self._floats(data).reshape(-1, self.channels).mean(axis=1, dtype=np.float64)
        if not np.isfinite(mixed).all():
            raise CodecError("it has samples that are not numbers")
        return mixed.astype(np.float32)

    def _floats(self, data: bytes) -> NDArray[np.float32] | NDArray[np.float64]:
        match self.kind, self.bits:
            case "integer", 8:
                return np.frombuffer(data, np.uint8) / np.float32(2**7) - np.float32(1)
            case "integer", 16:
                return np.frombuffer(data, "<i2") / np.float32(2**15)
            case "integer", 24:
                wide = np.zeros((len(data) // 3, 4), np.uint8)
                wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
                return wide.view("<i4").ravel() / np.float64(2**31)
            case "integer", _:
                return np.frombuffer(data, "<i4") / np.float64(2**31)
            case _, 32:
                return np.frombuffer(data, "<f4")
            case _:
                return np.frombuffer(data, "<f8")


def to_int16(pcm: Mono) -> bytes:
    """Samples as 16-bit little-endian integers; what is too loud is clipped."""
    return np.clip(np.rint(pcm * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype("<i2").tobytes()
