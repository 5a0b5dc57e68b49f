"""Long calls: what is seen of them, and that their memory and the work of a step stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from voicert_codecs.blocks.rotary import RotaryTable, rotate

from tests.support.moshi_original import open_lm, write_moshi
from tests.test_moshi_lm import TINY, Ints, heard, talk
from voicert.models.base import Sampling
from voicert.models.layers import LayerSizes
from voicert.models.moshi.lm import MoshiLm
from voicert.models.rings import Rings, grown
from voicert.models.temporal import PIECE, Temporal
from voicert.models.window import Window

SIZES = LayerSizes(width=16, heads=4, kv_heads=2, head_width=4, hidden=24, epsilon=1e-8)
WINDOW = Window(context=20, sinks=3, spare=6 + PIECE - 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_moshi(tmp_path_factory.mktemp("moshi"), TINY)


def stack(window: Window = WINDOW) -> Temporal:
    torch.manual_seed(0)
    return Temporal(SIZES, 2, window, 10_000.0).eval()


def stepped(temporal: Temporal, x: Tensor, lengths: Sequence[int]) -> Tensor:
    """x [T, D] in calls of these lengths → [T, D]"""
    rings, first, made = Rings(temporal.zeros, 1, temporal.window.capacity), 0, list[Tensor]()
    for length in lengths:
        part = x[None, first : first + length]
        made.append(temporal(part, [rings.take(0, first + length)], [first])[0])
        first += length
    return torch.cat(made)


class Naive:
    """The definition: keys are kept as they are, and turned by their place among those that are in sight."""

    def __init__(self, temporal: Temporal) -> None:
        self._temporal = temporal
        self._past: list[list[tuple[Tensor, Tensor]]] = [[] for _ in temporal.layers]
        self._table = RotaryTable(SIZES.head_width, 10_000.0)

    def step(self, x: Tensor) -> Tensor:
        """x [D] → [D]"""
        x = x[None, None]
        for layer, past in zip(self._temporal.layers, self._past, strict=True):
            x = layer(x, partial(self._attend, past))
        return x[0, 0]

    def _attend(self, past: list[tuple[Tensor, Tensor]], query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        past.append((key[0, 0], value[0, 0]))
        return self._look(query[0, 0], past).flatten()[None, None]

    def _look(self, query: Tensor, past: list[tuple[Tensor, Tensor]]) -> Tensor:
        w = self._temporal.window
        if len(past) > w.context:
            past = past[: w.sinks] + past[-(w.context - w.sinks) :]
        place = self._table(torch.arange(len(past))[None])
        keys = rotate(torch.stack([key for key, _ in past])[None], place)[0]
        own = rotate(query[None, None], self._table(torch.tensor([[len(past) - 1]])))[0, 0]
        keys = keys.repeat_interleave(SIZES.heads // SIZES.kv_heads, 1)  # [R, H, d]
        values = torch.stack([value for _, value in past]).repeat_interleave(SIZES.heads // SIZES.kv_heads, 1)
        share = torch.einsum("hd,rhd->hr", own, keys).mul(SIZES.head_width**-0.5).softmax(1)
        return torch.einsum("hr,rhd->hd", share, values)


@pytest.mark.parametrize("sinks", [0, 3])
@torch.inference_mode()
def test_it_sees_the_sinks_and_the_window_at_their_places_in_sight(sinks: int) -> None:
    temporal = stack(Window(20, sinks, 6 + PIECE - 1))
    x = torch.randn(150, SIZES.width)  # the ring goes round more than twice
    naive = Naive(temporal)
    wanted = torch.stack([naive.step(row) for row in x])
    assert (stepped(temporal, x, [1] * len(x)) - wanted).abs().max() < 1e-5


@pytest.mark.parametrize("first", [0, 10, 17, 35, 80, 100])
@torch.inference_mode()
def test_several_at_once_are_one_after_the_other(first: int) -> None:
    temporal, x = stack(), torch.randn(first + 30, SIZES.width)
    runs = temporal.runs(first, 30)
    assert sum(runs) == 30
    assert max(runs) <= PIECE
    wanted = stepped(temporal, x, [1] * len(x))
    assert (stepped(temporal, x, [1] * first + runs) - wanted).abs().max() < 1e-5


@torch.inference_mode()
def test_all_slots_in_fixed_shapes_are_each_slot_alone() -> None:
    temporal, slots, steps = stack(), 3, 100
    rings = temporal.zeros(temporal.window.capacity, slots)
    x, late = torch.randn(slots, steps, SIZES.width), torch.tensor([0, 7, 40])
    alone = [stepped(temporal, row, [1] * steps) for row in x]
    for step in range(steps):
        position = (step - late).clamp(min=0)  # those that have not begun write their first step again
        given = torch.stack([row[at] for row, at in zip(x, position.tolist(), strict=True)])
        far = step >= temporal.window.context
        made = temporal.all_slots(given[:, None], rings, position, far)[:, 0]
        wanted = torch.stack([row[at] for row, at in zip(alone, position.tolist(), strict=True)])
        assert (made - wanted).abs().max() < 1e-5


@torch.inference_mode()
def test_half_precision_sees_the_same() -> None:
    temporal, x = stack(), torch.randn(60, SIZES.width)
    wanted = stepped(temporal, x, [1] * 60)
    made = stepped(temporal.bfloat16(), x.bfloat16(), [1] * 60).float()
    assert (made - wanted).abs().mean() < 0.02 * wanted.abs().mean()


def test_numbers_of_a_window_that_do_not_fit() -> None:
    for numbers in ((4, 4, 0), (4, -1, 0), (4, 0, -1)):
        with pytest.raises(ValueError, match="do not fit"):
            Window(*numbers)


def test_rooms() -> None:
    assert [grown(end, 300) for end in (0, 1, 64, 65, 200, 257, 300, 9_999)] == [
        64,
        64,
        64,
        128,
        256,
        300,
        300,
        300,
    ]
    assert grown(0, 40) == 40


def test_sinks_change_nothing_before_the_context_is_full(folder: Path) -> None:
    plain, sunk = (open_lm(folder, rewind=10, sinks=sinks) for sinks in (0, 4))
    context, same = TINY["context"], list[bool]()
    for lm in (plain, sunk):
        lm.reset(0, Sampling(seed=1))
    slot = np.array([0])
    for frame in heard(1, context + 20):
        thoughts = [lm.think(slot, frame[None]) for lm in (plain, sunk)]
        same.append(torch.equal(thoughts[0].hidden, thoughts[1].hidden))
        text = plain.choose_text(thoughts[0])
        own = plain.write(thoughts[0], text)
        sunk.write(thoughts[1], text, own[:, 1:])
    assert all(same[:context])
    assert not any(same[context:])


@pytest.mark.parametrize("steps", [5, 30, 90])
def test_with_sinks_what_was_undone_or_copied_leaves_no_trace(folder: Path, steps: int) -> None:
    user = heard(1, steps + 20)
    lm = open_lm(folder, slots=2, rewind=10, sinks=4)
    for slot in range(2):
        lm.reset(slot, Sampling(0.8, 20, 0.7, 10, seed=1))
    talk(lm, 1, heard(3, 40))
    talk(lm, 0, user[:steps])
    saved = lm.snapshot(0)
    wanted = talk(lm, 0, user[steps:])
    lm.restore(1, saved)
    talk(lm, 1, heard(8, 10))
    lm.rewind(1, 10)
    assert np.array_equal(talk(lm, 1, user[steps:]), wanted)


class Count(TorchDispatchMode):
    """Operations, the numbers that they are given, and how many positions are attended to."""

    def __init__(self) -> None:
        super().__init__()
        self.operations, self.numbers = 0, 0
        self.attended: list[int] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.operations += 1
        self.numbers += sum(part.numel() for part in args if isinstance(part, Tensor))
        if "scaled_dot_product" in func.__name__ and args[1].shape[0] == 1:
            self.attended.append(args[1].shape[2])
        return func(*args, **(kwargs or {}))


def work(lm: MoshiLm, slots: Ints, user: Ints) -> Count:
    with Count() as count:
        lm.step(slots, user)
    return count


@pytest.mark.parametrize("sinks", [0, 4])
def test_a_call_without_end_keeps_its_memory_and_its_work(folder: Path, sinks: int) -> None:
    """13 times around the ring of a tiny model; the published one goes round 7 times in half an hour."""
    lm = open_lm(folder, rewind=10, sinks=sinks)
    lm.reset(0, Sampling(0.8, 20, 0.7, 10, seed=1))
    slot, found = np.array([0]), set[tuple[int, ...]]()
    full = TINY["context"] + 10 + PIECE - 1
    for step, frame in enumerate(heard(1, 13 * full)):
        if step < full or step % 11:
            lm.step(slot, frame[None])
        else:
            count = work(lm, slot, frame[None])
            found.add((lm.room, lm.snapshot(0).keys_values.nbytes, count.operations, count.numbers))
            assert count.attended.count(full) == TINY["num_layers"]
    assert len(found) == 1


def test_a_call_costs_its_neighbour_nothing(tmp_path: Path) -> None:
    lm = open_lm(write_moshi(tmp_path, {**TINY, "context": 100}), slots=2, rewind=20)
    for slot in range(2):
        lm.reset(slot, Sampling(seed=1))
    talk(lm, 0, heard(0, 160))
    for step, frame in enumerate(heard(1, 3)):
        count = work(lm, np.array([0, 1]), np.stack([frame, frame]))
        assert count.attended == [135, step + 1] * TINY["num_layers"]
    assert lm.room == 135
    lm.reset(0, Sampling(seed=1))
    assert lm.room < 70  # what the long call took is given back
