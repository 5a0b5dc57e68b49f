"""A Moshi: a temporal transformer over steps, and a depth transformer over the codebooks of each.

Sizes: B rows, T steps, S streams of audio, D width, V text tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from voicert.models.depth import DepthTransformer
from voicert.models.layers import LayerSizes, Product, RmsNorm
from voicert.models.moshi.config import MoshiConfig
from voicert.models.parts import Table, norm_epsilon
from voicert.models.temporal import PIECE, Temporal
from voicert.models.window import Window


class MoshiNetwork(nn.Module):
    """Args:
    config: the sizes.
    rewind: steps that can be undone.
    """

    def __init__(self, config: MoshiConfig, rewind: int = 0) -> None:
        super().__init__()
        self.config = c = config
        self.rewind = rewind
        epsilon = norm_epsilon(c.norm)
        sizes = LayerSizes(c.width, c.heads, c.kv_heads, c.head_width, c.hidden, epsilon)
        self.table = Table([c.text_card] + [c.card] * c.streams, c.width)
        self.temporal = Temporal(
            sizes, c.layers, Window(c.context, c.sinks, rewind + PIECE - 1), c.rope_period
        )
        self.norm = RmsNorm(c.width, epsilon)
        self.text_head = Product(c.width, c.text_out)
        self.depth = DepthTransformer(c.depth, c.width, c.text_card, c.card, epsilon)

    def forward(self, x: Tensor, rings: Sequence[Tensor], first: Sequence[int]) -> tuple[Tensor, Tensor]:
        """x [B, T, D], which `embed` makes → hidden [B, T, D], text logits [B, T, V].

        ``rings`` and ``first`` as :class:`voicert.models.temporal.Temporal` has them.
        """
        hidden = self.norm(self.temporal(x, rings, first))
        return hidden, self.text_head(hidden)

    def all_slots(
        self, tokens: Tensor, rings: Tensor, position: Tensor, far: bool = False
    ) -> tuple[Tensor, Tensor]:
        """The next step of the first B slots: tokens [B, 1 + S, 1]; shapes and work depend on no values."""
        hidden = self.norm(self.temporal.all_slots(self.embed(tokens), rings, position, far))
        return hidden, self.text_head(hidden)

    def embed(self, tokens: Tensor) -> Tensor:
        """tokens [B, 1 + S, T], text first → [B, T, D]"""
        rows = tokens.transpose(1, 2)
        return self.table(rows.flatten(0, 1)).unflatten(0, rows.shape[:2])
