"""Mimi's split quantiser: one semantic codebook, and beside it a chain of acoustic ones.

    latent ─┬─ project ── nearest of the semantic codebook ──────────────── project ─┐
            └─ project ── residual chain of the acoustic codebooks, in sum ─ project ─┴─ + → latent

Both begin with the same latent, so the acoustic ones code the whole sound and not what the first left over.
Source: Défossez et al., "Moshi: a speech-text foundation model for real-time dialogue", 2024, section 3.3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from voicert_codecs.blocks.conv import load_linear
from voicert_codecs.blocks.linear import Linear
from voicert_codecs.blocks.rvq import ResidualQuantizer


class SplitQuantizer(nn.Module):
    """``books`` codebooks of ``size`` vectors of ``dimension``, for latents of ``width`` channels.

    The two projections on each side are one product.
    """

    def __init__(self, books: int, size: int, dimension: int, width: int) -> None:
        super().__init__()
        self.dimension = dimension
        self.input = Linear(width, 2 * dimension, bias=False)
        self.semantic = ResidualQuantizer(1, size, dimension)
        self.acoustic = ResidualQuantizer(books - 1, size, dimension)
        self.output = Linear(2 * dimension, width, bias=False)

    def encode(self, latent: Tensor) -> Tensor:
        """latent [B, T, width] → codes [B, books, T]."""
        first, rest = self.input(latent).chunk(2, dim=2)
        return torch.cat([self.semantic.encode(first), self.acoustic.encode(rest)], dim=1)

    def decode(self, codes: Tensor) -> Tensor:
        """codes [B, books, T] → latent [B, T, width]."""
        first, rest = self.semantic.decode(codes[:, :1]), self.acoustic.decode(codes[:, 1:])
        return self.output(torch.cat([first, rest], dim=2))

    @torch.no_grad()
    def load(self, codebooks: Tensor, inputs: tuple[Tensor, Tensor], outputs: tuple[Tensor, Tensor]) -> None:
        """Takes the vectors [books, size, dimension], and for the semantic and the acoustic part each the
        projections [dimension, width] and [width, dimension].

        Raises:
            CodecError: the shapes do not fit.
        """
        self.semantic.load(codebooks[:1])
        self.acoustic.load(codebooks[1:])
        load_linear(self.input, torch.cat(inputs, dim=0), None)
        load_linear(self.output, torch.cat(outputs, dim=1), None)
