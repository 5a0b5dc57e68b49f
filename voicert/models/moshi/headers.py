"""What safetensors files hold, by their headers: to find a file wrong, nothing needs to be allocated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from voicert.errors import ModelError

HEADER_LIMIT = 100_000_000  # bytes, as the format's own library has it
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}


@dataclass(frozen=True)
class Header:
    """One tensor of a file."""

    file: Path
    name: str
    dtype: str  # as the format calls it, such as "BF16"
    shape: tuple[int, ...]


def read_headers(path: Path) -> dict[str, Header]:
    """The tensors by name of a ``.safetensors`` file, or of all that ``….safetensors.index.json`` lists.

    Where ``path`` is not there, but ``path.index.json`` is, that is read.

    Raises:
        ModelError: a file is missing, cut off, or no safetensors.
    """
    index = path if path.name.endswith(".index.json") else path.with_name(path.name + ".index.json")
    if path.is_file() and path != index:
        return _headers_of(path)
    if not index.is_file():
        raise ModelError(f"the weights {path} are not there")
    try:
        places = cast("dict[str, str]", json.loads(index.read_text(encoding="utf-8"))["weight_map"])
        files = sorted(set(places.values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"cannot read the index of the weights {index}: {error!r}") from error
    found: dict[str, Header] = {}
    for file in files:
        found.update(_headers_of(index.parent / file))
    lacking = sorted(set(places) - set(found))
    if lacking:
        raise ModelError(f"{index} lists tensors that its files do not hold: {_some(lacking)}")
    return found


def _headers_of(path: Path) -> dict[str, Header]:
    if path.suffix not in (".safetensors", ".sft", ".sfts"):
        raise ModelError(f"the weights {path} are not in the safetensors format; convert them first")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(HEADER_LIMIT, size - 8):
                raise ValueError("its header is cut off or not one")
            content = cast("dict[str, Mapping[str, Any]]", json.loads(file.read(length)))
        headers: dict[str, Header] = {}
        for name, about in content.items():
            if name == "__metadata__":
                continue
            headers[name] = _header(path, name, about, size - 8 - length)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"cannot read the weights {path}: {error}") from error
    return headers


def _header(path: Path, name: str, about: Mapping[str, Any], room: int) -> Header:
    """
    Raises:
        ValueError: the tensor does not lie in the file, or its size is not that of its shape.
    """
    dtype, shape = str(about["dtype"]), tuple(int(size) for size in about["shape"])
    first, end = (int(place) for place in about["data_offsets"])
    count = _BYTES.get(dtype, 0)
    for size in shape:
        count *= size
    if dtype not in _BYTES:
        raise ValueError(f"{name} is of type {dtype}, which is not understood")
    if not 0 <= first <= end <= room or end - first != count:
        raise ValueError(f"{name} is cut off")
    return Header(path, name, dtype, shape)


def _some(names: list[str]) -> str:
    """The first few, and how many more."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def describe(names: list[str]) -> str:
    """Names in a message, the first few of them."""
    return _some(sorted(names))
