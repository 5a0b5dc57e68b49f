"""When an answer begins by itself: rules over what a duplex model wants in each step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voicert.models.base import Bools, Floats, Ints
from voicert.models.config import ModelConfig
from voicert.models.slots import Slots
from voicert.models.vocabulary import PAD, START


@dataclass(frozen=True)
class Onset:
    """Of T steps in a row, [B, T] each."""

    begins: Bools  # an answer begins, if nobody keeps it from that
    wanted: Bools  # it would, if one such step were enough
    due: Floats  # chances of that since the user's last word, this step included; 0 in an answer


class Onsets:
    """Decides from what the slots hold of the steps before."""

    def __init__(self, config: ModelConfig, slots: Slots) -> None:
        self._config = config
        self._slots = slots
        # Steps ago, of those besides the one that is decided on.
        self._thought = np.arange(config.longest_thought, 0, -1)
        self._sure = np.arange(config.start_steps - 1, 0, -1)

    def chances(self, logits: Floats) -> Floats:
        """Logits [B, T, V] → [B, T] how likely it is that an answer begins in each step outside of one."""
        against = logits[..., PAD] + self._config.pad_bias - logits[..., START]
        return (1 / (1 + np.exp(np.clip(against, -60.0, 60.0)))).astype(np.float32)

    def decide(
        self, slots: Ints, position: Ints, user_text: Ints, drawn: Bools, chances: Floats, answering: Bools
    ) -> Onset:
        """Of the steps ``position`` [B] and those after it, in which ``user_text`` [B, T] is written.

        Args:
            drawn: [B, T] the model's choice was to begin.
            chances: [B, T] see `chances`.
            answering: [B] an answer was in progress before the first of the steps, and none is after it.
        """
        s, p, row = self._slots, position[:, None], slots[:, None]
        said = np.concatenate([s.user_text[row, (p - self._thought) % s.ring], user_text], 1) != PAD
        asked = _counted(said, len(self._thought) + 1) > 0  # a noise is no request
        asked[:, 0] &= ~answering
        wanted = drawn & asked
        some = np.concatenate([s.wanted[row, (p - self._sure) % s.ring], wanted], 1)
        begins = _counted(some, self._config.start_steps) == self._config.start_steps
        due = self._due(slots, position, user_text, chances, answering)
        if self._config.patience:
            late = said[:, len(self._thought) + 1 - self._config.patience :]
            waited = _counted(late, self._config.patience) == 0
            begins |= asked & waited & (due >= self._config.overdue)
        return Onset(begins, wanted, due)

    def _due(self, slots: Ints, position: Ints, user_text: Ints, chances: Floats, answering: Bools) -> Floats:
        sums = np.empty_like(chances)
        before = self._slots.due[slots, (position - 1) % self._slots.ring]
        for t in range(chances.shape[1]):
            before = np.where(user_text[:, t] == PAD, before, 0.0) + chances[:, t]
            before = np.where(answering, 0.0, before) if t == 0 else before
            sums[:, t] = before
        return sums


def _counted(some: Bools, span: int) -> Ints:
    """[B, span - 1 + T] → [B, T] how many of each ``span`` neighbours are true."""
    if some.shape[1] == span:
        return np.count_nonzero(some, axis=1)[:, None]
    sums = np.cumsum(some, axis=1, dtype=np.int64)
    sums[:, span:] = sums[:, span:] - sums[:, :-span]
    return sums[:, span - 1 :]
