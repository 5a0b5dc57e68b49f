"""The depth transformer: the codebooks of one step in turn, each knowing those before it.

    hidden [B, D] → input k + embedding of what was written last → layers → logits of codebook k

Every codebook may have weights of its own, so each of its sub-steps reads as many weights as the others. Keys
and values live only as long as a step; their memory is made once per number of rows and used over and over,
and so are the views into it that each sub-step writes and reads.
Sizes: B rows, K codebooks, D width of the hidden state, E width in here, H heads, d head width.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from voicert_codecs.blocks.linear import Linear

from voicert.models.layers import Attend, RmsNorm, attention, gated
from voicert.models.moshi.config import DepthSizes, MoshiConfig
from voicert.models.moshi.parts import Table, norm_epsilon

View = tuple[Tensor, Tensor, Tensor]  # of one layer and codebook: where to write, keys and values so far


class Choose(Protocol):
    def __call__(self, codebook: int, logits: Tensor) -> Tensor:
        """Logits [B, N] of a codebook → its codes [B]."""
        ...


class DepthAttention(nn.Module):
    """One attention with weights of its own in each set."""

    def __init__(self, sizes: DepthSizes) -> None:
        super().__init__()
        self.head_width = sizes.width // sizes.heads
        outputs = (sizes.heads + 2 * sizes.kv_heads) * self.head_width
        self.project = _linears(sizes.width, [outputs] * sizes.sets)
        self.out = _linears(sizes.width, [sizes.width] * sizes.sets)

    def forward(self, x: Tensor, residual: Tensor, which: int, attend: Attend) -> Tensor:
        heads = self.project[which](x).unflatten(-1, (-1, self.head_width))
        return self.out[which](attend(heads), residual=residual)


class DepthLayer(nn.Module):
    """:class:`voicert.models.layers.Layer` with sets of weights; its norms are shared by all of them."""

    def __init__(self, sizes: DepthSizes, epsilon: float) -> None:
        super().__init__()
        self.norm1 = RmsNorm(sizes.width, epsilon)
        self.attention = DepthAttention(sizes)
        self.norm2 = RmsNorm(sizes.width, epsilon)
        self.up = _linears(sizes.width, [2 * hidden for hidden in sizes.hidden])
        self.down = cast(
            "Sequence[Linear]",
            nn.ModuleList([Linear(hidden, sizes.width, bias=False) for hidden in sizes.hidden]),
        )

    def forward(self, x: Tensor, which: int, attend: Attend) -> Tensor:
        x = self.attention(self.norm1(x), x, which, attend)
        return self.down[which](gated(self.up[which](self.norm2(x))), residual=x)


class DepthTransformer(nn.Module):
    """All of it; its modules are public for the loader."""

    def __init__(self, config: MoshiConfig) -> None:
        super().__init__()
        sizes = config.depth
        self.sizes = sizes
        # All the inputs from the hidden state in one product: of set j the j-th piece of E rows.
        self.inputs = Linear(config.width, (max(sizes.inputs) + 1) * sizes.width, bias=False)
        cards = [config.text_card] + [config.card] * (sizes.codebooks - 1)
        self.tables = cast("Sequence[Table]", nn.ModuleList([Table([card], sizes.width) for card in cards]))
        epsilon = norm_epsilon(config.norm)
        self.layers = cast(
            "Sequence[DepthLayer]",
            nn.ModuleList([DepthLayer(sizes, epsilon) for _ in range(sizes.layers)]),
        )
        self.norms = nn.ModuleList(
            [
                RmsNorm(sizes.width, norm_epsilon(sizes.norm)) if sizes.norm else nn.Identity()
                for _ in range(sizes.codebooks)
            ]
        )
        self.heads = _linears(sizes.width, [config.card] * sizes.codebooks)
        self._views: dict[int, list[list[View]]] = {}  # [K][layers] by the number of rows

    def forward(self, hidden: Tensor, text: Tensor, count: int, choose: Choose) -> Tensor:
        """hidden [B, D], text [B] → codes [B, count] of the first codebooks, as ``choose`` takes them."""
        inputs = self.inputs(hidden).unflatten(1, (-1, self.sizes.width))  # [B, sets of inputs, E]
        views = self._memory(hidden)
        codes = list[Tensor]()
        last = text
        for k in range(count):
            x = inputs[:, self.sizes.inputs[k]] + self.tables[k](last[:, None])
            for layer, view in zip(self.layers, views[k], strict=True):
                x = layer(x, self.sizes.weights[k], partial(self._attend, view))
            last = choose(k, self.heads[k](self.norms[k](x)))
            codes.append(last)
        return torch.stack(codes, dim=1)

    def _attend(self, view: View, heads: Tensor) -> Tensor:
        """heads [B, H + 2 * Hkv, d] → [B, H * d]"""
        s, (new, keys, values) = self.sizes, view
        new.copy_(heads[:, s.heads :])
        if values.shape[2] == 1 and s.heads == s.kv_heads:  # alone, it attends to itself
            return heads[:, s.heads + s.kv_heads :].flatten(1)
        query = heads[:, : s.heads].reshape(len(heads), s.kv_heads, -1, heads.shape[2])
        return attention(query, keys, values, None).flatten(1)

    def _memory(self, hidden: Tensor) -> list[list[View]]:
        """With whatever was in it: only what this step writes is read."""
        rows, s = len(hidden), self.sizes
        if rows not in self._views:
            shape = (s.layers, rows, 2 * s.kv_heads, s.codebooks, s.width // s.heads)
            layers = hidden.new_empty(shape).unbind(0)
            self._views[rows] = [
                [
                    (layer[:, :, k], layer[:, : s.kv_heads, : k + 1], layer[:, s.kv_heads :, : k + 1])
                    for layer in layers
                ]
                for k in range(s.codebooks)
            ]
        return self._views[rows]


def _linears(inputs: int, outputs: Sequence[int]) -> Sequence[Linear]:
    parts = [Linear(inputs, count, bias=False) for count in outputs]
    return cast("Sequence[Linear]", nn.ModuleList(parts))
