"""The keys and values that a streaming transformer remembers, one row per slot.

Position p lies at index p % capacity, so below ``capacity`` positions no index is used twice and a cache may
have less room than that: it starts small and doubles as its longest row grows, up to ``capacity``, where it
stays. Memory is bounded however long a signal lasts, and only what is filled is ever read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

PIECE = 16  # positions that are written before they are attended to; more would lengthen every ring
FIRST_ROOM = 64  # positions that a growing cache begins with

Rows = Tensor | slice


@dataclass
class KvRing:
    """All of it at once, with shapes that never change: what a graph or an exported model takes and gives."""

    keys: tuple[Tensor, ...]  # per layer [B, H, capacity, d], rotated
    values: tuple[Tensor, ...]
    position: Tensor  # [B] int64, positions so far; on the device

    @classmethod
    def fresh(cls, layers: int, zeros: Callable[[int, int], Tensor], batch: int, room: int) -> Self:
        """``zeros(batch, room)`` makes the keys of one layer, or its values."""
        keys, values = (tuple(zeros(batch, room) for _ in range(layers)) for _ in range(2))
        return cls(keys, values, torch.zeros(batch, dtype=torch.int64, device=keys[0].device))


@dataclass
class KvCache:
    """A cache that grows and is written in place; calls may name the rows that they work on."""

    keys: tuple[Tensor, ...]  # per layer [S, H, room, d], rotated
    values: tuple[Tensor, ...]
    position: Tensor  # [S] int64, positions so far; on the CPU, where the sizes of a call are decided
    capacity: int
    rows: Tensor | None = None  # [B] int64 on the CPU: those that calls work on; all when None

    @classmethod
    def fresh(cls, layers: int, zeros: Callable[[int, int], Tensor], slots: int, capacity: int) -> Self:
        """``zeros(slots, room)`` makes the keys of one layer, or its values."""
        ring = KvRing.fresh(layers, zeros, slots, min(FIRST_ROOM, capacity))
        return cls(ring.keys, ring.values, ring.position.cpu(), capacity)

    @property
    def room(self) -> int:
        return self.keys[0].shape[2]

    def make_room(self, length: int) -> tuple[Rows, Tensor, int]:
        """For ``length`` more positions → the rows, their positions [B], and how many indices are in use."""
        position = self.position if self.rows is None else self.position[self.rows]
        filled = min(int(position.max()) + length, self.capacity)
        self._grow(filled)
        chosen = slice(None) if self.rows is None else as_slice(self.rows)
        return chosen if isinstance(chosen, slice) else chosen.to(self.keys[0].device), position, filled

    def advance(self, length: int) -> None:
        """After ``length`` positions have been written."""
        if self.rows is None:
            self.position += length
        else:
            self.position[self.rows] += length

    def lend(self, rows: Tensor) -> KvCache:
        """The same memory, for calls that work on ``rows``."""
        return KvCache(self.keys, self.values, self.position, self.capacity, rows.cpu())

    def settle(self, rows: Tensor, new: KvCache) -> None:
        """Takes over what a lent cache has become."""
        self.keys, self.values = new.keys, new.values

    def copy_rows(self, rows: Tensor) -> KvCache:
        """A copy of these rows as a cache of their own, with no more room than they fill."""
        position = self.position[rows.cpu()]
        filled = max(min(int(position.max()), self.capacity), 1)
        keys, values = (
            tuple(part[rows, :, :filled].clone() for part in parts) for parts in (self.keys, self.values)
        )
        return KvCache(keys, values, position, self.capacity)

    def write_rows(self, rows: Tensor, saved: KvCache) -> None:
        """Copies all rows of ``saved`` into these. What lay there is overwritten to its end, even with zeros:
        a mask does not hide numbers that are not finite."""
        self._grow(saved.room)
        for own, part in zip(self.keys + self.values, saved.keys + saved.values, strict=True):
            own[rows] = F.pad(part, (0, 0, 0, self.room - part.shape[2]))
        self.position[rows.cpu()] = saved.position

    def repeat(self, batch: int) -> KvCache:
        """``batch`` copies of a cache of one row."""
        keys, values = (tuple(p.repeat(batch, 1, 1, 1) for p in parts) for parts in (self.keys, self.values))
        return KvCache(keys, values, self.position.repeat(batch), self.capacity)

    def _grow(self, needed: int) -> None:
        room = self.room
        if needed <= room:
            return
        while room < needed:
            room = min(2 * room, self.capacity)
        more = (0, 0, 0, room - self.room)
        self.keys = tuple(F.pad(part, more) for part in self.keys)
        self.values = tuple(F.pad(part, more) for part in self.values)


def as_slice(rows: Tensor) -> Rows:
    """``rows`` as a slice where they follow each other, which needs no copy of what is read."""
    first, count = int(rows[0]), len(rows)
    if torch.equal(rows, torch.arange(first, first + count)):
        return slice(first, first + count)
    return rows
