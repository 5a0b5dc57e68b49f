"""What the engine needs of a model: one step over the slots that are ready."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from voicert_codecs.base import Codec

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Sampling:
    """How one session draws its tokens. The same seed and input give the same tokens."""

    temperature: float = 0.0  # of the audio codes; 0 takes the most likely
    top_k: int = 50  # of the audio codes, used when temperature > 0
    text_temperature: float = 0.0
    text_top_k: int = 20
    seed: int = 0


@dataclass(frozen=True)
class StepOutput:
    """What one step gives; row ``i`` belongs to ``slots[i]`` of the call.

    An answer begins with the step whose text is ``start_id`` and ends with the one whose text is
    ``end_id``; the audio of every step from the first to the last, both included, belongs to it.
    """

    text: Ints  # [B] the assistant's text token
    user_text: Ints  # [B] the token of what was heard from the user
    codes: Ints  # [B, K] the assistant's audio frame that this step completes


class SpeechModel(Protocol):
    """A duplex model over a fixed number of slots. Not thread-safe: one thread calls it."""

    name: str
    frame_rate: float  # steps per second
    max_slots: int
    num_codebooks: int
    pad_id: int  # text: nothing to write in this step (both text streams)
    start_id: int  # assistant text: an answer begins
    end_id: int  # assistant text: the answer ends

    def piece(self, token: int) -> str:
        """Text of one token, leading space included; ``""`` for pad, start and end."""
        ...

    def reset(self, slot: int, sampling: Sampling) -> None:
        """Begins a new conversation in a slot."""
        ...

    def step(self, slots: Ints, user_codes: Ints, hush: Bools) -> StepOutput:
        """One frame for every slot in ``slots`` [B] (distinct); ``user_codes`` [B, K].

        Where ``hush`` [B] is true the assistant is made silent: if it was in an answer its text is
        ``end_id``, else ``pad_id``; its codes are those of silence; the model remembers it so.
        """
        ...

    def rewind(self, slot: int, frames: int) -> None:
        """Forgets the last ``frames`` steps of a slot.

        Raises:
            ModelError: more frames than the model keeps for this.
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
