"""A Moshi as the engine drives it: the rules of an answer around its language model.

An answer begins with the end of a padding (EPAD), as every word after a pause does in what Moshi learnt
from, and ends when nothing was written for a while. Outside of answers Moshi listens: it is given pads and
silence in place of what it would write, since nobody hears it, and its memory must be what was heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from voicert.errors import ModelError
from voicert.models.base import Bools, Control, Ints, Sampling, StepOutput
from voicert.models.moshi import lm as language
from voicert.models.moshi.answers import Answers, Passed
from voicert.models.moshi.lm import MoshiLm
from voicert.models.moshi.prompts import Beginning
from voicert.models.moshi.sampling import draw, text_draws
from voicert.models.moshi.spelling import MOST_BYTES, Spelling
from voicert.models.parts import NOTHING
from voicert.models.sampling import uniforms

REWIND_S = 10.0  # how far back a slot can go


@dataclass(frozen=True)
class Snapshot:
    """A copy of one slot."""

    lm: language.Snapshot
    answers: tuple[NDArray[Any], ...]


class MoshiSpeech:
    """See :class:`voicert.models.base.SpeechModel`. The user's text is always padding: Moshi writes none.

    Args:
        silence: [K] the codes of a silent frame.
        quiet_frames: so many steps without a word end an answer.
        beginning: what every conversation begins with; by default with nothing.

    Raises:
        ModelError: the model does not hear as many codebooks as it says.
    """

    def __init__(
        self, name: str, lm: MoshiLm, frame_rate: float, spelling: Spelling, silence: Ints,
        quiet_frames: int, beginning: Beginning | None = None,
    ) -> None:  # fmt: skip
        config = lm.config
        if config.streams != 2 * lm.spoken:
            raise ModelError(
                f"it writes {lm.spoken} codebooks and hears {config.streams - lm.spoken}: in a conversation "
                "both sides have as many"
            )
        self.name, self.frame_rate = name, frame_rate
        self.max_slots, self.num_codebooks = lm.slots, lm.spoken
        self.pad_id, self.start_id = config.pad, config.end_pad
        self.end_id = config.text_card + 1  # no token: where it stands, Moshi has written a pad
        self.rewind_frames = lm.tokens.rewind_steps
        self.answer_lead_frames = config.max_delay  # text does not lag, a frame of sound is complete so late
        self._lm, self._spelling, self._silence = lm, spelling, silence
        self._beginning = beginning or Beginning()
        self._begun = np.zeros(lm.slots, np.bool_)  # a step was taken
        self._quiet_frames = quiet_frames
        self._sampling: list[Sampling] = [Sampling()] * lm.slots
        self._answers = Answers(lm.slots, lm.tokens.ring)
        words = np.array([spelling.is_word(token) for token in range(config.text_card + 1)])
        words[self.pad_id] = False
        self._words = words
        self._begins = words.copy()  # what outside of an answer is the wish to begin one
        self._begins[self.start_id] = True

    def piece(self, token: int) -> str:
        return self._spelling.piece(token)

    def tokens(self, text: str) -> list[int]:
        """None: Moshi reads nothing that a user types."""
        return []

    def reset(self, slot: int, sampling: Sampling) -> None:
        self._sampling[slot] = sampling
        self._answers.reset(slot)
        self._begun[slot] = False
        self._beginning.set(self._lm, slot, sampling)

    def step(self, slots: Ints, user_codes: Ints, control: Control) -> StepOutput:
        """Instructions count before a conversation's first step: so was it trained."""
        lm, answers, pad = self._lm, self._answers, self.pad_id
        for row, brief in control.briefs.items():
            if not self._begun[slot := int(slots[row])]:
                self._beginning.tell(lm, slot, brief.instructions, self._sampling[slot])
        self._begun[slots] = True
        thought = lm.think(slots, user_codes)
        answering, quiet = answers.before(slots, thought.position)
        own = lm.choose_text(thought)
        begins = self._begins[own]
        start = ~answering & ~control.hush & (begins | control.start)
        inside = (answering | start) & ~control.hush
        text = np.where(start, self.start_id, np.where(inside, own, pad))
        codes = np.where(inside[:, None], NOTHING, self._silence)
        lm.write(thought, text, codes)
        spoken = self._words[text] | (text == self.start_id)
        quiet = np.where(spoken, 0, quiet + 1)
        ends = answering & (control.hush | (quiet >= self._quiet_frames))
        answers.write(slots, thought.position, Passed(inside & ~ends, quiet, control.hush))
        answers.undone[slots] = 0
        told = np.where(
            start, self.start_id, np.where(ends, self.end_id, self._told(slots, thought.position))
        )
        frame = self._complete_frame(thought)
        return StepOutput(told, np.full(len(slots), pad), frame, ~answering & begins)

    def rewind(self, slot: int, frames: int) -> None:
        self._lm.rewind(slot, frames)
        self._answers.undone[slot] += frames

    def retake(self, slot: int, frames: int) -> StepOutput:
        """All steps in one run."""
        lm, answers, undone = self._lm, self._answers, int(self._answers.undone[slot])
        if not 1 <= frames <= undone:
            raise ModelError(f"cannot retake {frames} steps: {undone} of this slot are undone")
        steps, row = lm.tokens.position[slot] + np.arange(frames), np.full(frames, slot)
        user = lm.tokens.heard[slot, steps % lm.tokens.ring]
        cut = bool(answers.before(row[:1], steps[:1])[0][0])
        still = np.tile(self._silence, (frames, 1))
        pads = np.full(frames, self.pad_id)
        logits = lm.feed(slot, np.concatenate([pads[:, None], still], axis=1), user)
        wants = self._wants(slot, steps, logits)
        wants[0] &= not cut
        silent = np.ones(frames, np.bool_)
        answers.write(row, steps, Passed(~silent, np.zeros(frames, np.int64), silent))
        answers.undone[slot] = undone - frames
        told = np.where((np.arange(frames) == 0) & cut, self.end_id, pads)
        return StepOutput(told, pads, still, wants)

    def snapshot(self, slot: int) -> Snapshot:
        return Snapshot(self._lm.snapshot(slot), self._answers.read(slot))

    def restore(self, slot: int, saved: Snapshot) -> None:
        self._lm.restore(slot, saved.lm)
        self._answers.restore(slot, saved.answers)
        self._sampling[slot], self._begun[slot] = saved.lm.sampling, True

    def _told(self, slots: Ints, position: Ints) -> Ints:
        """[B] what the steps ``position`` [B], which are written, tell of the answer's words."""
        tokens = self._lm.tokens
        last = tokens.own[slots[:, None], (position[:, None] + np.arange(1 - MOST_BYTES, 1)) % tokens.ring, 0]
        told = last[:, -1].copy()  # [B]
        for row in np.flatnonzero(self._words[told]):
            words = self._spelling.told(last[row].tolist())
            told[row] = self.pad_id if words is None else words
        return np.where(self._words[last[:, -1]], told, self.pad_id)

    def _complete_frame(self, thought: language.Thought) -> Ints:
        """[B, K]: the frame that a written step completes; silence where a hush came before it was whole."""
        codes = self._lm.completed(thought)[:, 1:]
        steps = self._lm.config.max_delay + 1
        quiet = self._answers.hushed(thought.slots, thought.position, steps) | (codes[:, 0] < 0)
        return np.where(quiet[:, None], self._silence, codes)

    @torch.inference_mode()
    def _wants(self, slot: int, steps: Ints, logits: torch.Tensor) -> Bools:
        """Whether an answer would have begun in each of ``steps`` [T], outside of one; logits [T, V]."""
        how = self._sampling[slot]
        random = np.concatenate([uniforms(how.seed, int(at), 1) for at in steps]).astype(np.float32)
        draws = text_draws([how] * len(steps), logits.device)
        text = draw(logits, draws, torch.as_tensor(random).to(logits.device))
        return self._begins[text.cpu().numpy()]
