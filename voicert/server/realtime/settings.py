"""The effective configuration of one session: what `session.update` changes and `session.updated` shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from voicert.server.realtime.audio_formats import AudioFormat
from voicert.server.realtime.capabilities import Capabilities
from voicert.server.realtime.items import Modality
from voicert.server.realtime.tools import Tool
from voicert.server.realtime.turn_detection import TurnDetection, by_hand
from voicert.session import TurnSettings

TokenLimit: TypeAlias = int | Literal["inf"]


@dataclass(frozen=True)
class Extras:
    """Our own additions to the protocol, for clients that ask."""

    timing: bool = False  # voicert.turn.timing, once per response
    frames: bool = False  # voicert.frames, what the engine spent on each frame
    playback: bool = False  # voicert.response.paused and .resumed

    @staticmethod
    def asked_for(names: str) -> Extras:
        """Of a comma-separated list, such as the query parameter ``voicert`` holds; others are let pass."""
        wanted = names.split(",")
        return Extras("timing" in wanted, "frames" in wanted, "playback" in wanted)

    def describe(self) -> dict[str, Any]:
        return {"timing": self.timing, "frames": self.frames, "playback": self.playback}


@dataclass(frozen=True)
class Settings:
    """Everything that a client can set, with what is in force."""

    turn_detection: TurnDetection | None = field(default_factory=TurnDetection)
    transcription: Mapping[str, Any] | None = field(default_factory=lambda: {"model": "voicert"})
    input_format: AudioFormat = field(default_factory=AudioFormat)
    output_format: AudioFormat = field(default_factory=AudioFormat)
    modality: Modality = "audio"
    max_output_tokens: TokenLimit = "inf"
    instructions: str = ""
    voice: str = "default"
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    extras: Extras = Extras()

    def describe(self, session_id: str, model: str, can: Capabilities) -> dict[str, Any]:
        """The full effective configuration, as ``session.created`` and ``session.updated`` carry it."""
        transcribed = self.transcription is not None and can.user_transcripts
        transcription = dict(self.transcription or {}) if transcribed else None
        turn_detection = None if self.turn_detection is None else self.turn_detection.describe()
        return {
            "type": "realtime",
            "object": "realtime.session",
            "id": session_id,
            "model": model,
            "output_modalities": [self.modality],
            "instructions": self.instructions,
            "tools": list(self.tools),
            "tool_choice": self.tool_choice,
            "max_output_tokens": self.max_output_tokens,
            "tracing": None,
            "truncation": "auto",
            "prompt": None,
            "include": None,
            "audio": {
                "input": {
                    "format": self.input_format.describe(),
                    "transcription": transcription,
                    "noise_reduction": None,
                    "turn_detection": turn_detection,
                },
                "output": {"format": self.output_format.describe(), "voice": self.voice, "speed": 1.0},
            },
            "voicert": {**self.extras.describe(), "capabilities": can.describe()},
        }

    def turn_settings(self, turns: TurnSettings, frame_rate: float) -> TurnSettings:
        """How the session takes turns: the server's defaults as changed by the client.

        Args:
            turns: the defaults.
            frame_rate: of the model, steps per second; a token is a step.
        """
        detection = self.turn_detection
        chosen = by_hand(turns) if detection is None else detection.turn_settings(turns)
        longest_ms = response_limit_ms(self.max_output_tokens, turns, frame_rate)
        return replace(chosen, longest_response_ms=longest_ms, frame_timing=self.extras.frames)


def response_limit_ms(limit: TokenLimit, turns: TurnSettings, frame_rate: float) -> int:
    """A limit in tokens as a duration of sound, which is what every step of the model makes."""
    if limit == "inf":
        return turns.longest_response_ms
    return max(20, min(turns.longest_response_ms, int(limit * 1000 / frame_rate)))
