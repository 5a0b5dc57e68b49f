"""The ready queue of one session: chunks of any size in, whole frames out.

Bound: `limit_frames` of samples waiting. At the bound the newest samples are dropped and the caller is told
how many.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

Chunk = NDArray[np.float32]  # [samples]


class Intake:
    """Cuts chunks into frames, each with the time at which its last sample came."""

    def __init__(self, frame_samples: int, limit_frames: int) -> None:
        self._frame = frame_samples
        self._limit = limit_frames * frame_samples
        self._ready: deque[tuple[Chunk, float]] = deque()  # at most limit_frames long
        self._rest: Chunk = np.zeros(0, np.float32)  # less than a frame

    def __len__(self) -> int:
        """Whole frames that wait."""
        return len(self._ready)

    def push(self, pcm: Chunk, now: float) -> int:
        """Takes ``pcm`` [n] that came at ``now``; gives how many samples at its end were dropped."""
        room = self._limit - len(self._ready) * self._frame - len(self._rest)
        dropped = max(0, len(pcm) - room)
        kept = pcm[: len(pcm) - dropped]
        data = np.concatenate([self._rest, kept]) if len(self._rest) else kept
        whole = len(data) // self._frame * self._frame
        for start in range(0, whole, self._frame):
            self._ready.append((data[start : start + self._frame], now))
        self._rest = data[whole:]
        return dropped

    def pad(self, now: float) -> None:
        """Completes one frame with silence."""
        self.push(np.zeros(self._frame, np.float32), now)

    def pop(self) -> tuple[Chunk, float] | None:
        """The oldest whole frame, or None."""
        return self._ready.popleft() if self._ready else None

    def clear(self) -> None:
        """Drops everything."""
        self._ready.clear()
        self._rest = np.zeros(0, np.float32)
