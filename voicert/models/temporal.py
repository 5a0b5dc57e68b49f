"""The temporal transformer: layers over steps, whose keys and values are kept in a ring per slot.

In three ways, with the same result: all of a text at once, which can be trained; rows that have each a ring
of its own size, of which only what is filled is read; and all slots side by side in one tensor with shapes
that do not change and nothing that the host would have to know, which is what a CUDA graph can hold.
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
from voicert.models.places import STILL, Places, Rotation, WordClock
from voicert.models.whole import attend_to_all, window_mask
from voicert.models.window import Window

PIECE = 16  # positions that are written before they are attended to; more would lengthen every ring


@dataclass
class Row:
    """One slot's ring in one call; tuples are by layer."""

    new: tuple[Tensor, ...]  # [2 * Hkv, T, d] where keys and values of the call are written
    keys: tuple[Tensor, ...]  # [1, Hkv, R, d] all that is filled then
    values: tuple[Tensor, ...]
    masks: tuple[Tensor | None, ...]  # [1, 1, G * T, R] added to the scores, 0 or -inf; None: it sees all
    far: bool  # it looks at the sinks from nearer than it is


class Temporal(nn.Module):
    """The whole stack, without a norm at the end.

    Args:
        window: of the rings, as long as the layer that sees furthest needs them.
        contexts: of each layer the positions that it sees, its own included; by default all of the window.
        word_heads: of each layer the heads of keys that are for words, see `voicert.models.places`.

    Raises:
        ValueError: the numbers do not fit each other.
    """

    def __init__(
        self,
        sizes: LayerSizes,
        layers: int,
        window: Window,
        rope_period: float,
        contexts: Sequence[int] = (),
        word_heads: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.sizes = sizes
        self.window = window
        self.contexts = tuple(contexts) or (window.context,) * layers
        self.word_heads = tuple(word_heads) or (0,) * layers
        fits = {len(self.contexts), len(self.word_heads)} == {layers}
        if not fits or max(self.contexts) != window.context:
            raise ValueError(f"{layers} layers do not fit contexts {contexts} and word heads {word_heads}")
        if window.sinks and (len(set(self.contexts)) > 1 or any(self.word_heads)):
            raise ValueError("sinks are for layers that all see as far, and no heads for words")
        self.table = RotaryTable(sizes.head_width, rope_period)
        if any(self.word_heads):
            self.word_table = RotaryTable(sizes.head_width, rope_period, STILL)
        self.layers = cast("Sequence[Layer]", nn.ModuleList([Layer(sizes) for _ in range(layers)]))

    def zeros(self, room: int, *slots: int) -> Tensor:
        """Rings [L, *slots, 2 * Hkv, room, d] with nothing in them."""
        s, like = self.sizes, self.layers[0].norm1.weight
        return like.new_zeros(len(self.layers), *slots, 2 * s.kv_heads, room, s.head_width)

    def whole(self, x: Tensor, clock: WordClock | None = None) -> Tensor:
        """All positions from 0 on: x [B, T, D] → [B, T, D]; ``clock`` is of models with heads for words."""
        places = self._places(torch.arange(x.shape[1], device=x.device)[None], clock)
        masks = {context: window_mask(x.shape[1], context, x.device) for context in set(self.contexts)}
        for layer, context, words in zip(self.layers, self.contexts, self.word_heads, strict=True):
            x = layer(x, partial(attend_to_all, partial(places.put, words), masks[context]))
        return x

    def forward(
        self, x: Tensor, rings: Sequence[Tensor], first: Sequence[int], clock: WordClock | None = None
    ) -> Tensor:
        """x [B, T, D] → [B, T, D].

        Args:
            rings: of each row [L, 2 * Hkv, room, d]; what belongs to ``x`` is written into it.
            first: the position of each row's ``x[:, 0]``. There is room for all T of them, which are at most
                PIECE, and none but the last lies at the end of a ring of full size; see :meth:`runs`.
        """
        length = x.shape[1]
        position = torch.tensor(first)[:, None] + torch.arange(length)  # [B, T]
        position = position.to(x.device)
        far = bool(self.window.sinks) and max(first) + length > self.window.context
        afar = self._from_afar(position) if far else None
        places = self._places(position, clock)
        rows = [self._row(*each, x) for each in zip(rings, first, position, strict=True)]
        for i, layer in enumerate(self.layers):
            x = layer(x, partial(self._attend_apart, i, rows, places, afar))
        return x

    def all_slots(
        self, x: Tensor, rings: Tensor, position: Tensor, far: bool, clock: WordClock | None = None
    ) -> Tensor:
        """The next position of the first B slots: x [B, 1, D] → [B, 1, D]; nothing depends on values.

        Args:
            rings: [L, S, 2 * Hkv, room, d]; room is that of all positions, or the full size.
            position: [B], on the device.
            far: whether some are at ``context`` or beyond; without sinks it does not matter.
        """
        at = position[:, None]
        places = self._places(at, clock)
        afar = self._from_afar(at) if far and self.window.sinks else None
        masks = {
            context: self._mask(self.window.seen(at, rings.shape[3], context), x.dtype)
            for context in dict.fromkeys(self.contexts)
        }
        where = torch.arange(len(x), device=x.device), self.window.indices(position)
        for i, layer in enumerate(self.layers):
            mask = masks[self.contexts[i]]
            x = layer(x, partial(self._attend_together, i, rings[i, : len(x)], where, mask, places, afar))
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
        masks: dict[int, Tensor | None] = {
            context: self._mask(window.seen(position, filled, context)[None], x.dtype)
            if length > 1 or end > context
            else None
            for context in dict.fromkeys(self.contexts)
        }
        by_layer = tuple(masks[context] for context in self.contexts)
        return Row(new, keys, values, by_layer, window.sinks > 0 and end > window.context)

    def _attend_apart(
        self,
        layer: int,
        rows: Sequence[Row],
        places: Places,
        afar: Rotation | None,
        query: Tensor,
        key: Tensor,
        value: Tensor,
    ) -> Tensor:
        length = query.shape[1]
        query, key, nearer = self._turned(layer, places, afar, query, key)
        new = torch.cat([key, value], dim=2).transpose(1, 2)  # [B, 2 * Hkv, T, d]
        done = list[Tensor]()
        by_row = [None] * len(rows) if nearer is None else nearer[:, None].unbind(0)
        apart = zip(rows, new.unbind(0), query[:, None].unbind(0), by_row, strict=True)
        for row, heads, turned, by in apart:
            row.new[layer].copy_(heads)
            mask = row.masks[layer]
            if by is not None and mask is not None and row.far:
                mask = self._moved_sinks(mask, by, row.keys[layer])
            done.append(attention(turned, row.keys[layer], row.values[layer], mask))
        return ungroup(done[0] if len(done) == 1 else torch.cat(done), self.sizes.heads, length)

    def _attend_together(
        self,
        layer: int,
        ring: Tensor,
        where: tuple[Tensor, Tensor],
        mask: Tensor,
        places: Places,
        afar: Rotation | None,
        query: Tensor,
        key: Tensor,
        value: Tensor,
    ) -> Tensor:
        """ring [B, 2 * Hkv, room, d]; where: of each row its number, and the index to write to."""
        query, key, nearer = self._turned(layer, places, afar, query, key)
        ring[where[0], :, where[1]] = torch.cat([key, value], dim=2)[:, 0]
        keys, values = ring[:, : self.sizes.kv_heads], ring[:, self.sizes.kv_heads :]
        mask = mask if nearer is None else self._moved_sinks(mask, nearer, keys)
        return ungroup(attention(query, keys, values, mask), self.sizes.heads, 1)

    def _places(self, position: Tensor, clock: WordClock | None) -> Places:
        """position [B or 1, T]"""
        if clock is None:
            return Places(self.table(position))
        return Places(self.table(position), self.word_table(clock.count), clock.written)

    def _from_afar(self, position: Tensor) -> Rotation:
        """Of queries that look at the sinks."""
        return self.table(self.window.before_sinks(position))

    def _turned(
        self, layer: int, places: Places, afar: Rotation | None, query: Tensor, key: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """[B, T, H, d] → [B, Hkv, G * T, d]; the keys; by how much the queries change before the sinks."""
        turned, key = places.put(self.word_heads[layer], query, key)
        turned = group(turned, self.sizes.kv_heads)
        return turned, key, None if afar is None else group(rotate(query, afar), self.sizes.kv_heads) - turned

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
