"""Slots of the duplex model: each a conversation of its own that can be rewound, copied and moved."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.tiny import MODEL, speech_model, user_codes
from voicert.errors import ModelError
from voicert.models.base import Control, Sampling, StepOutput
from voicert.models.duplex import DuplexModel
from voicert.models.onnx_graph import PAGE
from voicert.models.slots import REWIND_FRAMES
from voicert.models.vocabulary import END, PAD, START

Tokens = list[tuple[int, int, tuple[int, ...]]]  # of each step: text, user text, codes
DRAWN = Sampling(temperature=0.8, top_k=6, text_temperature=0.8, seed=3)


def row(out: StepOutput, i: int = 0) -> tuple[int, int, tuple[int, ...]]:
    return int(out.text[i]), int(out.user_text[i]), tuple(out.codes[i].tolist())


def hushed(rows: list[bool] | NDArray[np.bool_]) -> Control:
    return dataclasses.replace(Control.free(len(rows)), hush=np.array(rows))


def converse(model: DuplexModel, slot: int, user: NDArray[np.int64], hush: set[int] = frozenset()) -> Tokens:
    """Steps one slot alone through user [T, K]; ``hush`` are the hushed steps."""
    return [row(model.step(np.array([slot]), u[None], hushed([t in hush]))) for t, u in enumerate(user)]


@pytest.mark.parametrize("neighbours", [0, 1, 7, 31])
@pytest.mark.parametrize("precision", ["tiny_step", "tiny_step_int8"])
def test_batched_equals_alone(precision: str, neighbours: int, request: pytest.FixtureRequest) -> None:
    """Whatever the others say, wherever they stand, and whether they join, leave or are hushed."""
    step: Path = request.getfixturevalue(precision)
    steps, hush = 4 * MODEL.window, {20, 21, 50}
    user = user_codes(9, steps)
    wanted = converse(speech_model(step, 1), 0, user, hush)
    assert {START, END, PAD} < {text for text, _, _ in wanted}

    rng = np.random.default_rng(neighbours)
    model = speech_model(step, neighbours + 1)
    mine = int(rng.integers(neighbours + 1))
    others = [slot for slot in range(neighbours + 1) if slot != mine]
    made: Tokens = []
    while len(made) < steps:
        for slot in others:
            if rng.random() < 0.05:  # someone leaves, another takes the place
                model.reset(slot, dataclasses.replace(DRAWN, seed=int(rng.integers(100))))
        ready = [slot for slot in others if rng.random() < 0.7]
        slots = rng.permutation([*ready, mine] if rng.random() < 0.8 or not ready else ready)
        codes = rng.integers(MODEL.codebook_size, size=(len(slots), MODEL.codebooks))
        quiet = rng.random(len(slots)) < 0.1
        at = np.flatnonzero(slots == mine)
        codes[at], quiet[at] = user[len(made)], len(made) in hush
        out = model.step(slots, codes, hushed(quiet))
        made += [row(out, int(i)) for i in at]
    assert made == wanted


@pytest.mark.parametrize("sampling", [Sampling(), DRAWN], ids=["greedy", "drawn"])
@pytest.mark.parametrize(("steps", "back"), [(30, 1), (30, 30), (90, 45), (560, REWIND_FRAMES)])
def test_rewound_is_as_if_it_had_not_happened(
    tiny_step: Path, sampling: Sampling, steps: int, back: int
) -> None:
    """The same input gives the same tokens again; another gives what it gives in a fresh conversation."""
    user, other = user_codes(1, steps), user_codes(2, 40)
    model = speech_model(tiny_step, 2)
    model.reset(1, sampling)
    first = converse(model, 1, user, {steps - 1})
    model.rewind(1, back)
    assert converse(model, 1, user[steps - back :], {back - 1}) == first[steps - back :]
    model.rewind(1, back)
    kept = user[: steps - back]
    fresh = speech_model(tiny_step, 1)
    fresh.reset(0, sampling)
    wanted = converse(fresh, 0, np.concatenate([kept, other]))
    assert converse(model, 1, other) == wanted[len(kept) :]


def test_what_is_no_longer_kept_cannot_be_gone_back_to(tiny_step: Path) -> None:
    """Going back twice reaches no further than going back once: what lies before is overwritten."""
    user = user_codes(3, 700)
    model = speech_model(tiny_step, 1)
    first = converse(model, 0, user)
    model.rewind(0, 300)
    model.rewind(0, 200)
    with pytest.raises(ModelError, match="cannot go back 1 frames"):
        model.rewind(0, 1)
    assert converse(model, 0, user[200:230]) == first[200:230]  # it is not hurt
    with pytest.raises(ModelError, match="0 to 30"):
        model.rewind(0, 31)
    model.rewind(0, 30)
    assert converse(model, 0, user[200:]) == first[200:]
    model.rewind(0, REWIND_FRAMES)


@pytest.mark.parametrize("frames", [-1, 6, 10**9])
def test_more_than_there_was_cannot_be_forgotten(tiny_step: Path, frames: int) -> None:
    model = speech_model(tiny_step, 1)
    converse(model, 0, user_codes(3, 5))
    with pytest.raises(ModelError, match=f"cannot go back {frames} frames"):
        model.rewind(0, frames)


@pytest.mark.parametrize("sampling", [Sampling(), DRAWN], ids=["greedy", "drawn"])
def test_a_snapshot_goes_on_in_any_slot_of_any_instance(tiny_step: Path, sampling: Sampling) -> None:
    user, later = user_codes(4, 50), user_codes(5, 50)
    model, other = speech_model(tiny_step, 3), speech_model(tiny_step, 2)
    model.reset(1, sampling)
    converse(model, 1, user)
    saved = model.snapshot(1)
    wanted = converse(model, 1, later)  # what happens now does not reach the snapshot
    converse(model, 2, later)  # the slots that it goes into have a past of their own
    converse(other, 0, later)
    for target, slot in ((model, 2), (other, 0), (model, 1)):
        target.restore(slot, saved)
        assert converse(target, slot, later) == wanted
        target.rewind(slot, 70)  # the copy can go back too
        assert converse(target, slot, user[30:]) == converse_from(tiny_step, sampling, user)[30:]


def converse_from(step: Path, sampling: Sampling, user: NDArray[np.int64]) -> Tokens:
    model = speech_model(step, 1)
    model.reset(0, sampling)
    return converse(model, 0, user)


def test_a_restored_slot_leaves_its_neighbours_alone(tiny_step: Path) -> None:
    user = user_codes(6, 30)
    model = speech_model(tiny_step, 2)
    converse(model, 0, user)
    wanted = converse_from(tiny_step, Sampling(), np.concatenate([user, user]))[30:]
    model.restore(1, speech_model(tiny_step, 1).snapshot(0))
    model.reset(1, DRAWN)
    assert converse(model, 0, user) == wanted


def test_a_new_conversation_knows_nothing_of_the_one_before(tiny_step: Path) -> None:
    model = speech_model(tiny_step, 1)
    converse(model, 0, user_codes(7, 60))
    model.reset(0, DRAWN)
    assert converse(model, 0, user_codes(8, 60)) == converse_from(tiny_step, DRAWN, user_codes(8, 60))


def size(model: DuplexModel) -> list[tuple[tuple[int, ...], int]]:
    """Shape and address of everything a slot is kept in."""
    arrays = [*model._slots.parts(), *model._runner._graph._arrays]
    return [(a.shape, a.ctypes.data) for a in arrays]


def test_a_long_conversation_takes_no_more_memory_than_a_short_one(tiny_step: Path) -> None:
    """Several times around every ring, all of it stays where and as large as it was at first."""
    model = speech_model(tiny_step, 1)
    before = size(model)
    converse(model, 0, user_codes(10, 1200))
    assert size(model) == before
    saved = model.snapshot(0)
    capacities = [-(-(window + REWIND_FRAMES) // PAGE) * PAGE for window in MODEL.windows]
    entry = 2 * MODEL.kv_heads * MODEL.head_dim * 4  # bytes of keys and values
    assert sum(a.nbytes for a in saved.keys_values) == sum(capacities) * entry
    assert sum(a.nbytes for a in saved.tokens) < 100_000
