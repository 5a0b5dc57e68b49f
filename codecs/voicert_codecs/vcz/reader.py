"""The bytes of a ``.vcz`` file in, codes out."""

from __future__ import annotations

from dataclasses import dataclass

from voicert_codecs.base import CodecError
from voicert_codecs.vcz.bits import OneCodes, unpack
from voicert_codecs.vcz.layout import (
    BEGINNING_BYTES,
    BLOCK,
    CRC_BYTES,
    FRAMES,
    LAST,
    MAGIC,
    MOST_BLOCK_BYTES,
    SAMPLES,
    Header,
    header_length,
    is_intact,
)


@dataclass(frozen=True, eq=False)
class Block:
    """Some frames of the stream."""

    codes: OneCodes  # [K, T]
    samples: int | None  # of the whole sound, in the last block; T may be 0 there


class VczReader:
    """Reads one stream from bytes that come in pieces of any size.

    It holds at most one unfinished block, and gives a block's codes as soon as its checksum is there.
    """

    def __init__(self) -> None:
        self.header: Header | None = None  # as soon as it is there
        self.frames = 0  # read so far
        self.ended = False  # whether the last block has come
        self._data = bytearray()  # not yet used

    def feed(self, data: bytes) -> list[Block]:
        """The blocks that these bytes complete.

        Raises:
            CodecError: the bytes are damaged, no ``.vcz`` file, of a newer version, or go on after the end.
        """
        self._data += data
        if self.header is None:
            self.header = self._read_header()
        blocks: list[Block] = []
        while self.header and not self.ended and (block := self._read_block(self.header)) is not None:
            blocks.append(block)
        if self.ended and self._data:
            raise CodecError(f"{len(self._data)} bytes follow after its end")
        return blocks

    def close(self) -> None:
        """Says that no more bytes come.

        Raises:
            CodecError: the last block has not come.
        """
        if not self.ended:
            self._refuse_foreign()
            where = f"after {self.frames} frames" if self.header else "within its header"
            raise CodecError(f"it is cut off {where}")

    def _refuse_foreign(self) -> None:
        """What is no ``.vcz`` file is seen at its first bytes, however short it is."""
        seen = bytes(self._data[: len(MAGIC)])
        if self.header is None and not (seen and MAGIC.startswith(seen)):
            raise CodecError("it does not begin as a .vcz file")

    def _read_header(self) -> Header | None:
        if len(self._data) < BEGINNING_BYTES:
            return None
        length = header_length(bytes(self._data[:BEGINNING_BYTES]))
        return Header.from_bytes(self._take(length)) if len(self._data) >= length else None

    def _read_block(self, header: Header) -> Block | None:
        if len(self._data) < BLOCK.size:
            return None
        kind, frames = BLOCK.unpack_from(self._data)
        packed = header.block_bytes(frames)
        if not (kind == LAST or (kind == FRAMES and frames)) or packed > MOST_BLOCK_BYTES:
            raise CodecError(f"it is damaged after frame {self.frames}")
        start = BLOCK.size + (SAMPLES.size if kind == LAST else 0)
        if len(self._data) < start + packed + CRC_BYTES:
            return None
        block = self._take(start + packed + CRC_BYTES)
        if not is_intact(SAMPLES.pack(self.frames), block):
            raise CodecError(f"it is damaged after frame {self.frames}")
        codes = unpack(block[start:-CRC_BYTES], frames, header.num_codebooks, header.bits)
        if codes.size and codes.max() >= header.codebook_size:
            raise CodecError(f"a code after frame {self.frames} is above {header.codebook_size - 1}")
        self.frames += frames
        if kind == FRAMES:
            return Block(codes, None)
        self.ended = True
        return Block(codes, self._checked(int(SAMPLES.unpack_from(block, BLOCK.size)[0]), header))

    def _checked(self, samples: int, header: Header) -> int:
        if samples > self.frames * header.frame_size:
            raise CodecError(f"its {self.frames} frames cannot hold {samples} samples")
        if header.samples not in (None, samples):
            raise CodecError(f"its header tells {header.samples} samples and its end {samples}")
        return samples

    def _take(self, length: int) -> bytes:
        taken = bytes(self._data[:length])
        del self._data[:length]
        return taken
