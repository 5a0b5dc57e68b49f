"""The items of a conversation: what was said, typed, called and answered, each under its id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from voicert.server.realtime.audio_formats import SAMPLES_PER_MS

Event: TypeAlias = dict[str, Any]
Status: TypeAlias = Literal["in_progress", "completed", "incomplete"]
Modality: TypeAlias = Literal["audio", "text"]


@dataclass
class Heard:
    """What the user said."""

    transcript: str | None = None  # None: not known (yet)
    early: list[str] = field(default_factory=list[str])  # understood before the client knew of the item
    audio_ms: int | None = None  # how long the user spoke, once the transcript is complete
    sound: bytes = b""  # of an item that a client puts in, until the model gets it

    def describe(self, status: Status) -> Event:
        content = {"type": "input_audio", "transcript": self.transcript}
        return {"type": "message", "status": status, "role": "user", "content": [content]}


@dataclass
class Said:
    """What the assistant said, or wrote."""

    modality: Modality = "audio"
    sent_samples: int = 0  # 24 kHz
    pieces: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])  # (sample it began at, text)
    cut: str | None = None  # the transcript, once somebody else has decided on it

    @property
    def transcript(self) -> str:
        return "".join(text for _, text in self.pieces) if self.cut is None else self.cut

    def describe(self, status: Status) -> Event:
        content: list[Event] = []
        if self.pieces or status != "in_progress":
            content = [{"type": f"output_{self.modality}", self.text_field: self.transcript}]
        return {"type": "message", "status": status, "role": "assistant", "content": content}

    @property
    def text_field(self) -> str:
        """Where the protocol puts the words."""
        return "text" if self.modality == "text" else "transcript"

    @property
    def duration_ms(self) -> int:
        return self.sent_samples // SAMPLES_PER_MS

    def cut_at(self, samples: int, transcript: str | None) -> None:
        """Ends it there, with the words that began before if no transcript is given. It never grows again."""
        if samples < self.sent_samples:
            self.sent_samples = samples
            self.pieces = [(at, text) for at, text in self.pieces if at < samples]
        words = "".join(text for _, text in self.pieces) if transcript is None else transcript
        if self.cut is None or len(words) < len(self.cut):
            self.cut = words


@dataclass(frozen=True)
class Typed:
    """A message that a client put in."""

    role: Literal["user", "assistant", "system"]
    parts: tuple[str, ...]

    def describe(self, status: Status) -> Event:
        kind = "output_text" if self.role == "assistant" else "input_text"
        content = [{"type": kind, "text": text} for text in self.parts]
        return {"type": "message", "status": status, "role": self.role, "content": content}


@dataclass(frozen=True)
class Call:
    """A function that the model wants to be called."""

    call_id: str
    name: str
    arguments: str  # JSON

    def describe(self, status: Status) -> Event:
        about = {"call_id": self.call_id, "name": self.name}
        arguments = "" if status == "in_progress" else self.arguments
        return {"type": "function_call", "status": status, **about, "arguments": arguments}


@dataclass(frozen=True)
class CallOutput:
    """What the called function gave."""

    call_id: str
    output: str

    def describe(self, status: Status) -> Event:
        about = {"call_id": self.call_id, "output": self.output}
        return {"type": "function_call_output", "status": status, **about}


Body: TypeAlias = Heard | Said | Typed | Call | CallOutput


@dataclass
class Item:
    """One entry of the conversation."""

    id: str
    body: Body
    number: int | None = None  # the session's number of it; None for those that a client put in
    status: Status = "in_progress"
    in_context: bool = True  # False: kept and shown, but this model does not read such items

    def describe(self) -> Event:
        """The item as the protocol shows it."""
        shown = {"id": self.id, "object": "realtime.item", **self.body.describe(self.status)}
        return shown if self.in_context else {**shown, "voicert": {"in_context": False}}
