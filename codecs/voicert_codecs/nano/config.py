"""The numbers that fix the nano codec, from which every other size follows."""

from __future__ import annotations

from dataclasses import dataclass, fields

from voicert_codecs.base import CodecError


@dataclass(frozen=True)
class NanoCodecConfig:
    """Sizes of the nano codec. Rates divide exactly or the configuration is refused.

    Raises:
        CodecError: a frame is not a whole number of MDCT hops, or a size is not positive.
    """

    sample_rate: int = 24_000  # Hz
    frame_size: int = 480  # samples per frame: 20 ms
    hop: int = 240  # samples per MDCT block; its window is two hops long
    encoder_width: int = 256  # channels
    encoder_blocks: int = 5
    decoder_width: int = 256
    decoder_blocks: int = 6
    expansion: int = 3  # hidden channels of a block over its channels
    kernel: int = 5  # frames that a block looks at: itself and kernel - 1 past ones
    latent: int = 64  # dimension of a code vector
    num_codebooks: int = 8
    codebook_size: int = 512

    def __post_init__(self) -> None:
        for size in fields(self):
            if getattr(self, size.name) < 1:
                raise CodecError(f"{size.name} must be at least 1")
        if self.frame_size % self.hop:
            raise CodecError(f"frame_size {self.frame_size} is not a multiple of hop {self.hop}")

    @property
    def mdct_per_frame(self) -> int:
        return self.frame_size // self.hop

    @property
    def decoder_memory_frames(self) -> int:
        """A block sees ``kernel - 1`` past frames of the one before it; the overlap is the last frame's."""
        return self.decoder_blocks * (self.kernel - 1) + 1

    @property
    def delay_samples(self) -> int:
        """The decoder's overlap: the last hop of a frame waits for the next one."""
        return self.hop
