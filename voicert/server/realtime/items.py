"""The items of a conversation: who said what, in which order, under which id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

KEEP_ITEMS = 256  # older items are forgotten, so that an endless conversation takes bounded memory
SAMPLES_PER_MS = 24  # 24 kHz

Event = dict[str, Any]
NewId = Callable[[str], str]  # prefix → an id never given before


@dataclass
class Item:
    """One message of the user or the assistant."""

    id: str
    number: int  # the session's number of it
    role: Literal["user", "assistant"]
    status: Literal["in_progress", "completed", "incomplete"] = "in_progress"
    listed: bool = False  # whether the client has been told of it
    transcript: str | None = None  # None: not known (yet)
    sent_samples: int = 0  # assistant: audio sent
    pieces: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])  # (sample it began at, text)

    def describe(self) -> Event:
        """The item as the protocol shows it."""
        if self.role == "user":
            content: list[Event] = [{"type": "input_audio", "transcript": self.transcript}]
        elif self.status == "in_progress":
            content = []
        else:
            content = [{"type": "output_audio", "transcript": self.transcript or ""}]
        return {
            "id": self.id,
            "object": "realtime.item",
            "type": "message",
            "status": self.status,
            "role": self.role,
            "content": content,
        }

    def cut(self, audio_end_ms: int) -> int:
        """Cuts an assistant item's transcript at a time of its audio; gives the time, clamped to it."""
        audio_end_ms = max(0, min(audio_end_ms, self.sent_samples // SAMPLES_PER_MS))
        end_samples = audio_end_ms * SAMPLES_PER_MS
        if self.status != "in_progress" and end_samples < self.sent_samples:
            self.sent_samples = end_samples
            self.pieces = [(at, text) for at, text in self.pieces if at < end_samples]
            self.transcript = "".join(text for _, text in self.pieces)
        return audio_end_ms


class Items:
    """The newest items by id and by number, and the order in which they were added."""

    def __init__(self, new_id: NewId) -> None:
        self._new_id = new_id
        self._by_id: dict[str, Item] = {}  # oldest first
        self._by_number: dict[int, Item] = {}
        self._last_id: str | None = None  # of the newest listed item

    def __len__(self) -> int:
        return len(self._by_id)

    def create(self, number: int, role: Literal["user", "assistant"]) -> Item:
        """A new item that the client does not know of yet."""
        item = Item(self._new_id("item"), number, role)
        self._by_id[item.id] = item
        self._by_number[number] = item
        if len(self._by_id) > KEEP_ITEMS:
            self.forget(next(iter(self._by_id.values())))
        return item

    def numbered(self, number: int) -> Item | None:
        return self._by_number.get(number)

    def find(self, item_id: str) -> Item | None:
        """An item that the client knows of."""
        item = self._by_id.get(item_id)
        return item if item is not None and item.listed else None

    @property
    def last_id(self) -> str | None:
        """What a new item would follow."""
        return self._last_id

    def add(self, item: Item) -> Event:
        """Lists an item; the event that tells so."""
        previous, self._last_id, item.listed = self._last_id, item.id, True
        return {"type": "conversation.item.added", "previous_item_id": previous, "item": item.describe()}

    def forget(self, item: Item) -> None:
        self._by_id.pop(item.id, None)
        self._by_number.pop(item.number, None)
        if self._last_id == item.id:
            listed = [other.id for other in self._by_id.values() if other.listed]
            self._last_id = listed[-1] if listed else None
