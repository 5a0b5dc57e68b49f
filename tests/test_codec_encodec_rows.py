"""Slots of one EnCodec batch are worlds of their own, whatever joins, leaves or waits beside them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voicert_codecs.base import CodecError, Codes, Pcm
from voicert_codecs.blocks.state import leaves
from voicert_codecs.blocks.torch_codec import TorchCodec

from tests.support.encodec_original import model, ours, sound

SLOTS = 8
FRAMES = 12  # of each voice
ROUNDING = 1e-5


@cache
def codec() -> TorchCodec:
    return ours(model(width=2, dimension=16, books=4, size=32))


@cache
def voice(number: int) -> Pcm:
    """[FRAMES, frame_size]"""
    return sound(FRAMES * codec().frame_size, seed=number).reshape(FRAMES, -1)


@cache
def alone(number: int) -> tuple[Codes, Pcm]:
    """A voice in a state of its own, frame by frame → codes [FRAMES, K], pcm [FRAMES, frame_size]."""
    state = codec().init_state(1)
    codes = [codec().encode(frame[None], state) for frame in voice(number)]
    return np.concatenate(codes)[:, :, 0], np.concatenate([codec().decode(c, state) for c in codes])


# A step names the slots that have a frame, in any order, and the slots in which another voice begins before.
steps = st.lists(
    st.tuples(
        st.lists(st.integers(0, SLOTS - 1), min_size=1, max_size=SLOTS, unique=True),
        st.sets(st.integers(0, SLOTS - 1), max_size=2),
    ),
    min_size=1,
    max_size=14,
)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(steps=steps)
def test_batched_equals_alone(steps: list[tuple[list[int], set[int]]]) -> None:
    state = codec().init_state(SLOTS)
    voices, heard = list(range(SLOTS)), [0] * SLOTS  # which voice a slot hears, and how much of it so far
    for speaking, joins in steps:
        for slot in joins:
            codec().reset(state, slot)
            voices[slot], heard[slot] = voices[slot] + SLOTS, 0
        rows = np.array([slot for slot in speaking if heard[slot] < FRAMES])
        if not len(rows):
            continue
        pcm = np.stack([voice(voices[slot] % 20)[heard[slot]] for slot in rows])
        codes = codec().encode(pcm, state, rows)
        made = codec().decode(codes, state, rows)
        for i, slot in enumerate(rows):
            wanted, samples = alone(voices[slot] % 20)
            assert np.array_equal(codes[i, :, 0], wanted[heard[slot]])
            np.testing.assert_allclose(made[i], samples[heard[slot]], atol=ROUNDING, rtol=0)
            heard[slot] += 1


def test_a_snapshot_is_a_copy_that_goes_on_anywhere() -> None:
    c = codec()
    pcm = voice(3)
    state = c.init_state(2)
    both = np.array([0, 1])
    for frame in pcm[:5]:
        c.decode(c.encode(np.stack([frame, voice(4)[0]]), state, both), state)
    saved = c.snapshot(state, 0)
    ends = []
    for row in (0, 1, 1):  # the last time after the slot has gone on, from the same snapshot
        c.restore(state, row, saved)
        rows = np.array([row])
        codes = [c.encode(frame[None], state, rows) for frame in pcm[5:]]
        ends.append((np.concatenate(codes, 2), np.concatenate([c.decode(x, state, rows) for x in codes], 1)))
    wanted, samples = alone(3)
    for codes, made in ends:
        assert np.array_equal(codes[0].T, wanted[5:])
        np.testing.assert_allclose(made[0], samples[5:].reshape(-1), atol=ROUNDING, rtol=0)


def test_reset_makes_a_slot_fresh_and_leaves_the_others() -> None:
    c = codec()
    state = c.init_state(3)
    frames = np.stack([voice(number)[0] for number in range(3)])
    c.decode(c.encode(frames, state), state)
    c.reset(state, 1)
    again = c.encode(np.stack([voice(0)[1], voice(1)[0], voice(2)[1]]), state)[:, :, 0]
    assert np.array_equal(again, [alone(0)[0][1], alone(1)[0][0], alone(2)[0][1]])


def test_rows_that_are_not_named_stay_as_they_are() -> None:
    c = codec()
    state = c.init_state(4)
    before = [c.snapshot(state, row) for row in range(4)]
    c.decode(c.encode(voice(0)[:1], state, np.array([2])), state, np.array([2]))
    for row in (0, 1, 3):
        after = c.snapshot(state, row)
        for was, now in zip(_tensors(before[row]), _tensors(after), strict=True):
            assert np.array_equal(was, now)
    changed = zip(_tensors(before[2]), _tensors(c.snapshot(state, 2)), strict=True)
    assert not all(np.array_equal(was, now) for was, now in changed)


def _tensors(snapshot: object) -> list[np.ndarray]:
    return [leaf.numpy() for side in ("encoder", "decoder") for leaf in leaves(getattr(snapshot, side))]


def test_the_order_of_rows_is_the_caller_s() -> None:
    c = codec()
    frames = np.stack([voice(2)[0], voice(0)[0], voice(1)[0]])
    codes = c.encode(frames, c.init_state(3), np.array([2, 0, 1]))
    assert np.array_equal(codes[:, :, 0], [alone(2)[0][0], alone(0)[0][0], alone(1)[0][0]])


@pytest.mark.parametrize(
    ("shape", "rows", "message"),
    [
        ((2, 319), None, "wanted \\[B, T \\* 320\\]"),
        ((320,), None, "wanted \\[B, T \\* 320\\]"),
        ((3, 320), None, "3 rows of data for 2 rows of state"),
        ((1, 320), [2], "rows must lie in 0..1"),
        ((2, 320), [1, 1], "rows must differ"),
    ],
)
def test_sound_that_does_not_fit_is_refused(
    shape: tuple[int, ...], rows: list[int] | None, message: str
) -> None:
    chosen = None if rows is None else np.array(rows)
    with pytest.raises(CodecError, match=message):
        codec().encode(np.zeros(shape, np.float32), codec().init_state(2), chosen)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.zeros((1, 3, 1), np.int64), "wanted \\[B, 4, T\\]"),
        (np.full((1, 4, 1), 32), "codes must lie in 0..31"),
        (np.full((1, 4, 1), -1), "codes must lie in 0..31"),
    ],
)
def test_codes_that_do_not_fit_are_refused(codes: Codes, message: str) -> None:
    with pytest.raises(CodecError, match=message):
        codec().decode(codes, codec().init_state(1))


def test_a_state_does_not_grow() -> None:
    c = codec()
    state = c.init_state(1)
    sizes = [leaf.size for leaf in _tensors(state)]
    for frame in np.concatenate([voice(0), voice(1), voice(2)]):
        c.decode(c.encode(frame[None], state), state)
    assert [leaf.size for leaf in _tensors(state)] == sizes
