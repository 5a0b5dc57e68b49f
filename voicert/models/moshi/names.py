"""Which names mean a model of this family; read without PyTorch."""

from __future__ import annotations

import re
from pathlib import Path

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


def is_kyutai_folder(path: Path) -> bool:
    """Whether a folder holds a model of Kyutai's layout, whatever the names of its files."""
    if not path.is_dir() or (path / "step.onnx").is_file():
        return False
    return any(path.glob("*.safetensors")) or any(path.glob("*.safetensors.index.json"))


def is_repository(name: str) -> bool:
    """Whether a name looks like one of the Hugging Face hub: an owner and a repository."""
    return bool(_REPOSITORY.fullmatch(name))
