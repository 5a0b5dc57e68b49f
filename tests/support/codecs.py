"""Every codec there is, small and with random weights: by PyTorch, and as exported for ONNX Runtime."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from voicert_codecs.base import Codec, Codes, Pcm
from voicert_codecs.onnx_codec import OnnxCodec

if TYPE_CHECKING:
    from voicert_codecs.mimi.config import MimiConfig

ROOT = Path(__file__).parents[2]
TORCH = ("encodec", "mimi")
EXPORTED = ("encodec-onnx", "mimi-onnx")
RATE = 1_200  # Hz, of those with random weights made here


def codec(name: str, root: Path) -> Codec[Any]:
    """One of TORCH or EXPORTED; exports are made below ``root``."""
    kind, _, runtime = name.partition("-")
    return OnnxCodec(exported(kind, root)) if runtime else by_torch(kind)


@cache
def exported(kind: str, root: Path) -> Path:
    """The folder of the exported graphs of one of TORCH; it takes some seconds, so once per test run."""
    folder = root / f"exported-{kind}"
    if kind == "mimi":
        export_by_command(root)
    else:
        from voicert_codecs.onnx_export import export

        export(by_torch(kind, packed=False), folder)
    return folder


@cache
def export_by_command(root: Path) -> subprocess.CompletedProcess[str]:
    """Mimi's graphs, as a person makes them from a checkpoint."""
    from make_tiny_mimi import write_mimi

    file = write_mimi(root / "mimi", mimi_config())
    command = [sys.executable, "-m", "voicert_codecs", "export", str(file), str(root / "exported-mimi")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "codecs")}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@cache
def by_torch(kind: str, packed: bool = True) -> Codec[Any]:
    import torch

    torch.set_num_threads(1)
    return _encodec(packed) if kind == "encodec" else _mimi(packed)


def _encodec(packed: bool) -> Codec[Any]:
    """Begins by reflection as the released one does, so a fresh state is not all zeros."""
    import torch
    from voicert_codecs.base import identity_of
    from voicert_codecs.blocks.rvq import ResidualQuantizer
    from voicert_codecs.blocks.seanet import SeanetConfig, SeanetDecoder, SeanetEncoder
    from voicert_codecs.blocks.torch_codec import TorchCodec
    from voicert_codecs.encodec.networks import both

    torch.manual_seed(3)
    config = SeanetConfig(width=4, dimension=16, ratios=(6, 4), lstm_layers=1)
    encoder, decoder = SeanetEncoder(config), SeanetDecoder(config)
    books, count = 6, 4
    quantizer = ResidualQuantizer(books, 64, config.dimension)
    with torch.no_grad():
        for weight in [*encoder.parameters(), *decoder.parameters()]:
            weight.mul_(1.4 if weight.ndim > 1 else 1.0)
    # Each codebook is finer than the one before, as fitted ones are.
    vectors = torch.randn(books, 64, config.dimension)
    quantizer.load(vectors * 0.5 ** torch.arange(books)[:, None, None])
    networks = both(encoder, decoder, quantizer, count)
    return TorchCodec(
        "encodec", identity_of([vectors.numpy()]), *networks, sample_rate=RATE, frame_size=24,
        num_codebooks=count, codebook_size=64, packed=packed,
    )  # fmt: skip


def mimi_config() -> MimiConfig:
    """The ring of its transformers goes round within some thirty frames."""
    from voicert_codecs.blocks.seanet import SeanetConfig
    from voicert_codecs.blocks.transformer import TransformerConfig
    from voicert_codecs.mimi.config import MimiConfig

    return MimiConfig(
        seanet=SeanetConfig(width=4, dimension=32, ratios=(12,), last_kernel=3, lstm_layers=0,
                            shortcut_conv=False, start="zeros"),
        transformer=TransformerConfig(width=32, layers=1, heads=4, hidden=64, context=10),
        sample_rate=RATE, codebooks=4, codebook_size=64, codebook_width=16,
    )  # fmt: skip


def _mimi(packed: bool) -> Codec[Any]:
    from make_tiny_mimi import random_weights
    from voicert_codecs.mimi.checkpoint import Weights
    from voicert_codecs.mimi.load import make_codec

    return make_codec(Weights.of(random_weights(mimi_config())), mimi_config(), packed=packed)


def voices(codec: Codec[Any], count: int, frames: int) -> Pcm:
    """[count, frames * frame_size], each of another pitch and with some noise, so that frames differ."""
    rng = np.random.default_rng(count)
    t = np.arange(frames * codec.frame_size) / codec.sample_rate
    pitch = codec.sample_rate / (9.0 + np.arange(count)[:, None])
    tone = np.sin(2 * np.pi * pitch * t) * (0.3 + 0.2 * np.sin(2 * np.pi * 3 * t))
    return (tone + 0.1 * rng.standard_normal(tone.shape)).astype(np.float32)


def frame_by_frame(codec: Codec[Any], pcm: Pcm) -> tuple[Codes, Pcm]:
    """Through a state of its own, decoding each frame as it comes."""
    state, size = codec.init_state(len(pcm)), codec.frame_size
    codes = [codec.encode(pcm[:, at : at + size], state) for at in range(0, pcm.shape[1], size)]
    return np.concatenate(codes, 2), np.concatenate([codec.decode(c, state) for c in codes], 1)
