"""The temporal transformer: layers over steps, whose keys and values are kept in a ring per slot.

In two ways, with the same result: rows that have each a ring of its own size, of which only what is filled is
read; and all slots side by side in one tensor with shapes that do not change and nothing that the host would
have to know, which is what a CUDA graph can hold.
Sizes as in :mod:`voicert.models.layers`; S slots, L layers, R indices of a ring, of which a row sees some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from voicert_codecs.blocks.rotary import RotaryTable, rotate

from voicert.models.layers import Layer, LayerSizes, attention, group, ungroup
from voicert.models.window import Window

PIECE = 16  # positions that are written before they are attended to; more would lengthen every ring
Rotation = tuple[Tensor, Tensor]  # cos and sin, see ``voicert_codecs.blocks.rotary``
Rotations = tuple[Rotation, Rotation | None]  # of all heads; and of queries that look at the sinks from afar


@dataclass
class Row:
    """One slot's ring in one call; tuples are by layer."""

    new: tuple[Tensor, ...]  # [2 * Hkv, T, d] where keys and values of the call are written
    keys: tuple[Tensor, ...]  # [1, Hkv, R, d] all that is filled then
    values: tuple[Tensor, ...]
    mask: Tensor | None  # [1, 1, G * T, R] added to the scores, 0 or -inf; None: it sees everything
    far: bool  # it looks at the sinks from nearer than it is


