"""The way back of one slot: model, encoder and decoder to an earlier step, and forward again in silence.

Encoder and decoder are set back by a snapshot that is taken every MARK_FRAMES steps, and by running what came
between it and the step that is wanted through them once more. That works with any codec.

A decoder whose state depends on its last few frames only needs no snapshots, and no more than those few are
decoded, however long the span is that was taken again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicert.errors import ModelError
from voicert.models.base import Bundle, Ints, Sampling

MARK_FRAMES = 25


@dataclass
class CodecStates:
    """The codec's state of all slots, once for what is heard and once for what is said.

    Apart, so that one can go back without the other.
    """

    ears: Any
    voices: Any


@dataclass
class Mark:
    """Snapshots right before a step."""

    ears: Any
    voices: Any  # None where the decoder needs none


class Past:
    """What a slot needs to go back as far as its model can. To make one begins a new conversation in it."""

    def __init__(self, bundle: Bundle, states: CodecStates, slot: int, sampling: Sampling) -> None:
        self._bundle = bundle
        self._states = states
        self._slot, self._row = slot, np.array([slot])
        self._memory = bundle.codec.decoder_memory_frames
        self._room = bundle.model.rewind_frames + max(MARK_FRAMES, self._memory or 0)
        self._steps = 0
        self._heard: dict[int, NDArray[np.float32]] = {}  # [samples] by step
        self._said: dict[int, Ints] = {}  # [K] the frame that went to the decoder, by step
        self._marks: dict[int, Mark] = {}
        self.behind = 0  # steps that are still to be taken again
        self.retaken: list[int] = []  # user text of those that were, since the last `keep`
        bundle.model.reset(slot, sampling)
        for state in (states.ears, states.voices):
            bundle.codec.reset(state, slot)
        self._mark()

    def keep(self, pcm: NDArray[np.float32], codes: Ints) -> None:
        """A step is over: ``pcm`` [samples] was heard and ``codes`` [K] said."""
        self._heard[self._steps] = pcm.copy()
        self._heard.pop(self._steps - self._room, None)
        self._say(codes)
        self.retaken = []

    def go_back(self, rewind: int, retake: int) -> None:
        """Undoes the last ``rewind`` steps, and the ``retake`` before them, for `catch_up` to take again.

        Raises:
            ModelError: more than the model keeps.
        """
        if not rewind + retake:
            return
        if min(rewind, retake) < 0 or rewind + retake > self._steps:
            raise ModelError(f"cannot go back {rewind} and {retake} steps of {self._steps}")
        self._bundle.model.rewind(self._slot, rewind + retake)
        if rewind:
            self._set_ears(self._steps - rewind)
        self._steps -= rewind + retake
        self.behind = retake
        self._set_voices()

    def catch_up(self, frames: int) -> int:
        """Takes at most ``frames`` of the steps again that are to be → how many it were."""
        count = min(frames, self.behind)
        if count:
            out = self._bundle.model.retake(self._slot, count)
            to_mark = -self._steps % MARK_FRAMES  # a mark is made when all before it was decoded and no more
            for part in np.split(out.codes, range(to_mark, count, MARK_FRAMES)):
                if self._memory is None:
                    self._decode(list(part))
                for codes in part:
                    self._say(codes)
            self.retaken += out.user_text.tolist()
            self.behind -= count
            self._renew_voices()
        return count

    def _say(self, codes: Ints) -> None:
        self._said[self._steps] = codes.copy()
        self._said.pop(self._steps - self._room, None)
        self._steps += 1
        if self._steps % MARK_FRAMES == 0:
            self._mark()

    def _mark(self) -> None:
        """Of a step that is taken again there is a mark already, whose ears are still right."""
        codec, states, known = self._bundle.codec, self._states, self._marks.get(self._steps)
        ears = known.ears if known and self.behind else codec.snapshot(states.ears, self._slot)
        voices = codec.snapshot(states.voices, self._slot) if self._memory is None else None
        self._marks[self._steps] = Mark(ears, voices)
        for old in [t for t in self._marks if t < self._steps - self._room]:
            del self._marks[old]

    def _set_ears(self, step: int) -> None:
        """As if nothing had been heard from ``step`` on."""
        begin = step // MARK_FRAMES * MARK_FRAMES
        self._bundle.codec.restore(self._states.ears, self._slot, self._marks[begin].ears)
        if begin < step:
            pcm = np.concatenate([self._heard[t] for t in range(begin, step)])
            self._bundle.codec.encode(pcm[None], self._states.ears, self._row)
        for late in [t for t in self._heard if t >= step]:
            del self._heard[late]
        for late in [t for t in self._marks if t > step]:
            del self._marks[late]

    def _set_voices(self) -> None:
        """As if nothing had been said from the present step on; what is taken again comes later."""
        for late in [t for t in self._said if t >= self._steps]:
            del self._said[late]
        if self._memory is None:
            begin = self._steps // MARK_FRAMES * MARK_FRAMES
            self._bundle.codec.restore(self._states.voices, self._slot, self._marks[begin].voices)
            self._decode([self._said[t] for t in range(begin, self._steps)])
        else:
            self._renew_voices()

    def _renew_voices(self) -> None:
        """The decoder's state from what was said last; only once nothing is to be taken again any more."""
        if self._memory is None or self.behind:
            return
        self._bundle.codec.reset(self._states.voices, self._slot)
        self._decode([self._said[t] for t in range(max(0, self._steps - self._memory), self._steps)])

    def _decode(self, frames: Sequence[Ints]) -> None:
        """[K] each, for the sake of the state."""
        if len(frames):
            codes = np.stack(frames, axis=1)[None]  # [1, K, T]
            self._bundle.codec.decode(codes, self._states.voices, self._row)
