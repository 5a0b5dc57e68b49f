"""The depth transformer: a frame's codebooks in turn, each knowing those before (RQ-Transformer, 2022).

    hidden [B, D] → its input for codebook k + embedding of what was written last → layers → logits of k

Every codebook may have weights of its own, as Moshi's have, or a schedule says which of the sets it has: the
bundled model's have one for all. The sets of a layer share its norms alone.
Sizes: B rows, K codebooks, D width of the hidden state, E width in here, H heads, Hkv of keys, d head width.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from voicert.models.config import DepthSizes
from voicert.models.layers import Layer, LayerSizes, Product, RmsNorm, attention
from voicert.models.parts import Table, norm_epsilon

View = tuple[Tensor, Tensor, Tensor, Tensor]  # where to write key and value, and those so far


class Choose(Protocol):
    def __call__(self, codebook: int, logits: Tensor) -> Tensor:
        """Logits [B, N] of a codebook → its codes [B]."""
        ...


class DepthTransformer(nn.Module):
    """Its modules are public for the loader.

    Keys and values live only as long as a frame; their memory is made once per number of rows and used over
    and over, and so are the views into it that each codebook writes and reads.

    Args:
        width: of the hidden state.
        text_card, card: values of a text token, and of a code.
        epsilon: of the layers' norms.
    """

    def __init__(self, sizes: DepthSizes, width: int, text_card: int, card: int, epsilon: float) -> None:
        super().__init__()
        self.sizes = d = sizes
        each = [
            LayerSizes(d.width, d.heads, d.kv_heads, d.width // d.heads, hidden, epsilon)
            for hidden in d.hidden
        ]
        # All the inputs from the hidden state in one product: of set j the j-th piece of E rows.
        self.inputs = Product(width, (max(d.inputs) + 1) * d.width)
        cards = [text_card] + [card] * (d.codebooks - 1)
        self.tables = cast("Sequence[Table]", nn.ModuleList([Table([card], d.width) for card in cards]))
        self.sets = cast(
            "Sequence[Sequence[Layer]]",
            nn.ModuleList([nn.ModuleList([Layer(some) for _ in range(d.layers)]) for some in each]),
        )
        self.norms = nn.ModuleList(
            [RmsNorm(d.width, norm_epsilon(d.norm)) if d.norm else nn.Identity() for _ in range(d.codebooks)]
        )
        self.heads = cast(
            "Sequence[Product]", nn.ModuleList([Product(d.width, card) for _ in range(d.codebooks)])
        )
        self._views: dict[int, list[list[View]]] = {}  # [K][layers] by the number of rows

    def forward(self, hidden: Tensor, text: Tensor, count: int, choose: Choose) -> Tensor:
        """hidden [B, D], text [B] → codes [B, count] of the first codebooks, as ``choose`` takes them."""
        inputs, views = self._inputs_of(hidden), self._memory(hidden)
        codes, last = list[Tensor](), text
        for k in range(count):
            x = self._enter(k, inputs, last)
            for layer, view in zip(self._layers_of(k), views[k], strict=True):
                x = layer(x, partial(_attend_in_place, view))
            last = choose(k, self._logits_of(k, x))
            codes.append(last)
        return torch.stack(codes, dim=1)

    def forced(self, hidden: Tensor, text: Tensor, codes: Tensor) -> Tensor:
        """Where codes are known, with gradients: hidden [B, D], text [B], codes [B, k] of the first codebooks
        → logits [B, min(k + 1, K), N].
        """
        inputs, before = self._inputs_of(hidden), [text, *codes.unbind(1)]
        past: list[list[tuple[Tensor, Tensor]]] = [[] for _ in range(self.sizes.layers)]
        made = list[Tensor]()
        for k in range(min(codes.shape[1] + 1, self.sizes.codebooks)):
            x = self._enter(k, inputs, before[k])
            for layer, seen in zip(self._layers_of(k), past, strict=True):
                x = layer(x, partial(_attend_and_keep, seen))
            made.append(self._logits_of(k, x))
        return torch.stack(made, dim=1)

    def _inputs_of(self, hidden: Tensor) -> Tensor:
        """[B, D] → [B, n, E], all that is taken from it."""
        return self.inputs(hidden).unflatten(1, (-1, self.sizes.width))

    def _enter(self, codebook: int, inputs: Tensor, last: Tensor) -> Tensor:
        """inputs [B, n, E], last [B] the text or the code before → [B, E]"""
        return inputs[:, self.sizes.inputs[codebook]] + self.tables[codebook](last[:, None])

    def _layers_of(self, codebook: int) -> Sequence[Layer]:
        return self.sets[self.sizes.weights[codebook]]

    def _logits_of(self, codebook: int, x: Tensor) -> Tensor:
        """[B, E] → [B, N]"""
        return self.heads[codebook](self.norms[codebook](x))

    def _memory(self, hidden: Tensor) -> list[list[View]]:
        """With whatever was in it: only what this frame writes is read."""
        rows, d = len(hidden), self.sizes
        if rows not in self._views:
            shape = (2, d.layers, rows, d.kv_heads, d.codebooks, d.width // d.heads)
            keys, values = hidden.new_empty(shape)
            layers = list(zip(keys, values, strict=True))
            self._views[rows] = [
                [
                    (key[:, :, k], value[:, :, k], key[:, :, : k + 1], value[:, :, : k + 1])
                    for key, value in layers
                ]
                for k in range(d.codebooks)
            ]
        return self._views[rows]


def _attend_in_place(view: View, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """query [B, H, d], key and value [B, Hkv, d] → [B, H * d]"""
    new_key, new_value, keys, values = view
    new_key.copy_(key)
    new_value.copy_(value)
    return _attend(query, key, value, keys, values)


def _attend_and_keep(seen: list[tuple[Tensor, Tensor]], query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The same; keys and values so far stand in ``seen``."""
    seen.append((key, value))
    keys, values = (torch.stack(part, dim=2) for part in zip(*seen, strict=True))
    return _attend(query, key, value, keys, values)


def _attend(query: Tensor, key: Tensor, value: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """keys and values [B, Hkv, n, d] are all so far, ``key`` and ``value`` the last of them."""
    if values.shape[2] == 1 and query.shape == value.shape:  # alone, it attends to itself
        return value.flatten(1)
    query = query.reshape(len(query), key.shape[1], -1, key.shape[2])
    return attention(query, keys, values, None).flatten(1)
