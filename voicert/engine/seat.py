"""What passes between the engine and whoever sits on one of its slots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voicert.models.base import Brief, Ints, ToolRequest


@dataclass(frozen=True, slots=True)
class Frame:
    """One complete frame of input."""

    pcm: NDArray[np.float32]  # [frame samples], full scale is -1..1
    complete_at: float  # seconds on the engine's clock: when its last sample came
    hush: bool  # the assistant must be silent in this step
    start: bool = False  # an answer begins in this step, if there is none and no hush
    user_text: int = -1  # token that stands in the user's text in place of what the model heard; -1 for none
    rewind: int = 0  # before this step the last so many steps are undone, as if their frames had not come
    retake: int = 0  # then the last so many steps are taken again with the assistant silent
    brief: Brief | None = None  # what the client wants of the model from this step on; None: as before


@dataclass(frozen=True, slots=True)
class Timing:
    """One frame's way through the engine."""

    queue_ms: float  # from `Frame.complete_at` to the start of the step
    encode_ms: float  # of the whole batch, as are the next two
    model_ms: float
    decode_ms: float
    batch: int  # frames in the same step
    late: bool  # a deadline miss: the step ended later than one frame period after `Frame.complete_at`


@dataclass(frozen=True, slots=True)
class Stepped:
    """What one step gave for one frame."""

    text: int  # the assistant's text token
    user_text: int  # the token of what was heard
    pcm: NDArray[np.float32]  # [frame samples] of the assistant's voice
    hushed: bool  # the step was asked to be silent
    timing: Timing
    wants: bool = False  # outside of an answer the model itself chose to begin one, hushed or not
    retaken: tuple[int, ...] = ()  # user text of the steps that `Frame.retake` had taken again
    call: ToolRequest | None = None  # a function that the model asks for in this step


class Seat(Protocol):
    """One session as the engine sees it; all of this is called on the engine's thread."""

    def take(self, now: float) -> Frame | None:
        """The next frame in order, or None when none is ready at ``now``."""
        ...

    def due(self) -> float | None:
        """When `take` would give a frame although nothing was pushed; None for never."""
        ...

    def advance(self, frame: Frame, stepped: Stepped) -> None:
        """Hears the result of a frame that `take` gave."""
        ...

    def fail(self, code: str, message: str) -> None:
        """The engine has given up this seat; its slot is no longer its own."""
        ...


class Tape(Protocol):
    """What a session is recorded on. A fault of it must not reach the session."""

    def step(self, frame: Frame, heard: Ints, stepped: Stepped, codes: Ints) -> None:
        """One step, on the engine's thread: the codes ``heard`` [K] from the user, and those said."""
        ...

    def note(self, kind: str, values: Mapping[str, object]) -> None:
        """Anything else that happened; from any thread."""
        ...

    def close(self) -> None:
        """Nothing comes after this; from any thread."""
        ...
