"""The depth transformer: a frame's codebooks in turn, each knowing those before (RQ-Transformer, 2022)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from voicert.models.config import DepthConfig


class DepthLayer(nn.Module):
    """Causal attention over the codebooks of a frame, and a gated perceptron."""

    def __init__(self, config: DepthConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.norm1 = nn.RMSNorm(config.width, eps=1e-6)
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)
        self.norm2 = nn.RMSNorm(config.width, eps=1e-6)
        self.gate_up = nn.Linear(config.width, 2 * config.hidden, bias=False)
        self.down = nn.Linear(config.hidden, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """x [M, K, D] → the same shape."""
        q, k, v = self.qkv(self.norm1(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        x = x + self.out(y)
        gate, up = self.gate_up(self.norm2(x)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)


class DepthTransformer(nn.Module):
    """Logits of codebook k from the temporal hidden state, the frame's text token and codebooks before k."""

    def __init__(
        self, width: int, codebooks: int, codebook_size: int, text_size: int, config: DepthConfig
    ) -> None:
        super().__init__()
        self.codebooks = codebooks
        self.input = nn.ModuleList([nn.Linear(width, config.width, bias=False) for _ in range(codebooks)])
        self.text_embedding = nn.Embedding(text_size, config.width)
        self.embedding = nn.ModuleList(
            [nn.Embedding(codebook_size, config.width) for _ in range(codebooks - 1)]
        )
        self.layers = nn.ModuleList([DepthLayer(config) for _ in range(config.layers)])
        self.norm = nn.RMSNorm(config.width, eps=1e-6)
        self.heads = nn.ModuleList(
            [nn.Linear(config.width, codebook_size, bias=False) for _ in range(codebooks)]
        )

    def forward(self, hidden: Tensor, text: Tensor, codes: Tensor) -> Tensor:
        """hidden [M, D], text [M], codes [M, k] of the first k codebooks → logits [M, min(k + 1, K), N]."""
        count = min(codes.shape[1] + 1, self.codebooks)
        rows: list[Tensor] = []
        for k in range(count):
            before = self.text_embedding(text) if k == 0 else self.embedding[k - 1](codes[:, k - 1])
            rows.append(self.input[k](hidden) + before)
        x = torch.stack(rows, dim=1)
        for layer in self.layers:
            x = layer(x)
        x = self.norm(x)
        return torch.stack([self.heads[k](x[:, k]) for k in range(count)], dim=1)