class Temporal(nn.Module):
    """The whole stack, without a norm at the end."""

    def __init__(self, sizes: LayerSizes, layers: int, window: Window, rope_period: float) -> None:
        super().__init__()
        self.sizes = sizes
        self.window = window
        self.table = RotaryTable(sizes.head_width, rope_period)
        self.layers = cast("Sequence[Layer]", nn.ModuleList([Layer(sizes) for _ in range(layers)]))

    def zeros(self, room: int, *slots: int) -> Tensor:
        """Rings [L, *slots, 2 * Hkv, room, d] with nothing in them."""
        s, like = self.sizes, self.layers[0].norm1.weight
        return like.new_zeros(len(self.layers), *slots, 2 * s.kv_heads, room, s.head_width)

    def forward(self, x: Tensor, rings: Sequence[Tensor], first: Sequence[int]) -> Tensor:
        """x [B, T, D] → [B, T, D].

        Args:
            rings: of each row [L, 2 * Hkv, room, d]; what belongs to ``x`` is written into it.
            first: the position of each row's ``x[:, 0]``. There is room for all T of them, which are at most
                PIECE, and none but the last lies at the end of a ring of full size; see :meth:`runs`.
        """
        length = x.shape[1]
        position = torch.tensor(first)[:, None] + torch.arange(length)  # [B, T]
        far = bool(self.window.sinks) and max(first) + length > self.window.context
        rotations = self._rotations(position.to(x.device), far)
        rows = [self._row(*each, x) for each in zip(rings, first, position.to(x.device), strict=True)]
        for i, layer in enumerate(self.layers):
            x = layer(x, partial(self._attend_apart, i, rows, rotations))
        return x

    def all_slots(self, x: Tensor, rings: Tensor, position: Tensor, far: bool) -> Tensor:
        """The next position of the first B slots: x [B, 1, D] → [B, 1, D]; nothing depends on values.

        Args:
            rings: [L, S, 2 * Hkv, room, d]; room is that of all positions, or the full size.
            position: [B], on the device.
            far: whether some are at ``context`` or beyond; without sinks it does not matter.
        """
        at = position[:, None]
        rotations = self._rotations(at, far and self.window.sinks > 0)
        mask = self._mask(self.window.seen(at, rings.shape[3]), x.dtype)
        where = torch.arange(len(x), device=x.device), self.window.indices(position)
        for i, layer in enumerate(self.layers):
            x = layer(x, partial(self._attend_together, rings[i, : len(x)], where, mask, rotations))
        return x

    def runs(self, first: int, count: int) -> list[int]:
        """Cuts ``count`` positions from ``first`` on into lengths that ``forward`` takes."""
        lengths = list[int]()
        while count:
            index, capacity = self.window.index(first), self.window.capacity
            lengths.append(min(count, PIECE, capacity - index))
            first, count = first + lengths[-1], count - lengths[-1]
        return lengths

    def _row(self, ring: Tensor, first: int, position: Tensor, x: Tensor) -> Row:
        window, length, kv = self.window, len(position), self.sizes.kv_heads
        index, end = window.index(first), first + length
        filled = min(end, window.capacity)
        new = ring[:, :, index : index + length].unbind(0)
        keys, values = ring[:, None, :kv, :filled].unbind(0), ring[:, None, kv:, :filled].unbind(0)
        mask = None
        if length > 1 or end > window.context:
            mask = self._mask(window.seen(position, filled)[None], x.dtype)
        return Row(new, keys, values, mask, window.sinks > 0 and end > window.context)

    def _attend_apart(
        self, layer: int, rows: Sequence[Row], rotations: Rotations, query: Tensor, key: Tensor, value: Tensor
    ) -> Tensor:
        length = query.shape[1]
        query, nearer = self._turned(query, rotations)
        new = torch.cat([rotate(key, rotations[0]), value], dim=2).transpose(1, 2)  # [B, 2 * Hkv, T, d]
        done = list[Tensor]()
        by_row = [None] * len(rows) if nearer is None else nearer[:, None].unbind(0)
        apart = zip(rows, new.unbind(0), query[:, None].unbind(0), by_row, strict=True)
        for row, heads, turned, by in apart:
            row.new[layer].copy_(heads)
            mask = row.mask
            if by is not None and mask is not None and row.far:
                mask = self._moved_sinks(mask, by, row.keys[layer])
            done.append(attention(turned, row.keys[layer], row.values[layer], mask))
        return ungroup(done[0] if len(done) == 1 else torch.cat(done), self.sizes.heads, length)

    def _attend_together(
        self,
        ring: Tensor,
        where: tuple[Tensor, Tensor],
        mask: Tensor,
        rotations: Rotations,
        query: Tensor,
        key: Tensor,
        value: Tensor,
    ) -> Tensor:
        """ring [B, 2 * Hkv, room, d]; where: of each row its number, and the index to write to."""
        query, nearer = self._turned(query, rotations)
        ring[where[0], :, where[1]] = torch.cat([rotate(key, rotations[0]), value], dim=2)[:, 0]
        keys, values = ring[:, : self.sizes.kv_heads], ring[:, self.sizes.kv_heads :]
        mask = mask if nearer is None else self._moved_sinks(mask, nearer, keys)
        return ungroup(attention(query, keys, values, mask), self.sizes.heads, 1)

    def _rotations(self, position: Tensor, far: bool) -> Rotations:
        return self.table(position), self.table(self.window.before_sinks(position)) if far else None

    def _turned(self, query: Tensor, rotations: Rotations) -> tuple[Tensor, Tensor | None]:
        """[B, T, H, d] → [B, Hkv, G * T, d], and by how much it changes before the sinks."""
        own, far = rotations
        turned = group(rotate(query, own), self.sizes.kv_heads)
        return turned, None if far is None else group(rotate(query, far), self.sizes.kv_heads) - turned

    def _mask(self, seen: Tensor, dtype: torch.dtype) -> Tensor:
        """[B, T, R] → [B, 1, G * T, R]"""
        mask = torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill(~seen, -torch.inf)
        return mask.repeat(1, self.sizes.heads // self.sizes.kv_heads, 1)[:, None]

    def _moved_sinks(self, mask: Tensor, nearer: Tensor, keys: Tensor) -> Tensor:
        """mask [B, 1, G * T, R] → [B, Hkv, G * T, R] with what the scores of the sinks change by.

        Args:
            nearer: [B, Hkv, G * T, d] by how much the queries change.
            keys: [B, Hkv, R, d].
        """
        s = self.window.sinks
        more = nearer.float() @ keys[:, :, :s].float().transpose(2, 3) * self.sizes.head_width**-0.5
        first = mask[..., :s] + more.to(mask.dtype)
        return torch.cat([first, mask[..., s:].expand(-1, keys.shape[1], -1, -1)], dim=3)
