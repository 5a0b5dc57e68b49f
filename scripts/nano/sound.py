"""What all parts of the training data agree on about sound."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 24_000  # Hz
FRAME = 480  # samples, 20 ms
Audio = NDArray[np.float32]  # [samples], full scale is -1..1


def trimmed(pcm: Audio, floor_db: float = -40.0) -> tuple[Audio, int]:
    """Cuts what is quieter than ``floor_db`` below the peak at both ends and scales the peak to 0.5.

    Returns the audio and how many samples were cut at its beginning.
    """
    peak = float(np.max(np.abs(pcm), initial=1e-6))
    loud = np.flatnonzero(np.abs(pcm) > peak * 10 ** (floor_db / 20))
    return (pcm[loud[0] : loud[-1] + 1] * (0.5 / peak)).astype(np.float32), int(loud[0])
