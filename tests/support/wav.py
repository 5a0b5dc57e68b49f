"""Sound files for tests, written without the code under test."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FORMATS = ("u8", "s16", "s24", "s32", "f32", "f64")  # of samples


def save(
    path: Path,
    *sounds: NDArray[np.float32],
    rate_hz: int = 24_000,
    kind: str = "s16",
    channels: int = 1,
    extensible: bool = False,
) -> Path:
    """Writes sounds [samples], one after another, the same in all channels; ``kind`` is one of FORMATS."""
    pcm = np.repeat(np.concatenate(sounds).astype(np.float64), channels)
    bits = int(kind[1:])
    data = pcm.astype(f"<f{bits // 8}").tobytes() if kind[0] == "f" else _integers(pcm, bits)
    code = 3 if kind[0] == "f" else 1
    width = bits // 8 * channels
    header = struct.pack(
        "<HHIIHH", 0xFFFE if extensible else code, channels, rate_hz, rate_hz * width, width, bits
    )
    if extensible:
        header += struct.pack("<HHIH14x", 22, bits, 0, code)
    # An odd chunk that a reader has to pass over, with its padding byte.
    body = b"WAVE" + _chunk(b"LIST", b"odd") + _chunk(b"fmt ", header) + _chunk(b"data", data)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def flite(text: str, folder: Path) -> Path:
    """``text`` in flite's voice rms, in a file named by it."""
    path = folder / f"{text.replace(' ', '_')}.wav"
    subprocess.run(["flite", "-voice", "rms", "-t", text, "-o", str(path)], check=True)
    return path


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _integers(pcm: NDArray[np.float64], bits: int) -> bytes:
    full = 2 ** (bits - 1)
    whole = np.clip(np.rint(pcm * full), -full, full - 1).astype(np.int64)
    if bits == 8:
        return (whole + 128).astype(np.uint8).tobytes()
    return whole.astype("<i8").view(np.uint8).reshape(-1, 8)[:, : bits // 8].tobytes()
