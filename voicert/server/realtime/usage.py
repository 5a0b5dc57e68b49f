"""What a response cost, in what the model counts: steps of sound and pieces of text."""

from __future__ import annotations

from dataclasses import dataclass

from voicert.server.realtime.items import Event


@dataclass
class InputMeter:
    """The user's side since the last response began; heard once, so it is counted once."""

    audio_ms: int = 0
    text_tokens: int = 0

    def take(self, frame_rate: float) -> tuple[int, int]:
        """Audio tokens and text tokens so far; then from zero."""
        tokens = round(self.audio_ms * frame_rate / 1000), self.text_tokens
        self.audio_ms = self.text_tokens = 0
        return tokens


@dataclass
class Usage:
    """Tokens of one response."""

    input_audio: int = 0
    input_text: int = 0
    output_audio: int = 0
    output_text: int = 0

    def describe(self) -> Event:
        input_tokens = self.input_audio + self.input_text
        output_tokens = self.output_audio + self.output_text
        return {
            "total_tokens": input_tokens + output_tokens,
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "input_token_details": {
                "text_tokens": self.input_text,
                "audio_tokens": self.input_audio,
                "image_tokens": 0,
                "cached_tokens": 0,
                "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
            },
            "output_token_details": {"text_tokens": self.output_text, "audio_tokens": self.output_audio},
        }
