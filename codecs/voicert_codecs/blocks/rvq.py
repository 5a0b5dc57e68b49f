"""Residual vector quantiser: each codebook codes what the ones before left over (SoundStream, 2021)."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from voicert_codecs.blocks.conv import copy, load_linear
from voicert_codecs.blocks.linear import Linear


def residual_codes(latent: Tensor, codebooks: Tensor, nearest: Callable[[Tensor, int], Tensor]) -> Tensor:
    """latent [B, T, D], codebooks [K, N, D] → codes [B, K, T].

    ``nearest(remainder, k)`` tells the code [B, T] in codebook k for what those before have left over.
    """
    remainder, codes = latent, list[Tensor]()
    for k, book in enumerate(codebooks):
        code = nearest(remainder, k)
        remainder = remainder - F.embedding(code, book)
        codes.append(code)
    return torch.stack(codes, dim=1)


def sum_of_vectors(codes: Tensor, codebooks: Tensor) -> Tensor:
    """codes [B, K, T], codebooks [K or more, N, D] → latent [B, T, D]."""
    latent = F.embedding(codes[:, 0], codebooks[0])
    for k in range(1, codes.shape[1]):
        latent = latent + F.embedding(codes[:, k], codebooks[k])
    return latent


class ResidualQuantizer(nn.Module):
    """``books`` codebooks of ``size`` vectors; a code names the nearest vector, the first one of equals."""

    codebooks: Tensor

    def __init__(self, books: int, size: int, dimension: int) -> None:
        super().__init__()
        self.books, self.size, self.dimension = books, size, dimension
        self.register_buffer("codebooks", torch.zeros(books, size, dimension))
        # |r - e|² = |r|² - 2 (r·e - |e|²/2): the vector with the largest bracket is the nearest
        self.brackets = nn.ModuleList([Linear(dimension, size) for _ in range(books)])
        self.load(torch.randn(books, size, dimension))

    @torch.no_grad()
    def load(self, codebooks: Tensor) -> None:
        """Takes the vectors, [books, size, dimension].

        Raises:
            CodecError: the shape does not fit.
        """
        copy(self.codebooks, codebooks, "codebooks")
        for bracket, book in zip(self.brackets, self.codebooks, strict=True):
            load_linear(cast(Linear, bracket), book, -book.square().sum(1) / 2)

    def encode(self, latent: Tensor, count: int | None = None) -> Tensor:
        """latent [B, T, D] → codes [B, K, T] of the first ``count`` codebooks (all when None)."""

        def nearest(remainder: Tensor, k: int) -> Tensor:
            return self.brackets[k](remainder).argmax(-1)

        return residual_codes(latent, self.codebooks[:count], nearest)

    def decode(self, codes: Tensor) -> Tensor:
        """codes [B, K, T] → latent [B, T, D]; fewer codebooks than there are give a coarser latent."""
        return sum_of_vectors(codes, self.codebooks)
