"""The transformer run by ONNX Runtime; keys and values are updated in place.

Layers with the same window share a :class:`_Ring`, which says where in their caches the graph writes and what
of them it reads. Sizes: B rows, T steps, n pages of P entries.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from voicert.errors import ModelError
from voicert.models.base import Ints
from voicert.models.config import ModelConfig
from voicert.models.duplex import Floats, Logits
from voicert.models.slots import REWIND_FRAMES, StepInputs

PAGE = 64  # entries of a ring that are read or left out together
AT_ONCE = 64  # steps of one run of the graph: what it takes in memory besides the caches grows with them


class _Ring:
    """Positions and pages of the rings of all layers with one window.

    Position p stands at entry ``p % (pages * page)``.
    """

    def __init__(self, window: int, room: int, page: int) -> None:
        self.window = window
        self.page = page
        self.pages = -(-(window + room) // page)

    def place(self, at: Ints) -> Ints:
        """Positions [B, T] → the page that each is written to."""
        return at // self.page % self.pages

    def look(self, at: Ints) -> tuple[Ints, Floats]:
        """Positions [B, T] in a row → pages to read [B, n], and 0 where an entry is in a position's window or
        -1e30 [B, T, n, P].

        The newest page comes first. So a row is summed in the same order whatever pages another row needs:
        those come after its own, and are masked. With another T its first page may be another one, and sums
        over many pages differ in their last bits.
        """
        newest, oldest = at[:, -1] // self.page, np.maximum(at[:, 0] - self.window + 1, 0) // self.page
        count = min(self.pages, int((newest - oldest).max()) + 1)
        seen = (newest[:, None] - np.arange(count)) % self.pages
        entry = seen[..., None] * self.page + np.arange(self.page)  # [B, n, P]
        last = at[:, -1, None, None]
        held = last - (last - entry) % (self.pages * self.page)  # the latest position that can stand there
        age = at[:, :, None, None] - held[:, None]
        inside = (held[:, None] >= 0) & (age >= 0) & (age < self.window)
        return seen, np.where(inside, np.float32(0), np.float32(-1e30))


class OnnxRunner:
    """See :class:`voicert.models.duplex.Runner`; of a model with parallel heads.

    Args:
        session: of the graph that ``voicert.models.export`` writes.
        slots: sessions that it can hold at once; their caches are allocated here.
        room: positions that a ring holds beside its window.
        page: entries of a ring's page.

    Raises:
        ModelError: the graph has not as many kinds of windows as ``config``, or ``config`` has a depth
            transformer, which no graph holds.
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
        self.slots = slots
        self._session = session
        self._inputs = {i.name for i in session.get_inputs()}
        masks = sum(name.startswith("mask") for name in self._inputs)
        if masks != len(config.window_kinds):
            raise ModelError(
                f"step.onnx has {masks} kinds of windows, windows in config.json {config.windows}"
            )
        self._rings = [_Ring(w, room, page) for w in config.window_kinds]
        of_window = dict(zip(config.window_kinds, self._rings, strict=True))
        self._caches: list[ort.OrtValue] = []
        for ring in (of_window[window] for window in config.windows for _ in range(2)):
            shape = (slots, config.kv_heads, ring.pages, ring.page, config.head_dim)
            zeros = np.zeros(shape, np.float32)
            self._caches.append(ort.OrtValue.ortvalue_from_numpy(zeros))
        self._arrays = [c.numpy() for c in self._caches]  # views of what the graph works on
        half = np.arange(0, config.head_dim, 2) / config.head_dim
        self._frequency = config.rope_base ** (-half)
        self._word_frequency = np.where(half == half[-1], 0.0, self._frequency)  # see voicert.models.places

    def run(self, inputs: StepInputs, slots: Ints, position: Ints) -> Logits:
        steps = int(inputs.text.shape[1])
        parts = [
            self._run(inputs.part(first, min(AT_ONCE, steps - first)), slots, position + first)
            for first in range(0, steps, AT_ONCE)
        ]
        return Logits(*(p[0] if len(p) == 1 else np.concatenate(p, 1) for p in zip(*parts, strict=True)))

    def read(self, slot: int) -> list[Floats]:
        """Of each layer the keys and the values [Hkv, capacity, d], in the order of the ring."""
        return [a[slot].reshape(a.shape[1], -1, a.shape[-1]).copy() for a in self._arrays]

    def write(self, slot: int, saved: list[Floats]) -> None:
        for array, old in zip(self._arrays, saved, strict=True):
            array[slot] = old.reshape(array.shape[1:])

    def _run(self, inputs: StepInputs, slots: Ints, position: Ints) -> list[Floats]:
        """As ``run``, of few steps; the logits of text, user text and codes."""
        count, steps = len(slots), int(inputs.text.shape[1])
        at = position[:, None] + np.arange(steps)  # [B, T]
        frames = _angles(at, self._frequency)
        words = _angles(inputs.clock, self._word_frequency)
        arrays: dict[str, NDArray[Any]] = {
            "user": inputs.user, "own": inputs.own, "text": inputs.text, "user_text": inputs.user_text,
            "slots": slots, "cos": frames[0], "sin": frames[1], "word_cos": words[0], "word_sin": words[1],
        } | self._places(at)  # fmt: skip
        # A product of one row takes another kernel, whose last bits differ; the same row twice is harmless.
        if count * steps == 1:
            arrays = {k: np.repeat(v, 2, axis=0) for k, v in arrays.items()}
        return [o[:count] for o in self._bound(arrays)]

    def _places(self, at: Ints) -> dict[str, NDArray[Any]]:
        """What the graph is given of the positions [B, T]."""
        arrays: dict[str, NDArray[Any]] = {"offset": at % self._rings[0].page}
        for k, ring in enumerate(self._rings):
            arrays[f"page{k}"] = ring.place(at)
            arrays[f"seen{k}"], arrays[f"mask{k}"] = ring.look(at)
        return arrays

    def _bound(self, arrays: dict[str, NDArray[Any]]) -> list[Floats]:
        """Runs the graph; the three logits, steps included."""
        # The binding keeps only addresses, so the arrays must be contiguous and live until the run is over.
        arrays = {k: np.ascontiguousarray(v) for k, v in arrays.items() if k in self._inputs}
        binding = self._session.io_binding()
        for name, value in arrays.items():
            binding.bind_cpu_input(name, value)
        for i, cache in enumerate(self._caches):
            binding.bind_ortvalue_input(f"cache{i}", cache)
            binding.bind_ortvalue_output(f"new_cache{i}", cache)
        for name in ("text_logits", "user_text_logits", "code_logits"):
            binding.bind_output(name)
        self._session.run_with_iobinding(binding)
        return [o.numpy() for o in binding.get_outputs()[-3:]]


def _angles(clock: Ints, frequency: NDArray[np.float64]) -> tuple[Floats, Floats]:
    """[B, T] → cos and sin [B, T, d / 2]; by way of float64, exact for long calls."""
    angle = clock[..., None] * frequency
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
