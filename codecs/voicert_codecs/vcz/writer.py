"""Codes in, the bytes of a ``.vcz`` file out."""

from __future__ import annotations

import dataclasses

from voicert_codecs.base import CodecError, check_codes
from voicert_codecs.vcz.bits import OneCodes, pack
from voicert_codecs.vcz.layout import BLOCK, FRAMES, LAST, SAMPLES, Header, sealed


class VczWriter:
    """Writes one stream: `beginning`, then `block` as often as wanted, then `last`."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self._frames = 0  # in the blocks so far
        self._ended = False

    def beginning(self) -> bytes:
        """The header. Written again over the first bytes after `last`, it has the number of samples."""
        return self.header.to_bytes()

    def block(self, codes: OneCodes) -> bytes:
        """Codes [K, T] as blocks: one, or more where they do not fit one.

        Raises:
            CodecError: the shape or a code's range does not fit the header, or the stream has ended.
        """
        self._check(codes)
        most = self.header.block_frames
        pieces = (codes[:, at : at + most] for at in range(0, codes.shape[1], most))
        return b"".join(self._block(FRAMES, piece, b"") for piece in pieces)

    def last(self, codes: OneCodes, samples: int) -> bytes:
        """The last codes [K, T], T may be 0, and how many samples the sound has in all.

        Raises:
            CodecError: as `block`, or these samples are more than the frames hold.
        """
        more = b""
        if codes.shape[1] > self.header.block_frames:
            cut = codes.shape[1] - 1
            more, codes = self.block(codes[:, :cut]), codes[:, cut:]
        if codes.size:
            self._check(codes)
        elif self._ended:
            raise CodecError("the stream has already ended")
        if not 0 <= samples <= (self._frames + codes.shape[1]) * self.header.frame_size:
            raise CodecError(f"{self._frames + codes.shape[1]} frames do not hold {samples} samples")
        data = more + self._block(LAST, codes, SAMPLES.pack(samples))
        self.header = dataclasses.replace(self.header, samples=samples)
        self._ended = True
        return data

    def _check(self, codes: OneCodes) -> None:
        if self._ended:
            raise CodecError("the stream has already ended")
        check_codes(codes[None], self.header.num_codebooks, self.header.codebook_size)

    def _block(self, kind: int, codes: OneCodes, extra: bytes) -> bytes:
        place = SAMPLES.pack(self._frames)
        self._frames += codes.shape[1]
        packed = pack(codes, self.header.bits) if codes.size else b""
        return sealed(place, BLOCK.pack(kind, codes.shape[1]) + extra + packed)
