"""The file format: what goes in comes out, in pieces of any size, and no damage passes unnoticed."""

from __future__ import annotations

import struct
import zlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from voicert_codecs.base import CodecError
from voicert_codecs.vcz import Header, VczReader, VczWriter
from voicert_codecs.vcz.bits import bits_of, pack, packed_bytes, unpack
from voicert_codecs.vcz.layout import MAGIC, MOST_BLOCK_BYTES, frames_of, sealed

OneCodes = NDArray[np.int64]  # [K, T]
HEADER = Header("nano", "0123456789abcdef", 24_000, 480, 3, 20)


def some_codes(frames: int, header: Header = HEADER, seed: int = 0) -> OneCodes:
    shape = (header.num_codebooks, frames)
    return np.random.default_rng(seed).integers(header.codebook_size, size=shape)


def written(blocks: list[OneCodes], samples: int, header: Header = HEADER) -> bytes:
    """A stream whose last of ``blocks`` is its end."""
    writer = VczWriter(header)
    data = writer.beginning() + b"".join(writer.block(codes) for codes in blocks[:-1])
    return data + writer.last(blocks[-1], samples)


def read(data: bytes, cuts: list[int] | None = None) -> tuple[OneCodes, int | None, VczReader]:
    """All codes of a stream that comes in pieces, and how many samples its end tells."""
    reader = VczReader()
    edges = [0, *sorted(cuts or []), len(data)]
    blocks = [block for a, b in pairwise(edges) for block in reader.feed(data[a:b])]
    reader.close()
    assert all(block.samples is None for block in blocks[:-1])
    return np.concatenate([block.codes for block in blocks], axis=1), blocks[-1].samples, reader


def refused(data: bytes) -> str:
    with pytest.raises(CodecError) as caught:
        read(data)
    return str(caught.value)


FILE = written([some_codes(7), some_codes(1, seed=1), some_codes(4, seed=2)], 5_600)

headers = st.builds(
    Header,
    codec=st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=60),
    identity=st.text("0123456789abcdef", min_size=16, max_size=16),
    sample_rate=st.integers(1, 2**32 - 1),
    frame_size=st.integers(1, 2**32 - 1),
    num_codebooks=st.integers(1, 40),
    codebook_size=st.integers(2, 2**32 - 1),
    samples=st.none() | st.integers(0, 2**63),
)


@given(headers)
def test_a_header_is_read_as_it_was_written(header: Header) -> None:
    assert Header.from_bytes(header.to_bytes()) == header


@settings(deadline=None)
@given(st.data(), headers, st.lists(st.integers(1, 9), max_size=4), st.integers(0, 9))
def test_what_is_written_is_read_in_pieces_of_any_size(
    data: st.DataObject, shape: Header, lengths: list[int], end: int
) -> None:
    header = Header(
        shape.codec, shape.identity, 24_000, 480, shape.num_codebooks, shape.codebook_size, samples=None
    )
    blocks = [some_codes(n, header, seed) for seed, n in enumerate([*lengths, end])]
    frames = sum(lengths) + end
    samples = data.draw(st.integers(0, frames * 480))
    stream = written(blocks, samples, header)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))
    codes, told, reader = read(stream, cuts)
    assert np.array_equal(codes, np.concatenate(blocks, axis=1))
    assert (reader.header, told, reader.frames) == (header, samples, frames)


def test_each_block_is_given_as_soon_as_its_last_byte_is_there() -> None:
    writer, reader = VczWriter(HEADER), VczReader()
    assert reader.feed(writer.beginning()) == []
    assert reader.header == HEADER
    for seed in range(5):
        codes = some_codes(1, seed=seed)
        block = writer.block(codes)
        assert len(block) == 3 + 2 + 4  # 15 bits of codes
        assert reader.feed(block[:-1]) == []
        (given_back,) = reader.feed(block[-1:])
        assert np.array_equal(given_back.codes, codes)
    assert not reader.ended


def test_a_second_of_the_bundled_codec_takes_457_bytes() -> None:
    """450 of codes and 7 around them."""
    header = Header("nano", "0" * 16, 24_000, 480, 8, 512)
    assert header.bits_per_second == 3_600
    assert len(VczWriter(header).block(some_codes(50, header))) == 457


