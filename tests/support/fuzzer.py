"""Messages that look like a client's and are wrong in one place or more: the same ones for the same seed.

Nearly half are sound, so that the conversation goes on and there is something to break. The others are sound
messages with a field lost, renamed, nested, or of another type or size, and a few that are no JSON at all.
"""

from __future__ import annotations

import base64
import copy
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from tests.support.scripted import speech

Message = dict[str, Any]

VOICE = (speech(400) * 32_767).astype("<i2").tobytes()
FORMATS = ("audio/pcm", "audio/pcmu", "audio/pcma", "audio/opus")
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1.5, 2**31, -(2**63), 10**40, 1e308, "", "x", "root", "\x00", "é", "\ud800",
    "💥", "a" * 5000, "inf", "null", "item_1",
    [], {}, [[]], [None], {"type": None}, {"a": {"b": {"c": []}}}, [{}] * 200,
)  # fmt: skip
NO_JSON: tuple[str | bytes, ...] = (
    "", " ", "{", "}", "[", "nul", '{"type":', '{"type":"session.update","session":{}', "NaN", "\x00",
    '{"type":Infinity}', "[" * 3000, '{"a":' * 3000, b"", b"\x00\xff", "\ufeff{}",
    b'{"type":"response.create"}', '{"type":"x","type":"response.cancel"}', '{"type":' + "9" * 5000 + "}",
)  # fmt: skip


class Fuzzer:
    """Makes one message after the other. ``items`` and ``responses`` are ids that the server has given."""

    def __init__(self, seed: int) -> None:
        self.items: Sequence[str] = ()
        self.responses: Sequence[str] = ()
        self._random = random.Random(seed)
        self._makers: tuple[Callable[[], Message], ...] = (
            self._append,
            self._update,
            self._create,
            self._respond,
            self._about_item,
            self._simple,
        )

    def message(self) -> str | bytes:
        """The next one."""
        luck = self._random.random()
        if luck < 0.02:
            return self._random.choice(NO_JSON)
        message = self._random.choice(self._makers)()
        if luck > 0.45:
            for _ in range(self._random.choice((1, 1, 2, 4))):
                self._spoil(message)
        text = json.dumps(message)
        return text[: self._random.randrange(len(text))] if luck > 0.99 else text

    def _spoil(self, message: Message) -> None:
        """One change somewhere inside."""
        place: Any = message
        while True:
            inner = [value for value in self._values(place) if isinstance(value, dict | list) and value]
            if not inner or self._random.random() < 0.4:
                break
            place = self._random.choice(inner)
        if isinstance(place, list):
            place[self._random.randrange(len(place))] = self._odd()
            return
        key = self._random.choice(list(place)) if place else "type"
        match self._random.randrange(5):
            case 0:
                place.pop(key, None)
            case 1:
                place[self._random.choice(("", "x", "type", "voicert", "é" * 300))] = self._odd()
            case 2:
                place[key] = [place.get(key)]
            case _:
                place[key] = self._odd()

    @staticmethod
    def _values(place: Any) -> list[Any]:
        return list(place.values()) if isinstance(place, dict) else list(place)

    def _odd(self) -> Any:
        return copy.deepcopy(self._random.choice(ODD))

    def _id(self, known: Sequence[str]) -> str:
        return self._random.choice(known) if known and self._random.random() < 0.8 else "item_nowhere"

    def _append(self) -> Message:
        start = 2 * self._random.randrange(8000)
        sound = VOICE[start : start + 2 * self._random.randrange(960)]
        if self._random.random() < 0.2:
            sound = self._random.randbytes(self._random.randrange(800))
        elif self._random.random() < 0.3:
            sound = bytes(len(sound))
        return {"type": "input_audio_buffer.append", "audio": base64.b64encode(sound).decode()}

    def _spoken(self) -> Message:
        return {"type": "input_audio", "audio": self._append()["audio"]}

    def _simple(self) -> Message:
        kinds = ("input_audio_buffer.commit", "input_audio_buffer.clear", "output_audio_buffer.clear")
        return {"type": self._random.choice(kinds), "event_id": f"mine_{self._random.randrange(10**6)}"}

    def _update(self) -> Message:
        pick = self._random.choice
        detection = pick(
            (
                None,
                {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": pick((100, 500))},
                {"type": "server_vad", "create_response": pick((True, False)), "idle_timeout_ms": 1000},
                {"type": "semantic_vad", "eagerness": pick(("low", "auto")), "interrupt_response": False},
            )
        )
        source = {
            "format": {"type": pick(FORMATS)},
            "turn_detection": detection,
            "transcription": {"model": "m"},
        }
        session = {
            "type": "realtime",
            "output_modalities": [pick(("audio", "text"))],
            "instructions": "Be kind.",
            "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
            "max_output_tokens": pick(("inf", 1, 20)),
            "audio": {"input": source, "output": {"format": {"type": pick(FORMATS)}, "voice": "v"}},
            "voicert": {"timing": pick((True, False)), "frames": True, "playback": True},
        }
        kept = {key: value for key, value in session.items() if self._random.random() < 0.5}
        return {"type": "session.update", "session": kept}

    def _create(self) -> Message:
        pick = self._random.choice
        text = {"type": "input_text", "text": pick(("hello", "hello there", "what " * 5))}
        item: Message = pick(
            (
                {"type": "message", "role": "user", "content": [text]},
                {"type": "message", "role": "user", "content": [self._spoken(), self._spoken()]},
                {"type": "message", "role": "system", "content": [text, dict(text)]},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
                {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_image", "image_url": "data:"}],
                },
                {"type": "function_call", "name": "f", "call_id": "c", "arguments": "{}"},
                {"type": "function_call_output", "call_id": pick(("c", "call_2")), "output": "hello"},
            )
        )
        item = {**item, "id": f"own_{self._random.randrange(10**4)}"} if self._random.random() < 0.3 else item
        after = pick((None, None, "root", self._id(self.items)))
        return {"type": "conversation.item.create", "item": item, "previous_item_id": after}

    def _respond(self) -> Message:
        if self._random.random() < 0.4:
            return {
                "type": "response.cancel",
                "response_id": self._random.choice((None, self._id(self.responses))),
            }
        response = {"metadata": {"k": "v"}, "output_modalities": ["audio"], "max_output_tokens": 20}
        kept = {key: value for key, value in response.items() if self._random.random() < 0.5}
        return {"type": "response.create", "response": kept}

    def _about_item(self) -> Message:
        item_id = self._id(self.items)
        match self._random.randrange(4):
            case 0:
                return {"type": "conversation.item.retrieve", "item_id": item_id}
            case 1:
                return {"type": "conversation.item.delete", "item_id": item_id}
            case 2:
                end_ms = self._random.choice((0, 40, 300, 10**9))
                about = {"item_id": item_id, "content_index": 0, "audio_end_ms": end_ms}
                return {"type": "conversation.item.truncate", **about}
            case _:
                samples = self._random.randrange(50_000)
                stopped = self._random.random() < 0.2
                return {
                    "type": "voicert.heard",
                    "item_id": item_id,
                    "heard_samples": samples,
                    "stopped": stopped,
                }
