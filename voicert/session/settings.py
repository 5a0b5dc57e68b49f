"""How one session takes turns."""

from __future__ import annotations

from dataclasses import dataclass

from voicert.errors import ConfigError


@dataclass(frozen=True)
class TurnSettings:
    """When speech counts as begun, as ended and as an interruption.

    Raises:
        ConfigError: a value is out of range.
    """

    vad_aggressiveness: int = 2  # 0..3, how readily the voice detector takes a sound for noise
    min_speech_ms: int = 60  # speech while the assistant is silent begins after this much voice
    interrupt_min_ms: int = 160  # and while it speaks after this much
    silence_ms: int = 500  # speech ends after this much quiet, or as soon as the model answers
    interrupt_response: bool = True  # speech cuts the response in progress; else it is only reported
    frame_timing: bool = False  # report every frame's way through the engine

    def __post_init__(self) -> None:
        if not 0 <= self.vad_aggressiveness <= 3:
            raise ConfigError(f"vad_aggressiveness must be 0 to 3, not {self.vad_aggressiveness}")
        for name in ("min_speech_ms", "interrupt_min_ms", "silence_ms"):
            value = getattr(self, name)
            if not 20 <= value <= 10_000:
                raise ConfigError(f"{name} must be 20 to 10000 ms, not {value}")
