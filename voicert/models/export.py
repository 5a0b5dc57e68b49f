"""Makes the graphs of :mod:`voicert.models.onnx_runner` from the PyTorch model; needs torch and onnx."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn
from voicert_codecs.nano.export import store_float16
from voicert_codecs.onnx_export import quantise, trace

from voicert.errors import ModelError
from voicert.models.export_graphs import StepGraph, WordsGraph
from voicert.models.transformer import DuplexTransformer
from voicert.models.words import WordTransformer

STEPS = 4  # of the example that a graph is made from


def export(model: DuplexTransformer, path: Path, bits: int | None = 8) -> None:
    """Writes the step as one file: weights of matrix products in ``bits`` (None: float32), tables as float16.

    Raises:
        ModelError: the model has a depth transformer, whose sampling loop this graph does not hold.
    """
    if model.config.depth is not None:
        raise ModelError("only models with parallel heads can be exported; run this one in PyTorch")
    c, rows = model.config, 2 * STEPS + 1
    given = {
        "heard": _ints(rows, 1, c.user_frames, c.codebooks), "own": _ints(rows, 1, c.codebooks),
        "text": _ints(rows, 1), "user_text": _ints(rows, 1),
    }  # fmt: skip
    sizes = _Sizes(c.windows, c.heads, c.kv_heads, c.head_dim, c.word_heads)
    _write(StepGraph(model), given, sizes, path, bits)


def export_words(model: WordTransformer, path: Path, bits: int | None = 8) -> None:
    """Writes the transformer over words as a file of its own, its tables too in 8 bits."""
    c, rows = model.config, 2 * STEPS + 1
    given = {name: _ints(rows, 1) for name in ("text", "user_text", "text_before", "user_text_before")}
    sizes = _Sizes((c.window,) * c.layers, c.heads, c.kv_heads, c.head_dim, (0,) * c.layers)
    _write(WordsGraph(model), given, sizes, path, bits, small=True)


def _ints(*shape: int) -> Tensor:
    return torch.zeros(shape, dtype=torch.int64)


@dataclass(frozen=True)
class _Sizes:
    """What an example is made of."""

    windows: Sequence[int]
    heads: int
    kv_heads: int
    head_dim: int
    word_heads: Sequence[int]


def _write(
    graph: nn.Module, given: dict[str, Tensor], s: _Sizes, path: Path, bits: int | None, small: bool = False
) -> None:
    """Traces ``graph``, which is ``given`` [M, 1, ...] each, places, and the caches of its layers."""
    kinds, head_kinds = sorted(set(s.windows)), sorted(set(s.word_heads))
    marked = [k for k, words in enumerate(head_kinds) if words]
    dims = ("rows", "batch", "steps", "slots", "page", "angles", "turned", "looks")
    every, batch, steps, slots, page, angles, turned, looks = (torch.export.Dim(n, min=2) for n in dims)
    pages, seen, keys = (
        [torch.export.Dim(f"{name}{k}", min=2) for k in range(len(kinds))]
        for name in ("pages", "seen", "keys")
    )
    places = (
        {0: batch, 1: steps},
        *({0: angles} for _ in range(2)),
        [{0: turned} for _ in head_kinds],
        [{0: turned} for _ in marked],
        [{0: batch, 1: steps} for _ in kinds],
        [{0: batch, 2: each} for each in seen],
        [{0: batch, 2: looks, 3: each} for each in keys],
        [{0: slots, 2: pages[kinds.index(w)], 3: page} for w in s.windows for _ in range(2)],
    )
    shapes = (*({0: every} for _ in given), places)
    inputs = [*given, "row", "cos", "sin"]
    inputs += [f"turn{k}" for k in range(len(head_kinds))] + [f"marks{k}" for k in marked]
    inputs += [f"{name}{k}" for name in ("place", "seen", "mask") for k in range(len(kinds))]
    inputs += [f"cache{i}" for i in range(2 * len(s.windows))]
    outputs = [*(f"new_cache{i}" for i in range(2 * len(s.windows))), "logits"]
    proto = trace(graph, (*given.values(), *_example(s)), inputs, outputs, shapes)
    if bits is not None:
        proto = quantise(proto, bits)
        if small:
            store_int8(proto)
        store_float16(proto)
    path.write_bytes(proto.SerializeToString())


def _example(s: _Sizes) -> tuple[Any, ...]:
    """Places and caches of two rows of STEPS steps.

    Every one is an object of its own: the exporter takes one object for one input.
    """
    rows, slots, page, angles = 2, 3, 6, 5
    kinds, turned = sorted(set(s.windows)), (rows * STEPS + 1) * (s.heads + 2 * s.kv_heads)
    sizes = [(k + 7, k + 3) for k in range(len(kinds))]  # pages of a ring, and of it seen
    rings = [sizes[kinds.index(window)][0] for window in s.windows]
    grouped = s.heads // s.kv_heads * STEPS
    return (
        _ints(rows, STEPS),
        *(torch.zeros(angles, s.head_dim // 2) for _ in range(2)),
        [_ints(turned, 1) for _ in set(s.word_heads)],
        [torch.zeros(turned, 1, s.head_dim) for words in set(s.word_heads) if words],
        [_ints(rows, STEPS, s.kv_heads, 4) for _ in sizes],
        [_ints(rows, s.kv_heads, seen, 3) for _, seen in sizes],
        [torch.zeros(rows, 1, grouped, seen * page) for _, seen in sizes],
        [torch.zeros(slots, s.kv_heads, pages, page, s.head_dim) for pages in rings for _ in range(2)],
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
