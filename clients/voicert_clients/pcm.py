"""Samples, and their form on the wire: 16-bit little-endian integers in base64."""

from __future__ import annotations

import base64
import binascii

import numpy as np
from numpy.typing import NDArray

from voicert_clients.errors import WireError

SAMPLE_RATE = 24_000  # Hz, mono, 16-bit on the wire
SAMPLES_PER_MS = SAMPLE_RATE // 1000
FULL_SCALE = 32_768  # 16-bit steps from 0 to 1.0

Pcm = NDArray[np.float32]  # [samples] at SAMPLE_RATE, full scale is -1..1


def pcm_to_base64(pcm: Pcm) -> str:
    """Samples as base64 of 16-bit little-endian integers; what is beyond full scale is clipped."""
    scaled = np.clip(np.rint(pcm * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1)
    return base64.b64encode(scaled.astype("<i2").tobytes()).decode("ascii")


def pcm_from_base64(text: str) -> Pcm:
    """The samples that ``pcm_to_base64`` wrote.

    Raises:
        WireError: it is not base64 or not a whole number of samples.
    """
    try:
        raw = base64.b64decode(text, validate=True)
        return np.frombuffer(raw, dtype="<i2").astype(np.float32) / np.float32(FULL_SCALE)
    except (binascii.Error, ValueError) as error:
        raise WireError(f"The server sent audio that cannot be read: {error}.") from error
