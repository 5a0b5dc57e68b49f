"""What the tests of the simulated speaker share: what it plays, and what leaves it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from voicert_clients.playback import Playback, Span

FRAME = 480
NOISE = np.random.default_rng(7).uniform(-0.5, 0.5, 50 * FRAME).astype(np.float32)


def frame(value: float = 0.5, samples: int = FRAME) -> NDArray[np.float32]:
    return np.full(samples, value, np.float32)


def played(playback: Playback, samples: int, block: int = 128) -> tuple[NDArray[np.float32], list[Span]]:
    """What leaves the speaker, and where it came from."""
    blocks = [playback.render(min(block, samples - at)) for at in range(0, samples, block)]
    sound = np.concatenate([NOISE[:0], *(one.pcm for one in blocks)])
    return sound, [span for one in blocks for span in one.spans]
