"""A streaming transformer: attention to a window of the past, whose keys and values are kept in a ring.

    x [B, T, D] → [ x + out(attention(norm(x))),  x + down(gelu(up(norm(x)))) ] per layer → [B, T, D]

Position p is kept at index p % capacity. A call first writes its keys and values, then attends to what is
filled, so the ring is longer than the window by the positions that are written at once. Long calls go
through a layer in one product, and through its attention in pieces of :data:`PIECE` positions:

    capacity 8, window 5, position 10 is written:      index   0  1  2  3  4  5  6  7
                                                       holds   8  9 10  3  4  5  6  7      sees 6..10

What a position sees depends on its number alone, so every way of cutting a signal gives the same result.
Sizes: B rows of a call, S slots, T positions, D width, H heads, d head width, R filled indices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from voicert_codecs.blocks.kv import PIECE, KvCache, KvRing, Rows
from voicert_codecs.blocks.linear import Linear
from voicert_codecs.blocks.rotary import RotaryTable, rotate


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of a stack of layers.

    Raises:
        ValueError: the sizes do not fit each other.
    """

    width: int  # D
    layers: int
    heads: int
    hidden: int  # inner width of the perceptron
    context: int  # positions seen, the own one included
    kv_heads: int = 0  # heads of keys and values; 0: as many as ``heads``
    rope_period: float = 10_000.0
    norm_epsilon: float = 1e-5
    # Positions leave the window in groups of this many, all when the last of their group is reached. A ring
    # as long as the window that is fed so many positions per call, as Kyutai's is, forgets in this way.
    forget_every: int = 1

    def __post_init__(self) -> None:
        if self.heads < 1 or self.width % self.heads or self.head_width % 2 or self.heads % self.keys:
            raise ValueError(f"{self.width} channels do not divide into {self.heads} heads of even width")
        sizes = (self.layers, self.hidden, self.forget_every, self.context - self.forget_every + 1)
        if min(sizes) < 1:
            raise ValueError(f"the sizes of the transformer do not fit: {self}")

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    @property
    def keys(self) -> int:
        return self.kv_heads or self.heads

    @property
    def capacity(self) -> int:
        """Positions that the ring holds when it has grown to its full size."""
        return self.context + PIECE - 1


@dataclass
class Piece:
    """Up to PIECE positions of a call, and what they may look at."""

    start: int  # first and last of them, counted from the call's first
    end: int
    index: Tensor  # [B, t] where in the ring they are written
    mask: Tensor  # [B, 1, t, R] added to the scores: 0 or -inf


@dataclass
class Plan:
    """What all layers of one call share."""

    rotation: tuple[Tensor, Tensor]  # of the call's positions; see ``rotary``
    pieces: list[Piece]
    rows: Rows  # of the cache
    filled: int  # R
    in_place: bool  # else keys and values are written into a copy, for a graph without side effects


