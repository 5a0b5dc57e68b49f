"""Slots of a Moshi: alone and in company, copied, taken back, fed at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.support.moshi_original import SMALL, open_lm, write_moshi
from voicert.errors import ModelError
from voicert.models.base import Sampling
from voicert.models.moshi.lm import MoshiLm

Ints = NDArray[np.int64]
TINY = {**SMALL, "dim": 32, "num_layers": 2, "context": 12, "n_q": 8, "dep_q": 4, "depformer_num_layers": 1,
        "delays": [0, 0, 1, 1, 1, 0, 1, 1, 1]}  # fmt: skip
REWIND = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_moshi(tmp_path_factory.mktemp("moshi"), TINY)


def how(slot: int) -> Sampling:
    return Sampling(0.8, 20, 0.7, 10, seed=slot) if slot % 2 else Sampling(seed=slot)


def heard(slot: int, steps: int) -> Ints:
    """[steps, 4]"""
    return np.random.default_rng(slot).integers(0, TINY["card"], (steps, 4))


def talk(lm: MoshiLm, slot: int, user: Ints) -> Ints:
    """[steps, 5] what is written."""
    return np.array([lm.step(np.array([slot]), frame[None])[0] for frame in user])


def alone(folder: Path, slot: int, steps: int) -> Ints:
    lm = open_lm(folder, rewind=REWIND)
    lm.reset(0, how(slot))
    return talk(lm, 0, heard(slot, steps))


def test_batched_is_alone_with_slots_that_join_and_leave(folder: Path) -> None:
    lm, random = open_lm(folder, slots=4, rewind=REWIND), np.random.default_rng(5)
    calls: list[int | None] = [None] * 4  # the number of the call in each slot
    written: dict[int, list[Ints]] = {}
    for _ in range(90):
        for slot in range(4):
            if calls[slot] is None and random.random() < 0.3:
                calls[slot] = len(written)
                written[len(written)] = []
                lm.reset(slot, how(calls[slot] or 0))
            elif random.random() < 0.03:
                calls[slot] = None
        ready = [slot for slot in range(4) if calls[slot] is not None and random.random() < 0.8]
        random.shuffle(ready)
        if ready:
            frames = [heard(calls[s] or 0, len(written[calls[s] or 0]) + 1)[-1] for s in ready]
            for slot, own in zip(ready, lm.step(np.array(ready), np.stack(frames)), strict=True):
                written[calls[slot] or 0].append(own)
    assert max(map(len, written.values())) > TINY["context"] + REWIND + 15  # some ring has gone round
    for call, own in written.items():
        if own:
            assert np.array_equal(own, alone(folder, call, len(own))), f"call {call}"


@pytest.mark.parametrize("steps", [5, 30, 70])
def test_a_snapshot_goes_on_like_its_original(folder: Path, steps: int) -> None:
    lm, user = open_lm(folder, slots=3, rewind=REWIND), heard(1, steps + 20)
    for slot in range(3):
        lm.reset(slot, how(1))
    talk(lm, 2, heard(9, 40))
    talk(lm, 0, user[:steps])
    saved = lm.snapshot(0)
    first = talk(lm, 0, user[steps:])
    lm.restore(2, saved)
    assert np.array_equal(talk(lm, 2, user[steps:]), first)
    assert np.array_equal(first, alone(folder, 1, steps + 20)[steps:])


@pytest.mark.parametrize("steps", [12, 40, 90])
def test_what_was_undone_leaves_no_trace(folder: Path, steps: int) -> None:
    lm = open_lm(folder, rewind=REWIND)
    lm.reset(0, how(1))
    talk(lm, 0, heard(1, steps))
    talk(lm, 0, heard(8, REWIND))
    lm.rewind(0, REWIND)
    assert np.array_equal(talk(lm, 0, heard(1, steps + 30)[steps:]), alone(folder, 1, steps + 30)[steps:])


def test_no_further_back_than_is_kept(folder: Path) -> None:
    lm = open_lm(folder, rewind=REWIND)
    lm.reset(0, how(1))
    talk(lm, 0, heard(1, 4))
    with pytest.raises(ModelError, match="0 to 4"):
        lm.rewind(0, 5)
    talk(lm, 0, heard(1, 20))
    lm.rewind(0, 3)
    with pytest.raises(ModelError, match="0 to 7"):
        lm.rewind(0, 8)


@pytest.mark.parametrize("before", [0, 3, 60])
def test_fed_at_once_is_step_by_step(folder: Path, before: int) -> None:
    """What is written is given in both; then they go on by themselves, alike."""
    one, other = (open_lm(folder, rewind=REWIND) for _ in range(2))
    user = heard(2, before + REWIND + 10)
    own = np.random.default_rng(4).integers(0, TINY["card"], (REWIND, 5))
    logits = list[torch.Tensor]()
    for lm in (one, other):
        lm.reset(0, how(1))
        talk(lm, 0, user[:before])
    for row, frame in zip(own, user[before : before + REWIND], strict=True):
        thought = one.think(np.array([0]), frame[None])
        one.write(thought, row[:1], row[None, 1:])
        logits.append(thought.text_logits[0])
    fed = other.feed(0, own, user[before : before + REWIND])
    assert torch.allclose(fed, torch.stack(logits), atol=1e-5)
    assert np.array_equal(talk(one, 0, user[before + REWIND :]), talk(other, 0, user[before + REWIND :]))


def test_one_row_may_be_made_silent_and_another_speak(folder: Path) -> None:
    lm = open_lm(folder, slots=2, rewind=REWIND)
    for slot in range(2):
        lm.reset(slot, how(1))
    slots, silence = np.array([1, 0]), np.array([[7, 7, 7, 7], [-1, -1, -1, -1]])
    for frame in heard(1, 20):
        thought = lm.think(slots, np.stack([frame, frame]))
        text = lm.choose_text(thought)
        text[0] = 3
        own = lm.write(thought, text, silence)
        assert own[0].tolist() == [3, 7, 7, 7, 7]
    lm.rewind(0, 5)
    assert np.array_equal(talk(lm, 0, heard(1, 20)[15:]), alone(folder, 1, 20)[15:])


def test_memory_grows_with_use_and_is_bounded(tmp_path: Path) -> None:
    context, rewind = 100, 50
    lm = open_lm(write_moshi(tmp_path, {**TINY, "context": context}), rewind=rewind)
    rooms = list[int]()
    for _ in range(10):
        rooms.append(lm.room)
        talk(lm, 0, heard(0, 30))
    assert rooms[0] < context < rooms[-1]
    assert rooms[-1] == rooms[-2] < context + rewind + 20


def test_the_depth_transformer_takes_its_memory_once(folder: Path) -> None:
    """For each number of rows: a frame writes over what the frame before it left."""
    lm = open_lm(folder, slots=2, rewind=REWIND)
    places = list[set[int]]()
    for _ in range(3):
        lm.step(np.array([0]), heard(0, 1))
        lm.step(np.array([0, 1]), heard(1, 2))
        views = lm.network.depth._views
        places.append({part.data_ptr() for rows in views.values() for k in rows for v in k for part in v})
    assert places[0] == places[1] == places[2]
    assert len(places[0]) > 2
