"""What runs the transformers of a duplex model: the host's side of ONNX Runtime or PyTorch.

Sizes: B rows, T steps, V text tokens, K codebooks, N codes of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from voicert.models.base import Floats, Ints
from voicert.models.slots import StepInputs

WAITING = 64  # written steps that wait for the transformer over words, at most


class Draw(Protocol):
    def __call__(self, codebook: int, logits: Floats) -> Ints:
        """Logits [B, N] of a codebook → its codes [B]."""
        ...


class InTurn(Protocol):
    def __call__(self, text: Ints, choose: Draw) -> Ints:
        """Codes [B, K] of the only position of a run, whose text is ``text`` [B]."""
        ...


@dataclass
class Logits:
    """Of T positions of each row."""

    text: Floats  # [B, T, V]
    user_text: Floats  # [B, T, V]
    codes: Floats | InTurn  # [B, T, K, N]; or a depth transformer, which needs the text and earlier codes


class Runner(Protocol):
    """Runs the transformer and holds the keys and values of every slot, in a ring of its own."""

    slots: int

    def run(self, inputs: StepInputs, slots: Ints, position: Ints) -> Logits:
        """Positions ``position`` [B] and the T - 1 after it of every slot in ``slots`` [B].

        T is at most REWIND_FRAMES. A row's result does not depend on B or the other rows, and on T only in
        its last bits.
        """
        ...

    def read(self, slot: int) -> list[Floats]:
        """A copy of a slot's keys and values."""
        ...

    def write(self, slot: int, saved: list[Floats]) -> None: ...


class WordRunner(Protocol):
    """Runs the transformer over words and holds the keys and values of every slot, in a ring of its own."""

    def run(self, text: Ints, user_text: Ints, slots: Ints, position: Ints) -> Floats:
        """Written steps ``position`` [B] and the T - 1 after it of every slot in ``slots`` [B] → [B, T, V].

        Both texts [B, 1 + T] begin with the written step before. T is at most `WAITING`. A row's result does
        not depend on B or the other rows, and on T only in its last bits.
        """
        ...

    def read(self, slot: int) -> list[Floats]:
        """A copy of a slot's keys and values."""
        ...

    def write(self, slot: int, saved: list[Floats]) -> None: ...
