"""The engine: one thread that batches whatever frames are ready through codec and model."""

from voicert.engine.loop import Engine
from voicert.engine.meter import EngineStats, StageStats
from voicert.engine.seat import Frame, Seat, Stepped, Tape, Timing

__all__ = ["Engine", "EngineStats", "Frame", "Seat", "StageStats", "Stepped", "Tape", "Timing"]
