"""What every slot has written so far, for a transformer over words, and which word it expects next.

It is asked in answers, and where one is about to begin, and is given then what was written since: a request
in one go, and each word of the answer as it is written. So most steps of a conversation cost nothing.
Sizes: B rows, T written steps, V text tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicert.models.base import Floats, Ints
from voicert.models.runner import WAITING, WordRunner
from voicert.models.slots import REWIND_FRAMES
from voicert.models.vocabulary import END, PAD, START

COMPLETE = np.float32(5.0)  # log odds that a request goes on, up to which it may as well be complete
TINY = np.float32(1e-30)  # in place of nothing at all, whose logarithm there is none of


@dataclass(frozen=True)
class Memory:
    """A copy of one slot."""

    keys_values: list[Floats]
    text: Ints
    user_text: Ints
    known: int
    logits: Floats


class NextWords:
    """
    Args:
        size: V.
    """

    def __init__(self, runner: WordRunner, slots: int, size: int) -> None:
        self._runner = runner
        # Written step w stands at w % ring; each can be undone, and after it what waited is there still.
        self._ring = REWIND_FRAMES + WAITING + 1
        self._text, self._user_text = (np.full((slots, self._ring), PAD) for _ in range(2))
        self._known = np.zeros(slots, np.int64)  # written steps that it has been given
        self._logits = np.zeros((slots, size), np.float32)  # after the last one of them

    def reset(self, slot: int) -> None:
        self._text[slot] = self._user_text[slot] = PAD
        self._known[slot] = 0
        self._logits[slot] = 0.0

    def note(self, slots: Ints, words: Ints, text: Ints, user_text: Ints) -> None:
        """What was written in a step of ``slots`` [B], as their written step number ``words`` [B]."""
        at = words % self._ring
        self._text[slots, at], self._user_text[slots, at] = text, user_text
        full = words + 1 - self._known[slots] >= WAITING
        if full.any():
            self._read_on(slots[full], words[full] + 1)

    def rewind(self, slot: int, words: int) -> None:
        """``words`` of its written steps are left."""
        if words < self._known[slot]:  # what comes after the last one of them is to be said anew
            self._known[slot] = max(0, words - 1)
        if words == 0:
            self._logits[slot] = 0.0

    def logits(self, slots: Ints, words: Ints) -> Floats:
        """[B, V] of the word that comes after ``words`` [B] written steps; zeros where there are none."""
        self._read_on(slots, words)
        return self._logits[slots]

    def goes_on(self, slots: Ints, words: Ints) -> Floats:
        """[B] how sure it is that the user's request goes on after ``words`` [B] written steps, 0 or more.

        Log odds beyond those that complete requests can have too, since longer ones begin alike.
        """
        logits = self.logits(slots, words)
        return np.maximum(logits[:, PAD] - logits[:, START] - COMPLETE, 0.0)

    def read(self, slot: int) -> Memory:
        return Memory(
            self._runner.read(slot),
            self._text[slot].copy(),
            self._user_text[slot].copy(),
            int(self._known[slot]),
            self._logits[slot].copy(),
        )

    def restore(self, slot: int, saved: Memory) -> None:
        self._runner.write(slot, saved.keys_values)
        self._text[slot], self._user_text[slot] = saved.text, saved.user_text
        self._known[slot], self._logits[slot] = saved.known, saved.logits

    def _read_on(self, slots: Ints, words: Ints) -> None:
        """Up to ``words`` [B]. Rows with equally many to read are one run: none depends on its neighbours."""
        waiting = words - self._known[slots]
        for count in sorted({n for n in waiting.tolist() if n > 0}):
            some = slots[waiting == count]
            known = self._known[some]
            row = some[:, None]
            at: Ints = (known[:, None] + np.arange(-1, int(count))) % self._ring
            made = self._runner.run(self._text[row, at], self._user_text[row, at], some, known)
            self._logits[some] = made[:, -1]
            self._known[some] = known + count


def agreed(own: Floats, expected: Floats, weight: float) -> Floats:
    """Logits of a step [B, V] with the opinion of the transformer over words on them, [B, V].

    How likely it is that anything is written stays as it was. An end can become likelier, and no less likely:
    who is interrupted hears it, and in the words so far it is not to be seen.
    """
    words = own[:, END:]
    both = words + np.float32(weight) * expected[:, END:]
    some = _log_sum(words)  # that anything is written
    end = np.maximum(words[:, :1] - some, both[:, :1] - _log_sum(both))
    rest = np.log(np.maximum(-np.expm1(end), TINY))
    made = own.copy()
    made[:, END] = (end + some)[:, 0]
    made[:, END + 1 :] = both[:, 1:] - _log_sum(both[:, 1:]) + rest + some
    return made


def _log_sum(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    """[B, N] → [B, 1]"""
    most = logits.max(1, keepdims=True)
    return most + np.log(np.exp(logits - most).sum(1, keepdims=True))
