"""Conversations draw by a seed of their own, or all by one that is set."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from tests.support.moshi_served import open_tiny, tiny_folder
from tests.support.scripted import Script, scripted_bundle, speech
from tests.support.server import running_server, until_free
from tests.support.talker import talking, turn
from voicert.models import Sampling
from voicert.models.base import Control

DRAWN = Sampling(0.9, 5, 0.8, 7, seed=3)


async def seeds(seed: int, calls: int) -> list[int]:
    """Of one conversation after the other, as the model is told."""
    bundle = replace(scripted_bundle(1, Script()), sampling=DRAWN)
    told: list[int] = []
    with running_server(bundle=bundle, max_sessions=1, seed=seed) as server:
        for _ in range(calls):
            async with talking(server.realtime_url) as talker:
                await turn(talker, speech(400))
                sampling = bundle.model.ears[0].sampling  # pyright: ignore[reportAttributeAccessIssue]
                assert replace(sampling, seed=3) == DRAWN  # nothing else is another
                told.append(sampling.seed)
            await until_free(server)
    return told


def test_each_conversation_has_a_seed_of_its_own() -> None:
    told = asyncio.run(seeds(-1, 3))
    assert len(set(told)) == 3
    assert all(0 <= seed < 1 << 63 for seed in told)


@pytest.mark.parametrize("seed", [0, 12])
def test_one_that_is_set_is_that_of_all(seed: int) -> None:
    assert asyncio.run(seeds(seed, 2)) == [seed, seed]


def test_calls_of_a_moshi_begin_alike_by_the_same_seed_only(tmp_path_factory: pytest.TempPathFactory) -> None:
    bundle = open_tiny(tiny_folder(tmp_path_factory.getbasetemp()))
    said: list[list[list[int]]] = []
    for seed in (1 << 62, 1 << 62, (1 << 62) + 1):
        bundle.model.reset(0, replace(bundle.sampling, seed=seed))
        start = [Control(np.array([False]), np.array([t == 0]), np.array([-1])) for t in range(8)]
        heard = np.zeros((1, 8), np.int64)
        said.append([bundle.model.step(np.array([0]), heard, control).codes[0].tolist() for control in start])
    assert said[0] == said[1] != said[2]
