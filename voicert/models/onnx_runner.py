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
_SEEN, _UNSEEN = np.float32(0), np.float32(-1e30)
_LOGITS = "text_logits", "user_text_logits", "code_logits"


class _Ring:
    """Positions and pages of the rings of all layers with one window.

    Position p stands at entry ``p % (pages * page)``.
    """

    def __init__(self, window: int, room: int, page: int) -> None:
        self.window = window
        self.page = page
        self.pages = -(-(window + room) // page)
        self._entries = np.arange(page)

    def place(self, at: Ints) -> tuple[Ints, Ints]:
        """Positions [B, T] → the page that each is written to, and which of its entries."""
        return at // self.page % self.pages, at % self.page

    def look(self, at: Ints) -> tuple[Ints, Floats]:
        """Positions [B, T] in a row → pages to read [B, n], and 0 where an entry is in a position's window or
        -1e30 [B, T, n, P].

        The newest page comes first. So a row is summed in the same order whatever pages another row needs:
        those come after its own, and are masked. With another T its first page may be another one, and sums
        over many pages differ in their last bits.
        """
        newest, oldest = at[:, -1] // self.page, np.maximum(at[:, 0] - self.window + 1, 0) // self.page
        pages = newest[:, None] - np.arange(min(self.pages, int((newest - oldest).max()) + 1))
        held = pages[..., None] * self.page + self._entries  # [B, n, P]
        held[:, 0] -= (held[:, 0] > at[:, -1:]) * self.pages * self.page  # not written yet in this round
        age = at[:, :, None, None] - held[:, None]
        span = np.minimum(at + 1, self.window)[:, :, None, None]
        inside = age.view(np.uint64) < span.view(np.uint64)  # a negative age is a very large one
        return pages % self.pages, np.where(inside, _SEEN, _UNSEEN)


class OnnxRunner:
    """See :class:`voicert.models.duplex.Runner`; of a model with parallel heads.

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
        self.slots = slots
        self._session = session
        self._inputs = {i.name for i in session.get_inputs()}
        if "heard" not in self._inputs:
            raise ModelError("step.onnx is of another version of voicert: export the model again")
        masks, caches = (sum(name.startswith(kind) for name in self._inputs) for kind in ("mask", "cache"))
        if (masks, caches) != (len(config.window_kinds), 2 * config.layers):
            raise ModelError(
                f"step.onnx has {caches // 2} layers with {masks} kinds of windows, "
                f"config.json has {config.layers} with windows {config.windows}"
            )
        self._rings = [_Ring(w, room, page) for w in config.window_kinds]
        of_window = dict(zip(config.window_kinds, self._rings, strict=True))
        self._caches: list[ort.OrtValue] = []
        for ring in (of_window[window] for window in config.windows for _ in range(2)):
            shape = (slots, config.kv_heads, ring.pages, ring.page, config.head_dim)
            zeros = np.zeros(shape, np.float32)
            self._caches.append(ort.OrtValue.ortvalue_from_numpy(zeros))
        self._binding = session.io_binding()
        for i, cache in enumerate(self._caches):
            self._binding.bind_ortvalue_input(f"cache{i}", cache)
            self._binding.bind_ortvalue_output(f"new_cache{i}", cache)
        self._sizes = (config.text_size,), (config.text_size,), (config.codebooks, config.codebook_size)
        self._arrays = [c.numpy() for c in self._caches]  # views of what the graph works on
        self._heads = np.arange(config.kv_heads)
        self._frames = np.arange(config.user_frames)
        self._first_code = np.arange(config.codebooks)[:, None] * config.codebook_size
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
        steps = int(inputs.text.shape[1])
        at = position[:, None] + np.arange(steps)  # [B, T]
        frames = _angles(at, self._frequency)
        words = _angles(inputs.clock, self._word_frequency)
        arrays: dict[str, NDArray[Any]] = {
            "heard": self._heard(inputs.user), "own": (inputs.own + self._first_code).transpose(0, 2, 1),
            "text": inputs.text, "user_text": inputs.user_text,
            "cos": frames[0], "sin": frames[1], "word_cos": words[0], "word_sin": words[1],
        } | self._places(slots, at)  # fmt: skip
        return self._bound(arrays)

    def _heard(self, user: Ints) -> Ints:
        """User codes [B, K, F - 1 + T] → what each step hears, as rows of a table of all: [B, T, F, K]."""
        first = np.arange(int(user.shape[2]) - len(self._frames) + 1)
        return (user + self._first_code)[..., first[:, None] + self._frames].transpose(0, 2, 3, 1)

    def _places(self, slots: Ints, at: Ints) -> dict[str, NDArray[Any]]:
        """Where in the caches the graph writes and reads at positions [B, T], and what it may look at."""
        arrays: dict[str, NDArray[Any]] = {}
        slot = slots[:, None, None]
        for k, ring in enumerate(self._rings):
            page, offset = ring.place(at)
            pages, arrays[f"mask{k}"] = ring.look(at)
            arrays[f"place{k}"] = _indices(at.shape, slot, self._heads, page[..., None], offset[..., None])
            arrays[f"seen{k}"] = _indices(pages.shape, slot, self._heads, pages[..., None]).swapaxes(1, 2)
        return arrays

    def _bound(self, arrays: dict[str, NDArray[Any]]) -> list[Floats]:
        """Runs the graph; the three logits, steps included."""
        # The binding keeps only addresses, so the arrays must be contiguous and live until the run is over.
        arrays = {k: np.ascontiguousarray(v) for k, v in arrays.items() if k in self._inputs}
        for name, value in arrays.items():
            self._binding.bind_cpu_input(name, value)
        logits = [np.empty((*arrays["text"].shape, *sizes), np.float32) for sizes in self._sizes]
        for name, out in zip(_LOGITS, logits, strict=True):
            self._binding.bind_output(name, "cpu", 0, np.float32, out.shape, out.ctypes.data)
        self._session.run_with_iobinding(self._binding)
        return logits


def _indices(sizes: tuple[int, ...], *parts: Ints) -> Ints:
    """Parts that broadcast to [*sizes, Hkv] → [*sizes, Hkv, number of parts]"""
    made = np.empty((*sizes, parts[1].shape[-1], len(parts)), np.int64)
    for n, part in enumerate(parts):
        made[..., n] = part
    return made


def _angles(clock: Ints, frequency: NDArray[np.float64]) -> tuple[Floats, Floats]:
    """[B, T] → cos and sin [B, T, d / 2]; by way of float64, exact for long calls."""
    angle = clock[..., None] * frequency
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
