"""A Moshi: a temporal transformer over steps, and a depth transformer over the codebooks of each.

Sizes: B rows, T steps, S streams of audio, D width, V text tokens.
"""

from __future__ import annotations

from torch import Tensor, nn
from voicert_codecs.blocks.kv import KvCache, KvRing
from voicert_codecs.blocks.linear import Linear
from voicert_codecs.blocks.transformer import Transformer, TransformerConfig

from voicert.models.moshi.config import MoshiConfig
from voicert.models.moshi.depth import DepthTransformer
from voicert.models.moshi.parts import Table, norm_epsilon, rms_norm


class MoshiNetwork(nn.Module):
    """Args:
    config: the sizes.
    rewind: steps that the cache may be set back by.
    """

    def __init__(self, config: MoshiConfig, rewind: int = 0) -> None:
        super().__init__()
        self.config = config
        self.table = Table([config.text_card] + [config.card] * config.streams, config.width)
        self.temporal = Transformer(temporal_sizes(config, rewind))
        self.norm = rms_norm(config.norm, config.width)
        self.text_head = Linear(config.width, config.text_out, bias=False)
        self.depth = DepthTransformer(config)

    def forward(self, tokens: Tensor, cache: KvCache) -> tuple[Tensor, Tensor]:
        """tokens [B, 1 + S, T], text first → hidden [B, T, D], text logits [B, T, V]; fills the cache."""
        hidden = self.norm(self.temporal(self.embed(tokens), cache))
        return hidden, self.text_head(hidden)

    def step(self, tokens: Tensor, ring: KvRing) -> tuple[Tensor, Tensor, KvRing]:
        """The same on a ring whose shapes never change, for graphs; T is 1."""
        x, ring = self.temporal.step(self.embed(tokens), ring, in_place=True)
        hidden = self.norm(x)
        return hidden, self.text_head(hidden), ring

    def embed(self, tokens: Tensor) -> Tensor:
        """tokens [B, 1 + S, T] → [B, T, D]"""
        rows = tokens.transpose(1, 2)
        return self.table(rows.flatten(0, 1)).unflatten(0, rows.shape[:2])


def temporal_sizes(config: MoshiConfig, rewind: int) -> TransformerConfig:
    return TransformerConfig(
        width=config.width,
        layers=config.layers,
        heads=config.heads,
        kv_heads=config.kv_heads,
        hidden=config.hidden,
        context=config.context,
        rope_period=config.rope_period,
        norm="rms",
        norm_epsilon=norm_epsilon(config.norm),
        gated=True,
        rewind=rewind,
    )
