"""The transformer run by ONNX Runtime; keys and values are updated in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from voicert.models.base import Ints
from voicert.models.config import ModelConfig
from voicert.models.duplex import Draw, Floats, Logits
from voicert.models.slots import REWIND_FRAMES, StepInputs


class OnnxRunner:
    """See :class:`voicert.models.duplex.Runner`; of a model with parallel heads.

    Args:
        session: of the graph that ``voicert.models.export`` writes.
        slots: sessions that it can hold at once; their caches are allocated here.
        capacity: of the ring of keys and values; what the window and REWIND_FRAMES need when None.
    """

    def __init__(
        self, session: ort.InferenceSession, config: ModelConfig, slots: int, capacity: int | None = None
    ) -> None:
        self.slots = slots
        self._session = session
        self._window = config.window
        self._capacity = capacity or config.window + REWIND_FRAMES
        shape = (slots, config.kv_heads, self._capacity, config.head_dim)
        self._caches = [
            ort.OrtValue.ortvalue_from_numpy(np.zeros(shape, np.float32)) for _ in range(2 * config.layers)
        ]
        self._arrays = [c.numpy() for c in self._caches]  # views of what the graph works on
        half = np.arange(0, config.head_dim, 2) / config.head_dim
        self._frequency = config.rope_base ** (-half)
        self._ring_index = np.arange(self._capacity)

    def run(self, inputs: StepInputs, slots: Ints, position: Ints) -> Logits:
        count, steps = len(slots), int(inputs.text.shape[1])
        at = position[:, None] + np.arange(steps)  # [B, T]
        angle = at[..., None] * self._frequency  # float64: exact for long calls
        arrays: dict[str, NDArray[Any]] = {
            "user": inputs.user, "own": inputs.own, "text": inputs.text, "user_text": inputs.user_text,
            "slots": slots, "index": at % self._capacity,
            "cos": np.cos(angle).astype(np.float32), "sin": np.sin(angle).astype(np.float32),
            "mask": self._mask(at),
        }  # fmt: skip
        # A product of one row takes another kernel, whose last bits differ; the same row twice is harmless.
        if count * steps == 1:
            arrays = {k: np.repeat(v, 2, axis=0) for k, v in arrays.items()}
        outputs = self._bound(arrays)
        return Logits(*(o[:count] for o in outputs))

    def codes_in_turn(self, hidden: Any, text: Ints, choose: Draw) -> Ints:
        raise NotImplementedError("the exported graph has parallel heads")

    def read(self, slot: int) -> list[Floats]:
        return [a[slot].copy() for a in self._arrays]

    def write(self, slot: int, saved: list[Floats]) -> None:
        for array, old in zip(self._arrays, saved, strict=True):
            array[slot] = old

    def _mask(self, at: Ints) -> Floats:
        """at [B, T] → [B, T, capacity]: 0 where the ring holds a position of the window up to it, or -1e30.

        An entry holds the latest position that can stand there, those of this run included.
        """
        last = at[:, -1:, None]
        held = last - (last - self._ring_index) % self._capacity  # [B, 1, capacity]
        age = at[..., None] - held
        return np.where((held >= 0) & (age >= 0) & (age < self._window), np.float32(0), np.float32(-1e30))

    def _bound(self, arrays: dict[str, NDArray[Any]]) -> list[Floats]:
        """Runs the graph; the three logits, steps included."""
        # The binding keeps only addresses, so the arrays must be contiguous and live until the run is over.
        arrays = {k: np.ascontiguousarray(v) for k, v in arrays.items()}
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
