"""Small Mimis in Kyutai's file layout, and the ``moshi`` package's own model of the same file."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from make_tiny_mimi import TINY, random_weights, write_mimi
from safetensors.torch import save_file
from torch import Tensor
from voicert_codecs.base import Codes, Pcm
from voicert_codecs.mimi.checkpoint import Weights
from voicert_codecs.mimi.config import MimiConfig

from tests.support.encodec_original import clusters, sound
from tests.support.oracles import oracle

NEAR_TIE = 1e-5  # two codebook vectors whose squared distances differ by less than this part of them


def voices(count: int, frames: int, config: MimiConfig = TINY) -> Pcm:
    """[count, frames * frame_size]"""
    return np.stack([sound(frames * config.frame_size, seed) for seed in range(count)])


def original(file: Path, codebooks: int = 8) -> Any:
    """The ``moshi`` package's model of the weights in ``file``."""
    config = json.loads((file.parent / "mimi_config.json").read_text())
    return oracle("moshi.models.loaders").get_mimi(file, config, num_codebooks=codebooks)


def write_fitted(folder: Path, config: MimiConfig = TINY, seed: int = 0) -> Path:
    """Random weights with codebooks fitted to the original's latents of sound; returns the file."""
    file = write_mimi(folder, config, seed)
    weights = random_weights(config, seed)
    theirs = original(file, config.codebooks)
    pcm = torch.from_numpy(sound(40 * config.codebook_size * config.frame_size, seed=99))
    with torch.no_grad():
        latent = theirs._encode_to_unquantized_latent(pcm[None, None])
        torch.manual_seed(seed)
        for part in ("rvq_first", "rvq_rest"):
            rvq = getattr(theirs.quantizer, part)
            residual = rvq.input_proj(latent)[0].T
            for k in range(len(rvq.vq.layers)):
                vectors = clusters(residual, config.codebook_size)
                residual = residual - vectors[torch.cdist(residual, vectors).argmin(1)]
                name = f"quantizer.{part}.vq.layers.{k}._codebook"
                weights[f"{name}.embedding_sum"] = vectors * weights[f"{name}.cluster_usage"][:, None]
    save_file(weights, file)
    return file


def near_ties(
    file: Path, latent: Tensor, theirs: Codes, got: Codes, config: MimiConfig = TINY
) -> list[float]:
    """The relative gap of every code that differs, in float64: of the semantic one, and of the first acoustic
    one of a frame. What follows that codes another remainder and is not counted.

    ``latent`` [B, T, D]; ``theirs`` and ``got`` [B, K, T].
    """
    from safetensors.torch import load_file

    weights = Weights.of(load_file(file))
    books = weights.codebooks(config).double()
    gaps = list[float]()
    for part, levels in (("semantic", range(1)), ("acoustic", range(1, theirs.shape[1]))):
        project = weights.get(f"{part}.input_proj.weight")[:, :, 0].double()
        one, other = theirs[:, levels.start : levels.stop], got[:, levels.start : levels.stop]
        for row, frame in np.argwhere((one != other).any(axis=1)):
            first = int(np.argmax(one[row, :, frame] != other[row, :, frame]))
            remainder = project @ latent[row, frame].double()
            for k in range(first):
                remainder = remainder - books[levels.start + k][one[row, k, frame]]
            a, b = (
                float((remainder - books[levels.start + first][codes[row, first, frame]]).square().sum())
                for codes in (one, other)
            )
            gaps.append(abs(a - b) / max(a, math.ulp(1.0)))
    return gaps