@pytest.mark.parametrize("size", [2, 3, 16, 17, 512, 1024, 1025, 2048, 2**32 - 1])
@pytest.mark.parametrize("frames", [1, 2, 7, 50])
def test_codes_take_as_few_bits_as_the_largest_needs(size: int, frames: int) -> None:
    codes = np.random.default_rng(size).integers(size, size=(5, frames))
    codes[0, 0], codes[-1, -1] = size - 1, 0
    bits = bits_of(size)
    assert 2 ** (bits - 1) < size <= 2**bits
    packed = pack(codes, bits)
    assert len(packed) == packed_bytes(frames, 5, bits) == -(-5 * frames * bits // 8)
    assert np.array_equal(unpack(packed, frames, 5, bits), codes)


def test_the_bytes_are_those_of_the_description() -> None:
    """A file made by hand from the text in `voicert_codecs.vcz.layout`."""
    body = struct.pack("<IIHIQ8sB", 24_000, 480, 2, 5, 2**64 - 1, bytes.fromhex("0011223344556677"), 4)
    header = bytes.fromhex("89 56 43 5a 0d 0a 1a 0a 01 00") + struct.pack("<H", len(body) + 4)
    header += body + b"nano"
    header += struct.pack("<I", zlib.crc32(header))
    first = struct.pack("<BH", 1, 2) + bytes([0b001_100_01, 0b0_000_0000])  # (1, 4), (2, 0)
    first += struct.pack("<I", zlib.crc32(struct.pack("<Q", 0) + first))
    last = struct.pack("<BHQ", 2, 1, 1_200) + bytes([0b011_010_00])  # (3, 2)
    last += struct.pack("<I", zlib.crc32(struct.pack("<Q", 2) + last))
    codes, told, reader = read(header + first + last)
    assert codes.tolist() == [[1, 2, 3], [4, 0, 2]]
    assert told == 1_200
    assert reader.header == Header("nano", "0011223344556677", 24_000, 480, 2, 5)
    assert written([codes[:, :2], codes[:, 2:]], 1_200, reader.header) == header + first + last


def test_more_frames_than_a_block_holds_become_several() -> None:
    header = Header("wide", "0" * 16, 24_000, 480, 4_000, 65_536)
    most = header.block_frames
    assert header.block_bytes(most) <= MOST_BLOCK_BYTES < header.block_bytes(most + 1)
    blocks = [some_codes(most + 1, header), some_codes(2 * most + 1, header, 1)]
    codes, _, reader = read(written(blocks, 480, header))
    assert np.array_equal(codes, np.concatenate(blocks, axis=1))
    assert reader.frames == 3 * most + 2


def test_the_header_written_again_tells_the_samples() -> None:
    writer = VczWriter(HEADER)
    before = writer.beginning()
    rest = writer.last(some_codes(4), 1_700)
    after = writer.beginning()
    assert len(after) == len(before)
    for beginning, in_header in ((before, None), (after, 1_700)):
        codes, told, reader = read(beginning + rest)
        assert codes.shape == (3, 4)
        assert reader.header is not None
        assert (reader.header.samples, told) == (in_header, 1_700)


@pytest.mark.parametrize("bit", range(8))
def test_every_changed_bit_is_noticed(bit: int) -> None:
    for at in range(len(FILE)):
        damaged = bytearray(FILE)
        damaged[at] ^= 1 << bit
        refused(bytes(damaged))


def test_every_cut_is_noticed_and_told_where() -> None:
    told = {refused(FILE[:length]) for length in range(1, len(FILE))}
    assert told == {
        "it is cut off within its header",
        *(f"it is cut off after {n} frames" for n in (0, 7, 8)),
    }
    assert "does not begin as a .vcz file" in refused(b"")


@given(st.data(), st.integers(1, 4))
def test_nothing_but_a_codec_error_comes_of_any_bytes(data: st.DataObject, edits: int) -> None:
    """Bytes are replaced, taken out and put in anywhere."""
    damaged = bytearray(FILE)
    for _ in range(edits):
        at = data.draw(st.integers(0, len(damaged)))
        damaged[at : at + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=20))
    if damaged != FILE:
        refused(bytes(damaged))


