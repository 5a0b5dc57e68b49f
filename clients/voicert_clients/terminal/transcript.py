"""Who said what, in the order in which they began. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from voicert_clients.wire import (
    Event,
    ResponseDone,
    ResponseStarted,
    SpeechStarted,
    TextDelta,
    TextDone,
    UserDone,
    UserText,
    UserTyped,
)

MOST_LIVE = 4  # entries that wait for their end; an older one is taken as it is


@dataclass
class Entry:
    """What one side says in one go."""

    speaker: Literal["you", "voicert"]
    id: str  # the user's item or the assistant's response
    text: str = ""
    done: bool = False
    cut: bool = False  # the assistant was interrupted

    @property
    def shown(self) -> str:
        """The text as a person reads it."""
        return self.text.strip() + (" …" if self.cut else "")


class Transcript:
    """Entries in progress; finished ones are taken away in order."""

    def __init__(self) -> None:
        self.live: list[Entry] = []

    def handle(self, event: Event) -> None:
        """Applies one event; those without words are ignored."""
        match event:
            case SpeechStarted():
                self._entry("you", event.item_id)
            case UserText():
                self._entry("you", event.item_id).text += event.delta
            case UserDone():
                entry = self._entry("you", event.item_id)
                entry.text, entry.done = event.transcript, True
            case UserTyped():
                entry = self._entry("you", event.item_id)
                entry.text, entry.done = event.text, True
            case ResponseStarted():
                self._entry("voicert", event.response_id)
            case TextDelta():
                self._entry("voicert", event.response_id).text += event.delta
            case TextDone():
                self._entry("voicert", event.response_id).text = event.transcript
            case ResponseDone():
                entry = self._entry("voicert", event.response_id)
                entry.cut, entry.done = event.status != "completed", True
            case _:
                pass

    def take_finished(self, everything: bool = False) -> list[Entry]:
        """The oldest entries, up to the first that is still in progress, without those that have no words."""
        taken: list[Entry] = []
        while self.live and (everything or self.live[0].done or len(self.live) > MOST_LIVE):
            taken.append(self.live.pop(0))
        return [entry for entry in taken if entry.text.strip()]

    def _entry(self, speaker: Literal["you", "voicert"], entry_id: str) -> Entry:
        for entry in self.live:
            if entry.id == entry_id:
                return entry
        self.live.append(Entry(speaker, entry_id))
        return self.live[-1]
