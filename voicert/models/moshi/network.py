"""A Moshi: of every stream a token is given to a step, and the depth transformer writes those of its frame.

Sizes: B rows, T steps, S streams of audio, D width, V text tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from voicert.models.layers import LayerSizes
from voicert.models.moshi.config import MoshiConfig
from voicert.models.network import Network, Sizes
from voicert.models.parts import Table, norm_epsilon


class MoshiNetwork(Network):
    """Args:
    config: the sizes.
    rewind: steps that can be undone.
    """

    def __init__(self, config: MoshiConfig, rewind: int = 0) -> None:
        c = config
        super().__init__(
            Sizes(
                layer=LayerSizes(c.width, c.heads, c.kv_heads, c.head_width, c.hidden, norm_epsilon(c.norm)),
                contexts=(c.context,) * c.layers,
                sinks=c.sinks,
                word_heads=(0,) * c.layers,
                rope_period=c.rope_period,
                text_in=c.text_card,
                text_out=c.text_out,
                user_text_out=0,
                codebooks=c.depth.codebooks,
                card=c.card,
                depth=c.depth,
            ),
            rewind,
        )
        self.config = config
        self.table = Table([c.text_card] + [c.card] * c.streams, c.width)

    def forward(self, x: Tensor, rings: Sequence[Tensor], first: Sequence[int]) -> tuple[Tensor, Tensor]:
        """x [B, T, D], which `embed` makes → hidden [B, T, D], text logits [B, T, V].

        ``rings`` and ``first`` as :class:`voicert.models.temporal.Temporal` has them.
        """
        hidden = self.stepped(x, rings, first)
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
