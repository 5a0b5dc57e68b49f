"""The numbers that fix an EnCodec model."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from voicert_codecs.base import CodecError
from voicert_codecs.blocks.seanet import SeanetConfig


@dataclass(frozen=True)
class EncodecConfig:
    """Sizes of an EnCodec model; the defaults are those of the released one at 24 kHz.

    Raises:
        CodecError: a frame is not a whole part of a second, or a size is not positive.
    """

    seanet: SeanetConfig = field(default_factory=SeanetConfig)
    codebooks: int = 32
    codebook_size: int = 1024
    sample_rate: int = 24_000  # Hz

    def __post_init__(self) -> None:
        if min(self.codebooks, self.codebook_size - 1, self.sample_rate) < 1:
            raise CodecError(f"the sizes of the codec do not fit: {self}")
        if self.sample_rate % self.seanet.frame_size:
            raise CodecError(
                f"{self.sample_rate} samples/s are not a whole number of frames of {self.seanet.frame_size}"
            )

    @property
    def frame_rate(self) -> int:
        return self.sample_rate // self.seanet.frame_size

    def codebooks_for(self, bandwidth_kbps: float) -> int:
        """How many codebooks fill ``bandwidth_kbps``: 1.5, 3, 6, 12, 24 are 2, 4, 8, 16, 32 at 75 frames/s.

        Raises:
            CodecError: it is less than one codebook or more than there are.
        """
        of_one = math.log2(self.codebook_size) * self.frame_rate / 1000
        count = int(bandwidth_kbps / of_one + 1e-9)
        if not 1 <= count <= self.codebooks:
            raise CodecError(
                f"{bandwidth_kbps:g} kbps do not fit: these weights offer "
                f"{of_one:g} to {self.codebooks * of_one:g} kbps in steps of {of_one:g}"
            )
        return count

    def bandwidth_kbps(self, codebooks: int) -> float:
        return codebooks * math.log2(self.codebook_size) * self.frame_rate / 1000
