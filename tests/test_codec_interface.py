"""What every codec must do, by whatever it is run: the same suite over all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voicert_codecs.base import Codec, CodecError
from voicert_codecs.nano.runtime import NanoCodec
from voicert_codecs.stream import StreamDecoder, StreamEncoder
from voicert_codecs.vcz import Header

from tests.support.codecs import EXPORTED, TORCH, codec, frame_by_frame, voices

FRAMES = 42  # 1, 2, 3, 7 and all of them divide it; more than the small Mimi's transformers remember
SLOTS, VOICES = 5, 4
ROUNDING = 1e-5


@pytest.fixture(scope="module", params=["nano", *TORCH, *EXPORTED])
def any_codec(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Codec[Any]:
    if request.param == "nano":
        return NanoCodec(request.getfixturevalue("tiny_codec"))
    return codec(request.param, tmp_path_factory.getbasetemp())


def test_its_numbers_fit_each_other(any_codec: Codec[Any]) -> None:
    assert any_codec.sample_rate % any_codec.frame_size == 0
    header = Header.of(any_codec)  # refuses what no file could say
    assert Header.from_bytes(header.to_bytes()) == header


@pytest.mark.parametrize("frames", [1, 2, 3, 7, FRAMES])
def test_streaming_equals_offline(any_codec: Codec[Any], frames: int) -> None:
    pcm = voices(any_codec, 2, FRAMES)
    codes, samples = frame_by_frame(any_codec, pcm)
    assert codes.shape == (2, any_codec.num_codebooks, FRAMES)
    assert codes.dtype == np.int64
    assert samples.shape == pcm.shape
    assert samples.dtype == np.float32
    assert min(len(np.unique(codes[:, k])) for k in range(any_codec.num_codebooks)) > 3  # they say something
    assert np.abs(samples).max() > 0.01
    state, size = any_codec.init_state(2), frames * any_codec.frame_size
    pieces = [any_codec.encode(pcm[:, at : at + size], state) for at in range(0, pcm.shape[1], size)]
    assert np.array_equal(np.concatenate(pieces, 2), codes)
    made = np.concatenate([any_codec.decode(piece, state) for piece in pieces], 1)
    np.testing.assert_allclose(made, samples, atol=ROUNDING)


def test_nothing_looks_ahead(any_codec: Codec[Any]) -> None:
    """What comes from frame 20 on changes no code before it, and no sample that the delay tells."""
    pcm = voices(any_codec, 1, FRAMES)
    other = pcm.copy()
    at = 20 * any_codec.frame_size
    other[:, at:] *= -0.5
    codes, samples = frame_by_frame(any_codec, pcm)
    changed, otherwise = frame_by_frame(any_codec, other)
    assert np.array_equal(changed[:, :, :20], codes[:, :, :20])
    assert not np.array_equal(changed, codes)
    np.testing.assert_allclose(otherwise[:, :at], samples[:, :at], atol=ROUNDING)


@settings(deadline=None, max_examples=6)
@given(data=st.data())
def test_batched_equals_alone(any_codec: Codec[Any], data: st.DataObject) -> None:
    """Voices in slots; at each step some go on, some hang up for another to begin, and others wait."""
    pcm = voices(any_codec, VOICES, FRAMES).reshape(VOICES, FRAMES, -1)
    wanted = [frame_by_frame(any_codec, voice.reshape(1, -1)) for voice in pcm]
    state = any_codec.init_state(SLOTS)
    holds = [0] * SLOTS  # which voice each slot has
    done = [0] * SLOTS
    for _ in range(data.draw(st.integers(5, 25), "steps")):
        for row in data.draw(st.sets(st.integers(0, SLOTS - 1), max_size=1), "joins"):
            any_codec.reset(state, row)
            holds[row], done[row] = data.draw(st.integers(0, VOICES - 1), "voice"), 0
        free = [row for row in range(SLOTS) if done[row] < FRAMES]
        rows = data.draw(st.lists(st.sampled_from(free), min_size=1, unique=True), "rows") if free else []
        if not rows:
            break
        named = None if sorted(rows) == rows == list(range(SLOTS)) else np.array(rows)
        codes = any_codec.encode(np.stack([pcm[holds[row], done[row]] for row in rows]), state, named)
        samples = any_codec.decode(codes, state, named)
        for n, row in enumerate(rows):
            own_codes, own_samples = wanted[holds[row]]
            assert np.array_equal(codes[n, :, 0], own_codes[0, :, done[row]])
            start = done[row] * any_codec.frame_size
            np.testing.assert_allclose(
                samples[n], own_samples[0, start : start + any_codec.frame_size], atol=ROUNDING
            )
            done[row] += 1


@pytest.mark.parametrize("everyone", [True, False])
def test_reset_makes_a_slot_fresh_and_leaves_its_neighbour(any_codec: Codec[Any], everyone: bool) -> None:
    """Whether the frames before were of all slots at once or of one after the other."""
    pcm = voices(any_codec, 2, 12)
    half = 6 * any_codec.frame_size
    whole, samples = frame_by_frame(any_codec, pcm)
    again, heard = frame_by_frame(any_codec, pcm[:, half:])
    state = any_codec.init_state(2)
    for rows in [None] if everyone else [np.array([0]), np.array([1])]:
        part = pcm[:, :half] if rows is None else pcm[rows, :half]
        any_codec.decode(any_codec.encode(part, state, rows), state, rows)
    any_codec.reset(state, 1)
    codes = any_codec.encode(pcm[:, half:], state)
    made = any_codec.decode(codes, state)
    assert np.array_equal(codes[0], whole[0, :, 6:])
    assert np.array_equal(codes[1], again[1])
    np.testing.assert_allclose(made[0], samples[0, half:], atol=ROUNDING)
    np.testing.assert_allclose(made[1], heard[1], atol=ROUNDING)


def test_a_snapshot_goes_on_anywhere_as_often_as_wanted(any_codec: Codec[Any]) -> None:
    pcm = voices(any_codec, 2, FRAMES)
    cut = 17 * any_codec.frame_size  # an odd number of frames: both sets of a state come into play
    codes, samples = frame_by_frame(any_codec, pcm)
    state = any_codec.init_state(2)
    any_codec.decode(any_codec.encode(pcm[:, :cut], state), state)
    saved = any_codec.snapshot(state, 1)
    any_codec.decode(any_codec.encode(pcm[:, cut:], state), state)  # does not reach the snapshot
    for slots, row in ((3, 2), (1, 0)):
        other = any_codec.init_state(slots)
        any_codec.restore(other, row, saved)
        rest = any_codec.encode(pcm[1:, cut:], other, np.array([row]))
        assert np.array_equal(rest, codes[1:, :, 17:])
        made = any_codec.decode(rest, other, np.array([row]))
        np.testing.assert_allclose(made, samples[1:, cut:], atol=ROUNDING)
    assert np.array_equal(
        any_codec.encode(pcm[:1], any_codec.init_state(1)), codes[:1]
    )  # nor does any of this reach a fresh state


def test_the_rows_may_come_in_any_order(any_codec: Codec[Any]) -> None:
    pcm = voices(any_codec, 3, 6)
    codes, samples = frame_by_frame(any_codec, pcm)
    state, order = any_codec.init_state(3), np.array([2, 0, 1])
    state_rows = any_codec.encode(pcm[order], state, order)
    assert np.array_equal(state_rows, codes[order])
    np.testing.assert_allclose(any_codec.decode(state_rows, state, order), samples[order], atol=ROUNDING)
    more = voices(any_codec, 3, 8)
    straight = any_codec.init_state(3)
    any_codec.encode(pcm, straight)
    assert np.array_equal(any_codec.encode(more, state), any_codec.encode(more, straight))


def test_long_silence_is_harmless(any_codec: Codec[Any]) -> None:
    state = any_codec.init_state(1)
    silence = np.zeros((1, 100 * any_codec.frame_size), np.float32)
    samples = any_codec.decode(any_codec.encode(silence, state), state)
    assert np.isfinite(samples).all()


def test_a_sound_of_any_length_comes_back_as_long(any_codec: Codec[Any]) -> None:
    for length in (1, any_codec.frame_size, 5 * any_codec.frame_size + 7):
        pcm = voices(any_codec, 1, 6)[0, :length]
        encoder, decoder = StreamEncoder(any_codec), StreamDecoder(any_codec)
        first = encoder.push(pcm)
        heard = [decoder.push(first), decoder.last(encoder.finish(), encoder.samples)]
        assert sum(map(len, heard)) == length


def test_what_does_not_fit_is_refused_and_changes_nothing(any_codec: Codec[Any]) -> None:
    pcm, size = voices(any_codec, 2, 4), any_codec.frame_size
    books, largest = any_codec.num_codebooks, any_codec.codebook_size - 1
    wanted, _ = frame_by_frame(any_codec, pcm)
    state = any_codec.init_state(2)
    any_codec.encode(pcm[:, : 2 * size], state)
    for shape in ((size,), (2, 0), (2, size + 1), (0, size), (1, 2, size)):
        with pytest.raises(CodecError, match=rf"wanted \[B, T \* {size}\]"):
            any_codec.encode(np.zeros(shape, np.float32), state)
    for shape in ((books, 1), (2, books + 1, 1), (2, books, 0), (0, books, 1)):
        with pytest.raises(CodecError, match=rf"wanted \[B, {books}, T\]"):
            any_codec.decode(np.zeros(shape, np.int64), state)
    for code in (-1, largest + 1):
        with pytest.raises(CodecError, match=rf"0\.\.{largest}"):
            any_codec.decode(np.full((2, books, 1), code), state)
    frame = pcm[:1, :size]
    with pytest.raises(CodecError, match="1 rows of data for 2 rows of state"):
        any_codec.encode(frame, state)
    for row in (-1, 2):
        with pytest.raises(CodecError, match=r"0\.\.1"):
            any_codec.encode(frame, state, np.array([row]))
    with pytest.raises(CodecError, match="must differ"):
        any_codec.encode(np.repeat(frame, 2, axis=0), state, np.array([1, 1]))
    assert np.array_equal(any_codec.encode(pcm[:, 2 * size :], state), wanted[:, :, 2:])
