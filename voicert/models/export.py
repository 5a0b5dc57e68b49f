"""Makes the graphs of :mod:`voicert.models.onnx_runner` from the PyTorch model; needs torch and onnx."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.onnx.ops import symbolic
from voicert_codecs.nano.export import store_float16
from voicert_codecs.onnx_export import quantise, trace

from voicert.errors import ModelError
from voicert.models.layers import Layer, RmsNorm
from voicert.models.places import Places, Rotation, written
from voicert.models.temporal import Temporal
from voicert.models.transformer import DuplexTransformer
from voicert.models.whole import attend_to_some
from voicert.models.words import WordTransformer


class _Layers(nn.Module):
    """Layers with the caches as explicit inputs and outputs, and the norm behind them.

    On a CPU a step of few rows spends more time between its operations than in them, so there are few:
    products of the same input are one, norms stand as ONNX Runtime knows them, and the host says where in the
    caches things are.

    Args:
        windows, word_heads: of each layer.
    """

    def __init__(
        self, temporal: Temporal, norm: RmsNorm, windows: Sequence[int], word_heads: Sequence[int]
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList([_fused(layer) for layer in temporal.layers])
        self.norm = _Norm(norm)
        kinds = sorted(set(windows))
        self.kinds, self.word_heads = [kinds.index(w) for w in windows], word_heads

    def through(
        self, x: Tensor, like: Tensor, places: Places,
        place: list[Tensor], seen: list[Tensor], mask: list[Tensor], caches: list[Tensor],
    ) -> tuple[Tensor, list[Tensor]]:  # fmt: skip
        """x [M, 1, D] of the positions of ``like`` [B, T] and one more → the same of all layers; new caches.

        ``place``, ``seen`` and ``mask`` (each with an entry for every kind of window) and the caches (keys
        and values of each layer) are what :mod:`voicert.models.onnx_graph` says.
        """
        new: list[Tensor] = []

        def attend(layer: int, *heads: Tensor) -> Tensor:
            kind = self.kinds[layer]
            query, key, value = (_apart(part, like) for part in heads)
            query, key = places.put(self.word_heads[layer], query, key)
            keys = _scattered(caches[2 * layer], place[kind], key)
            values = _scattered(caches[2 * layer + 1], place[kind], value)
            new.extend((keys, values))
            keys, values = _gathered(keys, seen[kind]), _gathered(values, seen[kind])
            return _with_one_more(attend_to_some(query, keys, values, mask[kind].flatten(2)))

        for i, layer in enumerate(self.layers):
            x = layer(x, partial(attend, i))
        return self.norm(x), new


class _Step(_Layers):
    """Some steps of each row."""

    def __init__(self, model: DuplexTransformer) -> None:
        super().__init__(model.temporal, model.norm, model.config.windows, model.config.word_heads)
        self.model = model

    def forward(
        self,
        heard: Tensor,
        own: Tensor,
        text: Tensor,
        user_text: Tensor,
        cos: Tensor,
        sin: Tensor,
        word_cos: Tensor,
        word_sin: Tensor,
        place: list[Tensor],
        seen: list[Tensor],
        mask: list[Tensor],
        caches: list[Tensor],
    ) -> tuple[Tensor, ...]:
        m = self.model
        places = Places(_both(cos, sin), _both(word_cos, word_sin), written(text, user_text))
        sounds = m.user_embedding(_with_one_more(heard)).sum(3).flatten(2)  # [M, 1, F * user_dim]
        said = m.own_embedding(_with_one_more(own)).sum(2) if m.config.own_codes else None
        x = m.told(sounds, said, _with_one_more(text), _with_one_more(user_text))  # [M, 1, D]
        x, new = self.through(x, text, places, place, seen, mask, caches)
        heads = m.text_head(x), m.user_text_head(x), m.code_logits(x)
        return *new, *(_apart(head, text) for head in heads)


class _Words(_Layers):
    """Some written steps of each row."""

    def __init__(self, model: WordTransformer) -> None:
        c = model.config
        super().__init__(model.temporal, model.norm, (c.window,) * c.layers, (0,) * c.layers)
        self.model = model

    def forward(
        self, text: Tensor, user_text: Tensor, cos: Tensor, sin: Tensor,
        place: list[Tensor], seen: list[Tensor], mask: list[Tensor], caches: list[Tensor],
    ) -> tuple[Tensor, ...]:  # fmt: skip
        x, places = _with_one_more(self.model.embed(text, user_text)), Places(_both(cos, sin))
        x, new = self.through(x, text[:, 1:], places, place, seen, mask, caches)
        return *new, _apart(self.model.head(x), text[:, 1:])


class _Norm(nn.Module):
    """An RMS norm with the division in which ONNX Runtime knows it again, and makes it one operation."""

    def __init__(self, norm: RmsNorm) -> None:
        super().__init__()
        self.weight, self.epsilon = norm.weight, norm.eps or 0.0

    def forward(self, x: Tensor) -> Tensor:
        return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon) * self.weight


def _fused(layer: Layer) -> Layer:
    """The same layer with products of the same input as one."""
    old = layer.attention
    made = Layer(dataclasses.replace(old.sizes, fused=True))
    with torch.no_grad():
        parts = [old.query.weight, old.key.weight, old.value.weight]
        made.attention.project.weight.copy_(torch.cat(parts))
        made.up.weight.copy_(torch.cat([layer.gate.weight, layer.up.weight]))
    made.attention.out, made.down = old.out, layer.down
    made.norm1, made.norm2 = _Norm(layer.norm1), _Norm(layer.norm2)  # pyright: ignore
    return made


def _with_one_more(x: Tensor) -> Tensor:
    """[B, T, ...] → [M, 1, ...], M = B * T + 1

    A product of one row takes another kernel, whose last bits differ: there are two at least.
    """
    rows = x.flatten(0, 1)[:, None]
    return torch.cat([rows, torch.zeros_like(rows[:1])])


def _apart(rows: Tensor, like: Tensor) -> Tensor:
    """[M, 1, ...] → [B, T, ...], which are the sizes of ``like``"""
    return rows[:-1].reshape(like.shape[0], like.shape[1], *rows.shape[2:])


def _scattered(cache: Tensor, place: Tensor, new: Tensor) -> Tensor:
    """cache [slots, Hkv, pages, P, d] with ``new`` [B, T, Hkv, d] at ``place`` [B, T, Hkv, 4]."""
    return symbolic("ScatterND", (cache, place, new), dtype=cache.dtype, shape=cache.shape)


def _gathered(cache: Tensor, seen: Tensor) -> Tensor:
    """Of cache [slots, Hkv, pages, P, d] the pages at ``seen`` [B, Hkv, n, 3] → [B, Hkv, n * P, d]."""
    shape = [*seen.shape[:3], *cache.shape[3:]]
    return symbolic("GatherND", (cache, seen), dtype=cache.dtype, shape=shape).flatten(2, 3)


def _both(cos: Tensor, sin: Tensor) -> Rotation:
    """cos and sin [B, T, d / 2] of every pair → of both of its channels."""
    return torch.cat([cos, cos], -1)[:, :, None], torch.cat([-sin, sin], -1)[:, :, None]


def export(model: DuplexTransformer, path: Path, bits: int | None = 8) -> None:
    """Writes the step as one file: weights of matrix products in ``bits`` (None: float32), tables as float16.

    Raises:
        ModelError: the model has a depth transformer, whose sampling loop this graph does not hold.
    """
    if model.config.depth is not None:
        raise ModelError("only models with parallel heads can be exported; run this one in PyTorch")
    c = model.config
    rows, steps, half = 2, 4, c.head_dim // 2
    given = {
        "heard": _ints(rows, steps, c.user_frames, c.codebooks),
        "own": _ints(rows, steps, c.codebooks),
        "text": _ints(rows, steps),
        "user_text": _ints(rows, steps),
    }
    given |= {name: torch.zeros(rows, steps, half) for name in ("cos", "sin", "word_cos", "word_sin")}
    outputs = ["text_logits", "user_text_logits", "code_logits"]
    _write(_Step(model), given, c.windows, c.kv_heads, c.head_dim, outputs, path, bits)


def export_words(model: WordTransformer, path: Path, bits: int | None = 8) -> None:
    """Writes the transformer over words as a file of its own, its tables too in 8 bits."""
    c = model.config
    rows, steps = 2, 4
    given = {"text": _ints(rows, 1 + steps), "user_text": _ints(rows, 1 + steps)}
    given |= {name: torch.zeros(rows, steps, c.head_dim // 2) for name in ("cos", "sin")}
    windows = (c.window,) * c.layers
    _write(_Words(model), given, windows, c.kv_heads, c.head_dim, ["logits"], path, bits, small=True)


def _ints(*shape: int) -> Tensor:
    return torch.zeros(shape, dtype=torch.int64)


def _write(
    graph: nn.Module, given: dict[str, Tensor], windows: Sequence[int], kv_heads: int, head_dim: int,
    outputs: list[str], path: Path, bits: int | None, small: bool = False,
) -> None:  # fmt: skip
    """Traces ``graph``, which is ``given`` [B, T, ...] or [B, 1 + T] each, and the caches of its layers."""
    kinds = sorted(set(windows))
    batch, steps, slots, page = (torch.export.Dim(n, min=2) for n in ("batch", "steps", "slots", "page"))
    pages, seen = ([torch.export.Dim(f"{n}{k}", min=2) for k in range(len(kinds))] for n in ("pages", "seen"))
    row, longer = {0: batch, 1: steps}, {0: batch, 1: steps + 1}
    count = given["cos"].shape[1]  # of steps in the example
    shapes = (
        *(row if part.shape[1] == count else longer for part in given.values()),
        [row for _ in kinds],
        [{0: batch, 2: each} for each in seen],
        [row | {2: each, 3: page} for each in seen],
        [{0: slots, 2: pages[kinds.index(w)], 3: page} for w in windows for _ in range(2)],
    )
    inputs = [*given, *(f"{name}{k}" for name in ("place", "seen", "mask") for k in range(len(kinds)))]
    inputs += [f"cache{i}" for i in range(2 * len(windows))]
    outputs = [*(f"new_cache{i}" for i in range(2 * len(windows))), *outputs]
    args = *given.values(), *_example([kinds.index(w) for w in windows], kv_heads, head_dim, count)
    proto = trace(graph, args, inputs, outputs, shapes)
    if bits is not None:
        proto = quantise(proto, bits)
        if small:
            store_int8(proto)
        store_float16(proto)
    path.write_bytes(proto.SerializeToString())


def _example(kinds: Sequence[int], kv_heads: int, head_dim: int, steps: int) -> tuple[list[Tensor], ...]:
    """Places, masks and caches of layers, of a kind of window each.

    Every one is an object of its own: the exporter takes one object for one input.
    """
    slots, page, rows = 3, 6, 2
    sizes = [(k + 7, k + 3) for k in range(max(kinds) + 1)]  # pages of a ring, and of it seen
    return (
        [_ints(rows, steps, kv_heads, 4) for _ in sizes],
        [_ints(rows, kv_heads, seen, 3) for _, seen in sizes],
        [torch.zeros(rows, steps, seen, page) for _, seen in sizes],
        [torch.zeros(slots, kv_heads, sizes[kind][0], page, head_dim) for kind in kinds for _ in range(2)],
    )


def store_int8(model: onnx.ModelProto, at_least: int = 1024) -> None:
    """Stores large float32 matrices in 8 bits with a scale for each row, and a product behind them.

    These are tables, and the scales of weights that are quantised already. ONNX Runtime makes
    float32 of them when it loads the graph, as after `store_float16`.
    """
    graph, nodes = model.graph, list[onnx.NodeProto]()
    for tensor in list(graph.initializer):
        if tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) != 2:
            continue
        value, name = numpy_helper.to_array(tensor), tensor.name
        if value.size < at_least:
            continue
        scale = np.maximum(np.abs(value).max(1, keepdims=True), 1e-12) / 127
        tensor.CopyFrom(numpy_helper.from_array(np.rint(value / scale).astype(np.int8), f"{name}.int8"))
        graph.initializer.append(numpy_helper.from_array(scale, f"{name}.scale"))
        nodes.append(helper.make_node("Cast", [f"{name}.int8"], [f"{name}.cast"], to=onnx.TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [f"{name}.cast", f"{name}.scale"], [name]))
    nodes += graph.node
    del graph.node[:]
    graph.node.extend(nodes)
