"""How much memory a model needs, and how much there is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch

from voicert.errors import ModelError
from voicert.models.moshi.config import MoshiConfig
from voicert.models.moshi.layout import tensors


@dataclass(frozen=True)
class Need:
    """Bytes."""

    weights: int
    per_session: int  # of a call that has lasted as long as the context; less before

    def __str__(self) -> str:
        return (
            f"{in_units(self.weights)} for its weights and up to {in_units(self.per_session)} for each call "
            f"that has filled its context"
        )


def need(config: MoshiConfig, capacity: int, dtype: torch.dtype, int8: bool) -> Need:
    """Args:
    capacity: positions of the ring of keys and values at its full size.
    """
    weights = 0
    for name, shape in tensors(config):
        one = 1 if int8 and len(shape) == 2 and "emb" not in name else dtype.itemsize
        weights += math.prod(shape) * one
    ring = 2 * config.layers * config.kv_heads * config.head_width * capacity * dtype.itemsize
    return Need(weights, ring)


def available(device: torch.device) -> int | None:
    """Bytes that could be allocated now; None where nobody tells."""
    if device.type == "cuda" and torch.cuda.is_available():
        return torch.cuda.mem_get_info(device)[0]
    if device.type != "cpu":
        return None
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def check(needed: Need, device: torch.device, what: str) -> None:
    """
    Raises:
        ModelError: the weights and one call do not fit; it says what there is.
    """
    there = available(device)
    if there is not None and needed.weights + needed.per_session > there:
        raise ModelError(f"{what} needs {needed}; {device.type} has {in_units(there)} free")


def in_units(count: int) -> str:
    """Bytes in the unit that leaves a number from 1 to 1000."""
    for unit, bytes_ in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= bytes_:
            return f"{count / bytes_:.2f} {unit}"
    return f"{count} bytes"
