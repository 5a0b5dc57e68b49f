"""What the engine counts of itself, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voicert.engine.places import Places
from voicert.engine.seat import Timing

RECENT = 2_000  # frames that the percentiles look back on


@dataclass(frozen=True)
class StageStats:
    """Time spent in one stage, per frame."""

    total_ms: float  # since the engine began
    p50: float  # ms over the recent frames; 0.0 before the first
    p95: float
    p99: float


@dataclass(frozen=True)
class EngineStats:
    """A moment's picture of the engine."""

    sessions: int
    max_sessions: int
    opened: int  # sessions since the engine began
    refused: int  # at the door: every slot was taken
    failed: int  # ended by an error
    steps: int  # batches run
    frames: int  # rows in them
    late_frames: int  # deadline misses
    queue_ms: StageStats
    encode_ms: StageStats
    model_ms: StageStats
    decode_ms: StageStats


class Meter:
    """Sums, and a ring of the recent frames. One thread writes; readers may be a frame behind."""

    def __init__(self) -> None:
        self.failed = self.steps = self.frames = self.late_frames = 0
        self._totals_ms = np.zeros(4)  # queue, encode, model, decode
        self._recent_ms = np.zeros((RECENT, 4))

    def add(self, timing: Timing) -> None:
        """Counts one frame."""
        row = self._recent_ms[self.frames % RECENT]
        row[:] = timing.queue_ms, timing.encode_ms, timing.model_ms, timing.decode_ms
        self._totals_ms += row
        self.frames += 1
        self.late_frames += timing.late

    def stats(self, places: Places, max_sessions: int) -> EngineStats:
        recent = self._recent_ms[: min(self.frames, RECENT)].copy()  # [frames, 4]
        marks = np.percentile(recent, [50, 95, 99], axis=0).T if len(recent) else np.zeros((4, 3))
        stages = [StageStats(float(t), *map(float, m)) for t, m in zip(self._totals_ms, marks, strict=True)]
        return EngineStats(
            len(places.taken()),
            max_sessions,
            places.opened,
            places.refused,
            self.failed,
            self.steps,
            self.frames,
            self.late_frames,
            *stages,
        )
