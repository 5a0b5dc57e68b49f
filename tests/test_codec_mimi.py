"""Mimi as a codec: slots that are worlds of their own, and states that stay small."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from make_tiny_mimi import TINY, random_weights
from voicert_codecs.base import Codes, Pcm
from voicert_codecs.blocks.graphs import Graphs
from voicert_codecs.blocks.state import leaves
from voicert_codecs.blocks.torch_codec import TorchCodec
from voicert_codecs.mimi.checkpoint import Weights
from voicert_codecs.mimi.load import make_codec

from tests.support.encodec_original import sound

SLOTS = 8
FRAMES = 14  # of each voice; the transformers see the last 5
ROUNDING = 1e-5


@cache
def codec(packed: bool = True) -> TorchCodec:
    return make_codec(Weights.of(random_weights(TINY)), TINY, packed=packed)


@cache
def voice(number: int) -> Pcm:
    """[FRAMES, frame_size]"""
    return sound(FRAMES * TINY.frame_size, seed=number).reshape(FRAMES, -1)


@cache
def alone(number: int) -> tuple[Codes, Pcm]:
    """A voice in a state of its own, frame by frame → codes [FRAMES, K], pcm [FRAMES, frame_size]."""
    state = codec().init_state(1)
    codes = [codec().encode(frame[None], state) for frame in voice(number)]
    return np.concatenate(codes)[:, :, 0], np.concatenate([codec().decode(c, state) for c in codes])


# What happens in turn: some slots, in any order, go on by some frames; or a slot starts anew with another
# voice; or one becomes a copy of another.
runs = st.tuples(
    st.just("run"),
    st.lists(st.integers(0, SLOTS - 1), min_size=1, max_size=SLOTS, unique=True),
    st.integers(1, 3),
)
joins = st.tuples(st.just("join"), st.integers(0, SLOTS - 1), st.integers(0, 19))
copies = st.tuples(st.just("copy"), st.integers(0, SLOTS - 1), st.integers(0, SLOTS - 1))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(events=st.lists(st.one_of(runs, runs, joins, copies), min_size=1, max_size=14))
def test_batched_equals_alone(events: list[tuple[str, Any, Any]]) -> None:
    c = codec()
    state = c.init_state(SLOTS)
    voices, heard = list(range(SLOTS)), [0] * SLOTS  # which voice a slot hears, and how much of it so far
    for event, what, more in events:
        if event == "join":
            c.reset(state, what)
            voices[what], heard[what] = more, 0
        elif event == "copy":
            c.restore(state, more, c.snapshot(state, what))
            voices[more], heard[more] = voices[what], heard[what]
        elif rows := [slot for slot in what if heard[slot] + more <= FRAMES]:
            pcm = np.stack(
                [voice(voices[slot])[heard[slot] : heard[slot] + more].reshape(-1) for slot in rows]
            )
            codes = c.encode(pcm, state, np.array(rows))
            made = c.decode(codes, state, np.array(rows))
            for i, slot in enumerate(rows):
                wanted, samples = alone(voices[slot])
                now = slice(heard[slot], heard[slot] + more)
                assert np.array_equal(codes[i].T, wanted[now])
                np.testing.assert_allclose(made[i], samples[now].reshape(-1), atol=ROUNDING, rtol=0)
                heard[slot] += more


def test_a_snapshot_goes_on_after_the_slot_has_gone_on() -> None:
    c = codec()
    state, other = c.init_state(2), c.init_state(3)
    both = np.stack([voice(3), voice(4)], 1)  # [FRAMES, 2, frame_size]
    for frames in both[:6]:
        c.decode(c.encode(frames, state), state)
    saved = c.snapshot(state, 0)
    for frames in both[6:]:
        c.decode(c.encode(frames, state), state)
    wanted, samples = alone(3)
    for target, row in ((state, 1), (state, 0), (other, 2)):
        c.restore(target, row, saved)
        rows = np.array([row])
        codes = [c.encode(frame[None], target, rows) for frame in voice(3)[6:]]
        assert np.array_equal(np.concatenate(codes)[:, :, 0], wanted[6:])
        made = np.concatenate([c.decode(x, target, rows) for x in codes])
        np.testing.assert_allclose(made, samples[6:], atol=ROUNDING, rtol=0)


def test_states_that_are_left_as_they_were_give_the_same() -> None:
    """The networks for exports and graphs: full size from the start, nothing written in place."""
    c = codec(packed=False)
    state = c.init_state(2)
    wanted, samples = alone(5)
    for i, frame in enumerate(voice(5)):
        before = [leaf.clone() for leaf in leaves(state.encoder)]
        given = state.encoder
        codes = c.encode(np.stack([frame, voice(6)[i]]), state)
        assert all(map(torch.equal, before, leaves(given)))
        assert np.array_equal(codes[0, :, 0], wanted[i])
        np.testing.assert_allclose(c.decode(codes, state)[0], samples[i], atol=ROUNDING, rtol=0)
    shapes = [leaf.shape for leaf in leaves(c.init_state(2).encoder)]
    assert [leaf.shape for leaf in leaves(state.encoder)] == shapes


@torch.inference_mode()
def test_the_form_for_graphs_runs_rows_in_place() -> None:
    """As on a GPU, but for the capture: rows of one fixed state, filled up to a power of two."""
    c = codec(packed=False)
    encode = Graphs(c.encoder, c.encoder.fresh(4))
    decode = Graphs(c.decoder, c.decoder.fresh(4))
    done = [0] * 4
    for rows in ([0, 1, 2, 3], [2], [3, 0, 2], [1, 2], [0, 1, 3], [2, 3, 0]):
        index = torch.tensor(rows)
        x = torch.from_numpy(np.stack([voice(row)[done[row]] for row in rows]))
        codes = encode(x, index).clone()
        made = decode(codes, index)
        for i, row in enumerate(rows):
            wanted, samples = alone(row)
            assert np.array_equal(codes[i, :, 0].numpy(), wanted[done[row]])
            np.testing.assert_allclose(made[i].numpy(), samples[done[row]], atol=ROUNDING, rtol=0)
            done[row] += 1


def test_a_state_does_not_grow_beyond_its_window() -> None:
    c = codec()
    state, sizes = c.init_state(1), set[int]()
    for i, frame in enumerate(np.concatenate([voice(number) for number in range(8)])):
        c.decode(c.encode(frame[None], state), state)
        if i >= TINY.transformer.capacity // TINY.stride:  # the ring is full
            sizes.add(size(state))
    assert len(sizes) == 1
    hour = 3600 * 25  # positions of the transformers
    state.encoder.cache.position += hour
    state.decoder.cache.position += hour
    codes = c.encode(voice(9)[:3].reshape(1, -1), state)
    assert np.isfinite(c.decode(codes, state)).all()
    assert {size(state)} == sizes


def size(state: Any) -> int:
    """Numbers in all parts."""
    parts = [leaf for side in (state.encoder, state.decoder) for leaf in (*leaves(side.seanet), side.past)]
    for side in (state.encoder, state.decoder):
        parts += [*side.cache.keys, *side.cache.values]
    return sum(part.numel() for part in parts)


def test_an_hour_later_it_computes_the_same() -> None:
    """Only the distance of positions counts, so a stream that is an hour old goes on like a young one."""
    c = codec()
    young, old = c.init_state(1), c.init_state(1)
    first, rest = voice(2)[:8], voice(2)[8:]
    for state in (young, old):
        for frame in first:
            c.decode(c.encode(frame[None], state), state)
    shift_by_an_hour(old.encoder.cache)
    shift_by_an_hour(old.decoder.cache)
    for frame in rest:
        codes = c.encode(frame[None], young)
        assert np.array_equal(c.encode(frame[None], old), codes)
        np.testing.assert_allclose(c.decode(codes, old), c.decode(codes, young), atol=ROUNDING, rtol=0)


def shift_by_an_hour(cache: Any) -> None:
    """As if the signal had begun an hour earlier: keys are turned further, and lie elsewhere in the ring."""
    from voicert_codecs.blocks.rotary import RotaryTable, rotate

    hour, table = 3600 * 25, RotaryTable(TINY.transformer.head_width, TINY.transformer.rope_period)
    cache.make_room(cache.capacity)
    moved = (torch.arange(cache.room) + hour) % cache.capacity
    for parts, turn in ((cache.keys, True), (cache.values, False)):
        for part in parts:
            x = part.transpose(1, 2).clone()  # [S, room, H, d]
            if turn:
                x = rotate(x, table(torch.full((1, 1), hour)))
            part[:, :, moved] = x.transpose(1, 2)
    cache.position += hour


def test_no_delay() -> None:
    """The first frame's codes depend on the first frame's samples, and on no later ones."""
    c = codec()
    whole = c.encode(voice(1)[:3].reshape(1, -1), c.init_state(1))
    assert c.delay_samples == 0
    assert np.array_equal(c.encode(voice(1)[:1], c.init_state(1)), whole[:, :, :1])
    assert not np.array_equal(c.encode(-voice(1)[:1], c.init_state(1)), whole[:, :, :1])


def test_half_precision_runs() -> None:
    c = make_codec(Weights.of(random_weights(TINY)), TINY, dtype=torch.bfloat16)
    state = c.init_state(1)
    codes = np.concatenate([c.encode(frame[None], state) for frame in voice(0)], 2)
    wanted = alone(0)[0].T
    assert (codes[0, 0] == wanted[0]).mean() > 0.5
    made = c.decode(alone(0)[0].T[None], state)
    assert np.abs(made[0] - alone(0)[1].reshape(-1)).max() < 0.1
    assert made.dtype == np.float32
