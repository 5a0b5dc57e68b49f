"""One network for all models: whatever its sizes, all of a text at once equals one step after the other."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from voicert.models.config import DepthSizes
from voicert.models.layers import LayerSizes
from voicert.models.network import Network, Sizes
from voicert.models.parts import Table
from voicert.models.places import WordClock
from voicert.models.rings import Rings

STEPS, REWIND, SLOTS = 90, 5, 3
PLAIN = Sizes(
    LayerSizes(width=24, heads=4, kv_heads=2, head_width=6, hidden=32, epsilon=1e-6),
    contexts=(12, 12, 12), sinks=0, word_heads=(0, 0, 0), rope_period=1e4, text_in=30, text_out=30,
    user_text_out=0, codebooks=3, card=9, depth=None,
)  # fmt: skip
ONE_FOR_ALL = DepthSizes(3, 16, 2, 4, 4, (20,), (0, 0, 0), (0, 1, 2), norm="rms_norm")
EACH_ITS_OWN = DepthSizes(3, 16, 2, 4, 2, (20, 12), (0, 1, 1), (0, 0, 1))
KINDS = {
    "moshi": dataclasses.replace(PLAIN, depth=EACH_ITS_OWN),
    "bundled": dataclasses.replace(PLAIN, contexts=(5, 30, 5), word_heads=(0, 1, 2), user_text_out=30),
    "bundled with depth": dataclasses.replace(PLAIN, word_heads=(1, 1, 1), depth=ONE_FOR_ALL),
    "both": dataclasses.replace(PLAIN, contexts=(9, 2, 40), word_heads=(2, 0, 1), depth=EACH_ITS_OWN),
}


@pytest.fixture(params=KINDS)
def sizes(request: pytest.FixtureRequest) -> Sizes:
    return KINDS[request.param]


def network(sizes: Sizes) -> Network:
    torch.manual_seed(1)
    made = Network(sizes, REWIND).eval()
    for module in made.modules():
        if isinstance(module, Table):
            module.draw(1.0)
    return made


def given(sizes: Sizes) -> tuple[Tensor, WordClock | None]:
    random = torch.Generator().manual_seed(2)
    x = torch.randn(SLOTS, STEPS, sizes.layer.width, generator=random)
    some = torch.rand(SLOTS, STEPS, generator=random) < 0.3
    return x, WordClock(some.cumsum(1), some) if any(sizes.word_heads) else None


def part(clock: WordClock | None, rows: slice, steps: slice) -> WordClock | None:
    return clock and WordClock(clock.count[rows, steps], clock.written[rows, steps])


@torch.inference_mode()
def test_in_rings_of_its_own_a_row_gives_what_all_at_once_gives(sizes: Sizes) -> None:
    model, (x, clock) = network(sizes), given(sizes)
    whole = model.whole(x, clock)
    rings = Rings(model.temporal.zeros, SLOTS, model.temporal.window.capacity)
    for row, at_once in enumerate((1, 4, STEPS)):
        first = 0
        while first < STEPS:
            length = min(at_once, model.temporal.runs(first, STEPS - first)[0])
            span = slice(first, first + length)
            ring = rings.take(row, first + length)
            here = slice(row, row + 1)
            made = model.stepped(x[here, span], [ring], [first], part(clock, here, span))
            torch.testing.assert_close(made, whole[here, span], atol=1e-5, rtol=0)
            first += length


@torch.inference_mode()
def test_all_slots_in_fixed_shapes_give_the_same(sizes: Sizes) -> None:
    model, (x, clock) = network(sizes), given(sizes)
    whole, temporal = model.whole(x, clock), model.temporal
    rings = temporal.zeros(temporal.window.capacity, SLOTS)
    for t in range(STEPS):
        now, all_rows = slice(t, t + 1), slice(SLOTS)
        position = torch.full((SLOTS,), t)
        made = temporal.all_slots(x[:, now], rings, position, False, part(clock, all_rows, now))
        torch.testing.assert_close(model.norm(made), whole[:, now], atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", [kind for kind, sizes in KINDS.items() if sizes.depth])
def test_codes_in_turn_are_what_is_trained(kind: str) -> None:
    """And gradients reach every weight that the depth transformer uses."""
    sizes = KINDS[kind]
    model, random = network(sizes), torch.Generator().manual_seed(3)
    hidden, text = torch.randn(5, sizes.layer.width, generator=random), torch.arange(5)
    made: list[Tensor] = []

    def choose(codebook: int, logits: Tensor) -> Tensor:
        made.append(logits)
        return logits.argmax(1)

    with torch.no_grad():
        codes = model.depth(hidden, text, sizes.codebooks, choose)
    forced = model.depth.forced(hidden, text, codes)
    torch.testing.assert_close(torch.stack(made, 1), forced, atol=1e-5, rtol=0)
    forced.square().sum().backward()
    lacking = {n for n, p in model.depth.named_parameters() if p.grad is None or not p.grad.any()}
    assert not lacking


def test_sizes_that_do_not_fit_are_refused() -> None:
    for wrong in (
        {"word_heads": (0, 0)},
        {"sinks": 2, "word_heads": (1, 0, 0)},
        {"sinks": 2, "contexts": (12, 8, 12)},
    ):
        with pytest.raises(ValueError, match="word"):
            Network(dataclasses.replace(PLAIN, **wrong))
