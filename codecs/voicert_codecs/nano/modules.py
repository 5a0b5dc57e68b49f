"""The nano codec in PyTorch: the reference for the ONNX graphs, and what training works on.

    pcm → MDCT (2 blocks per frame) → causal blocks → latent → residual vector quantiser → codes
    codes → latent → causal blocks → MDCT coefficients → inverse MDCT, overlap-add → pcm

All state is an argument. Sizes: B slots, T frames, C channels, K codebooks.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from voicert_codecs.blocks.conv import tapped
from voicert_codecs.blocks.rvq import residual_codes, sum_of_vectors
from voicert_codecs.nano.config import NanoCodecConfig


def mdct_basis(hop: int) -> tuple[Tensor, Tensor]:
    """Windowed MDCT and MDST matrices [2 * hop, hop]; the sine window makes the MDCT one its own inverse.

    Source: Princen, Johnson, Bradley, "Subband/transform coding using filter bank designs based on
    time domain aliasing cancellation", ICASSP 1987.
    """
    n = torch.arange(2 * hop, dtype=torch.float64)[:, None]
    k = torch.arange(hop, dtype=torch.float64)[None, :]
    angle = math.pi / hop * (n + 0.5 + hop / 2) * (k + 0.5)
    window = torch.sin(math.pi * (n + 0.5) / (2 * hop)) * math.sqrt(2 / hop)
    return (window * torch.cos(angle)).float(), (window * torch.sin(angle)).float()


class CausalBlock(nn.Module):
    """A depthwise causal convolution, then a two-layer perceptron, on a residual path (ConvNeXt, 2022)."""

    def __init__(self, width: int, kernel: int, expansion: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.taps = nn.Parameter(torch.randn(kernel, width) / math.sqrt(kernel))
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, expansion * width)
        self.down = nn.Linear(expansion * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """``x`` [B, T, C], ``past`` [B, kernel - 1, C] → the same shapes."""
        whole = torch.cat([past, x], dim=1)
        frames = x.shape[1]
        mixed = self.norm(tapped(whole, self.taps, frames))
        y = self.down(F.gelu(self.up(mixed), approximate="tanh"))
        return x + self.scale * y, whole[:, frames:]


class Trunk(nn.Module):
    """A row of causal blocks; the state is one tensor [B, blocks, kernel - 1, C]."""

    def __init__(self, width: int, blocks: int, config: NanoCodecConfig) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            [CausalBlock(width, config.kernel, config.expansion) for _ in range(blocks)]
        )
        self.kernel = config.kernel

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        new: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            x, past = block(x, state[:, i])
            new.append(past)
        return x, torch.stack(new, dim=1)


class Encoder(nn.Module):
    """pcm [B, T * frame] → latent [B, T, latent]; state: the last hop of samples, and the trunk's."""

    mdct: Tensor
    mdst: Tensor

    def __init__(self, config: NanoCodecConfig) -> None:
        super().__init__()
        self.config = config
        mdct, mdst = mdct_basis(config.hop)
        self.register_buffer("mdct", mdct, persistent=False)
        self.register_buffer("mdst", mdst, persistent=False)
        self.input = nn.Linear(2 * config.frame_size, config.encoder_width)
        self.trunk = Trunk(config.encoder_width, config.encoder_blocks, config)
        self.norm = nn.LayerNorm(config.encoder_width)
        self.output = nn.Linear(config.encoder_width, config.latent)

    def coefficients(self, pcm: Tensor, tail: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """pcm [B, N * hop], tail [B, hop] → MDCT and MDST [B, N, hop] each, and the new tail."""
        hop = self.config.hop
        blocks = torch.cat([tail, pcm], dim=1).reshape(pcm.shape[0], -1, hop)  # [B, N + 1, hop]
        windows = torch.cat([blocks[:, :-1], blocks[:, 1:]], dim=2)  # [B, N, 2 * hop]
        return windows @ self.mdct, windows @ self.mdst, blocks[:, -1]

    def forward(self, pcm: Tensor, tail: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        cos, sin, tail = self.coefficients(pcm, tail)
        level = torch.log(cos * cos + sin * sin + 1e-6) * 0.2 + 1.0
        signed = torch.asinh(cos * 30.0)
        features = torch.cat([signed, level], dim=2)  # [B, N, 2 * hop]
        frames = features.reshape(pcm.shape[0], -1, 2 * self.config.frame_size)
        x, state = self.trunk(self.input(frames), state)
        return self.output(self.norm(x)), tail, state


class Quantizer(nn.Module):
    """Residual vector quantiser: each codebook codes what the ones before left over (SoundStream, 2021)."""

    codebooks: Tensor

    def __init__(self, config: NanoCodecConfig) -> None:
        super().__init__()
        shape = (config.num_codebooks, config.codebook_size, config.latent)
        self.register_buffer("codebooks", torch.randn(shape) * 0.1)

    def nearest(self, residual: Tensor, book: Tensor) -> Tensor:
        """residual [..., D], book [N, D] → index of the nearest row; |r|², the same for all, is left out."""
        return (residual @ (2.0 * book.T) - (book * book).sum(1)).argmax(-1)

    def encode(self, latent: Tensor) -> Tensor:
        """latent [B, T, D] → codes [B, K, T]."""
        return residual_codes(latent, self.codebooks, lambda rest, k: self.nearest(rest, self.codebooks[k]))

    def decode(self, codes: Tensor) -> Tensor:
        """codes [B, K, T] → latent [B, T, D]; fewer codebooks give a coarser latent."""
        return sum_of_vectors(codes, self.codebooks)


class Decoder(nn.Module):
    """latent [B, T, latent] → pcm [B, T * frame]; state: the overlap's second half, and the trunk's."""

    mdct: Tensor

    def __init__(self, config: NanoCodecConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mdct", mdct_basis(config.hop)[0], persistent=False)
        self.input = nn.Linear(config.latent, config.decoder_width)
        self.trunk = Trunk(config.decoder_width, config.decoder_blocks, config)
        self.norm = nn.LayerNorm(config.decoder_width)
        self.shape = nn.Linear(config.decoder_width, config.frame_size)
        self.level = nn.Linear(config.decoder_width, config.frame_size)

    def coefficients(self, latent: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """→ MDCT coefficients [B, T * blocks, hop] and the new state."""
        x, state = self.trunk(self.input(latent), state)
        x = self.norm(x)
        gain = torch.exp((self.level(x) - 4.0).clamp(-12.0, 3.0))
        return (self.shape(x) * gain).reshape(x.shape[0], -1, self.config.hop), state

    def forward(self, latent: Tensor, overlap: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        coefficients, state = self.coefficients(latent, state)
        pcm, overlap = self.synthesise(coefficients, overlap)
        return pcm, overlap, state

    def synthesise(self, coefficients: Tensor, overlap: Tensor) -> tuple[Tensor, Tensor]:
        """Inverse MDCT and overlap-add: [B, N, hop], overlap [B, hop] → pcm [B, N * hop], new overlap.

        block 0  |--first--|--second-|
        block 1            |--first--|--second-|
        out      overlap+first, second+first, …  the last second half waits
        """
        windows = coefficients @ self.mdct.T  # [B, N, 2 * hop]
        first, second = windows.chunk(2, dim=2)
        before = torch.cat([overlap[:, None], second[:, :-1]], dim=1)
        return (first + before).flatten(1), second[:, -1]


class NanoCodecModules(nn.Module):
    """Encoder, quantiser and decoder together."""

    def __init__(self, config: NanoCodecConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.quantizer = Quantizer(config)
        self.decoder = Decoder(config)

    def fresh(self, batch: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Zero states: (encoder tail, encoder trunk, decoder overlap, decoder trunk)."""
        c = self.config
        past = c.kernel - 1
        return (
            torch.zeros(batch, c.hop),
            torch.zeros(batch, c.encoder_blocks, past, c.encoder_width),
            torch.zeros(batch, c.hop),
            torch.zeros(batch, c.decoder_blocks, past, c.decoder_width),
        )
