"""A graph of `voicert.models.export` over rings of keys and values, which are updated in place.

Layers with the same window share a :class:`Ring`, which says where in their caches the graph writes and what
of them it reads. Sizes: B rows, T positions, n pages of P entries.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from voicert.errors import ModelError
from voicert.models.base import Bools, Floats, Ints
from voicert.models.config import WORDLESS

PAGE = 64  # entries of a ring that are read or left out together
_SEEN, _UNSEEN = np.float32(0), np.float32(-1e30)
_STILL = 2  # the clock of what is not turned; 0 counts frames, 1 words
Arrays = dict[str, NDArray[Any]]


class Ring:
    """Positions and pages of the rings of all layers with one window.

    Position p stands at entry ``p % (pages * page)``.
    """

    def __init__(self, window: int, room: int, page: int) -> None:
        self.window = window
        self.page = page
        self.pages = -(-(window + room) // page)
        self._entries = np.arange(page)
        # Once the window is full, what a position may look at depends on its entry in a page alone.
        self._full = -(-window // page) * page
        self._masks = self._look(self._full + self._entries[:, None])[1]  # [P, 1, n, P]

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
        if at.shape[1] > 1 or at.min() < self._full:
            return self._look(at)
        newest, entry = at // self.page, at[:, 0] % self.page
        oldest = (at - self.window + 1) // self.page
        count = min(self.pages, int((newest - oldest).max()) + 1)
        return (newest - np.arange(count)) % self.pages, self._masks[entry, :, :count]

    def _look(self, at: Ints) -> tuple[Ints, Floats]:
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
        word_heads: of each layer how many of its heads of keys are for words.
        heads, kv_heads, head_dim: of each layer.
        rope_base: period of the rotary positions.
        slots: conversations that it can hold at once; their caches are allocated here.
        room: positions that a ring holds beside its window.
        page: entries of a ring's page.

    Raises:
        ModelError: the graph is of another version, or has not these layers and windows.
    """

    def __init__(
        self, session: ort.InferenceSession, file: str, windows: Sequence[int], word_heads: Sequence[int],
        heads: int, kv_heads: int, head_dim: int, rope_base: float, slots: int, room: int, page: int = PAGE,
    ) -> None:  # fmt: skip
        self._session = session
        self.inputs = {i.name for i in session.get_inputs()}
        if "row" not in self.inputs:
            raise ModelError(f"{file} is of another version of voicert: export the model again")
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
        self._bound: Arrays = {}
        for i, cache in enumerate(self._caches):
            self._binding.bind_ortvalue_input(f"cache{i}", cache)
            self._binding.bind_ortvalue_output(f"new_cache{i}", cache)
        self._arrays = [c.numpy() for c in self._caches]  # views of what the graph works on
        self._kv_heads, self._group = np.arange(kv_heads), heads // kv_heads
        self._keys = slice(heads, heads + kv_heads)
        self._heads = [_clocks(heads, kv_heads, n, head_dim) for n in sorted(set(word_heads))]
        half = np.arange(0, head_dim, 2) / head_dim
        self._frequency = rope_base ** (-half)
        # Among words the last pair is not turned, see voicert.models.places.
        self._word_frequency = np.where(half == half[-1], 0.0, self._frequency)

    def run(
        self, arrays: Arrays, slots: Ints, at: Ints, size: int,
        words: Ints | None = None, written: Bools | None = None,
    ) -> Floats:  # fmt: skip
        """Positions ``at`` [B, T], in a row, of every slot in ``slots`` [B].

        Args:
            arrays: what the graph is given besides places, [B, T, ...] each; those of them that it knows.
            size: of its output.
            words: [B, T] the places among words, for layers with heads for them.
            written: [B, T] whether something written was given there; with ``words``.

        Returns:
            The output, [B, T, size].
        """
        given = {name: _with_one_more(x) for name, x in arrays.items() if name in self.inputs}
        given |= self._places(slots, at) | self._turns(at, words, written)
        for name, value in given.items():
            self._give(name, value)
        out = self._taken(at.size + 1, size)
        self._session.run_with_iobinding(self._binding)
        return out[:-1].reshape(*at.shape, size).copy()

    def _give(self, name: str, value: NDArray[Any]) -> None:
        """To bind an array takes longer than to fill one that is bound, and most runs are like the last."""
        bound = self._bound.get(name)
        if bound is not None and bound.shape == value.shape:
            bound[...] = value
            return
        # The binding keeps only the address: the array must be contiguous, and live as long as it is bound.
        self._bound[name] = value = np.array(value, order="C")
        self._binding.bind_cpu_input(name, value)

    def _taken(self, rows: int, size: int) -> Floats:
        """[rows, 1, size] what the graph writes into."""
        out = self._bound.get("logits")
        if out is None or out.shape != (rows, 1, size):
            self._bound["logits"] = out = np.empty((rows, 1, size), np.float32)
            self._binding.bind_output("logits", "cpu", 0, np.float32, out.shape, out.ctypes.data)
        return out

    def read(self, slot: int) -> list[Floats]:
        """Of each layer the keys and the values [Hkv, capacity, d], in the order of the ring."""
        return [a[slot].reshape(a.shape[1], -1, a.shape[-1]).copy() for a in self._arrays]

    def write(self, slot: int, saved: list[Floats]) -> None:
        for array, old in zip(self._arrays, saved, strict=True):
            array[slot] = old.reshape(array.shape[1:])

    def _places(self, slots: Ints, at: Ints) -> Arrays:
        """Where in the caches the graph writes and reads at positions [B, T], and what it may look at."""
        arrays: Arrays = {"row": np.arange(at.size).reshape(at.shape)}
        slot = slots[:, None, None]
        for k, ring in enumerate(self._rings):
            page, offset = ring.place(at)
            pages, mask = ring.look(at)
            mask = mask.reshape(len(at), 1, at.shape[1], -1)
            # Of the queries of a group, which are rows of one product.
            arrays[f"mask{k}"] = mask if at.shape[1] == 1 else np.tile(mask, (1, 1, self._group, 1))
            arrays[f"place{k}"] = _indices(at.shape, slot, self._kv_heads, page[..., None], offset[..., None])
            seen = _indices(pages.shape, slot, self._kv_heads, pages[..., None])
            arrays[f"seen{k}"] = np.ascontiguousarray(seen.swapaxes(1, 2))
        return arrays

    def _turns(self, at: Ints, words: Ints | None, written: Bools | None) -> Arrays:
        """By which angles each head of each row is turned, and what marks the heads for words."""
        rows = at.size + 1
        angles = np.zeros((2 * rows + 1, len(self._frequency)))  # among frames, among words, and none
        angles[: rows - 1] = at.reshape(-1, 1) * self._frequency
        if words is not None:
            angles[rows : 2 * rows - 1] = words.reshape(-1, 1) * self._word_frequency
        arrays: Arrays = dict(zip(("cos", "sin"), _cos_sin(angles), strict=True))
        row = np.arange(rows)[:, None]
        for k, (clock, marks) in enumerate(self._heads):
            arrays[f"turn{k}"] = np.where(clock == _STILL, 2 * rows, clock * rows + row).reshape(-1, 1)
            if marks is not None and written is not None:
                made = np.repeat(marks[None], rows, 0)
                made[:-1, self._keys] *= ~written.reshape(-1, 1, 1)
                arrays[f"marks{k}"] = made.reshape(-1, 1, marks.shape[1])
        return arrays


