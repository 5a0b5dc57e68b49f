"""The streaming transformer equals plain attention over the whole signal, however it is cut and batched."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from voicert_codecs.blocks.kv import FIRST_ROOM, PIECE, KvCache
from voicert_codecs.blocks.linear import pack
from voicert_codecs.blocks.rotary import RotaryTable, pairs_apart
from voicert_codecs.blocks.transformer import Transformer, TransformerConfig

LENGTH = 84
ROUNDING = 3e-6
SMALL = TransformerConfig(width=16, layers=2, heads=4, hidden=24, context=11)
KINDS = {
    "plain": SMALL,
    "grouped": dataclasses.replace(SMALL, norm_epsilon=1e-8, kv_heads=2),
    "by-frame": dataclasses.replace(SMALL, forget_every=2),
    "wide": dataclasses.replace(SMALL, context=200),
    "one": dataclasses.replace(SMALL, context=1),
}


def make(config: TransformerConfig, packed: bool = False) -> Transformer:
    torch.manual_seed(1)
    made = Transformer(config).eval().requires_grad_(False)
    for layer in made.layers:
        for norm in (layer.norm1, layer.norm2):
            for parameter in norm.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
    if packed:
        pack(made)
    return made


def signal(rows: int = 1, length: int = LENGTH, width: int = 16) -> Tensor:
    return torch.randn(rows, length, width, generator=torch.Generator().manual_seed(2))


def plainly(model: Transformer, x: Tensor) -> Tensor:
    """The definition in float64: every position looks at the whole signal through a mask."""
    c = model.config
    x, p = x.double(), torch.arange(x.shape[1])
    edge = (p // c.forget_every + 1) * c.forget_every - 1  # the last of each position's group
    seen = (p[None, :] <= p[:, None]) & (p[None, :] > edge[:, None] - c.context)
    frequency = c.rope_period ** (-torch.arange(0, c.head_width, 2, dtype=torch.float64) / c.head_width)
    turn = torch.polar(torch.ones(()).double(), p.double()[:, None] * frequency)  # [T, d / 2]

    def turned(heads: Tensor) -> Tensor:
        a, b = heads.chunk(2, dim=-1)
        y = torch.complex(a, b) * turn
        return torch.cat([y.real, y.imag], dim=-1)

    for layer in model.layers:
        weight = {name: value.double() for name, value in layer.named_parameters()}
        both = (
            normed(x, c, weight["norm1.weight"], weight["norm1.bias"]) @ weight["attention.project.weight"].T
        )
        heads = both.unflatten(2, (-1, c.head_width)).transpose(1, 2)
        q, k, v = heads.split([c.heads, c.keys, c.keys], dim=1)
        k, v = (part.repeat_interleave(c.heads // c.keys, 1) for part in (turned(k), v))
        scores = turned(q) @ k.transpose(2, 3) / math.sqrt(c.head_width)
        y = scores.masked_fill(~seen, -math.inf).softmax(-1) @ v
        x = x + y.transpose(1, 2).flatten(2) @ weight["attention.out.weight"].T
        up = normed(x, c, weight["norm2.weight"], weight["norm2.bias"]) @ weight["up.weight"].T
        up = up * (1 + torch.erf(up / math.sqrt(2))) / 2
        x = x + up @ weight["down.weight"].T
    return x.float()


def normed(x: Tensor, config: TransformerConfig, weight: Tensor, bias: Tensor) -> Tensor:
    x = x - x.mean(-1, keepdim=True)
    x = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + config.norm_epsilon) * weight
    return x + bias


def in_pieces(model: Transformer, x: Tensor, length: int, cache: KvCache | None = None) -> Tensor:
    cache = cache or model.cache(len(x))
    return torch.cat([model(piece, cache) for piece in x.split(length, dim=1)], dim=1)


@pytest.mark.parametrize("length", [1, 2, 3, 7, PIECE, PIECE + 1, LENGTH])
@pytest.mark.parametrize("kind", KINDS)
def test_every_way_of_cutting_equals_plain_attention(kind: str, length: int) -> None:
    model, x = make(KINDS[kind]), signal(2)
    torch.testing.assert_close(in_pieces(model, x, length), plainly(model, x), atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_ring_equals_a_growing_cache(kind: str) -> None:
    """The form for graphs: nothing is read back, and the ring that is given stays as it was."""
    model, x = make(KINDS[kind]), signal(2)
    ring, outputs = model.ring(2), list[Tensor]()
    for piece in x.split(2, dim=1):
        before = [part.clone() for part in (*ring.keys, *ring.values, ring.position)]
        y, new = model.step(piece, ring)
        assert all(map(torch.equal, before, (*ring.keys, *ring.values, ring.position)))
        ring = new
        outputs.append(y)
    torch.testing.assert_close(torch.cat(outputs, 1), in_pieces(model, x, 2), atol=ROUNDING, rtol=0)
    assert ring.position.tolist() == [LENGTH, LENGTH]


def test_a_ring_may_be_written_in_place() -> None:
    model, x = make(SMALL), signal(2)
    ring = model.ring(2)
    held, outputs = ring.keys[0], list[Tensor]()
    for piece in x.split(3, dim=1):
        y, ring = model.step(piece, ring, in_place=True)
        outputs.append(y)
    assert ring.keys[0] is held
    torch.testing.assert_close(torch.cat(outputs, 1), plainly(model, x), atol=ROUNDING, rtol=0)


steps = st.lists(
    st.tuples(
        st.lists(st.integers(0, 4), min_size=1, max_size=5, unique=True), st.integers(1, 20), st.booleans()
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(steps=steps)
def test_rows_at_any_position_equal_each_alone(steps: list[tuple[list[int], int, bool]]) -> None:
    """Some rows go on by some positions, in any order; now and then the first of them starts anew."""
    model, x = make(SMALL), signal(5, 200)
    whole, empty = plainly(model, x), model.cache(1)
    cache, done = model.cache(5), [0] * 5
    for rows, length, anew in steps:
        index = torch.tensor(rows)
        if anew:
            cache.write_rows(index[:1], empty)
            done[rows[0]] = 0
        x_in = torch.stack([x[row, done[row] : done[row] + length] for row in rows])
        lent = cache.lend(index)
        y = model(x_in, lent)
        cache.settle(index, lent)
        for row, got in zip(rows, y, strict=True):
            torch.testing.assert_close(got, whole[row, done[row] : done[row] + length], atol=ROUNDING, rtol=0)
            done[row] += length
    assert cache.position.tolist() == done


def test_a_cache_grows_with_use_and_no_further() -> None:
    model = make(dataclasses.replace(SMALL, context=150))
    cache = model.cache(1)
    rooms = {cache.room}
    for piece in signal(1, 2000).split(5, dim=1):
        model(piece, cache)
        rooms.add(cache.room)
    assert rooms == {FIRST_ROOM, 2 * FIRST_ROOM, 150 + PIECE - 1}
    assert cache.keys[0].shape == cache.values[1].shape == (1, 4, 150 + PIECE - 1, 4)


def test_a_row_is_copied_with_what_it_fills_and_goes_on_in_another_cache() -> None:
    model, x = make(SMALL), signal(3)
    cache = model.cache(3)
    model(x[:, :9], cache)
    saved = cache.copy_rows(torch.tensor([1]))
    assert saved.room == 9
    in_pieces(model, x[:, 9:60], 7, cache)  # the cache goes on; the copy does not
    other = model.cache(2)
    other.write_rows(torch.tensor([1]), saved)
    lent = other.lend(torch.tensor([1]))
    torch.testing.assert_close(model(x[1:2, 9:], lent), plainly(model, x)[1:2, 9:], atol=ROUNDING, rtol=0)
    assert saved.repeat(2).position.tolist() == [9, 9]


def test_nothing_of_what_was_not_finite_is_left_after_a_fresh_start() -> None:
    model, x = make(SMALL), signal(2)
    cache, empty = model.cache(2), model.cache(1)
    spoilt = x[:, :40].clone()
    spoilt[0] = torch.nan
    wanted = plainly(model, x)
    other = model(spoilt, cache)[1]
    torch.testing.assert_close(other, wanted[1, :40], atol=ROUNDING, rtol=0)  # the neighbour is not touched
    cache.write_rows(torch.tensor([0]), empty)
    lent = cache.lend(torch.tensor([0]))
    torch.testing.assert_close(model(x[:1], lent), wanted[:1], atol=ROUNDING, rtol=0)


def test_packed_rows_do_not_depend_on_their_neighbours() -> None:
    model, x = make(SMALL, packed=True), signal(7)
    together = in_pieces(model, x, 2)
    for row in range(7):
        assert torch.equal(in_pieces(model, x[row : row + 1], 2)[0], together[row])


def test_angles_are_exact_after_hours() -> None:
    table = RotaryTable(64, 10_000.0)
    position = torch.tensor([[0, 1, 2047, 2048, 90_001, 2048 * 2048 - 1]])
    frequency = 10_000.0 ** (-torch.arange(0, 64, 2, dtype=torch.float64) / 64)
    angle = position.double()[..., None] * frequency
    cos, sin = table(position)
    torch.testing.assert_close(cos[0, :, 0, :32], angle[0].cos().float(), atol=3e-7, rtol=0)
    torch.testing.assert_close(sin[0, :, 0, 32:], angle[0].sin().float(), atol=3e-7, rtol=0)
    assert torch.equal(table.to(torch.bfloat16)(position)[0], cos)  # angles stay in float32


def test_weights_for_neighbouring_pairs_give_the_same_scores_once_put_apart() -> None:
    d, table = 8, RotaryTable(8, 100.0)
    weight, x = torch.randn(2 * d, 5), torch.randn(3, 5)
    frequency = 100.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)

    def neighbours(position: int) -> Tensor:
        heads = (x @ weight.T).double().unflatten(1, (2, d // 2, 2))
        return torch.view_as_real(
            torch.view_as_complex(heads) * torch.polar(torch.ones(()).double(), position * frequency)
        ).flatten(2)

    def apart(position: int) -> Tensor:
        from voicert_codecs.blocks.rotary import rotate

        heads = (x @ pairs_apart(weight, d).T).unflatten(1, (2, d))[:, None]
        return torch.stack(
            [rotate(heads[:, :, h : h + 1], table(torch.full((3, 1), position)))[:, 0, 0] for h in range(2)],
            1,
        )

    wanted = torch.einsum("bhd,bhd->bh", neighbours(7), neighbours(3))
    got = torch.einsum("bhd,bhd->bh", apart(7), apart(3))
    torch.testing.assert_close(got, wanted.float(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {"heads": 3},
        {"heads": 16},
        {"kv_heads": 3},
        {"context": 0},
        {"forget_every": 12},
        {"layers": 0},
    ],
)
def test_sizes_that_do_not_fit_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="do not"):
        dataclasses.replace(SMALL, **change)
