#!/usr/bin/env python3
"""Writes a Mimi with random weights in Kyutai's published layout: the same structure, far smaller.

    python scripts/make_tiny_mimi.py FOLDER [--seed N] [--published-size]

FOLDER gets the weights under the name that all of Kyutai's repositories use, ``mimi_config.json`` with their
sizes, and ``config.json`` that names both. The ``moshi`` package loads them too.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from voicert_codecs.blocks.seanet import SeanetConfig
from voicert_codecs.blocks.transformer import TransformerConfig
from voicert_codecs.mimi.config import MimiConfig
from voicert_codecs.mimi.load import KYUTAI_FILE

TINY = MimiConfig(
    seanet=SeanetConfig(width=4, dimension=32, ratios=(4, 3, 2, 2), last_kernel=3, lstm_layers=0,
                        shortcut_conv=False, start="zeros"),
    transformer=TransformerConfig(width=32, layers=2, heads=4, hidden=64, context=10),
    sample_rate=1_200,
    codebooks=8,
    codebook_size=64,
    codebook_width=16,
)  # fmt: skip


def random_weights(config: MimiConfig, seed: int = 0) -> dict[str, Tensor]:
    """Weights that keep a signal's size about the same from layer to layer, by Kyutai's names."""
    source = torch.Generator().manual_seed(seed)
    weights: dict[str, Tensor] = {}
    last = 3 * len(config.seanet.ratios) + 2  # the convolution that makes samples, which should stay below 1
    for name, shape in shapes(config):
        values = torch.randn(shape, generator=source)
        if name.endswith(("_initialized",)):
            values = torch.ones(shape)
        elif name.endswith("cluster_usage"):
            values = values.abs() + 0.5
        elif name.endswith("scale"):
            values = 0.3 + 0.1 * values
        elif "norm" in name:
            values = 0.1 * values + (1.0 if name.endswith("weight") else 0.0)
        elif name.endswith("bias"):
            values = 0.05 * values
        elif not name.endswith("embedding_sum"):
            fan_in = shape[0] * 2 if "convtr" in name and shape[1] > 1 else math.prod(shape[1:])
            values = values * (1.3 if "coder.model" in name else 1.0) / math.sqrt(fan_in)
        weights[name] = values * (0.1 if name.startswith(f"decoder.model.{last}.") else 1.0)
    return weights


def shapes(config: MimiConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of every tensor in the file."""
    yield from encoder_shapes(config.seanet)
    yield from decoder_shapes(config.seanet)
    width, kernel = config.width, 2 * config.stride
    for side in ("encoder", "decoder"):
        yield from transformer_shapes(f"{side}_transformer.transformer.layers", config.transformer)
    for part, books in (("rvq_first", 1), ("rvq_rest", config.codebooks - 1)):
        yield f"quantizer.{part}.input_proj.weight", (config.codebook_width, width, 1)
        yield f"quantizer.{part}.output_proj.weight", (width, config.codebook_width, 1)
        for k in range(books):
            book = f"quantizer.{part}.vq.layers.{k}._codebook"
            yield f"{book}._initialized", (1,)
            yield f"{book}.cluster_usage", (config.codebook_size,)
            yield f"{book}.embedding_sum", (config.codebook_size, config.codebook_width)
    yield "downsample.conv.conv.conv.weight", (width, width, kernel)
    yield "upsample.convtr.convtr.convtr.weight", (width, 1, kernel)


def conv_shapes(name: str, *shape: int, bias: int | None = None) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", shape
    yield f"{name}.bias", (shape[0] if bias is None else bias,)


