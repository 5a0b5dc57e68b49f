"""Losses and quantiser training of the nano codec."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from voicert_codecs.nano.config import NanoCodecConfig
from voicert_codecs.nano.modules import NanoCodecModules, Quantizer

from nano.phones import PHONES, SILENCE, UNKNOWN
from nano.precision import mixed

WINDOWS = ((64, 8), (128, 16), (256, 32), (512, 64), (1024, 80), (2048, 80))  # samples, mel bands


def mel_filters(bands: int, bins: int, sample_rate: int) -> Tensor:
    """Triangular mel filters [bins, bands], each of area one."""
    top = 2595 * torch.log10(torch.tensor(1 + sample_rate / 2 / 700))
    edges = 700 * (10 ** (torch.linspace(0, float(top), bands + 2) / 2595) - 1)
    freqs = torch.linspace(0, sample_rate / 2, bins)[:, None]
    rise = (freqs - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - freqs) / (edges[2:] - edges[1:-1])
    filters = torch.minimum(rise, fall).clamp(min=0)
    return filters / filters.sum(0).clamp(min=1e-3)


class RealFFT(torch.autograd.Function):
    """rfft whose gradient is one inverse rfft; torch's own goes through a complex FFT of twice the size."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.size = x.shape[-1]
        return torch.fft.rfft(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        grad = grad * 0.5
        grad[..., 0] *= 2
        grad[..., -1] *= 2
        return torch.fft.irfft(grad, ctx.size, norm="forward")


def windows_of(x: Tensor, size: int) -> Tensor:
    """[B, N] → [B, frames, size], a quarter window apart, by joining four shifted rows of blocks."""
    hop = size // 4
    blocks = x[:, : x.shape[1] // hop * hop].unflatten(1, (-1, hop))
    return torch.cat([blocks[:, i : blocks.shape[1] - 3 + i] for i in range(4)], dim=2)


class MelLoss(nn.Module):
    """Mean absolute difference of log-mel spectra at several resolutions."""

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        for i, (window, bands) in enumerate(WINDOWS):
            self.register_buffer(f"window{i}", torch.hann_window(window))
            self.register_buffer(f"mel{i}", mel_filters(bands, window // 2 + 1, sample_rate))

    def forward(self, made: Tensor, wanted: Tensor) -> Tensor:
        total = made.new_zeros(())
        both = torch.cat([made, wanted])
        for i, (size, _) in enumerate(WINDOWS):
            window = self.get_buffer(f"window{i}")
            spectrum: Tensor = RealFFT.apply(windows_of(both, size) * window)  # type: ignore[assignment]
            power = (spectrum.real**2 + spectrum.imag**2) / window.square().sum()
            mel = torch.log10(power @ self.get_buffer(f"mel{i}") + 1e-6)
            a, b = mel.chunk(2)
            total = total + (a - b).abs().mean()
        return total / len(WINDOWS)


class QuantizerTrainer:
    """Moving-average codebooks with restart of dead entries, and random depth (SoundStream; EnCodec)."""

    def __init__(self, quantizer: Quantizer, decay: float = 0.98) -> None:
        self.q = quantizer
        self.decay = decay
        self.count = torch.ones(quantizer.codebooks.shape[:2], device=quantizer.codebooks.device)
        self.total = quantizer.codebooks.clone()

    @torch.no_grad()
    def fit(self, latent: Tensor, rounds: int = 12) -> None:
        """k-means of every codebook in turn on latent [N, D]."""
        residual = latent
        for k in range(len(self.q.codebooks)):
            book = residual[_some(residual, self.q.codebooks.shape[1])].clone()
            for _ in range(rounds):
                index = self.q.nearest(residual, book)
                count = torch.bincount(index, minlength=len(book)).float()
                total = torch.zeros_like(book).index_add_(0, index, residual)
                alive = count > 0
                book[alive] = total[alive] / count[alive, None]
                book[~alive] = residual[_some(residual, int((~alive).sum()))]
            self.q.codebooks[k] = book
            self.count[k] = 8.0
            self.total[k] = book * 8.0
            residual = residual - book[self.q.nearest(residual, book)]

    def __call__(self, latent: Tensor, depth: int) -> tuple[Tensor, Tensor, Tensor]:
        """latent [B, T, D] → quantised to ``depth`` codebooks, to the first one alone, and commitment.

        The gradient passes both quantised latents as if they were the latent itself (straight-through).
        """
        flat = latent.flatten(0, 1).float()
        residual = flat.detach()
        quantised = torch.zeros_like(flat)
        first = quantised
        for k in range(depth):
            book = self.q.codebooks[k]
            index = self.q.nearest(residual, book)
            self._update(k, residual, index)
            quantised = quantised + book[index]
            residual = residual - book[index]
            if k == 0:
                first = quantised
        commitment = F.mse_loss(flat, quantised.detach()) + 0.5 * F.mse_loss(flat, first.detach())
        through, coarse = (flat + (q - flat).detach() for q in (quantised, first))
        return through.view_as(latent), coarse.view_as(latent), commitment

    @torch.no_grad()
    def _update(self, k: int, x: Tensor, index: Tensor) -> None:
        size = self.q.codebooks.shape[1]
        count = torch.bincount(index, minlength=size).float()
        total = torch.zeros_like(self.q.codebooks[k]).index_add_(0, index, x)
        self.count[k].mul_(self.decay).add_(count, alpha=1 - self.decay)
        self.total[k].mul_(self.decay).add_(total, alpha=1 - self.decay)
        dead = self.count[k] < 0.05
        if dead.any():
            picked = x[_some(x, int(dead.sum()))]
            self.count[k][dead] = 1.0
            self.total[k][dead] = picked
        self.q.codebooks[k] = self.total[k] / self.count[k].clamp(min=1e-5)[:, None]


def _some(rows: Tensor, count: int) -> Tensor:
    """``count`` random indices of ``rows``, all different where there are enough."""
    if count <= len(rows):
        return torch.randperm(len(rows), device=rows.device)[:count]
    return torch.randint(len(rows), (count,), device=rows.device)


class PhoneHead(nn.Module):
    """Reads the phone of the frame before from the first code's vector: what the first codebook is for.

    One frame later than it sounds, since a phone is not known at its first milliseconds.
    """

    LAG = 1  # frames

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.out = nn.Linear(latent, len(PHONES))

    def forward(self, first: Tensor, phones: Tensor) -> tuple[Tensor, Tensor]:
        """first [B, T, D], phones [B, T] (`UNKNOWN` counts nothing) → loss, share of right frames."""
        logits, wanted = self.out(first[:, self.LAG :]).flatten(0, 1), phones[:, : -self.LAG].flatten()
        known = wanted != UNKNOWN
        if not known.any():
            return logits.sum() * 0.0, logits.new_zeros(())
        logits, wanted = logits[known], wanted[known]
        weight = torch.where(wanted == SILENCE, 0.2, 1.0)  # most frames are silent
        loss = (F.cross_entropy(logits, wanted, reduction="none") * weight).sum() / weight.sum()
        voiced = wanted != SILENCE
        right = (logits.argmax(-1) == wanted)[voiced].float().mean() if voiced.any() else logits.new_zeros(())
        return loss, right


class Bottleneck:
    """Between encoder and decoder: noise at first, then the quantiser, fitted once to what came before."""

    def __init__(
        self, trainer: QuantizerTrainer, warm_up: float, rng: np.random.Generator, fitted: bool
    ) -> None:
        self.trainer = trainer
        self.warm_up = warm_up  # share of the training without quantiser
        self.rng = rng
        self.fitted = fitted
        self.recent: list[Tensor] = []  # latents [N, D] of the last batches before the quantiser begins

    def __call__(self, latent: Tensor, share: float) -> tuple[Tensor, Tensor, Tensor]:
        """latent [B, T, D] at this ``share`` of the training → for the decoder, the first code, a loss."""
        if share < self.warm_up:
            if share > self.warm_up * 0.8:
                self.recent = [*self.recent[-15:], latent.detach().flatten(0, 1)]
            drift = (latent.pow(2).mean() - 1.0).relu()  # keeps the scale of the noise meaningful
            return latent + torch.randn_like(latent) * 0.15, latent, drift * 0.1
        if not self.fitted:
            self.trainer.fit(torch.cat([*self.recent, latent.detach().flatten(0, 1)]))
            self.fitted = True
        books = len(self.trainer.q.codebooks)
        depth = books if self.rng.random() < 0.5 else int(self.rng.integers(1, books + 1))
        return self.trainer(latent, depth)


class Reconstruction(nn.Module):
    """What the decoder makes of a latent, against what the microphone heard."""

    def __init__(self, modules: NanoCodecModules) -> None:
        super().__init__()
        self.modules_ = modules
        self.mel = MelLoss(modules.config.sample_rate)

    def forward(self, latent: Tensor, pcm: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """latent [B, T, D], pcm [B, T * frame] → (loss, its mel part, its MDCT part)."""
        m, hop = self.modules_, self.modules_.config.hop
        tail, _, overlap, state = (t.to(pcm.device) for t in m.fresh(len(pcm)))
        with mixed(pcm.device):
            coefficients, _ = m.decoder.coefficients(latent, state)
        coefficients = coefficients.float()
        made, _ = m.decoder.synthesise(coefficients, overlap)
        made, wanted = made[:, hop:], pcm[:, :-hop]
        cos, _, _ = m.encoder.coefficients(pcm, tail)
        mdct = (torch.asinh(coefficients * 30.0) - torch.asinh(cos * 30.0)).abs().mean()
        mel = self.mel(made, wanted)
        return mel + 0.15 * mdct + 2.0 * (made - wanted).abs().mean(), mel, mdct


def make_modules(config: NanoCodecConfig, seed: int) -> NanoCodecModules:
    torch.manual_seed(seed)
    return NanoCodecModules(config)
