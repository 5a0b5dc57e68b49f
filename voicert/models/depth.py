"""Depth transformers: a frame's codebooks in turn, each knowing those before (RQ-Transformer, 2022).

    hidden [B, D] → its input for codebook k + embedding of what was written last → layers → logits of k

The bundled model and Moshi share the loop and its layers. They differ in whether every codebook has weights
of its own (see :mod:`voicert.models.moshi.depth`) and in that this one can be trained: on all at once.
Sizes: B or M rows, K codebooks, D width of the hidden state, E width in here, H heads, d head width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from voicert.models.config import DepthConfig
from voicert.models.layers import Layer, LayerSizes, Product, RmsNorm, attention

View = tuple[Tensor, Tensor, Tensor, Tensor]  # where to write key and value, and those so far
EPSILON = 1e-6  # of the bundled model's norms


class Choose(Protocol):
    def __call__(self, codebook: int, logits: Tensor) -> Tensor:
        """Logits [B, N] of a codebook → its codes [B]."""
        ...


class InTurn(nn.Module, ABC):
    """The loop over codebooks.

    Keys and values live only as long as a frame; their memory is made once per number of rows and used over
    and over, and so are the views into it that each codebook writes and reads.

    Args:
        sizes: of a layer, in what all of them have in common.
    """

    def __init__(self, sizes: LayerSizes, layers: int, codebooks: int) -> None:
        super().__init__()
        self._sizes, self._count, self._codebooks = sizes, layers, codebooks
        self._views: dict[int, list[list[View]]] = {}  # [K][layers] by the number of rows

    @abstractmethod
    def inputs_of(self, hidden: Tensor) -> Tensor:
        """[B, D] → [B, n, E], all that the loop takes from it."""

    @abstractmethod
    def enter(self, codebook: int, inputs: Tensor, last: Tensor) -> Tensor:
        """inputs [B, n, E], last [B] the text or the code before → [B, E]."""

    @abstractmethod
    def layers_of(self, codebook: int) -> Sequence[Layer]: ...

    @abstractmethod
    def logits_of(self, codebook: int, x: Tensor) -> Tensor:
        """[B, E] → [B, N]"""

    def in_turn(self, hidden: Tensor, text: Tensor, count: int, choose: Choose) -> Tensor:
        """hidden [B, D], text [B] → codes [B, count] of the first codebooks, as ``choose`` takes them."""
        inputs, views = self.inputs_of(hidden), self._memory(hidden)
        codes, last = list[Tensor](), text
        for k in range(count):
            x = self.enter(k, inputs, last)
            for layer, view in zip(self.layers_of(k), views[k], strict=True):
                x = layer(x, partial(self._attend, view))
            last = choose(k, self.logits_of(k, x))
            codes.append(last)
        return torch.stack(codes, dim=1)

    def _attend(self, view: View, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """query [B, H, d], key and value [B, Hkv, d] → [B, H * d]"""
        new_key, new_value, keys, values = view
        new_key.copy_(key)
        new_value.copy_(value)
        if values.shape[2] == 1 and query.shape == value.shape:  # alone, it attends to itself
            return value.flatten(1)
        query = query.reshape(len(query), key.shape[1], -1, key.shape[2])
        return attention(query, keys, values, None).flatten(1)

    def _memory(self, hidden: Tensor) -> list[list[View]]:
        """With whatever was in it: only what this frame writes is read."""
        rows, s = len(hidden), self._sizes
        if rows not in self._views:
            shape = (2, self._count, rows, s.kv_heads, self._codebooks, s.head_width)
            keys, values = hidden.new_empty(shape)
            layers = list(zip(keys, values, strict=True))
            self._views[rows] = [
                [
                    (key[:, :, k], value[:, :, k], key[:, :, : k + 1], value[:, :, : k + 1])
                    for key, value in layers
                ]
                for k in range(self._codebooks)
            ]
        return self._views[rows]


class DepthTransformer(InTurn):
    """The bundled model's: layers that all codebooks share, inputs, embeddings and heads of their own."""

    def __init__(
        self, width: int, codebooks: int, codebook_size: int, text_size: int, config: DepthConfig
    ) -> None:
        c = config
        sizes = LayerSizes(c.width, c.heads, c.heads, c.width // c.heads, c.hidden, EPSILON)
        super().__init__(sizes, c.layers, codebooks)
        self.codebooks = codebooks
        self.input = nn.ModuleList([Product(width, c.width) for _ in range(codebooks)])
        self.text_embedding = nn.Embedding(text_size, c.width)
        self.embedding = nn.ModuleList([nn.Embedding(codebook_size, c.width) for _ in range(codebooks - 1)])
        self.layers = cast("Sequence[Layer]", nn.ModuleList([Layer(sizes) for _ in range(c.layers)]))
        self.norm = RmsNorm(c.width, EPSILON)
        self.heads = nn.ModuleList([Product(c.width, codebook_size) for _ in range(codebooks)])

    def forward(self, hidden: Tensor, text: Tensor, codes: Tensor) -> Tensor:
        """hidden [M, D], text [M], codes [M, k] of the first k codebooks → logits [M, min(k + 1, K), N]."""
        count = min(codes.shape[1] + 1, self.codebooks)
        inputs = self.inputs_of(hidden)
        before = [text, *codes.unbind(1)]
        x = torch.stack([self.enter(k, inputs, before[k]) for k in range(count)], dim=1)
        for layer in self.layers:
            x = layer(x, _causal)
        return torch.stack([self.logits_of(k, x[:, k]) for k in range(count)], dim=1)

    def inputs_of(self, hidden: Tensor) -> Tensor:
        return torch.stack([part(hidden) for part in self.input], dim=1)

    def enter(self, codebook: int, inputs: Tensor, last: Tensor) -> Tensor:
        table = self.embedding[codebook - 1] if codebook else self.text_embedding
        return inputs[:, codebook] + table(last)

    def layers_of(self, codebook: int) -> Sequence[Layer]:
        return self.layers

    def logits_of(self, codebook: int, x: Tensor) -> Tensor:
        return self.heads[codebook](self.norm(x))


def _causal(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Over all codebooks at once."""
    query, key, value = (part.transpose(1, 2) for part in (query, key, value))
    return F.scaled_dot_product_attention(query, key, value, is_causal=True).transpose(1, 2).flatten(2)
