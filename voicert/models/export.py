"""Makes the ONNX step of :mod:`voicert.models.onnx_runner` from the PyTorch model; needs torch and onnx."""

from __future__ import annotations

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
from voicert.models.transformer import DuplexTransformer


class _Step(nn.Module):
    """Some positions of each row with the caches as explicit inputs and outputs."""

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
        index: Tensor,
        cos: Tensor,
        sin: Tensor,
        mask: Tensor,
        caches: list[Tensor],
    ) -> tuple[Tensor, ...]:
        m = self.model
        x = m.embed(user, own, text, user_text)  # [B, T, D]
        cos, sin = cos[:, None], sin[:, None]
        heads = torch.arange(m.config.kv_heads)[None, :, None]
        where = (slots[:, None, None], heads, index[:, None, :])  # [B, Hkv, T]
        new: list[Tensor] = []
        for i, layer in enumerate(m.layers):
            q, k, v = layer.attention.project(layer.norm1(x), cos, sin)
            keys, values = caches[2 * i].index_put(where, k), caches[2 * i + 1].index_put(where, v)
            new += [keys, values]
            x = layer.mlp(x + layer.attention.attend(q, keys[slots], values[slots], mask))
        x = m.norm(x)
        return *new, m.text_head(x), m.user_text_head(x), m.code_logits(x)


def export(model: DuplexTransformer, path: Path, bits: int | None = 8) -> None:
    """Writes the step as one file: weights of matrix products in ``bits`` (None: float32), tables as float16.

    Raises:
        ModelError: the model has a depth transformer, whose sampling loop this graph does not hold.
    """
    if model.config.depth is not None:
        raise ModelError("only models with parallel heads can be exported; run this one in PyTorch")
    if len(model.config.window_kinds) > 1:
        raise ModelError("only models with one window for all layers can be exported")
    c = model.config
    args = _example(c)
    count = 2 * c.layers
    batch, steps, slots, ring = (torch.export.Dim(n, min=2) for n in ("batch", "steps", "slots", "capacity"))
    heard, row = {0: batch, 2: steps + c.user_frames - 1}, {0: batch, 1: steps}
    caches = [{0: slots, 2: ring}] * count
    shapes = heard, {0: batch, 2: steps}, row, row, {0: batch}, row, row, row, row | {2: ring}, caches
    inputs = ["user", "own", "text", "user_text", "slots", "index", "cos", "sin", "mask"]
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
    slots, capacity, rows, steps, half = 3, 12, 2, 4, c.head_dim // 2

    def ints(*shape: int) -> Tensor:
        return torch.zeros(shape, dtype=torch.int64)

    return (
        ints(rows, c.codebooks, c.user_frames - 1 + steps),
        ints(rows, c.codebooks, steps),
        ints(rows, steps),
        ints(rows, steps),
        torch.arange(rows),
        torch.arange(steps).repeat(rows, 1),
        torch.zeros(rows, steps, half),
        torch.zeros(rows, steps, half),
        torch.zeros(rows, steps, capacity),
        [torch.zeros(slots, c.kv_heads, capacity, c.head_dim) for _ in range(2 * c.layers)],
    )


def _quantise(proto: onnx.ModelProto, bits: int) -> onnx.ModelProto:
    """Weight-only quantisation in blocks of 32; level 4 multiplies in integers, which makes it fast."""
    config = DefaultWeightOnlyQuantConfig(
        block_size=32, is_symmetric=True, accuracy_level=4, quant_format=QuantFormat.QOperator, bits=bits
    )
    quantizer = MatMulNBitsQuantizer(proto, algo_config=config)
    quantizer.process()
    return quantizer.model.model
