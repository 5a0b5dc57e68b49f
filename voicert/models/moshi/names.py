"""Which names mean a model of this family; read without PyTorch."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_SIGNS = (
    "depformer_dim",
    "mimi_name",
    "moshi_name",
    "dep_q",
)  # only Kyutai's configurations have such fields


def is_kyutai_folder(path: Path) -> bool:
    """Whether a folder holds a model of Kyutai's layout, complete or not: by its configuration or weights."""
    if not path.is_dir() or (path / "step.onnx").is_file():
        return False
    if any(path.glob("*.safetensors")) or any(path.glob("*.safetensors.index.json")):
        return True
    try:
        about: Any = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(about, dict) and any(sign in about for sign in _SIGNS)


def is_repository(name: str) -> bool:
    """Whether a name looks like one of the Hugging Face hub: an owner and a repository."""
    return bool(_REPOSITORY.fullmatch(name))
