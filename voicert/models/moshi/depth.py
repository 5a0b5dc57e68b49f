"""The depth transformer: the codebooks of one step in turn, each knowing those before it.

    hidden [B, D] → input k + embedding of what was written last → layers → logits of codebook k

Every codebook may have weights of its own, so each of its sub-steps reads as many weights as the others. Keys
and values live only as long as a step; their memory is made once and used over and over.
Sizes: B rows, K codebooks, D width of the hidden state, E width in here, H heads, d head width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from voicert_codecs.blocks.linear import Linear

from voicert.models.moshi.config import DepthSizes, MoshiConfig
from voicert.models.moshi.parts import Table, rms_norm


class Choose(Protocol):
    def __call__(self, codebook: int, logits: Tensor) -> Tensor:
        """Logits [B, N] of a codebook → its codes [B]."""
        ...


class DepthAttention(nn.Module):
    """One attention with weights of its own in each set."""

    def __init__(self, sizes: DepthSizes) -> None:
        super().__init__()
        head = sizes.width // sizes.heads
        self.split = [sizes.heads, sizes.kv_heads, sizes.kv_heads]
        self.head_width = head
        self.grouped = sizes.heads != sizes.kv_heads
        outputs = sum(self.split) * head
        self.project = _linears(sizes.sets, sizes.width, [outputs] * sizes.sets)
        self.out = _linears(sizes.sets, sizes.width, [sizes.width] * sizes.sets)

    def forward(
        self, x: Tensor, residual: Tensor, place: tuple[int, int], keys: Tensor, values: Tensor
    ) -> Tensor:
        """x, residual [B, E]; place: codebook and set; keys, values [B, H, K, d] are filled → [B, E]."""
        codebook, which = place
        heads = self.project[which](x).unflatten(1, (-1, self.head_width))
        query, key, value = heads.split(self.split, dim=1)
        keys[:, :, codebook], values[:, :, codebook] = key, value
        if codebook == 0 and not self.grouped:
            return self.out[which](value.flatten(1), residual=residual)
        seen = slice(codebook + 1)
        y = F.scaled_dot_product_attention(
            query[:, :, None], keys[:, :, seen], values[:, :, seen], enable_gqa=self.grouped
        )
        return self.out[which](y.flatten(1), residual=residual)


class DepthLayer(nn.Module):
    """Attention over the codebooks so far, and a gated perceptron; the norms are shared by all sets."""

    def __init__(self, sizes: DepthSizes, norm: str) -> None:
        super().__init__()
        self.norm1 = rms_norm(norm, sizes.width)
        self.attention = DepthAttention(sizes)
        self.norm2 = rms_norm(norm, sizes.width)
        self.up = _linears(sizes.sets, sizes.width, [2 * hidden for hidden in sizes.hidden])
        self.down = cast(
            "Sequence[Linear]",
            nn.ModuleList([Linear(hidden, sizes.width, bias=False) for hidden in sizes.hidden]),
        )

    def forward(self, x: Tensor, place: tuple[int, int], keys: Tensor, values: Tensor) -> Tensor:
        x = self.attention(self.norm1(x), x, place, keys, values)
        gate, up = self.up[place[1]](self.norm2(x)).chunk(2, dim=1)
        return self.down[place[1]](F.silu(gate) * up, residual=x)


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
        self.layers = cast(
            "Sequence[DepthLayer]",
            nn.ModuleList([DepthLayer(sizes, config.norm) for _ in range(sizes.layers)]),
        )
        self.norms = nn.ModuleList(
            [
                rms_norm(sizes.norm, sizes.width) if sizes.norm else nn.Identity()
                for _ in range(sizes.codebooks)
            ]
        )
        self.heads = _linears(sizes.codebooks, sizes.width, [config.card] * sizes.codebooks)
        self._memory: dict[int, tuple[Tensor, Tensor]] = {}  # keys and values by the number of rows

    def forward(self, hidden: Tensor, text: Tensor, count: int, choose: Choose) -> Tensor:
        """hidden [B, D], text [B] → codes [B, count] of the first codebooks, as ``choose`` takes them."""
        inputs = self.inputs(hidden).unflatten(1, (-1, self.sizes.width))  # [B, sets of inputs, E]
        keys, values = self._keys_values(hidden)
        codes = list[Tensor]()
        last = text
        for k in range(count):
            x = inputs[:, self.sizes.inputs[k]] + self.tables[k](last[:, None])
            place = (k, self.sizes.weights[k])
            for layer, key, value in zip(self.layers, keys, values, strict=True):
                x = layer(x, place, key, value)
            last = choose(k, self.heads[k](self.norms[k](x)))
            codes.append(last)
        return torch.stack(codes, dim=1)

    def _keys_values(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """[layers, B, H, K, d] each, with whatever was in them: only what this step writes is read."""
        rows, s = len(hidden), self.sizes
        if rows not in self._memory:
            shape = (s.layers, rows, s.kv_heads, s.codebooks, s.width // s.heads)
            self._memory[rows] = hidden.new_empty(shape), hidden.new_empty(shape)
        return self._memory[rows]


def _linears(count: int, inputs: int, outputs: Sequence[int]) -> Sequence[Linear]:
    parts = [Linear(inputs, outputs[i], bias=False) for i in range(count)]
    return cast("Sequence[Linear]", nn.ModuleList(parts))
