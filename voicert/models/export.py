"""Makes the ONNX step of :mod:`voicert.models.onnx_runner` from the PyTorch model; needs torch and onnx."""

from __future__ import annotations

import dataclasses
import logging
from functools import partial
from pathlib import Path
from typing import Any

import onnx
import torch
from onnxruntime.quantization import QuantFormat
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer
from torch import Tensor, nn
from torch.onnx.ops import symbolic
from voicert_codecs.nano.export import store_float16, trace

from voicert.errors import ModelError
from voicert.models.config import ModelConfig
from voicert.models.layers import Layer, RmsNorm
from voicert.models.places import Places, Rotation, written
from voicert.models.transformer import DuplexTransformer
from voicert.models.whole import attend_to_some


class _Step(nn.Module):
    """Some positions of each row with the caches as explicit inputs and outputs.

    ``place``, ``seen`` and ``mask`` (each a list with an entry for every kind of window) and the caches (keys
    and values of each layer) are what :mod:`voicert.models.onnx_runner` says.

    On a CPU a step of few rows spends more time between its operations than in them, so there are few:
    products of the same input are one, norms stand as ONNX Runtime knows them, and the host says where in the
    caches things are.
    """

    def __init__(self, model: DuplexTransformer) -> None:
        super().__init__()
        self.model = model
        self.layers = nn.ModuleList([_fused(layer) for layer in model.temporal.layers])
        self.norm = _Norm(model.norm)

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
        m, c = self.model, self.model.config
        batch, steps = text.shape
        places = Places(_both(cos, sin), _both(word_cos, word_sin), written(text, user_text))
        sounds = m.user_embedding(_with_one_more(heard)).sum(3).flatten(2)  # [M, 1, F * user_dim]
        said = m.own_embedding(_with_one_more(own)).sum(2) if c.own_codes else None
        x = m.told(sounds, said, _with_one_more(text), _with_one_more(user_text))  # [M, 1, D]
        new: list[Tensor] = []

        def apart(rows: Tensor) -> Tensor:
            """[M, 1, ...] → [B, T, ...]"""
            return rows[:-1].reshape(batch, steps, *rows.shape[2:])

        def attend(layer: int, *heads: Tensor) -> Tensor:
            kind = c.window_kinds.index(c.windows[layer])
            query, key, value = (apart(part) for part in heads)
            query, key = places.put(c.word_heads[layer], query, key)
            keys = _scattered(caches[2 * layer], place[kind], key)
            values = _scattered(caches[2 * layer + 1], place[kind], value)
            new.extend((keys, values))
            keys, values = _gathered(keys, seen[kind]), _gathered(values, seen[kind])
            return _with_one_more(attend_to_some(query, keys, values, mask[kind].flatten(2)))

        for i, layer in enumerate(self.layers):
            x = layer(x, partial(attend, i))
        x = self.norm(x)
        return *new, apart(m.text_head(x)), apart(m.user_text_head(x)), apart(m.code_logits(x))


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
    args = _example(c)
    kinds, count = range(len(c.window_kinds)), 2 * c.layers
    batch, steps, slots, page = (torch.export.Dim(n, min=2) for n in ("batch", "steps", "slots", "page"))
    pages, seen = ([torch.export.Dim(f"{n}{k}", min=2) for k in kinds] for n in ("pages", "seen"))
    row = {0: batch, 1: steps}
    caches = [{0: slots, 2: pages[c.window_kinds.index(w)], 3: page} for w in c.windows for _ in range(2)]
    shapes = (
        *(row, row, row, row, row, row, row, row, [row for _ in kinds]),
        *([{0: batch, 2: seen[k]} for k in kinds], [row | {2: seen[k], 3: page} for k in kinds], caches),
    )
    inputs = ["heard", "own", "text", "user_text", "cos", "sin", "word_cos", "word_sin"]
    inputs += [f"{name}{k}" for name in ("place", "seen", "mask") for k in kinds]
    inputs += [f"cache{i}" for i in range(count)]
    outputs = [f"new_cache{i}" for i in range(count)]
    outputs += ["text_logits", "user_text_logits", "code_logits"]
    proto = trace(_Step(model), args, inputs, outputs, shapes)
    if bits is not None:
        proto = _quantise(proto, bits)
        store_float16(proto)
    path.write_bytes(proto.SerializeToString())


def _example(c: ModelConfig) -> tuple[Any, ...]:
    """Arguments of the step, each an object of its own: the exporter takes one object for one input."""
    slots, page, rows, steps, half = 3, 6, 2, 4, c.head_dim // 2
    sizes = [(k + 7, k + 3) for k in range(len(c.window_kinds))]  # pages of a ring, and of it seen

    def ints(*shape: int) -> Tensor:
        return torch.zeros(shape, dtype=torch.int64)

    return (
        ints(rows, steps, c.user_frames, c.codebooks),
        ints(rows, steps, c.codebooks),
        ints(rows, steps),
        ints(rows, steps),
        *(torch.zeros(rows, steps, half) for _ in range(4)),
        [ints(rows, steps, c.kv_heads, 4) for _ in sizes],
        [ints(rows, c.kv_heads, seen, 3) for _, seen in sizes],
        [torch.zeros(rows, steps, seen, page) for _, seen in sizes],
        [
            torch.zeros(slots, c.kv_heads, sizes[c.window_kinds.index(window)][0], page, c.head_dim)
            for window in c.windows
            for _ in range(2)
        ],
    )


def _quantise(proto: onnx.ModelProto, bits: int) -> onnx.ModelProto:
    """Weight-only quantisation in blocks of 32; level 4 multiplies in integers, which makes it fast."""
    config = DefaultWeightOnlyQuantConfig(
        block_size=32, is_symmetric=True, accuracy_level=4, quant_format=QuantFormat.QOperator, bits=bits
    )
    logging.getLogger("onnxruntime.quantization").setLevel(logging.WARNING)  # it tells of every node
    quantizer = MatMulNBitsQuantizer(proto, algo_config=config)
    quantizer.process()
    return quantizer.model.model