def _clocks(heads: int, kv_heads: int, word_heads: int, head_dim: int) -> tuple[Ints, Floats | None]:
    """Of queries, keys and values of a layer: by which clock each head is turned, and what is added to it."""
    group = heads // kv_heads
    of_words = np.arange(kv_heads) >= kv_heads - word_heads
    clock = np.concatenate([of_words.repeat(group), of_words, np.full(kv_heads, _STILL)]).astype(np.int64)
    if not word_heads:
        return clock, None
    marks = np.zeros((len(clock), head_dim), np.float32)
    marks[:heads, -1] = of_words.repeat(group) * math.sqrt(head_dim)  # which the product divides by
    marks[heads : heads + kv_heads, -1] = of_words * WORDLESS
    return clock, marks


def _with_one_more(x: NDArray[Any]) -> NDArray[Any]:
    """[B, T, ...] → [B * T + 1, 1, ...], the last row zeros."""
    made = np.zeros((x.shape[0] * x.shape[1] + 1, 1, *x.shape[2:]), x.dtype)
    made[:-1] = x.reshape(-1, *made.shape[1:])
    return made


def _cos_sin(angles: NDArray[np.float64]) -> tuple[Floats, Floats]:
    """In float32; the angles are in float64, so that they are exact in long calls."""
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _indices(sizes: tuple[int, ...], *parts: Ints) -> Ints:
    """Parts that broadcast to [*sizes, Hkv] → [*sizes, Hkv, number of parts]"""
    made = np.empty((*sizes, parts[1].shape[-1], len(parts)), np.int64)
    for n, part in enumerate(parts):
        made[..., n] = part
    return made
