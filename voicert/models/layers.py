"""A layer of a transformer: attention and a gated perceptron, each behind an RMS norm.

    x [B, T, D] → x + out(attend(project(norm1(x)))) → x + down(silu(gate) * up), gate | up = up(norm2(x))

What it looks at is not its own matter: whoever calls it says how queries, keys and values become what is
attended to, for a ring of one slot, for rings of many in a graph of fixed shapes, or for all of a text.
Sizes: B rows, T positions, D width, H heads, Hkv heads of keys and of values, d head width, G = H / Hkv.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from voicert_codecs.blocks.linear import Linear

_norm: Callable[..., Tensor] = torch.linalg.vector_norm  # pyright: ignore


@dataclass(frozen=True)
class LayerSizes:
    width: int  # D
    heads: int
    kv_heads: int
    head_width: int
    hidden: int  # inner width of the perceptron
    epsilon: float  # of the norms


class Attend(Protocol):
    def __call__(self, heads: Tensor) -> Tensor:
        """[B, T, H + 2 * Hkv, d]: queries, keys, values, not yet rotated; may be changed → [B, T, H * d]."""
        ...


class RmsNorm(nn.RMSNorm):
    """``torch.nn.RMSNorm``, in half of its time where torch has no kernel for it: on a CPU, in float32."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__(width, eps=epsilon)  # pyright: ignore[reportUnknownMemberType]
        self._root = math.sqrt(width)
        self._least = math.sqrt(epsilon * width)
        self._ready: tuple[Tensor, Tensor] | None = None  # the weight times the root, and the least norm

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype != torch.float32 or x.device.type != "cpu" or not torch.is_inference_mode_enabled():
            return super().forward(x)
        if self._ready is None:
            self._ready = self.weight.detach() * self._root, x.new_tensor(self._least)
        scale, least = self._ready
        # x / sqrt(mean of squares + epsilon), for hypot(a, b) = sqrt(a² + b²)
        return (x * scale).div_(torch.hypot(_norm(x, dim=-1, keepdim=True), least))


class Attention(nn.Module):
    def __init__(self, sizes: LayerSizes) -> None:
        super().__init__()
        self.head_width = sizes.head_width
        outputs = (sizes.heads + 2 * sizes.kv_heads) * sizes.head_width
        self.project = Linear(sizes.width, outputs, bias=False)
        self.out = Linear(sizes.heads * sizes.head_width, sizes.width, bias=False)

    def forward(self, x: Tensor, residual: Tensor, attend: Attend) -> Tensor:
        heads = self.project(x).unflatten(-1, (-1, self.head_width))
        return self.out(attend(heads), residual=residual)


class Layer(nn.Module):
    def __init__(self, sizes: LayerSizes) -> None:
        super().__init__()
        self.norm1 = RmsNorm(sizes.width, sizes.epsilon)
        self.attention = Attention(sizes)
        self.norm2 = RmsNorm(sizes.width, sizes.epsilon)
        self.up = Linear(sizes.width, 2 * sizes.hidden, bias=False)
        self.down = Linear(sizes.hidden, sizes.width, bias=False)

    def forward(self, x: Tensor, attend: Attend) -> Tensor:
        x = self.attention(self.norm1(x), x, attend)
        return self.down(gated(self.up(self.norm2(x))), residual=x)


def gated(x: Tensor) -> Tensor:
    """[..., 2 * M], gate and value side by side → [..., M]."""
    gate, up = x.chunk(2, dim=-1)
    return F.silu(gate) * up


def attention(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """query [B, Hkv, G * T, d], keys and values [B, Hkv, R, d], mask [B, 1 or Hkv, G * T, R] or None.

    The queries of a group are rows of one product: keys and values are read once for all of them.
    """
    return F.scaled_dot_product_attention(query, keys, values, mask)


def group(query: Tensor, kv_heads: int) -> Tensor:
    """[B, T, H, d] → [B, Hkv, G * T, d]"""
    return query.transpose(1, 2).reshape(len(query), kv_heads, -1, query.shape[3])


def ungroup(y: Tensor, length: int) -> Tensor:
    """[B, Hkv, G * T, d] → [B, T, H * d]"""
    return y.reshape(len(y), -1, length, y.shape[3]).transpose(1, 2).flatten(2)