def block_shapes(name: str, channels: int, config: SeanetConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    inner = channels // config.compress
    yield from conv_shapes(f"{name}.block.1.conv.conv", inner, channels, config.residual_kernel)
    yield from conv_shapes(f"{name}.block.3.conv.conv", channels, inner, 1)


def encoder_shapes(config: SeanetConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    name, channels = "encoder.model", config.width
    yield from conv_shapes(f"{name}.0.conv.conv", channels, 1, config.kernel)
    for i, ratio in enumerate(reversed(config.ratios)):
        yield from block_shapes(f"{name}.{3 * i + 1}", channels, config)
        yield from conv_shapes(f"{name}.{3 * i + 3}.conv.conv", 2 * channels, channels, 2 * ratio)
        channels *= 2
    last = 3 * len(config.ratios) + 2
    yield from conv_shapes(f"{name}.{last}.conv.conv", config.dimension, channels, config.last_kernel)


def decoder_shapes(config: SeanetConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    name, channels = "decoder.model", config.widest
    yield from conv_shapes(f"{name}.0.conv.conv", channels, config.dimension, config.kernel)
    for i, ratio in enumerate(config.ratios):
        half = channels // 2
        yield from conv_shapes(f"{name}.{3 * i + 2}.convtr.convtr", channels, half, 2 * ratio, bias=half)
        yield from block_shapes(f"{name}.{3 * i + 3}", half, config)
        channels = half
    last = 3 * len(config.ratios) + 2
    yield from conv_shapes(f"{name}.{last}.conv.conv", 1, channels, config.last_kernel)


def transformer_shapes(name: str, config: TransformerConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    width = config.width
    for i in range(config.layers):
        layer = f"{name}.{i}"
        yield f"{layer}.self_attn.in_projs.0.weight", (3 * width, width)
        yield f"{layer}.self_attn.out_projs.0.weight", (width, width)
        for norm in ("norm1", "norm2"):
            yield f"{layer}.{norm}.weight", (width,)
            yield f"{layer}.{norm}.bias", (width,)
        yield f"{layer}.linear1.weight", (config.hidden, width)
        yield f"{layer}.linear2.weight", (width, config.hidden)
        yield f"{layer}.layer_scale_1.scale", (width,)
        yield f"{layer}.layer_scale_2.scale", (width,)


def kyutai_config(config: MimiConfig) -> dict[str, Any]:
    """The sizes as Kyutai's configuration says them."""
    s, t, width = config.seanet, config.transformer, config.width
    return {
        "sample_rate": config.sample_rate,
        "channels": 1,
        "frame_rate": config.sample_rate / config.frame_size,
        "seanet": {
            "channels": 1, "dimension": width, "causal": True, "n_filters": s.width, "n_residual_layers": 1,
            "activation": "ELU", "compress": s.compress, "dilation_base": 2, "disable_norm_outer_blocks": 0,
            "kernel_size": s.kernel, "residual_kernel_size": s.residual_kernel,
            "last_kernel_size": s.last_kernel, "norm": "none", "pad_mode": "constant",
            "ratios": list(s.ratios), "true_skip": True,
        },
        "quantizer": {
            "dimension": config.codebook_width, "n_q": config.codebooks, "bins": config.codebook_size,
            "input_dimension": width, "output_dimension": width,
        },
        "transformer": {
            "d_model": width, "num_heads": t.heads, "num_layers": t.layers, "causal": True,
            "layer_scale": 0.01, "context": t.context, "conv_layout": True, "max_period": t.rope_period,
            "gating": "none", "norm": "layer_norm", "positional_embedding": "rope",
            "dim_feedforward": t.hidden, "input_dimension": width, "output_dimensions": [width],
        },
    }  # fmt: skip


def write_mimi(folder: Path, config: MimiConfig = TINY, seed: int = 0) -> Path:
    """Writes weights, sizes and the file that names both; returns the file of the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / KYUTAI_FILE
    save_file(random_weights(config, seed), file)
    (folder / "mimi_config.json").write_text(json.dumps(kyutai_config(config), indent=1) + "\n")
    about = {"mimi_name": file.name, "mimi_config_name": "mimi_config.json"}
    (folder / "config.json").write_text(json.dumps(about, indent=1) + "\n")
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes a Mimi with random weights in Kyutai's layout.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--published-size", action="store_true", help="as large as the published weights")
    given = parser.parse_args()
    file = write_mimi(given.folder, MimiConfig() if given.published_size else TINY, given.seed)
    print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
