"""One response as a chain of events, from ``response.created`` to ``response.done``.

asked for, or begun by the model ─▶ created ─▶ begin ─▶ text, audio, calls ─▶ finish
                                           └─▶ give_up, when it was cancelled before it began

A response that is a call and nothing else has no message. So, where functions may be called, the silence at a
response's beginning waits until a word or a sound comes.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np

from voicert.server.realtime.audio_formats import Pcm, SoundOut
from voicert.server.realtime.history import History
from voicert.server.realtime.items import Call, Event, Item, Said
from voicert.server.realtime.response_options import ResponseOptions
from voicert.server.realtime.usage import Usage
from voicert.session import events as said

NewId = Callable[[str], str]  # prefix → an id never given before
AUDIBLE = 10 ** (-50 / 20)  # peak of a frame that can be heard


class Answer:
    """The response in progress. Every method returns the events that tell of one step."""

    def __init__(
        self, new_id: NewId, history: History, conversation_id: str, options: ResponseOptions
    ) -> None:
        self.id = new_id("resp")
        self.number: int | None = None  # the session's number of it, once it has begun
        self.options = options
        self.usage = Usage()
        self.said = Said(options.modality)
        self.message = Item(new_id("item"), self.said)  # told of when it has content
        self._new_id = new_id
        self._history = history
        self._conversation_id = conversation_id
        self._sound = SoundOut(options.audio_format)
        self._output: list[Item] = []  # in the order of output_index
        self._waiting: list[Pcm] = []  # silence that is no message yet

    def created(self) -> Event:
        return {"type": "response.created", "response": self._describe("in_progress")}

    def begin(self, started: said.ResponseStarted) -> None:
        """The session has begun with it."""
        self.number = started.response
        self.message.number = started.item
        self._history.expect(self.message)

    def text(self, delta: str) -> list[Event]:
        """The next words of the transcript, or of the text."""
        opening = self._open_message()
        self.usage.output_text += 1
        self.said.pieces.append((self.said.sent_samples, delta))
        kind = "output_audio_transcript" if self.options.modality == "audio" else "output_text"
        return [*opening, self._content(f"response.{kind}.delta", delta=delta)]

    def audio(self, pcm: Pcm) -> list[Event]:
        """``pcm`` [samples] at 24 kHz → at most one delta in the client's format."""
        self.said.sent_samples += len(pcm)
        self._waiting.append(pcm)
        begun = self.message in self._output or not self.options.may_call
        return self._let_out() if begun or float(np.abs(pcm).max()) > AUDIBLE else []

    def _let_out(self) -> list[Event]:
        """What has waited, in the message."""
        opening = self._open_message()
        waiting, self._waiting = self._waiting, []
        if self.options.modality == "text" or not waiting:
            return opening
        self.usage.output_audio += len(waiting)
        return [*opening, *self._delta(self._sound.write(np.concatenate(waiting)))]

    def call(self, called: said.ToolCall) -> list[Event]:
        """A function is to be called: an item of its own, complete at once."""
        call = Call(called.call_id, called.name, called.arguments)
        item = self._history.expect(Item(self._new_id("item"), call, called.item))
        added = self._add(item)
        item.status = "completed"
        about = {**self._where(item), "call_id": call.call_id}
        kind = "response.function_call_arguments"
        return [
            *added,
            {"type": f"{kind}.delta", **about, "delta": call.arguments},
            {"type": f"{kind}.done", **about, "name": call.name, "arguments": call.arguments},
            *self._item_done(item),
        ]

    def finish(self, done: said.ResponseDone) -> list[Event]:
        """The end of the message, if there is one, and of the response."""
        whole = done.status == "completed" or done.reason == "max_output_tokens"
        wordless = not self._output  # nothing but silence, and no call
        begun = wordless or self.message in self._output
        message = self._let_out() if whole and begun and self._waiting else []
        if self.message in self._output:
            message += self._delta(self._sound.flush()) if whole and self.options.modality == "audio" else []
            self.message.status = "completed" if done.status == "completed" else "incomplete"
            cut = done.heard_samples if done.status != "completed" else None
            self.said.cut_at(self.said.sent_samples if cut is None else cut, done.transcript)
            message += self._message_done()
        return [*message, self._done(done.status, done.reason)]

    def give_up(self, status: said.Status, reason: said.Reason) -> list[Event]:
        """It ends before it began."""
        return [self._done(status, reason)]

    def _open_message(self) -> list[Event]:
        """The message's beginning, before its first content."""
        if self.message in self._output:
            return []
        field = self.said.text_field
        part = {"type": self.options.modality, field: ""}
        return [*self._add(self.message), self._content("response.content_part.added", part=part)]

    def _message_done(self) -> list[Event]:
        field, transcript = self.said.text_field, self.said.transcript
        part = {"type": self.options.modality, field: transcript}
        if self.options.modality == "audio":
            ends = [
                self._content("response.output_audio.done"),
                self._content("response.output_audio_transcript.done", transcript=transcript),
            ]
        else:
            ends = [self._content("response.output_text.done", text=transcript)]
        return [*ends, self._content("response.content_part.done", part=part), *self._item_done(self.message)]

    def _add(self, item: Item) -> list[Event]:
        self._output.append(item)
        added = {"type": "response.output_item.added", **self._where(item), "item": item.describe()}
        del added["item_id"]
        return [added, *self._history.add(item)]

    def _item_done(self, item: Item) -> list[Event]:
        done = {"type": "response.output_item.done", **self._where(item), "item": item.describe()}
        del done["item_id"]
        return [done, *self._history.done(item)]

    def _delta(self, sound: bytes) -> list[Event]:
        if not sound:
            return []
        return [self._content("response.output_audio.delta", delta=base64.b64encode(sound).decode())]

    def _done(self, status: said.Status, reason: said.Reason | None) -> Event:
        details = _status_details(status, reason)
        return {"type": "response.done", "response": self._describe(status, details, self.usage.describe())}

    def _where(self, item: Item) -> Event:
        return {"response_id": self.id, "item_id": item.id, "output_index": self._output.index(item)}

    def _content(self, kind: str, **more: Any) -> Event:
        """An event about the one content part of the message."""
        return {"type": kind, **self._where(self.message), "content_index": 0, **more}

    def _describe(self, status: str, details: Event | None = None, usage: Event | None = None) -> Event:
        options = self.options
        return {
            "object": "realtime.response",
            "id": self.id,
            "conversation_id": self._conversation_id,
            "status": status,
            "status_details": details,
            "output": [item.describe() for item in self._output],
            "output_modalities": [options.modality],
            "audio": {"output": {"format": options.audio_format.describe(), "voice": options.voice}},
            "max_output_tokens": options.max_output_tokens,
            "usage": usage,
            "metadata": options.metadata,
        }


def _status_details(status: said.Status, reason: said.Reason | None) -> Event | None:
    match status:
        case "completed":
            return None
        case "failed":
            message = "The session cannot go on; an error event tells why."
            error = {"type": "server_error", "code": reason or "error", "message": message}
            return {"type": status, "error": error}
        case _:
            return {"type": status, "reason": reason}