class Attention(nn.Module):
    """Attention of rotated queries to the keys and values in the ring."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.heads, self.keys, self.head_width = config.heads, config.keys, config.head_width
        self.project = Linear(config.width, (config.heads + 2 * config.keys) * config.head_width, bias=False)
        self.out = Linear(config.width, config.width, bias=False)

    def forward(
        self, x: Tensor, plan: Plan, keys: Tensor, values: Tensor, residual: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """x, residual [B, T, D]; keys, values [S, Hkv, room, d] → residual + y, both with the new ones."""
        heads = self.project(x).unflatten(2, (-1, self.head_width))  # [B, T, H + 2 * Hkv, d]
        turned = rotate(heads[:, :, : self.heads + self.keys], plan.rotation)
        query, key = turned[:, :, : self.heads].transpose(1, 2), turned[:, :, self.heads :]
        value = heads[:, :, self.heads + self.keys :]
        done = list[Tensor]()
        for piece in plan.pieces:
            part = slice(piece.start, piece.end)
            keys = write(keys, key[:, part], piece.index, plan)
            values = write(values, value[:, part], piece.index, plan)
            k, v = keys[plan.rows, :, : plan.filled], values[plan.rows, :, : plan.filled]
            y = F.scaled_dot_product_attention(
                query[:, :, part], k, v, piece.mask, enable_gqa=self.keys != self.heads
            )
            done.append(y.transpose(1, 2).flatten(2))
        y = done[0] if len(done) == 1 else torch.cat(done, dim=1)
        return self.out(y, residual=residual), keys, values


def write(cache: Tensor, new: Tensor, index: Tensor, plan: Plan) -> Tensor:
    """cache [S, H, room, d], new [B, t, H, d], index [B, t] → the cache with ``new`` in it."""
    if not plan.in_place:
        where = index[:, None, :, None].expand(-1, new.shape[2], -1, new.shape[3])
        return cache.scatter(2, where, new.transpose(1, 2))
    if isinstance(plan.rows, slice):
        chosen = cache[plan.rows]  # a view
        chosen[torch.arange(len(chosen), device=cache.device)[:, None], :, index] = new
    else:
        cache[plan.rows[:, None], :, index] = new
    return cache


class Layer(nn.Module):
    """Attention and a perceptron, each behind a norm; layer scales are folded into ``out`` and ``down``."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.width, eps=config.norm_epsilon)
        self.attention = Attention(config)
        self.norm2 = nn.LayerNorm(config.width, eps=config.norm_epsilon)
        self.up = Linear(config.width, config.hidden, bias=False)
        self.down = Linear(config.hidden, config.width, bias=False)

    def forward(self, x: Tensor, plan: Plan, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, keys, values = self.attention(self.norm1(x), plan, keys, values, x)
        return self.down(self.up(self.norm2(x), "gelu"), residual=x), keys, values


class Transformer(nn.Module):
    """The whole stack, without a norm at the end."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.table = RotaryTable(config.head_width, config.rope_period)
        self.layers = cast("Sequence[Layer]", nn.ModuleList([Layer(config) for _ in range(config.layers)]))

    def cache(self, slots: int) -> KvCache:
        """Of ``slots`` fresh slots; it grows as it fills."""
        return KvCache.fresh(self.config.layers, self._zeros, slots, self.config.capacity)

    def ring(self, batch: int) -> KvRing:
        """Of ``batch`` fresh rows, at its full size from the start."""
        return KvRing.fresh(self.config.layers, self._zeros, batch, self.config.capacity)

    def _zeros(self, batch: int, room: int) -> Tensor:
        return self.layers[0].attention.out.zeros(batch, self.config.keys, room, self.config.head_width)

    def forward(self, x: Tensor, cache: KvCache) -> Tensor:
        """x [B, T, D] → [B, T, D]; writes into the cache."""
        chosen, position, filled = cache.make_room(x.shape[1])
        plan = self.plan(position.to(x.device), x, chosen, filled, in_place=True)
        for layer, keys, values in zip(self.layers, cache.keys, cache.values, strict=True):
            x, _, _ = layer(x, plan, keys, values)
        cache.advance(x.shape[1])
        return x

    def step(self, x: Tensor, ring: KvRing, in_place: bool = False) -> tuple[Tensor, KvRing]:
        """The same on a ring, with shapes that never change and nothing read back: for graphs and exports.

        Keys and values are written into a copy, or ``in_place``; the positions are new in any case.
        """
        plan = self.plan(ring.position, x, slice(None), self.config.capacity, in_place)
        keys, values = list[Tensor](), list[Tensor]()
        for layer, k, v in zip(self.layers, ring.keys, ring.values, strict=True):
            x, k, v = layer(x, plan, k, v)
            keys.append(k)
            values.append(v)
        return x, KvRing(tuple(keys), tuple(values), ring.position + x.shape[1])

    def plan(self, first: Tensor, x: Tensor, rows: Rows, filled: int, in_place: bool) -> Plan:
        """``first`` [B] is the position of ``x[:, 0]``."""
        c, length = self.config, x.shape[1]
        position = first[:, None] + torch.arange(length, device=x.device)  # [B, T]
        pieces = list[Piece]()
        for start in range(0, length, PIECE):
            end = min(start + PIECE, length)
            own = position[:, start:end, None]  # [B, t, 1]
            held = held_positions(first + end - 1, filled, c.capacity)[:, None]  # [B, 1, R]
            oldest = own - own % c.forget_every + c.forget_every - c.context
            seen = (held <= own) & (held >= oldest) & (held >= 0)
            mask = torch.zeros(seen.shape, dtype=x.dtype, device=x.device).masked_fill(~seen, -torch.inf)
            pieces.append(Piece(start, end, position[:, start:end] % c.capacity, mask[:, None]))
        return Plan(self.table(position), pieces, rows, filled, in_place)


def held_positions(last: Tensor, filled: int, capacity: int) -> Tensor:
    """last [B], the newest position in the ring → [B, filled]: which one each index holds; below 0: none."""
    index = torch.arange(filled, device=last.device)
    return last[:, None] - (last[:, None] - index) % capacity
