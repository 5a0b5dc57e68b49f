"""A graph of `voicert.models.export` over rings of keys and values, which are updated in place.

Layers with the same window share a :class:`Ring`, which says where in their caches the graph writes and what
of them it reads. Sizes: B rows, T positions, n pages of P entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from voicert.errors import ModelError
from voicert.models.base import Floats, Ints

PAGE = 64  # entries of a ring that are read or left out together
_SEEN, _UNSEEN = np.float32(0), np.float32(-1e30)
Arrays = dict[str, NDArray[Any]]
Sizes = dict[str, tuple[int, ...]]


class Ring:
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


class CachedGraph:
    """
    Args:
        session: of the graph.
        file: what the graph is called in errors.
        windows: of each layer the positions that it looks back on.
        kv_heads, head_dim: of each layer.
        rope_base: period of the rotary positions.
        slots: conversations that it can hold at once; their caches are allocated here.
        room: positions that a ring holds beside its window.
        page: entries of a ring's page.

    Raises:
        ModelError: the graph has not these layers and windows.
    """

    def __init__(
        self, session: ort.InferenceSession, file: str, windows: Sequence[int], kv_heads: int, head_dim: int,
        rope_base: float, slots: int, room: int, page: int = PAGE,
    ) -> None:  # fmt: skip
        self._session = session
        self.inputs = {i.name for i in session.get_inputs()}
        kinds = sorted(set(windows))
        masks, caches = (sum(name.startswith(kind) for name in self.inputs) for kind in ("mask", "cache"))
        if (masks, caches) != (len(kinds), 2 * len(windows)):
            raise ModelError(
                f"{file} has {caches // 2} layers with {masks} kinds of windows, "
                f"config.json has {len(windows)} with windows {tuple(windows)}"
            )
        self._rings = [Ring(w, room, page) for w in kinds]
        of_window = dict(zip(kinds, self._rings, strict=True))
        self._caches: list[ort.OrtValue] = []
        for ring in (of_window[window] for window in windows for _ in range(2)):
            zeros = np.zeros((slots, kv_heads, ring.pages, ring.page, head_dim), np.float32)
            self._caches.append(ort.OrtValue.ortvalue_from_numpy(zeros))
        self._binding = session.io_binding()
        for i, cache in enumerate(self._caches):
            self._binding.bind_ortvalue_input(f"cache{i}", cache)
            self._binding.bind_ortvalue_output(f"new_cache{i}", cache)
        self._arrays = [c.numpy() for c in self._caches]  # views of what the graph works on
        self._heads = np.arange(kv_heads)
        half = np.arange(0, head_dim, 2) / head_dim
        self._frequency = rope_base ** (-half)
        # Among words the last pair is not turned, see voicert.models.places.
        self._word_frequency = np.where(half == half[-1], 0.0, self._frequency)

    def run(
        self, arrays: Arrays, slots: Ints, at: Ints, sizes: Sizes, words: Ints | None = None
    ) -> list[Floats]:
        """Positions ``at`` [B, T], in a row, of every slot in ``slots`` [B].

        Args:
            arrays: what the graph is given besides places, those of them that it knows.
            sizes: of each output, by name, what comes behind B and T.
            words: [B, T] the places among words, for layers with heads for them.

        Returns:
            The outputs, [B, T, ...].
        """
        given = arrays | self._places(slots, at)
        given["cos"], given["sin"] = _angles(at, self._frequency)
        if words is not None:
            given["word_cos"], given["word_sin"] = _angles(words, self._word_frequency)
        # The binding keeps only addresses, so the arrays must be contiguous and live until the run is over.
        given = {k: np.ascontiguousarray(v) for k, v in given.items() if k in self.inputs}
        for name, value in given.items():
            self._binding.bind_cpu_input(name, value)
        outputs = [np.empty((*at.shape, *size), np.float32) for size in sizes.values()]
        for name, out in zip(sizes, outputs, strict=True):
            self._binding.bind_output(name, "cpu", 0, np.float32, out.shape, out.ctypes.data)
        self._session.run_with_iobinding(self._binding)
        return outputs

    def read(self, slot: int) -> list[Floats]:
        """Of each layer the keys and the values [Hkv, capacity, d], in the order of the ring."""
        return [a[slot].reshape(a.shape[1], -1, a.shape[-1]).copy() for a in self._arrays]

    def write(self, slot: int, saved: list[Floats]) -> None:
        for array, old in zip(self._arrays, saved, strict=True):
            array[slot] = old.reshape(array.shape[1:])

    def _places(self, slots: Ints, at: Ints) -> Arrays:
        """Where in the caches the graph writes and reads at positions [B, T], and what it may look at."""
        arrays: Arrays = {}
        slot = slots[:, None, None]
        for k, ring in enumerate(self._rings):
            page, offset = ring.place(at)
            pages, arrays[f"mask{k}"] = ring.look(at)
            arrays[f"place{k}"] = _indices(at.shape, slot, self._heads, page[..., None], offset[..., None])
            arrays[f"seen{k}"] = _indices(pages.shape, slot, self._heads, pages[..., None]).swapaxes(1, 2)
        return arrays


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
