"""Opens Mimi from its weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch

from voicert_codecs.base import CodecError, identity_of
from voicert_codecs.blocks.torch_codec import TorchCodec
from voicert_codecs.blocks.weights import read_tensors
from voicert_codecs.mimi.checkpoint import Weights, build
from voicert_codecs.mimi.config import USUAL_CODEBOOKS, MimiConfig, from_hugging_face, from_kyutai

KYUTAI_FILE = "tokenizer-e351c8d8-checkpoint125.safetensors"  # in all of Kyutai's repositories
HUGGING_FACE_FILE = "model.safetensors"


def open_codec(path: Path, codebooks: int | None = None, device: str = "cpu", *,
               forget_by_frame: bool = False, dtype: torch.dtype = torch.float32, packed: bool = True,
               graphs: bool = False) -> TorchCodec:  # fmt: skip
    """Mimi with the weights of ``path``.

    Args:
        path: Kyutai's ``tokenizer-….safetensors`` or a folder that holds it, such as that of a Moshi model;
            or a folder of Hugging Face's ``MimiModel``.
        codebooks: how many of the codebooks are used, 8 when None, as by speech models.
        forget_by_frame: latents leave the transformers' windows with their whole frame, as they do in the
            ``moshi`` package when it streams frame by frame; else one by one, as in its training and in its
            calls without streaming. It matters from the 11th second on, and little.
        dtype, packed, graphs: see :class:`TorchCodec`. When it is not packed, or runs in graphs, the
            networks leave the states they are given as they were, and all states have their full size.

    Raises:
        CodecError: there are no such weights, or they do not fit what is asked for.
    """
    file, config = find(path)
    if forget_by_frame:
        config = replace(config, transformer=replace(config.transformer, forget_every=config.stride))
    return make_codec(Weights.of(read_tensors(file)), config, codebooks, device, dtype, packed, graphs)


def make_codec(weights: Weights, config: MimiConfig, codebooks: int | None = None, device: str = "cpu",
               dtype: torch.dtype = torch.float32, packed: bool = True,
               graphs: bool = False) -> TorchCodec:  # fmt: skip
    """The codec of weights at hand.

    Raises:
        CodecError: the weights do not have so many codebooks, or do not fit ``config``.
    """
    count = min(USUAL_CODEBOOKS, config.codebooks) if codebooks is None else codebooks
    if not 2 <= count <= config.codebooks:
        raise CodecError(f"the weights have 2 to {config.codebooks} codebooks, {count} were asked for")
    encoder, decoder = build(weights, config, count, growing=packed and not graphs)
    return TorchCodec(
        "mimi",
        identity_of([weights.codebooks(config).numpy()]),
        encoder,
        decoder,
        sample_rate=config.sample_rate,
        frame_size=config.frame_size,
        num_codebooks=count,
        codebook_size=config.codebook_size,
        device=device,
        dtype=dtype,
        packed=packed,
        graphs=graphs,
    )


def find(path: Path) -> tuple[Path, MimiConfig]:
    """The weights that ``path`` is or holds, and their sizes by the ``config.json`` beside them.

    Where there is none, or where it is a Moshi model's that names no other, they are the published ones.

    Raises:
        CodecError: there are no weights, or their configuration cannot be read or is not supported.
    """
    folder = path if path.is_dir() else path.parent
    about = _read_json(folder / "config.json") if (folder / "config.json").is_file() else {}
    is_hugging_face = about.get("model_type") == "mimi"
    name = HUGGING_FACE_FILE if is_hugging_face else str(about.get("mimi_name", KYUTAI_FILE))
    file = folder / name if path.is_dir() else path
    if not file.is_file():
        raise CodecError(
            f"cannot open Mimi: {path} {f'holds no {name}' if path.is_dir() else 'is not there'}"
        )
    if file.name != name:
        return file, MimiConfig()
    if is_hugging_face:
        return file, from_hugging_face(about)
    if "mimi_config_name" in about:
        return file, from_kyutai(_read_json(folder / str(about["mimi_config_name"])))
    return file, MimiConfig()


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it is no object")
    except (OSError, ValueError) as error:
        raise CodecError(f"cannot read the configuration {file}: {error}") from error
    return cast("dict[str, Any]", content)
