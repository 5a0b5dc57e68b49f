"""Which steps of a slot belong to an answer: what the session needs to know and Moshi does not write down.

Moshi writes a pad (PAD) while it has nothing to say, and the end of the padding (EPAD) right before a word:

    text      PAD PAD EPAD  Hel  lo  PAD  the  re  PAD  PAD  PAD ...  PAD  PAD
    answer             START └──────────── goes on ─────────────────  END
                                                   └─ quiet_frames ──┘
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicert.models.base import Bools, Ints


@dataclass(frozen=True)
class Passed:
    """What is kept of steps, one a row."""

    answering: Bools  # [B] the step belongs to an answer that goes on after it
    quiet: Ints  # [B] steps of the answer since its last word, this one included
    hushed: Bools  # [B]


class Answers:
    """Rings of steps. Step ``p`` of slot ``s`` stands at ``[s, p % ring]``."""

    def __init__(self, slots: int, ring: int) -> None:
        self.ring = ring
        self.undone = np.zeros(slots, np.int64)  # [S] steps that were rewound and can be retaken
        self._answering, self._hushed = (np.zeros((slots, ring), np.bool_) for _ in range(2))
        self._quiet = np.zeros((slots, ring), np.int64)

    def reset(self, slot: int) -> None:
        for part in self._parts():
            part[slot] = 0

    def before(self, slots: Ints, position: Ints) -> tuple[Bools, Ints]:
        """Whether an answer is in progress before the steps ``position`` [B], and how long it is quiet."""
        at = (position - 1) % self.ring
        return self._answering[slots, at], self._quiet[slots, at]

    def write(self, slots: Ints, position: Ints, passed: Passed) -> None:
        """The steps ``position`` [B] are over; a slot may come several times."""
        now = position % self.ring
        self._answering[slots, now], self._quiet[slots, now] = passed.answering, passed.quiet
        self._hushed[slots, now] = passed.hushed

    def hushed(self, slots: Ints, position: Ints, steps: int) -> Bools:
        """[B] whether one of the last ``steps`` steps was hushed, up to ``position`` [B]."""
        span = position[:, None] - np.arange(steps)
        return np.logical_or.reduce(self._hushed[slots[:, None], span % self.ring], axis=1)

    def read(self, slot: int) -> tuple[NDArray[Any], ...]:
        """A copy of a slot."""
        return tuple(part[slot].copy() for part in self._parts())

    def restore(self, slot: int, saved: tuple[NDArray[Any], ...]) -> None:
        for part, old in zip(self._parts(), saved, strict=True):
            part[slot] = old

    def _parts(self) -> tuple[NDArray[Any], ...]:
        return self.undone, self._answering, self._quiet, self._hushed