def test_missing_doubled_and_swapped_blocks_are_noticed() -> None:
    writer = VczWriter(HEADER)
    beginning = writer.beginning()
    blocks = [writer.block(some_codes(2, seed=n)) for n in range(3)]
    end = writer.last(some_codes(0), 100)
    a, b, c = blocks
    for order in ([a, c], [a, a, b, c], [a, c, b], [b, c]):
        assert "damaged after frame" in refused(beginning + b"".join(order) + end)
    assert "damaged after frame 4" in refused(beginning + a + b + end)


def test_what_follows_the_end_is_refused() -> None:
    assert refused(FILE + b"\n") == "1 bytes follow after its end"
    reader = VczReader()
    reader.feed(FILE)
    with pytest.raises(CodecError, match="bytes follow"):
        reader.feed(FILE)


@pytest.mark.parametrize(
    "data", [b"RIFF\x10\0\0\0WAVEfmt ", b"{", b"\x89PNG\r\n\x1a\n0000", b"\x89VCZ\n\x1a\n00000"]
)
def test_a_foreign_file_is_named_as_such(data: bytes) -> None:
    assert refused(data) == "it does not begin as a .vcz file"


def test_a_newer_version_is_named_before_anything_else_is_read() -> None:
    newer = MAGIC + struct.pack("<HH", 2, 9) + b"who knows"
    assert "version 2 of the format and this program reads up to 1" in refused(newer)


def test_a_header_with_impossible_numbers_is_refused() -> None:
    for at, value in ((12, b"\0\0\0\0"), (16, b"\0\0\0\0"), (20, b"\0\0"), (22, b"\x01\0\0\0")):
        raw = bytearray(HEADER.to_bytes()[:-4])
        raw[at : at + len(value)] = value
        with pytest.raises(CodecError):
            Header.from_bytes(sealed(b"", bytes(raw)))


@pytest.mark.parametrize("samples", [5_761, 2**63])
def test_more_samples_than_the_frames_hold_are_refused_on_both_sides(samples: int) -> None:
    with pytest.raises(CodecError, match="do not hold"):
        VczWriter(HEADER).last(some_codes(12), samples)
    crafted = VczWriter(HEADER).beginning()
    packed = pack(some_codes(12), 5)
    crafted += sealed(struct.pack("<Q", 0), struct.pack("<BHQ", 2, 12, samples) + packed)
    assert "cannot hold" in refused(crafted)


def test_a_code_that_the_codebook_lacks_is_refused_on_both_sides() -> None:
    codes = np.full((3, 1), 20)
    with pytest.raises(CodecError, match=r"0\.\.19"):
        VczWriter(HEADER).block(codes)
    body = struct.pack("<BHQ", 2, 1, 480) + pack(codes, 5)
    assert "above 19" in refused(HEADER.to_bytes() + sealed(struct.pack("<Q", 0), body))


def test_two_lengths_that_differ_are_refused() -> None:
    header = Header("nano", "0" * 16, 24_000, 480, 3, 20, samples=100)
    writer = VczWriter(header)
    assert "100 samples and its end 200" in refused(header.to_bytes() + writer.last(some_codes(1), 200))


def test_nothing_is_written_after_the_end() -> None:
    writer = VczWriter(HEADER)
    writer.last(some_codes(1), 10)
    for again in (lambda: writer.block(some_codes(1)), lambda: writer.last(some_codes(0), 10)):
        with pytest.raises(CodecError, match="already ended"):
            again()


@given(st.integers(0, 10_000), st.integers(1, 700), st.integers(0, 900))
def test_frames_are_as_few_as_hold_the_sound_and_the_delay(samples: int, size: int, delay: int) -> None:
    frames = frames_of(samples, size, delay)
    if samples == 0:
        assert frames == 0
    else:
        assert (frames - 1) * size < samples + delay <= frames * size
