"""Keys and values of slots: a ring for each, as long as its call has needed so far, bounded by its window.

A ring begins small and doubles up to its full size, so memory follows use, a long call costs its neighbours
nothing, and what a call has taken is given back when it is over. Up to the full size position p lies at index
p; no index is used twice before.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

FIRST_ROOM = 64  # positions that a ring begins with


class Rings:
    """
    Args:
        zeros: makes a ring [L, 2 * Hkv, room, d] of that room.
        capacity: the room of a ring at its full size.
    """

    def __init__(self, zeros: Callable[[int], Tensor], slots: int, capacity: int) -> None:
        self._zeros = zeros
        self._capacity = capacity
        self._rings = [zeros(0)] * slots

    def room(self, slot: int) -> int:
        return self._rings[slot].shape[2]

    def clear(self, slot: int) -> None:
        """Gives the memory back."""
        self._rings[slot] = self._zeros(0)

    def take(self, slot: int, end: int) -> Tensor:
        """The slot's ring with room for the positions below ``end``."""
        ring = self._rings[slot]
        if ring.shape[2] < min(end, self._capacity):
            more = grown(end, self._capacity) - ring.shape[2]
            ring = self._rings[slot] = F.pad(ring, (0, 0, 0, more))
        return ring

    def copy(self, slot: int, end: int) -> Tensor:
        """What a slot at position ``end`` has filled [L, 2 * Hkv, filled, d]."""
        return self._rings[slot][:, :, :end].clone()

    def put(self, slot: int, saved: Tensor) -> None:
        self._rings[slot] = saved.clone()


def grown(end: int, capacity: int) -> int:
    """The room that a ring has as soon as it needs to hold the positions below ``end``."""
    room = min(FIRST_ROOM, capacity)
    while room < min(end, capacity):
        room = min(2 * room, capacity)
    return room
