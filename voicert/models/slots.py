"""The tokens of every slot, in rings: what the next step is given, and what going back needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicert.errors import ModelError
from voicert.models.base import Bools, Floats, Ints
from voicert.models.config import ModelConfig
from voicert.models.vocabulary import PAD

REWIND_FRAMES = 500  # how far back a slot can go: 10 s


def written(text: Ints, user_text: Ints) -> Bools:
    """Whether there is anything in one of the texts."""
    return (text != PAD) | (user_text != PAD)


@dataclass(frozen=True)
class StepInputs:
    """What T steps in a row are given, those of one slot in a row of the arrays."""

    user: Ints  # [B, K, F - 1 + T] begins F - 1 frames before the first step
    own: Ints  # [B, K, T] what was written in the step before, as are the next two
    text: Ints  # [B, T]
    user_text: Ints  # [B, T]
    words: Ints  # [B] steps before the first one that were given something written

    def part(self, first: int, count: int) -> StepInputs:
        """``count`` steps from the ``first`` on; views of the same arrays."""
        before, end = self.user.shape[2] - self.own.shape[2], first + count
        user, own = self.user[..., first : end + before], self.own[..., first:end]
        words = self.words + written(self.text[:, :first], self.user_text[:, :first]).sum(1)
        return StepInputs(user, own, self.text[:, first:end], self.user_text[:, first:end], words)

    @property
    def clock(self) -> Ints:
        """[B, T] steps so far, each one itself included, that were given something written."""
        return self.words[:, None] + written(self.text, self.user_text).cumsum(1)


@dataclass(frozen=True)
class StepTokens:
    """What is kept of a step, row by row."""

    user: Ints  # [B, K] the user's codes
    text: Ints  # [B]
    user_text: Ints  # [B]
    codes: Ints  # [B, K] rows as written: row k is of the frame delays[k] steps ago
    answering: Bools  # [B] the step belongs to an answer that goes on after it
    hushed: Bools  # [B]
    given: Ints  # [B] user text that came from outside, -1 for none
    wanted: Bools  # [B] an answer would have begun, if one such step were enough
    due: Floats  # [B] chances of that since the user's last word, this step included; 0 in an answer


class Slots:
    """Tokens of the last steps. Step ``p`` of slot ``s`` stands at ``[s, p % ring]``.

    Before step 0 stands silence.
    """

    def __init__(self, config: ModelConfig, silence: Ints, count: int) -> None:
        k = config.codebooks
        back = max(
            config.max_delay,
            config.user_frames,
            config.longest_quiet,
            config.longest_thought,
            config.start_steps,
        )
        self.ring = REWIND_FRAMES + back + 1
        self._silence = silence  # [K]
        self._back = np.arange(1 - config.user_frames, 0)  # earlier frames that a step hears
        self.position, self.reach, self.undone, self.words = (np.zeros(count, np.int64) for _ in range(4))
        self.text, self.user_text, self.given = (np.empty((count, self.ring), np.int64) for _ in range(3))
        self.user, self.codes = (np.empty((count, self.ring, k), np.int64) for _ in range(2))
        self.answering, self.hushed, self.wanted = (np.empty((count, self.ring), np.bool_) for _ in range(3))
        self.due = np.empty((count, self.ring), np.float32)
        for slot in range(count):
            self.reset(slot)

    def parts(self) -> tuple[NDArray[Any], ...]:
        """All of it, slots first."""
        return (
            self.position,  # [S] steps so far
            self.reach,  # [S] the largest position there was: what lies too far before it is overwritten
            self.undone,  # [S] steps after the position that were rewound and can be retaken
            self.words,  # [S] steps so far in which something was written
            self.text,  # [S, ring], and so on: see StepTokens
            self.user_text,
            self.given,
            self.user,
            self.codes,
            self.answering,
            self.hushed,
            self.wanted,
            self.due,
        )

    def reset(self, slot: int) -> None:
        self.position[slot] = self.reach[slot] = self.undone[slot] = self.words[slot] = 0
        self.text[slot] = self.user_text[slot] = PAD
        self.given[slot] = -1
        self.user[slot] = self.codes[slot] = self._silence
        self.answering[slot] = self.hushed[slot] = self.wanted[slot] = False
        self.due[slot] = 0.0

    def inputs(self, slots: Ints, user: Ints) -> StepInputs:
        """Of the next step of ``slots`` [B], in which ``user`` [B, K] is heard."""
        position = self.position[slots]
        before = (position - 1) % self.ring
        past = self.user[slots[:, None], (position[:, None] + self._back) % self.ring]  # [B, F - 1, K]
        heard = np.concatenate([past, user[:, None]], 1).transpose(0, 2, 1)
        return StepInputs(
            heard,
            self.codes[slots, before, :, None],
            self.text[slots, before, None],
            self.user_text[slots, before, None],
            self.words_given(slots),
        )

    def words_given(self, slots: Ints) -> Ints:
        """[B] steps of ``slots`` so far that were given something written, each by the one before."""
        before = (self.position[slots] - 1) % self.ring
        return self.words[slots] - written(self.text[slots, before], self.user_text[slots, before])

    def write(self, slots: Ints, position: Ints, done: StepTokens) -> None:
        """What happened in step ``position`` [B] of each; a slot may come several times, in order."""
        now = position % self.ring
        self.user[slots, now], self.codes[slots, now] = done.user, done.codes
        self.text[slots, now], self.user_text[slots, now] = done.text, done.user_text
        self.answering[slots, now], self.hushed[slots, now] = done.answering, done.hushed
        self.given[slots, now], self.wanted[slots, now] = done.given, done.wanted
        self.due[slots, now] = done.due
        np.add.at(self.words, slots, written(done.text, done.user_text))
        self.position[slots] = position + 1
        self.reach[slots] = np.maximum(self.reach[slots], position + 1)

    def rewind(self, slot: int, frames: int) -> None:
        """Goes back; what was undone stays readable until it is overwritten.

        Raises:
            ModelError: more frames than are kept.
        """
        kept = int(self.position[slot] - max(0, self.reach[slot] - REWIND_FRAMES))
        if not 0 <= frames <= kept:
            raise ModelError(f"cannot go back {frames} frames: this slot can go back 0 to {kept}")
        self.position[slot] -= frames
        self.undone[slot] += frames
        gone = (self.position[slot] + np.arange(frames)) % self.ring
        self.words[slot] -= written(self.text[slot, gone], self.user_text[slot, gone]).sum()

    def read(self, slot: int) -> tuple[NDArray[Any], ...]:
        return tuple(part[slot].copy() for part in self.parts())

    def restore(self, slot: int, saved: tuple[NDArray[Any], ...]) -> None:
        for part, old in zip(self.parts(), saved, strict=True):
            part[slot] = old
