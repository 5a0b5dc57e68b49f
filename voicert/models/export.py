"""Makes the ONNX step of :mod:`voicert.models.onnx_runner` from the PyTorch model; needs torch and onnx."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any

import onnx
import torch
from onnxruntime.quantization import QuantFormat
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer
from torch import Tensor, nn
from voicert_codecs.nano.export import store_float16, trace

from voicert.errors import ModelError
from voicert.models.config import ModelConfig
from voicert.models.places import Places, Rotation, written
from voicert.models.transformer import DuplexTransformer
from voicert.models.whole import attend_to_some


class _Step(nn.Module):
    """Some positions of each row with the caches as explicit inputs and outputs.

    ``offset``, the lists ``page``, ``seen`` and ``mask`` (an entry for each kind of window) and the caches
    (keys and values of each layer) are what :mod:`voicert.models.onnx_runner` says.
    """

    def __init__(self, model: DuplexTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        user: Tensor,
        own: Tensor,
        text: Tensor,
        user_text: Tensor,
        slots: Tensor,
        cos: Tensor,
        sin: Tensor,
        word_cos: Tensor,
        word_sin: Tensor,
        offset: Tensor,
        page: list[Tensor],
        seen: list[Tensor],
        mask: list[Tensor],
        caches: list[Tensor],
    ) -> tuple[Tensor, ...]:
        m, c = self.model, self.model.config
        x = m.embed(user, own, text, user_text)  # [B, T, D]
        places = Places(_both(cos, sin), _both(word_cos, word_sin), written(text, user_text))
        slot, head = slots[:, None, None], torch.arange(c.kv_heads)[None, :, None]
        new: list[Tensor] = []

        def attend(layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            kind = c.window_kinds.index(c.windows[layer])
            where = (slot, head, page[kind][:, None], offset[:, None])  # [B, Hkv, T]
            pages = (slot, head, seen[kind][:, None])  # [B, Hkv, n]
            query, key = places.put(c.word_heads[layer], query, key)
            key, value = key.transpose(1, 2), value.transpose(1, 2)
            keys, values = (
                caches[2 * layer].index_put(where, key),
                caches[2 * layer + 1].index_put(where, value),
            )
            new.extend((keys, values))
            keys, values = keys[pages].flatten(2, 3), values[pages].flatten(2, 3)  # [B, Hkv, n * P, d]
            return attend_to_some(query, keys, values, mask[kind].flatten(2))

        for i, layer in enumerate(m.temporal.layers):
            x = layer(x, partial(attend, i))
        x = m.norm(x)
        return *new, m.text_head(x), m.user_text_head(x), m.code_logits(x)


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
    heard, row = {0: batch, 2: steps + c.user_frames - 1}, {0: batch, 1: steps}
    caches = [{0: slots, 2: pages[c.window_kinds.index(w)], 3: page} for w in c.windows for _ in range(2)]
    shapes = (
        *(heard, {0: batch, 2: steps}, row, row, {0: batch}, row, row, row, row, row, [row for _ in kinds]),
        *([{0: batch, 1: seen[k]} for k in kinds], [row | {2: seen[k], 3: page} for k in kinds], caches),
    )
    inputs = ["user", "own", "text", "user_text", "slots", "cos", "sin", "word_cos", "word_sin", "offset"]
    inputs += [f"{name}{k}" for name in ("page", "seen", "mask") for k in kinds]
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
        ints(rows, c.codebooks, c.user_frames - 1 + steps),
        ints(rows, c.codebooks, steps),
        ints(rows, steps),
        ints(rows, steps),
        torch.arange(rows),
        *(torch.zeros(rows, steps, half) for _ in range(4)),
        torch.arange(steps).repeat(rows, 1),
        [ints(rows, steps) for _ in sizes],
        [torch.arange(seen).repeat(rows, 1) for _, seen in sizes],
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
