"""The duplex transformer, and the one over words, run by ONNX Runtime.

Sizes: B rows, T steps.
"""

from __future__ import annotations

import numpy as np
import onnxruntime as ort

from voicert.errors import ModelError
from voicert.models.base import Floats, Ints
from voicert.models.config import ModelConfig
from voicert.models.onnx_graph import PAGE, Arrays, CachedGraph
from voicert.models.runner import Logits
from voicert.models.slots import REWIND_FRAMES, StepInputs, written

AT_ONCE = 64  # steps of one run of the graph: what it takes in memory besides the caches grows with them


class OnnxRunner:
    """See :class:`voicert.models.runner.Runner`; of a model with parallel heads.

    Args:
        session: of the graph that ``voicert.models.export`` writes.
        slots: sessions that it can hold at once; their caches are allocated here.
        room: positions that a ring holds beside its window.
        page: entries of a ring's page.

    Raises:
        ModelError: the graph is of another version, or has not the layers and windows of ``config``; or
            ``config`` has a depth transformer, which no graph holds.
    """

    def __init__(
        self,
        session: ort.InferenceSession,
        config: ModelConfig,
        slots: int,
        room: int = REWIND_FRAMES,
        page: int = PAGE,
    ) -> None:
        if config.depth is not None:
            raise ModelError("step.onnx has no depth transformer: depth in config.json must be null")
        c = config
        self.slots = slots
        self._graph = CachedGraph(
            session, "step.onnx", c.windows, c.word_heads, c.heads, c.kv_heads, c.head_dim, c.rope_base,
            slots, room, page,
        )  # fmt: skip
        self._codes = c.codebooks, c.codebook_size
        self._ends = np.cumsum([c.text_size, c.text_size, c.codebooks * c.codebook_size])  # of each head
        self._frames = np.arange(c.user_frames)
        self._first_code = np.arange(c.codebooks)[:, None] * c.codebook_size

    def run(self, inputs: StepInputs, slots: Ints, position: Ints) -> Logits:
        steps = int(inputs.text.shape[1])
        parts = [
            self._run(inputs.part(first, min(AT_ONCE, steps - first)), slots, position + first)
            for first in range(0, steps, AT_ONCE)
        ]
        logits = parts[0] if len(parts) == 1 else np.concatenate(parts, 1)
        text, user_text, codes = np.split(logits, self._ends[:-1], 2)
        return Logits(text, user_text, codes.reshape(*codes.shape[:2], *self._codes))

    def read(self, slot: int) -> list[Floats]:
        return self._graph.read(slot)

    def write(self, slot: int, saved: list[Floats]) -> None:
        self._graph.write(slot, saved)

    def _run(self, inputs: StepInputs, slots: Ints, position: Ints) -> Floats:
        """As ``run``, of few steps; the logits of text, user text and codes, one behind the other."""
        arrays: Arrays = {
            "heard": self._heard(inputs.user), "own": (inputs.own + self._first_code).transpose(0, 2, 1),
            "text": inputs.text, "user_text": inputs.user_text,
        }  # fmt: skip
        at = position[:, None] + np.arange(int(inputs.text.shape[1]))
        size = int(self._ends[-1])
        return self._graph.run(arrays, slots, at, size, inputs.clock, written(inputs.text, inputs.user_text))

    def _heard(self, user: Ints) -> Ints:
        """User codes [B, K, F - 1 + T] → what each step hears, as rows of a table of all: [B, T, F, K]."""
        first = np.arange(int(user.shape[2]) - len(self._frames) + 1)
        return (user + self._first_code)[..., first[:, None] + self._frames].transpose(0, 2, 3, 1)


class OnnxWords:
    """See :class:`voicert.models.runner.WordRunner`; arguments as of :class:`OnnxRunner`."""

    def __init__(
        self,
        session: ort.InferenceSession,
        config: ModelConfig,
        slots: int,
        room: int = REWIND_FRAMES,
        page: int = PAGE,
    ) -> None:
        c = config.words
        if c is None:
            raise ModelError("there is a words.onnx, and words in config.json is null")
        self._graph = CachedGraph(
            session, "words.onnx", (c.window,) * c.layers, (0,) * c.layers, c.heads, c.kv_heads, c.head_dim,
            config.rope_base, slots, room, page,
        )  # fmt: skip
        self._size = config.text_size

    def run(self, text: Ints, user_text: Ints, slots: Ints, position: Ints) -> Floats:
        at = position[:, None] + np.arange(int(text.shape[1]) - 1)
        arrays: Arrays = {
            "text": text[:, 1:], "user_text": user_text[:, 1:],
            "text_before": text[:, :-1], "user_text_before": user_text[:, :-1],
        }  # fmt: skip
        return self._graph.run(arrays, slots, at, self._size)

    def read(self, slot: int) -> list[Floats]:
        return self._graph.read(slot)

    def write(self, slot: int, saved: list[Floats]) -> None:
        self._graph.write(slot, saved)
