"""The transformers as graphs of few operations, over rings of keys and values that the host places.

On a CPU a step of few rows spends more time between its operations than in them. So products of the same
input are one, all heads are turned at once, a sum and its norm are one operation, no size is computed on the
way, and the host says where in the caches things are: see :mod:`voicert.models.onnx_graph`.
Sizes: B sessions, T steps, M = B * T + 1 rows, D width, H heads, Hkv of keys, N = H + 2 Hkv, d head width,
n pages of P entries. There is one row more than there are steps, since a product of one row takes another
kernel, whose last bits differ.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.onnx.ops import symbolic, symbolic_multi_out

from voicert.models.layers import Layer, RmsNorm
from voicert.models.temporal import Temporal
from voicert.models.transformer import DuplexTransformer
from voicert.models.words import WordTransformer


@dataclass(frozen=True)
class RowPlaces:
    """Where the rows of a run stand, as :mod:`voicert.models.onnx_graph` says it."""

    row: Tensor  # [B, T] which of the M rows is which position
    cos: Tensor  # [R, d / 2] angles of all rows that there are
    sin: Tensor
    turn: list[Tensor]  # of each kind of heads [M * N, 1] which of them each head is turned by
    marks: list[Tensor]  # of each kind with heads for words [M * N, 1, d] added to the heads
    place: list[Tensor]  # [B, T, Hkv, 4] where in its cache a key is written; of each kind of window
    seen: list[Tensor]  # [B, Hkv, n, 3] pages that are read
    mask: list[Tensor]  # [B, 1, 1 or G * T, n * P]


class _Layers(nn.Module):
    """Layers with the caches as explicit inputs and outputs, and the norm behind them.

    Args:
        windows, word_heads: of each layer.
    """

    def __init__(
        self, temporal: Temporal, norm: RmsNorm, windows: Sequence[int], word_heads: Sequence[int]
    ) -> None:
        super().__init__()
        layers = list(temporal.layers)
        self.layers = [_fused(layer, count) for layer, count in zip(layers, word_heads, strict=True)]
        self.fused = nn.ModuleList(self.layers)
        self.norm = _Norm(layers[0].norm1)
        norms = [n for layer in layers for n in (layer.norm1, layer.norm2)]
        self.norms = [*norms[1:], norm]
        kinds, heads = sorted(set(windows)), sorted(set(word_heads))
        self.kinds, self.heads = [kinds.index(w) for w in windows], [heads.index(w) for w in word_heads]
        self.marked = [heads.index(w) for w in heads if w]

    def through(self, x: Tensor, p: RowPlaces, caches: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """x [M, 1, D] → the same of all layers; new caches (keys and values of each layer)."""
        new, norms, y = list[Tensor](), iter(self.norms), self.norm(x)
        for i, layer in enumerate(self.layers):
            keys_values = caches[2 * i : 2 * i + 2]
            y, kept = self._attend(i, layer.attention.project(y), p, keys_values)
            new += kept
            x, y = _added(x, layer.attention.out(y), next(norms))
            gate, up = layer.up(y).chunk(2, dim=-1)
            x, y = _added(x, layer.down(F.silu(gate) * up), next(norms))
        return y, new

    def _attend(
        self, layer: int, projected: Tensor, p: RowPlaces, caches: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """projected [M, 1, N * d] → what the heads found [M, 1, H * d]; new caches."""
        s, kind, of = self.layers[layer].attention.sizes, self.kinds[layer], self.heads[layer]
        width, rows, steps = s.head_width, p.row.shape[0], p.row.shape[1]
        turned = _op(
            "com.microsoft::RotaryEmbedding", projected.reshape(-1, 1, width), p.turn[of], p.cos, p.sin
        )
        if of in self.marked:
            turned = turned + p.marks[self.marked.index(of)]
        count = s.heads + 2 * s.kv_heads
        heads = _op("Gather", turned.reshape(-1, count, width), p.row, shape=[rows, steps, count, width])
        query, key, value = heads.split_with_sizes([s.heads, s.kv_heads, s.kv_heads], 2)
        new = [_op("ScatterND", caches[n], p.place[kind], some) for n, some in enumerate((key, value))]
        seen = p.seen[kind]
        pages, page = seen.shape[2], caches[0].shape[3]
        keys, values = (
            _shaped(
                _op("GatherND", cache, seen, shape=[rows, s.kv_heads, pages, page, width]),
                (0, 0, -1, width), [rows, s.kv_heads, pages * page, width],
            )
            for cache in new
        )  # fmt: skip
        grouped = s.heads // s.kv_heads * steps
        query = _shaped(query.transpose(1, 2), (0, s.kv_heads, -1, width), [rows, s.kv_heads, grouped, width])
        scores = query * width**-0.5 @ keys.transpose(2, 3)
        found = torch.softmax(_op("Add", scores, p.mask[kind]), dim=-1) @ values
        found = _shaped(found, (0, s.heads, -1, width), [rows, s.heads, steps, width]).transpose(1, 2)
        found = _shaped(found, (-1, 1, s.heads * width), [rows * steps, 1, s.heads * width])
        return torch.cat([found, torch.zeros(1, 1, s.heads * width)]), new


class StepGraph(_Layers):
    """Some steps of each row."""

    def __init__(self, model: DuplexTransformer) -> None:
        super().__init__(model.temporal, model.norm, model.config.windows, model.config.word_heads)
        self.model = model
        self.head = _one_product([model.text_head, model.user_text_head, model.code_head])

    def forward(
        self, heard: Tensor, own: Tensor, text: Tensor, user_text: Tensor, *places: Any
    ) -> tuple[Tensor, ...]:
        m, (*where, caches) = self.model, places
        said = m.own_embedding(own).sum(2) if m.config.own_codes else None
        x = m.told(m.user_embedding(heard).sum(3).flatten(2), said, text, user_text)
        x, new = self.through(x, RowPlaces(*where), caches)
        return *new, self.head(x)


class WordsGraph(_Layers):
    """Some written steps of each row."""

    def __init__(self, model: WordTransformer) -> None:
        c = model.config
        super().__init__(model.temporal, model.norm, (c.window,) * c.layers, (0,) * c.layers)
        self.model = model

    def forward(
        self, text: Tensor, user_text: Tensor, text_before: Tensor, user_text_before: Tensor, *places: Any
    ) -> tuple[Tensor, ...]:
        m, (*where, caches) = self.model, places
        x = m.told(text, user_text, text_before, user_text_before)
        x, new = self.through(x, RowPlaces(*where), caches)
        return *new, m.head(x)


class _Norm(nn.Module):
    """An RMS norm with the division in which ONNX Runtime knows it again, and makes it one operation."""

    def __init__(self, norm: RmsNorm) -> None:
        super().__init__()
        self.weight, self.epsilon = norm.weight, norm.eps or 0.0

    def forward(self, x: Tensor) -> Tensor:
        return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon) * self.weight


def _fused(layer: Layer, word_heads: int) -> Layer:
    """The same layer with products of the same input as one.

    The last channel of a head for words says nothing: it is kept for what hides a step, see
    `voicert.models.places`.
    """
    old = layer.attention
    s = old.sizes
    made = Layer(dataclasses.replace(s, fused=True))
    with torch.no_grad():
        weights = [old.query.weight.clone(), old.key.weight.clone(), old.value.weight]
        for weight in weights[:2]:
            weight.unflatten(0, (s.kv_heads, -1, s.head_width))[s.kv_heads - word_heads :, :, -1] = 0.0
        made.attention.project.weight.copy_(torch.cat(weights))
        made.up.weight.copy_(torch.cat([layer.gate.weight, layer.up.weight]))
    made.attention.out, made.down = old.out, layer.down
    return made


def _one_product(parts: list[nn.Linear]) -> nn.Linear:
    """What they make of the same input, one behind the other."""
    weight = torch.cat([part.weight for part in parts]).detach()
    made = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    made.weight = nn.Parameter(weight)
    return made


def _added(x: Tensor, more: Tensor, norm: RmsNorm) -> tuple[Tensor, Tensor]:
    """x + more, and the norm of that."""
    normed, _, _, added = symbolic_multi_out(
        "com.microsoft::SkipSimplifiedLayerNormalization", (x, more, norm.weight),
        attrs={"epsilon": norm.eps or 0.0}, dtypes=[x.dtype] * 4,
        shapes=[x.shape, x.shape[:2], x.shape[:2], x.shape], version=1,
    )  # fmt: skip
    return added, normed


def _op(name: str, first: Tensor, *others: Tensor, shape: Sequence[Any] | None = None) -> Tensor:
    """One operation of ONNX, whose result is like the first input if no ``shape`` is given."""
    version = 1 if "::" in name else None
    size = first.shape if shape is None else shape
    return symbolic(name, (first, *others), dtype=first.dtype, shape=size, version=version)


def _shaped(x: Tensor, sizes: tuple[int, ...], shape: Sequence[Any]) -> Tensor:
    """x with ``shape`` by constant ``sizes``, which torch's would compute: 0 as in x, -1 what is left."""
    return _op("Reshape", x, torch.tensor(sizes), shape=shape)
