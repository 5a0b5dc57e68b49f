"""The layer of all transformers here: attention and a gated perceptron, each behind an RMS norm.

    x → x + out(attend(query, key, value of norm1(x))) → x + down(silu(gate) * up), gate and up of norm2(x)

What it looks at is not its own matter. Whoever calls a layer says how queries, keys and values become what is
attended to: over all of a text in training, over rings of the past in a step, over the codebooks of a frame;
rotated or not. So one definition serves the bundled model and Moshi, temporal and depth transformer. They
differ in sizes, in the number of heads of keys, in the norm's epsilon, and in whether products of the same
input are one (a model that runs) or several (one that is trained by an optimiser for whole matrices).
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

_norm: Callable[..., Tensor] = torch.linalg.vector_norm  # pyright: ignore


@dataclass(frozen=True)
class LayerSizes:
    width: int  # D
    heads: int
    kv_heads: int
    head_width: int
    hidden: int  # inner width of the perceptron
    epsilon: float  # of the norms
    fused: bool = True  # query, key and value in one product, and gate and up


class Attend(Protocol):
    def __call__(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """[B, T, H, d], and twice [B, T, Hkv, d], not rotated yet → [B, T, H * d]; or all without T."""
        ...


class Product(nn.Linear):
    """``x @ weight.T``, or that and ``residual``.

    Where a model only runs, ``voicert_codecs.blocks.linear.Linear`` or an ``Int8Linear`` takes its place.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)  # pyright: ignore[reportUnknownMemberType]

    def forward(self, input: Tensor, residual: Tensor | None = None) -> Tensor:
        y = super().forward(input)
        return y if residual is None else residual + y


class RmsNorm(nn.RMSNorm):
    """``torch.nn.RMSNorm``, in half of its time once it is packed, as a ``Linear`` is: see :meth:`pack`."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__(width, eps=epsilon)  # pyright: ignore[reportUnknownMemberType]
        self._width, self._epsilon = width, epsilon
        self._packed: tuple[Tensor, Tensor] | None = None  # weight * √width, and √(epsilon * width)

    def forward(self, x: Tensor) -> Tensor:
        if self._packed is None:
            return super().forward(x)
        # x / sqrt(mean of squares + epsilon), for hypot(a, b) = sqrt(a² + b²)
        scale, least = self._packed
        return (x * scale).div_(torch.hypot(_norm(x, dim=-1, keepdim=True), least))

    def pack(self) -> None:
        """Of float32 on a CPU, where torch has no kernel for this norm; from now on its weight is fixed."""
        weight = self.weight.detach()
        if weight.dtype == torch.float32 and weight.device.type == "cpu":
            least = weight.new_tensor(math.sqrt(self._epsilon * self._width))
            self._packed = weight * math.sqrt(self._width), least


class Attention(nn.Module):
    def __init__(self, sizes: LayerSizes) -> None:
        super().__init__()
        self.sizes = s = sizes
        if s.fused:
            self.project = Product(s.width, (s.heads + 2 * s.kv_heads) * s.head_width)
        else:
            self.query = Product(s.width, s.heads * s.head_width)
            self.key = Product(s.width, s.kv_heads * s.head_width)
            self.value = Product(s.width, s.kv_heads * s.head_width)
        self.out = Product(s.heads * s.head_width, s.width)

    def forward(self, x: Tensor, residual: Tensor, attend: Attend) -> Tensor:
        return self.out(attend(*self._heads(x)), residual=residual)

    def _heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        s = self.sizes
        if not s.fused:
            query, key, value = (part(x) for part in (self.query, self.key, self.value))
            split = (-1, s.head_width)
            return query.unflatten(-1, split), key.unflatten(-1, split), value.unflatten(-1, split)
        heads = self.project(x).unflatten(-1, (-1, s.head_width))
        query, key, value = heads.split_with_sizes([s.heads, s.kv_heads, s.kv_heads], -2)
        return query, key, value


class Layer(nn.Module):
    def __init__(self, sizes: LayerSizes) -> None:
        super().__init__()
        self.norm1 = RmsNorm(sizes.width, sizes.epsilon)
        self.attention = Attention(sizes)
        self.norm2 = RmsNorm(sizes.width, sizes.epsilon)
        self.fused = sizes.fused
        if not self.fused:
            self.gate = Product(sizes.width, sizes.hidden)
        self.up = Product(sizes.width, (2 if self.fused else 1) * sizes.hidden)
        self.down = Product(sizes.hidden, sizes.width)

    def forward(self, x: Tensor, attend: Attend) -> Tensor:
        x = self.attention(self.norm1(x), x, attend)
        y = self.norm2(x)
        gate, up = self.up(y).chunk(2, dim=-1) if self.fused else (self.gate(y), self.up(y))
        return self.down(F.silu(gate) * up, residual=x)


def attention(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """query [B, Hkv, G * T, d], keys and values [B, Hkv, R, d], mask [B, 1 or Hkv, G * T, R] or None.

    The queries of a group are rows of one product: keys and values are read once for all of them.
    """
    return F.scaled_dot_product_attention(query, keys, values, mask)


def group(query: Tensor, kv_heads: int) -> Tensor:
    """[B, T, H, d] → [B, Hkv, G * T, d]"""
    _, length, heads, width = query.shape
    return query.transpose(1, 2).reshape(-1, kv_heads, heads // kv_heads * length, width)


def ungroup(y: Tensor, heads: int, length: int) -> Tensor:
    """[B, Hkv, G * T, d] → [B, T, H * d]"""
    return y.reshape(-1, heads, length, y.shape[3]).transpose(1, 2).flatten(2)
