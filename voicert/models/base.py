"""What the engine needs of a model: one step over the slots that are ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from voicert_codecs.base import Codec

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
CAPABILITIES = frozenset({"typed_text", "instructions", "tools", "user_transcripts"})


@dataclass(frozen=True)
class Sampling:
    """How one session draws its tokens. The same seed and input give the same tokens."""

    temperature: float = 0.0  # of the audio codes; 0 takes the most likely
    top_k: int = 50  # of the audio codes, used when temperature > 0
    text_temperature: float = 0.0
    text_top_k: int = 20
    seed: int = 0


@dataclass(frozen=True)
class Brief:
    """What a client wants of a model with the capabilities "instructions" and "tools"."""

    instructions: str = ""
    tools: tuple[Mapping[str, Any], ...] = ()  # each as JSON: name, description, parameters (a JSON schema)


def _no_briefs() -> dict[int, Brief]:
    return {}


@dataclass(frozen=True)
class Control:
    """How one step is steered; row ``i`` belongs to ``slots[i]`` of the call."""

    hush: Bools  # [B] the assistant must be silent; an answer in progress ends
    start: Bools  # [B] an answer begins here, if there is none and no hush
    user_text: Ints  # [B] stands in the user's text in place of what the model heard; -1: what it heard
    briefs: dict[int, Brief] = field(default_factory=_no_briefs)  # by row: from now on, also if it is undone

    @staticmethod
    def free(rows: int) -> Control:
        """The model does as it likes."""
        no = np.zeros(rows, np.bool_)
        return Control(no, no, np.full(rows, -1))


@dataclass(frozen=True)
class ToolRequest:
    """The model asks for a function to be called; the result goes back through the user's text."""

    name: str
    arguments: str  # JSON


def _no_calls() -> dict[int, ToolRequest]:
    return {}


@dataclass(frozen=True)
class StepOutput:
    """What one step gives; row ``i`` belongs to ``slots[i]`` of the call.

    An answer begins with the step whose text is ``start_id`` and ends with the one whose text is
    ``end_id``; the audio of every step from the first to the last, both included, belongs to it.
    """

    text: Ints  # [B] the assistant's text token
    user_text: Ints  # [B] the token of what was heard from the user
    codes: Ints  # [B, K] the assistant's audio frame that this step completes
    wants: Bools  # [B] outside of an answer the model itself chose to begin one, hushed or not
    calls: dict[int, ToolRequest] = field(default_factory=_no_calls)  # by row


class SpeechModel(Protocol):
    """A duplex model over a fixed number of slots. Not thread-safe: one thread calls it."""

    name: str
    frame_rate: float  # steps per second
    max_slots: int
    num_codebooks: int
    pad_id: int  # text: nothing to write in this step (both text streams)
    start_id: int  # assistant text: an answer begins
    end_id: int  # assistant text: the answer ends
    rewind_frames: int  # how many steps a slot can go back
    answer_lead_frames: int  # a word is written so many steps before its sound begins, as in training

    def piece(self, token: int) -> str:
        """Text of one token, leading space included; ``""`` for pad, start and end."""
        ...

    def tokens(self, text: str) -> list[int]:
        """Typed text for the stream of the user's text, one token per step; empty if none can be spelled."""
        ...

    def reset(self, slot: int, sampling: Sampling) -> None:
        """Begins a new conversation in a slot."""
        ...

    def step(self, slots: Ints, user_codes: Ints, control: Control) -> StepOutput:
        """One frame for every slot in ``slots`` [B] (distinct); ``user_codes`` [B, K].

        Where ``control.hush`` is true the assistant is made silent: if it was in an answer its text is
        ``end_id``, else ``pad_id``; its codes are those of silence; the model remembers it so.
        """
        ...

    def rewind(self, slot: int, frames: int) -> None:
        """Undoes the last ``frames`` steps of a slot.

        Raises:
            ModelError: more frames than the model keeps for this.
        """
        ...

    def retake(self, slot: int, frames: int) -> StepOutput:
        """Takes the next ``frames`` of the steps that `rewind` undid again, with the assistant silent.

        The user's codes, and the user's text where it was given from outside, are those of then. It is
        as if each step had been hushed, in one go; row ``t`` of the result is of the ``t``-th step. A span
        may be taken in several pieces; `step` gives up the rest of it.

        Raises:
            ModelError: fewer steps than that are undone.
        """
        ...

    def snapshot(self, slot: int) -> Any:
        """A copy of a slot's whole state."""
        ...

    def restore(self, slot: int, saved: Any) -> None:
        """Puts a snapshot into a slot."""
        ...


@dataclass(frozen=True)
class Bundle:
    """A model with the codec whose codes it speaks."""

    model: SpeechModel
    codec: Codec[Any]
    sampling: Sampling  # the defaults that suit this model
    examples: tuple[str, ...] = ()  # requests that it understands, to show to newcomers
    capabilities: frozenset[str] = frozenset()  # of CAPABILITIES, what it was trained for
    identity: str = ""  # says which weights these are, model and codec; the same tokens need the same
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])  # how it was opened; for a recording
