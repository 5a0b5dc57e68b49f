"""What CUDA graphs would record: it computes the same, asks the host for nothing, and mixes no devices.

There is no CUDA device here. The functions run as they are on the CPU, and once more on tensors without
contents, which nothing can be read from.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.support.moshi_original import SMALL, open_lm, write_moshi
from tests.test_moshi_lm import TINY, heard
from voicert.models.base import Sampling
from voicert.models.moshi.kyutai import from_kyutai
from voicert.models.moshi.lm import MoshiLm
from voicert.models.moshi.network import MoshiNetwork
from voicert.models.moshi.runners import Eager, Graphed, power_of_two, said
from voicert.models.moshi.sampling import Draws, draw, largest

STEPS = 150  # the rings grow from 64 to their full size and go round
ELSEWHERE = torch.device("meta")


@pytest.fixture(scope="module")
def lm(tmp_path_factory: pytest.TempPathFactory) -> MoshiLm:
    return open_lm(write_moshi(tmp_path_factory.mktemp("moshi"), {**TINY, "context": 60}), rewind=10, sinks=4)


def test_graphs_write_what_single_operations_write(lm: MoshiLm) -> None:
    """Slots join, leave, go back, are copied and are fed; some of them greedy."""
    eager, graphed = (MoshiLm(lm.network, 5, 10, make=make) for make in (Eager, Graphed))
    random = np.random.default_rng(0)
    for slot in range(5):
        for each in (eager, graphed):
            each.reset(slot, Sampling(0.8, 20 + slot, 0.7, 10, slot) if slot else Sampling())
    for step in range(STEPS):
        slots = np.flatnonzero(random.random(5) < 0.7)
        if len(slots) == 0:
            continue
        random.shuffle(slots)
        user = random.integers(0, TINY["card"], (len(slots), 4))
        assert np.array_equal(eager.step(slots, user), graphed.step(slots, user)), f"step {step}"
        if step % 40 == 20:
            for each in (eager, graphed):
                each.rewind(1, 3)
                each.restore(2, each.snapshot(3))
                each.reset(4, Sampling(0.8, 20, 0.7, 10, step))
        if step % 50 == 30:
            own, said_ = heard(2, 9), heard(3, 9)
            logits = [each.feed(0, np.c_[own[:, :1], own], said_) for each in (eager, graphed)]
            assert torch.allclose(*logits, atol=1e-5)


def test_numbers_of_rows() -> None:
    assert [power_of_two(count) for count in (0, 1, 2, 3, 4, 5, 64)] == [0, 1, 2, 4, 4, 8, 64]


class NoHost(TorchDispatchMode):
    """Refuses what brings numbers from the host or to it: a graph that is being recorded cannot wait."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for part in [*args, made]:
            if isinstance(part, torch.Tensor) and part.device != ELSEWHERE:
                raise AssertionError(f"{func} works on {part.device}")
        return made


@pytest.mark.parametrize("far", [False, True])
@torch.inference_mode()
def test_a_step_that_is_recorded_stays_on_its_device(far: bool) -> None:
    config = replace(from_kyutai({**SMALL, "kv_repeat": 2}), sinks=4)
    with ELSEWHERE:
        network = MoshiNetwork(config, 10).eval()
        rings = network.temporal.zeros(64, 4)
        tokens = torch.zeros(4, 17, 1, dtype=torch.int64)
        position = torch.zeros(4, dtype=torch.int64)
    with NoHost():
        hidden, logits = network.all_slots(tokens, rings, position, far)
    assert hidden.shape == (4, 1, SMALL["dim"])
    assert logits.shape == (4, 1, SMALL["text_card"])


@pytest.mark.parametrize("most", [0, 8])
@torch.inference_mode()
def test_a_depth_loop_that_is_recorded_stays_on_its_device(most: int) -> None:
    with ELSEWHERE:
        network = MoshiNetwork(from_kyutai(SMALL), 10).eval()
        greedy = torch.zeros(4, dtype=torch.bool)
        draws = Draws(torch.ones(4, 1), torch.ones(4, 1), most, equal=False, greedy=greedy if most else None)
        text, uniform = torch.zeros(4, dtype=torch.int64), torch.zeros(4, 8)
        hidden = torch.zeros(4, SMALL["dim"])
    with NoHost():
        codes = said(network, hidden, text, 8, draws, uniform)
    assert codes.shape == (4, 8)


def test_the_checks_find_what_must_not_be_recorded() -> None:
    x = torch.zeros(3, device=ELSEWHERE)
    with NoHost():
        with pytest.raises(RuntimeError, match="meta"):
            x.sum().item()
        with pytest.raises(NotImplementedError, match="meta"):
            x.cpu()
        with pytest.raises(AssertionError, match="cpu"):
            torch.zeros(3).to(ELSEWHERE)
        with pytest.raises(NotImplementedError, match="meta"):
            x.nonzero()


def test_draws_of_mixed_rows_are_those_of_each_alone() -> None:
    logits, uniform = (
        torch.randn(4, 50, generator=torch.Generator().manual_seed(1)),
        torch.tensor([0.1, 0.9, 0.5, 0.7]),
    )
    how = [(0.8, 10), (0.0, 5), (1.2, 80), (0.5, 1)]
    together = draw(logits, Draws.of(how, torch.device("cpu")), uniform)
    for row, each in enumerate(how):
        alone = draw(logits[row : row + 1], Draws.of([each], torch.device("cpu")), uniform[row : row + 1])
        assert together[row] == alone[0]
    assert together[1] == logits[1].argmax()
    assert together[3] == logits[3].argmax()


def test_the_largest_are_those_of_a_sort_and_the_first_of_equals() -> None:
    logits = torch.randn(5, 300, generator=torch.Generator().manual_seed(2))
    logits[0] = logits[0].round()  # many are equal
    logits[1, :7] = torch.tensor([torch.inf, -torch.inf, 0.0, 1e-42, -1e-42, 3e38, -3e38])
    for count in (1, 40, 300):
        values, tokens = largest(logits, count)
        wanted = logits.sort(dim=1, descending=True, stable=True)
        assert torch.equal(values, wanted.values[:, :count])
        assert torch.equal(tokens, wanted.indices[:, :count])
    for width in (6000, 32 * 300):  # longer rows, in groups and not
        many = logits.repeat(1, 32)[:, :width]
        many[2] = torch.randn(width, generator=torch.Generator().manual_seed(3))
        values, tokens = largest(many, 20)
        assert torch.equal(values, many.topk(20, dim=1).values)
        assert torch.equal(values, many.gather(1, tokens))
        assert all(len(set(row.tolist())) == 20 for row in tokens)
