"""Both directions of one connection: a client's messages to actions, a session's events to wire events.

Nothing here does I/O, waits or looks at a clock, and the same input gives the same output.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from voicert.server.realtime.actions import Action, CancelResponse, Configure, HeardUpTo, Outcome, Push
from voicert.server.realtime.answer import Answer
from voicert.server.realtime.items import Event, Item, Items
from voicert.server.realtime.reading import Refused, decode
from voicert.server.realtime.reports import FrameReports, turn_timing
from voicert.server.realtime.requests import (
    Append,
    Cancel,
    Clear,
    Delete,
    Heard,
    Request,
    Retrieve,
    Truncate,
    Update,
    read_request,
)  # fmt: skip
from voicert.server.realtime.settings import Extras, Settings, TurnDetection, apply_update
from voicert.session import TurnSettings
from voicert.session import events as said


class Facade:
    """The protocol of one connection.

    Args:
        model: the model's name, as clients see it.
        turns: the server's defaults.
        frame_rate: model steps per second; one step is one audio token.
        token: what makes the ids of this connection unlike those of any other.
    """

    def __init__(self, model: str, turns: TurnSettings, frame_rate: float, token: str) -> None:
        self.model = model
        self.turns = turns
        self.frame_rate = frame_rate
        self._token = token
        self._counter = itertools.count(1)
        self._session_id = self._new_id("sess")
        detection = TurnDetection(
            silence_duration_ms=turns.silence_ms, interrupt_response=turns.interrupt_response
        )
        self._settings = Settings(turn_detection=detection, transcription={"model": model})
        self._items = Items(self._new_id)
        self._answer: Answer | None = None
        self._speech_start_ms = 0
        self._unanswered_ms = 0  # user's speech since the last response began
        self._frames = FrameReports()

    def open(self, extras: Extras | None = None) -> Outcome:
        """The connection is there; ``extras`` are those asked for in its address."""
        if extras is not None:
            self._settings = replace(self._settings, extras=extras)
        created = {"type": "session.created", "session": self._describe()}
        return Outcome([Configure(self._turn_settings())], self._stamp([created]))

    def receive(self, message: str | bytes) -> Outcome:
        """One message of the client. A bad one gives an ``error`` event and no action."""
        event_id: str | None = None
        try:
            data = decode(message)
            if isinstance(data.get("event_id"), str):
                event_id = data["event_id"][:512]
            actions, events = self._carry_out(read_request(data))
        except Refused as refusal:
            return Outcome([], [self.error(refusal, refusal.code, refusal.param, event_id)], event_id)
        return Outcome(actions, self._stamp(events), event_id)

    def error(
        self,
        message: object,
        code: str,
        param: str | None = None,
        event_id: str | None = None,
        kind: str = "invalid_request_error",
    ) -> Event:
        """An ``error`` event; ``event_id`` is that of the client's message at fault."""
        error = {"type": kind, "code": code, "message": str(message), "param": param, "event_id": event_id}
        return {"type": "error", "event_id": self._new_id("event"), "error": error}

    def translate(self, events: Sequence[said.Event]) -> list[Event]:
        """What the session tells, in the words of the protocol."""
        return self._stamp([wire for event in events for wire in self._tell(event)])

    # From the client

    def _carry_out(self, request: Request) -> tuple[list[Action], list[Event]]:
        match request:
            case Append(pcm):
                return [Push(pcm)], []
            case Heard(item_id, samples):
                item = self._items.find(item_id)
                return ([] if item is None else [HeardUpTo(item.number, samples)]), []
            case Update(session):
                self._settings = apply_update(self._settings, session)
                updated = {"type": "session.updated", "session": self._describe()}
                return [Configure(self._turn_settings())], [updated]
            case Cancel(response_id):
                return [CancelResponse(self._running(response_id).number)], []
            case Clear():  # what was appended has been heard already; there is no buffer to empty
                return [], [{"type": "input_audio_buffer.cleared"}]
            case Retrieve(item_id):
                item = self._known(item_id, "retrieve")
                return [], [{"type": "conversation.item.retrieved", "item": item.describe()}]
            case Delete(item_id):
                self._items.forget(self._known(item_id, "delete"))
                return [], [{"type": "conversation.item.deleted", "item_id": item_id}]
            case Truncate(item_id, audio_end_ms):
                return self._truncate(self._known(item_id, "truncate"), audio_end_ms)

    def _truncate(self, item: Item, audio_end_ms: int) -> tuple[list[Action], list[Event]]:
        audio_end_ms = item.cut(audio_end_ms)
        truncated = {"item_id": item.id, "content_index": 0, "audio_end_ms": audio_end_ms}
        heard = HeardUpTo(item.number, audio_end_ms * 24)
        return [heard], [{"type": "conversation.item.truncated", **truncated}]

    def _running(self, response_id: str | None) -> Answer:
        if self._answer is None or response_id not in (None, self._answer.id):
            what = "no active response found" if response_id is None else "that response is not in progress"
            raise Refused(f"Cancellation failed: {what}.", "response_cancel_not_active")
        return self._answer

    def _known(self, item_id: str, verb: str) -> Item:
        item = self._items.find(item_id)
        if item is None:
            message = f"Cannot {verb} the item: there is no item with id '{item_id[:100]}'."
            raise Refused(message, f"item_{verb}_invalid_item_id", "item_id")
        return item

    # From the session

    def _tell(self, event: said.Event) -> list[Event]:
        answer = self._answer
        match event:
            case said.ResponseAudio():
                return [] if answer is None else [self._audio(answer, event)]
            case said.ResponseText():
                return [] if answer is None else answer.text(event.delta)
            case said.FrameTiming():
                return self._frames.add(event) if self._settings.extras.frames else []
            case said.SpeechStarted():
                self._speech_start_ms = event.audio_start_ms
                item = self._items.create(event.item, "user")
                kind = "input_audio_buffer.speech_started"
                return [{"type": kind, "audio_start_ms": event.audio_start_ms, "item_id": item.id}]
            case said.SpeechStopped():
                return self._user_turn(event)
            case said.UserText() | said.UserDone():
                return self._user_text(event)
            case said.ResponseStarted():
                return self._respond(event)
            case said.ResponseDone():
                self._answer = None
                return [] if answer is None else [*self._frames.flush(), *answer.finish(event)]
            case said.TurnTiming():
                if answer is None or not self._settings.extras.timing:
                    return []
                return [turn_timing(event, answer.id, answer.item.id)]
            case said.SessionFailed():
                return [self.error(event.message, event.code, kind="server_error")]

    def _user_turn(self, event: said.SpeechStopped) -> list[Event]:
        item = self._items.numbered(event.item)
        if item is None:
            return []
        self._unanswered_ms += max(0, event.audio_end_ms - self._speech_start_ms)
        previous = self._items.last_id
        item.status = "completed"
        stopped = {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": event.audio_end_ms}
        return [
            {**stopped, "item_id": item.id},
            {"type": "input_audio_buffer.committed", "previous_item_id": previous, "item_id": item.id},
            self._items.add(item),
            {"type": "conversation.item.done", "previous_item_id": previous, "item": item.describe()},
            *self._transcription_delta(item, "".join(text for _, text in item.pieces)),
        ]

    def _user_text(self, event: said.UserText | said.UserDone) -> list[Event]:
        """What was understood while the user still speaks waits until the client knows the item."""
        item = self._items.numbered(event.item)
        if item is None:
            return []
        if isinstance(event, said.UserText):
            item.pieces.append((0, event.delta))
            return self._transcription_delta(item, event.delta) if item.listed else []
        item.transcript = event.transcript
        if self._settings.transcription is None:
            return []
        kind = "conversation.item.input_audio_transcription.completed"
        usage = {"type": "duration", "seconds": event.audio_ms / 1000}
        done = {"type": kind, "item_id": item.id, "content_index": 0, "transcript": event.transcript}
        return [{**done, "usage": usage}]

    def _transcription_delta(self, item: Item, delta: str) -> list[Event]:
        if not delta or self._settings.transcription is None:
            return []
        kind = "conversation.item.input_audio_transcription.delta"
        return [{"type": kind, "item_id": item.id, "content_index": 0, "delta": delta}]

    def _respond(self, event: said.ResponseStarted) -> list[Event]:
        item = self._items.create(event.item, "assistant")
        voice = self._settings.voice
        self._answer = Answer(self._new_id("resp"), event.response, item, self._items.last_id, voice)
        input_tokens = round(self._unanswered_ms * self.frame_rate / 1000)
        self._unanswered_ms = 0
        return self._answer.begin(self._items, input_tokens)

    def _audio(self, answer: Answer, event: said.ResponseAudio) -> Event:
        delta = answer.audio(event.pcm)
        if self._settings.extras.timing or self._settings.extras.frames:
            delta["voicert"] = {"input_samples": event.input_samples}
        return delta

    # Both

    def _describe(self) -> Event:
        return self._settings.describe(self._session_id, self.model)

    def _turn_settings(self) -> TurnSettings:
        detection, extras = self._settings.turn_detection, self._settings.extras
        return replace(
            self.turns,
            silence_ms=detection.silence_duration_ms,
            interrupt_response=detection.interrupt_response,
            frame_timing=extras.frames,
        )

    def _stamp(self, events: list[Event]) -> list[Event]:
        """Every event leaves with an id of its own, right after its type."""
        return [
            event if "event_id" in event else {"type": "", "event_id": self._new_id("event"), **event}
            for event in events
        ]

    def _new_id(self, prefix: str) -> str:
        return f"{prefix}_{self._token}{next(self._counter):06x}"
