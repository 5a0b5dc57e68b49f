"""Small EnCodec models of the original package: random but lively weights, codebooks fitted to sound."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from voicert_codecs.base import Codes, Pcm
from voicert_codecs.blocks.torch_codec import TorchCodec
from voicert_codecs.encodec.checkpoint import Weights, config_of
from voicert_codecs.encodec.load import make_codec
from voicert_codecs.encodec.networks import primer

from tests.support.oracles import oracle

NEAR_TIE = 1e-5  # two codebook vectors whose squared distances differ by less than this part of them
RATIOS = {75: (8, 5, 4, 2), 50: (8, 5, 4, 3)}  # by frames per second
BANDWIDTHS = (1.5, 3.0, 6.0, 12.0, 24.0)  # kbps


def sound(samples: int, seed: int = 0) -> Pcm:
    """[samples] at 24 kHz: gliding harmonics, noise and near-silence."""
    random = np.random.default_rng(seed)
    time = np.arange(samples) / 24_000
    knots = np.arange(0, samples + 4000, 2000)

    def glide(low: float, high: float) -> NDArray[np.float64]:
        return np.interp(np.arange(samples), knots, random.uniform(low, high, len(knots)))

    phase = np.cumsum(glide(80, 400)) * 2 * np.pi / 24_000
    voice = sum(np.sin(n * phase) * glide(0, 1 / n) for n in range(1, 9))
    noise = random.standard_normal(samples) * glide(0, 1)
    loud = glide(-0.3, 1.0).clip(0)  # below zero: a pause
    clean = 0.2 * loud * (voice + 0.3 * noise + 0.1 * np.sin(2 * np.pi * 3000 * time))
    # In digital silence all frames are one, which a fitted codebook meets exactly; what is left is rounding.
    return (clean + 0.001 * random.standard_normal(samples)).astype(np.float32)


def model(rate: int = 75, width: int = 4, dimension: int = 32, books: int = 8, size: int = 64,
          seed: int = 0, fitted: bool = True) -> Any:  # fmt: skip
    """An ``encodec.EncodecModel``; ``fitted`` codebooks come from latents of sound, others are random."""
    encodec = oracle("encodec")
    torch.manual_seed(seed)
    common = {
        "ratios": list(RATIOS[rate]),
        "n_filters": width,
        "dimension": dimension,
        "causal": True,
        "norm": "weight_norm",
        "n_residual_layers": 1,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of the weight normalisation that the package uses
        made = encodec.EncodecModel(
            encodec.modules.SEANetEncoder(**common),
            encodec.modules.SEANetDecoder(**common),
            encodec.quantization.ResidualVectorQuantizer(dimension=dimension, n_q=books, bins=size),
            list(BANDWIDTHS),
            24_000,
            1,
        ).eval()
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name.endswith("weight_g"):
                parameter.mul_(1.7)  # torch's initial weights let the signal fade layer by layer,
            elif name.endswith("conv.bias"):
                parameter.mul_(0.3)  # and the biases drown it
        _fill_codebooks(made, fitted)
    return made


def _fill_codebooks(made: Any, fitted: bool) -> None:
    layers = made.quantizer.vq.layers
    size, dimension = layers[0]._codebook.embed.shape
    pcm = torch.from_numpy(sound(size * 1200 if fitted else 24_000, seed=99))
    residual = made.encoder(pcm[None, None])[0].T
    for layer in layers:
        book = layer._codebook
        random = (
            torch.randn(size, dimension) * residual.std() / 3
        )  # so small that the sum of many stays small
        vectors = clusters(residual, size) if fitted else random
        book.embed.copy_(vectors)
        book.inited.fill_(1)
        residual = residual - vectors[book.quantize(residual)]


def clusters(points: Tensor, count: int) -> Tensor:
    """Lloyd's algorithm from points chosen at random; those that lose all points stay where they are."""
    centres = points[torch.randperm(len(points))[:count]].clone()
    for _ in range(4):
        nearest = torch.cdist(points, centres).argmin(1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        counts = torch.bincount(nearest, minlength=count)[:, None]
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), centres)
    return centres


def ours(original: Any, codebooks: int | None = None, packed: bool = True) -> TorchCodec:
    """Our codec with the weights of an original."""
    weights = Weights.of(original.state_dict())
    config = config_of(weights)
    return make_codec(weights, config, codebooks or config.codebooks, packed=packed)


@dataclass(frozen=True)
class Reference:
    """What the original gives for a signal after the silence that our streams begin after; see `primer`."""

    codes: Codes  # [B, K, T]
    latent: Tensor  # [B, T, D]
    pcm: Pcm  # [B, T * frame_size]


@torch.no_grad()
def reference(original: Any, pcm: Pcm, codebooks: int) -> Reference:
    """``pcm`` [B, T * frame_size] in one call of the original, without the silence's outputs."""
    frame = original.encoder.hop_length
    silent = primer(config_of(Weights.of(original.state_dict())).seanet)
    x = torch.nn.functional.pad(torch.from_numpy(pcm)[:, None], (silent * frame, 0))
    latent = original.encoder(x)
    layers = original.quantizer.vq.layers[:codebooks]
    codes = torch.stack(_encode(latent, layers), dim=1)
    decoded = original.decoder(original.quantizer.decode(codes.transpose(0, 1)))
    return Reference(
        codes[:, :, silent:].numpy(),
        latent.transpose(1, 2)[:, silent:],
        decoded[:, 0, silent * frame :].numpy(),
    )


def _encode(latent: Tensor, layers: Any) -> list[Tensor]:
    """The original's layers one by one, as its quantiser calls them."""
    residual, codes = latent, list[Tensor]()
    for layer in layers:
        code = layer.encode(residual)
        residual = residual - layer.decode(code)
        codes.append(code)
    return codes


def near_ties(original: Any, latent: Tensor, theirs: Codes, got: Codes) -> list[float]:
    """The relative gap of every code that differs, where a frame's first one does; in float64.

    What follows the first difference in a frame codes another remainder and is not counted.
    ``latent`` [B, T, D]; ``theirs`` and ``got`` [B, K, T].
    """
    books = [layer._codebook.embed.double() for layer in original.quantizer.vq.layers]
    gaps = list[float]()
    for row, frame in np.argwhere((theirs != got).any(axis=1)):
        level = int(np.argmax(theirs[row, :, frame] != got[row, :, frame]))
        remainder = latent[row, frame].double()
        for k in range(level):
            remainder = remainder - books[k][theirs[row, k, frame]]
        one, other = (
            float((remainder - books[level][codes[row, level, frame]]).square().sum())
            for codes in (theirs, got)
        )
        gaps.append(abs(one - other) / max(one, math.ulp(1.0)))
    return gaps
