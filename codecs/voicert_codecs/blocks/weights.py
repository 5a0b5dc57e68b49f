"""Reads weight files of PyTorch codecs: safetensors, or pickled state dicts of which no code is run."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from voicert_codecs.base import CodecError


def find_file(path: Path, names: Sequence[str]) -> Path:
    """The weights that ``path`` is, or the first of ``names`` that it holds.

    Raises:
        CodecError: there are none.
    """
    if path.is_file():
        return path
    for name in names:
        if (path / name).is_file():
            return path / name
    there = "holds none of " + " and ".join(names) if path.is_dir() else "is not there"
    raise CodecError(f"cannot open the weights: {path} {there}")


def read_tensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a state dict by their names.

    Raises:
        CodecError: it cannot be read.
    """
    try:
        if file.suffix == ".safetensors":
            return cast(Any, safetensors.torch).load_file(file)  # its own types are incomplete
        content = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, ValueError, RuntimeError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        raise CodecError(f"cannot read the weights {file}: {error}") from error
    if not isinstance(content, dict):
        raise CodecError(f"cannot read the weights {file}: they are no state dict")
    named = cast(dict[object, object], content)
    return {str(name): value for name, value in named.items() if isinstance(value, Tensor)}
