"""What every client may rely on: each server event is checked against all that came before it.

`WireGrammar` keeps the conversation as a careful client would, from the events alone. It raises
AssertionError at the first event that has no place, names an unknown thing, or contradicts an earlier one.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from voicert.server.realtime.history import KEEP_ITEMS

Event = dict[str, Any]

_DELTAS = {
    "response.output_audio_transcript.delta": "transcript",
    "response.output_text.delta": "transcript",
    "response.output_audio.delta": "sound",
}
_USER_SPEECH = "conversation.item.input_audio_transcription."


@dataclass
class Mirror:
    """One item, as the client knows it."""

    kind: str
    done: bool = False
    transcript: str | None = ""  # of speech and written answers; None while the user's is open
    sound_bytes: int = 0


@dataclass
class Output:
    """The response in progress."""

    id: str
    metadata: object
    items: list[str] = field(default_factory=list[str])  # by output_index
    transcript: str = ""
    ended: list[str] = field(default_factory=list[str])  # kinds of .done events so far


class WireGrammar:
    """Feed it every event of one connection, in order."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.order: list[str] = []  # ids of the listed items
        self.items: dict[str, Mirror] = {}
        self.speaking: str | None = None  # user item whose speech is open
        self.expected: tuple[str, str | None] | None = None  # committed: what must be listed next, after what
        self.response: Output | None = None
        self.finished: set[str] = set()  # responses
        self.gone: set[str] = set()  # items that were deleted, or forgotten as the oldest of too many
        self.errors = 0
        self.last_fault: str | None = None  # the client's message that the last error was about

    def see(self, event: Event) -> None:
        """The next event."""
        json.dumps(event).encode("ascii")
        assert event["event_id"] not in self.ids, "an event id came twice"
        self.ids.add(event["event_id"])
        kind: str = event["type"]
        assert self.expected is None or kind == "conversation.item.added", f"{kind} before the committed item"
        match kind.split("."):
            case ["error"]:
                self._error(event["error"])
            case ["session", "created" | "updated"]:
                assert set(event["session"]) >= {"id", "model", "audio", "tools", "output_modalities"}
            case ["input_audio_buffer", about]:
                self._input(about, event)
            case ["conversation", "item", about, *_]:
                self._conversation(about, event)
            case ["response", "created"]:
                self._created(event["response"])
            case ["response", "done"]:
                self._finish(event["response"])
            case ["response", *_]:
                self._content(kind, event)
            case ["voicert", *_]:
                pass
            case _:
                raise AssertionError(f"{kind} is no event of the protocol")

    def _error(self, error: Event) -> None:
        self.errors += 1
        self.last_fault = error["event_id"]
        assert set(error) == {"type", "code", "message", "param", "event_id"}
        assert error["message"]

    # The user's side

    def _input(self, about: str, event: Event) -> None:
        match about:
            case "speech_started":
                assert self.speaking is None, "speech began twice"
                self.speaking = event["item_id"]
                assert event["audio_start_ms"] >= 0
            case "speech_stopped":
                assert self.speaking == event["item_id"], "speech of another item ended"
                self.speaking = None
            case "committed":
                item_id = event["item_id"]
                assert item_id not in self.items, "an item was committed twice"
                assert event["previous_item_id"] == (self.order[-1] if self.order else None)
                self.expected = (item_id, event["previous_item_id"])
            case "timeout_triggered":
                assert event["audio_start_ms"] <= event["audio_end_ms"]
            case _:
                assert about == "cleared"

    # The list

    def _conversation(self, about: str, event: Event) -> None:
        match about:
            case "added":
                self._added(event["item"], event["previous_item_id"])
            case "done":
                item = event["item"]
                mirror = self.items[item["id"]]
                assert not mirror.done, "an item was done twice"
                assert event["previous_item_id"] == self._previous(item["id"])
                assert item["status"] in ("completed", "incomplete")
                mirror.done = True
            case "deleted":
                self._forget(event["item_id"])
            case "truncated":
                mirror = self.items[event["item_id"]]
                assert mirror.kind == "assistant"
                assert event["audio_end_ms"] >= 0
            case "retrieved":
                self.shown(event["item"])
            case _:
                self._transcription(event["type"].removeprefix(_USER_SPEECH), event)

    def _added(self, item: Event, previous_id: str | None) -> None:
        item_id = item["id"]
        assert item_id not in self.items, "an item was added twice"
        if self.expected is not None:
            assert (item_id, previous_id) == self.expected, "another item than the committed one was added"
            self.expected = None
        assert previous_id is None or previous_id in self.items, "an item follows an unknown one"
        self.order.insert(0 if previous_id is None else self.order.index(previous_id) + 1, item_id)
        speech = bool(item.get("content")) and item["content"][0]["type"] == "input_audio"
        self.items[item_id] = Mirror(item.get("role", item["type"]), transcript=None if speech else "")

        if len(self.order) > KEEP_ITEMS:
            self._forget(next(old for old in self.order if old != item_id))

    def _forget(self, item_id: str) -> None:
        self.order.remove(item_id)
        self.gone.add(item_id)
        del self.items[item_id]

    def _previous(self, item_id: str) -> str | None:
        at = self.order.index(item_id)
        return self.order[at - 1] if at else None

    def _transcription(self, about: str, event: Event) -> None:
        mirror = self.items.get(event["item_id"])
        assert mirror is not None or event["item_id"] in self.gone, "a transcript of an unknown item"
        if mirror is None:
            return
        assert mirror.kind == "user"
        if about == "delta":
            assert event["delta"]
            mirror.transcript = (mirror.transcript or "") + event["delta"]
        else:
            assert about == "completed"
            assert event["usage"]["seconds"] >= 0
            mirror.transcript = event["transcript"]

    def shown(self, item: Event) -> None:
        """An item as the server shows it now."""
        mirror = self.items[item["id"]]
        assert mirror.kind == item.get("role", item["type"])
        assert not mirror.done or item["status"] != "in_progress"

    # Responses

    def _created(self, response: Event) -> None:
        assert self.response is None, "two responses at once"
        assert response["id"] not in self.finished
        assert (response["status"], response["output"], response["usage"]) == ("in_progress", [], None)
        self.response = Output(response["id"], response["metadata"])

    def _content(self, kind: str, event: Event) -> None:
        running = self.response
        assert running is not None, f"{kind} outside of a response"
        assert event["response_id"] == running.id
        if kind == "response.output_item.added":
            assert event["output_index"] == len(running.items)
            running.items.append(event["item"]["id"])
            return
        item_id = event["item"]["id"] if "item" in event else event["item_id"]
        assert running.items[event["output_index"]] == item_id
        mirror = self.items.get(item_id, Mirror("assistant"))
        match _DELTAS.get(kind):
            case "transcript":
                assert event["delta"]
                assert not running.ended, "words after the end"
                running.transcript += event["delta"]
            case "sound":
                mirror.sound_bytes += len(base64.b64decode(event["delta"], validate=True))
                assert event["delta"]
                assert not running.ended, "sound after the end"
            case _ if kind.endswith("done") and "function" not in kind and mirror.kind != "function_call":
                running.ended.append(kind)
            case _:
                pass

    def _finish(self, response: Event) -> None:
        running = self.response
        assert running is not None
        assert (response["id"], response["metadata"]) == (running.id, running.metadata)
        assert [item["id"] for item in response["output"]] == running.items
        assert response["usage"]["total_tokens"] >= 0
        for item in response["output"]:
            if item["type"] == "message":
                part = item["content"][0]
                transcript = part["transcript"] if "transcript" in part else part["text"]
                assert running.transcript.startswith(transcript), "the transcript was never sent"
                assert response["status"] != "completed" or transcript == running.transcript
                assert running.ended[-1] == "response.output_item.done"
        self.finished.add(running.id)
        self.response = None
