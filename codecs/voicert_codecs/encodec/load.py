"""Opens EnCodec from its weights."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from voicert_codecs.base import CodecError, identity_of
from voicert_codecs.blocks.conv import Start
from voicert_codecs.blocks.torch_codec import TorchCodec
from voicert_codecs.blocks.weights import find_file, read_tensors
from voicert_codecs.encodec.checkpoint import Weights, build, config_of
from voicert_codecs.encodec.config import EncodecConfig
from voicert_codecs.encodec.networks import both

FILES = ("model.safetensors", "pytorch_model.bin")  # in a folder of Hugging Face, the first one that is there


def open_codec(path: Path, codebooks: int | None = None, device: str = "cpu", *,
               bandwidth_kbps: float | None = None, start: Start | None = None,
               dtype: torch.dtype = torch.float32, packed: bool = True,
               graphs: bool = False) -> TorchCodec:  # fmt: skip
    """EnCodec with the weights of ``path``.

    Args:
        path: a state dict of the ``encodec`` package (``.th``), a file of Hugging Face (``.safetensors`` or
            ``.bin``), or a folder that holds one.
        codebooks: how many of the codebooks are used; all when neither this nor the bandwidth is given.
        bandwidth_kbps: the same as kilobits per second.
        start: how convolutions begin a signal; what a ``config.json`` beside the weights says when None,
            by reflection when there is none, as the released weights were trained.
        dtype, packed, graphs: see :class:`TorchCodec`.

    Raises:
        CodecError: there are no such weights, or they do not fit what is asked for.
    """
    file = find_file(path, FILES)
    weights = Weights.of(read_tensors(file))
    config = config_of(weights, start or _start_of(file.parent / "config.json"))
    if codebooks is not None and bandwidth_kbps is not None:
        raise CodecError("give either the number of codebooks or the bandwidth")
    count = config.codebooks if codebooks is None else codebooks
    if bandwidth_kbps is not None:
        count = config.codebooks_for(bandwidth_kbps)
    return make_codec(weights, config, count, device, dtype, packed, graphs)


def make_codec(weights: Weights, config: EncodecConfig, count: int, device: str = "cpu",
               dtype: torch.dtype = torch.float32, packed: bool = True,
               graphs: bool = False) -> TorchCodec:  # fmt: skip
    """The codec of weights at hand with ``count`` codebooks.

    Raises:
        CodecError: the weights do not have so many codebooks, or do not fit ``config``.
    """
    if not 1 <= count <= config.codebooks:
        raise CodecError(f"the weights have 1 to {config.codebooks} codebooks, {count} were asked for")
    encoder, decoder = both(*build(weights, config), count)
    return TorchCodec(
        "encodec",
        identity_of([weights.codebooks().numpy()]),
        encoder,
        decoder,
        sample_rate=config.sample_rate,
        frame_size=config.seanet.frame_size,
        num_codebooks=count,
        codebook_size=config.codebook_size,
        device=device,
        dtype=dtype,
        packed=packed,
        graphs=graphs,
    )


def _start_of(file: Path) -> Start:
    """How convolutions begin a signal by a configuration of Hugging Face.

    Raises:
        CodecError: it cannot be read, or names a way that is not known.
    """
    if not file.is_file():
        return "reflect"
    try:
        mode = json.loads(file.read_text(encoding="utf-8")).get("pad_mode", "reflect")
    except (OSError, ValueError, AttributeError) as error:
        raise CodecError(f"cannot read the codec's configuration {file}: {error}") from error
    match mode:
        case "reflect" | "replicate":
            return mode
        case "constant" | "zero":
            return "zeros"
        case _:
            raise CodecError(f"{file}: pad_mode {mode!r} is not known; reflect, replicate or constant are")
