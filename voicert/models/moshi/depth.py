"""Moshi's depth transformer: every codebook has weights of its own, or a schedule says which of the sets.

So each of its sub-steps reads as many weights as the others. The sets of a layer share its norms alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from voicert.models.depth import Choose, InTurn
from voicert.models.layers import Layer, LayerSizes, Product, RmsNorm
from voicert.models.moshi.config import MoshiConfig
from voicert.models.moshi.parts import Table, norm_epsilon


class DepthTransformer(InTurn):
    """Its modules are public for the loader."""

    def __init__(self, config: MoshiConfig) -> None:
        d = config.depth
        sizes = [
            LayerSizes(d.width, d.heads, d.kv_heads, d.width // d.heads, hidden, norm_epsilon(config.norm))
            for hidden in d.hidden
        ]
        super().__init__(sizes[0], d.layers, d.codebooks)
        self.sizes = d
        # All the inputs from the hidden state in one product: of set j the j-th piece of E rows.
        self.inputs = Product(config.width, (max(d.inputs) + 1) * d.width)
        cards = [config.text_card] + [config.card] * (d.codebooks - 1)
        self.tables = cast("Sequence[Table]", nn.ModuleList([Table([card], d.width) for card in cards]))
        self.sets = cast(
            "Sequence[Sequence[Layer]]",
            nn.ModuleList([nn.ModuleList([Layer(each) for _ in range(d.layers)]) for each in sizes]),
        )
        self.norms = nn.ModuleList(
            [RmsNorm(d.width, norm_epsilon(d.norm)) if d.norm else nn.Identity() for _ in range(d.codebooks)]
        )
        self.heads = cast(
            "Sequence[Product]",
            nn.ModuleList([Product(d.width, config.card) for _ in range(d.codebooks)]),
        )

    def forward(self, hidden: Tensor, text: Tensor, count: int, choose: Choose) -> Tensor:
        return self.in_turn(hidden, text, count, choose)

    def inputs_of(self, hidden: Tensor) -> Tensor:
        return self.inputs(hidden).unflatten(1, (-1, self.sizes.width))

    def enter(self, codebook: int, inputs: Tensor, last: Tensor) -> Tensor:
        return inputs[:, self.sizes.inputs[codebook]] + self.tables[codebook](last[:, None])

    def layers_of(self, codebook: int) -> Sequence[Layer]:
        return self.sets[self.sizes.weights[codebook]]

    def logits_of(self, codebook: int, x: Tensor) -> Tensor:
        return self.heads[codebook](self.norms[codebook](x))
