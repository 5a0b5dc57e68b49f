"""What every slot has written and heard, in rings, and what a step is given of it.

A step p is given the text and the codes that were written at step p - 1, and what was heard at step p. Each
stream lags by its delay: what is heard at p is given at p + delay, and the code that belongs to frame f is
written at f + delay. Before a stream has begun it is given a token of its own, one above all others.

    max_delay 1, a stream without delay and one with 1:

    step             0    1    2    3
    writes of frame  0 -  1 0  2 1  3 2      completes the frames -, 0, 1, 2
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicert.errors import ModelError
from voicert.models.base import Ints
from voicert.models.moshi.config import MoshiConfig
from voicert.models.parts import NOTHING


class Tokens:
    """Rings of ``rewind`` steps and what is needed before them. Step ``p`` of slot ``s`` is at ``p % ring``.

    Args:
        spoken: audio streams that are written; the rest is heard.
    """

    def __init__(self, config: MoshiConfig, spoken: int, slots: int, rewind: int) -> None:
        self.ring = rewind + config.max_delay + 2
        self.rewind_steps = rewind
        delays = np.array(config.delays)
        self._lag = delays  # [1 + S]
        self._first = np.array([config.text_card] + [config.card] * config.streams)
        self._own, self._user = slice(0, 1 + spoken), slice(1 + spoken, None)
        self._frame = delays[self._own] - config.max_delay  # [1 + spoken] from a step to what completes
        self.position, self.reach = (np.zeros(slots, np.int64) for _ in range(2))
        self.own = np.full((slots, self.ring, 1 + spoken), NOTHING)
        self.heard = np.full((slots, self.ring, config.streams - spoken), NOTHING)

    def reset(self, slot: int) -> None:
        self.position[slot] = self.reach[slot] = 0
        self.own[slot] = self.heard[slot] = NOTHING

    def given(self, slots: Ints, position: Ints) -> Ints:
        """[B, 1 + S, T] of the steps ``position`` [B, T] of ``slots`` [B]."""
        rows = slots[:, None, None]
        steps = position[:, :, None]
        written = self.own[rows, (steps - 1) % self.ring, np.arange(self.own.shape[2])]
        lag = self._lag[self._user]
        heard = self.heard[rows, (steps - lag) % self.ring, np.arange(self.heard.shape[2])]
        tokens = np.concatenate([written, heard], axis=2)
        return np.where(steps <= self._lag, self._first, tokens).transpose(0, 2, 1)

    def hear(self, slots: Ints, position: Ints, user: Ints) -> None:
        """``user`` [B, U] of the steps ``position`` [B]."""
        self.heard[slots, position % self.ring] = user

    def write(self, slots: Ints, position: Ints, own: Ints) -> None:
        """``own`` [B, 1 + spoken] of the steps ``position`` [B], which are over by that."""
        self.own[slots, position % self.ring] = own
        self.position[slots] = position + 1
        self.reach[slots] = np.maximum(self.reach[slots], position + 1)

    def completed(self, slots: Ints, position: Ints) -> Ints:
        """[B, 1 + spoken]: the frame that step ``position`` [B] completed; NOTHING before the first."""
        steps = position[:, None] + self._frame
        frame = self.own[slots[:, None], steps % self.ring, np.arange(self.own.shape[2])]
        return np.where((position + self._frame.min() >= 0)[:, None], frame, NOTHING)

    def rewind(self, slot: int, steps: int) -> None:
        """
        Raises:
            ModelError: more steps than are kept.
        """
        kept = int(self.position[slot] - max(0, self.reach[slot] - self.rewind_steps))
        if not 0 <= steps <= kept:
            raise ModelError(f"cannot go back {steps} frames: this slot can go back 0 to {kept}")
        self.position[slot] -= steps

    def parts(self) -> tuple[NDArray[Any], ...]:
        """All of it, slots first."""
        return self.position, self.reach, self.own, self.heard
