"""One response as a chain of events, from ``response.created`` to ``response.done``."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicert.server.realtime.items import Event, Item, Items
from voicert.session.events import Reason, ResponseDone


class Answer:
    """The response in progress. Every method returns the events that tell of one step."""

    def __init__(
        self, response_id: str, number: int, item: Item, previous_id: str | None, voice: str
    ) -> None:
        self.id = response_id
        self.number = number  # the session's number of it
        self.item = item
        self.previous_id = previous_id  # of the item before
        self.voice = voice
        self.text_tokens = 0
        self.audio_tokens = 0  # frames
        self.input_tokens = 0  # frames of the user's speech that it answers

    def begin(self, items: Items, input_tokens: int) -> list[Event]:
        self.input_tokens = input_tokens
        created = {"type": "response.created", "response": self._describe("in_progress", None, None)}
        output = {"type": "response.output_item.added", "response_id": self.id, "output_index": 0}
        return [
            created,
            {**output, "item": self.item.describe()},
            items.add(self.item),
            self._content("response.content_part.added", part={"type": "audio", "transcript": ""}),
        ]

    def text(self, delta: str) -> list[Event]:
        self.text_tokens += 1
        self.item.pieces.append((self.item.sent_samples, delta))
        return [self._content("response.output_audio_transcript.delta", delta=delta)]

    def audio(self, pcm: NDArray[np.float32]) -> Event:
        """``pcm`` [samples] at 24 kHz → one delta of 16-bit little-endian samples in base64."""
        self.audio_tokens += 1
        self.item.sent_samples += len(pcm)
        samples = np.clip(np.rint(pcm * np.float32(32_768.0)), -32_768, 32_767).astype("<i2")
        return self._content(
            "response.output_audio.delta", delta=base64.b64encode(samples.tobytes()).decode()
        )

    def finish(self, done: ResponseDone) -> list[Event]:
        item = self.item
        item.status = "completed" if done.status == "completed" else "incomplete"
        item.transcript = done.transcript
        part = {"type": "audio", "transcript": done.transcript}
        output = {"type": "response.output_item.done", "response_id": self.id, "output_index": 0}
        listed = {"type": "conversation.item.done", "previous_item_id": self.previous_id}
        details = _status_details(done.status, done.reason)
        return [
            self._content("response.output_audio.done"),
            self._content("response.output_audio_transcript.done", transcript=done.transcript),
            self._content("response.content_part.done", part=part),
            {**output, "item": item.describe()},
            {**listed, "item": item.describe()},
            {"type": "response.done", "response": self._describe(done.status, details, self._usage())},
        ]

    def _content(self, kind: str, **more: Any) -> Event:
        """An event about the one content part of the one item of this response."""
        where = {"response_id": self.id, "item_id": self.item.id, "output_index": 0, "content_index": 0}
        return {"type": kind, **where, **more}

    def _describe(self, status: str, details: Event | None, usage: Event | None) -> Event:
        audio_format = {"type": "audio/pcm", "rate": 24_000}
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": [] if usage is None else [self.item.describe()],
            "output_modalities": ["audio"],
            "audio": {"output": {"format": audio_format, "voice": self.voice}},
            "max_output_tokens": "inf",
            "usage": usage,
            "metadata": None,
        }

    def _usage(self) -> Event:
        """Tokens are what the model counts: frames of audio and pieces of text."""
        output_tokens = self.text_tokens + self.audio_tokens
        return {
            "total_tokens": self.input_tokens + output_tokens,
            "input_tokens": self.input_tokens,
            "output_tokens": output_tokens,
            "input_token_details": {
                "text_tokens": 0,
                "audio_tokens": self.input_tokens,
                "image_tokens": 0,
                "cached_tokens": 0,
                "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
            },
            "output_token_details": {"text_tokens": self.text_tokens, "audio_tokens": self.audio_tokens},
        }


def _status_details(status: str, reason: Reason | None) -> Event | None:
    if status == "completed":
        return None
    if status == "failed":
        return {"type": "failed", "error": {"type": "server_error", "code": reason or "error"}}
    return {"type": status, "reason": reason}
