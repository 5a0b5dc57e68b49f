"""To the client: what the session tells, in the words of the protocol."""

from __future__ import annotations

from voicert.server.realtime.answer import Answer
from voicert.server.realtime.audio_formats import SAMPLES_PER_MS
from voicert.server.realtime.items import Event, Heard, Item, Said
from voicert.server.realtime.reading import error_event
from voicert.server.realtime.reports import FrameReports, turn_timing
from voicert.server.realtime.state import State
from voicert.session import events as said

_TRANSCRIPTION = "conversation.item.input_audio_transcription"


class Tells:
    """Keeps the state in step with the session."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._speech_start_ms = 0
        self._frames = FrameReports()

    def tell(self, event: said.Event) -> list[Event]:
        """The wire events of one session event, without their ids."""
        match event:
            case said.SpeechStarted(item, start_ms):
                self._speech_start_ms = start_ms
                kind = "input_audio_buffer.speech_started"
                return [{"type": kind, "audio_start_ms": start_ms, "item_id": self._user_item(item).id}]
            case said.SpeechStopped(item, end_ms):
                user = self._user_item(item)
                kind = "input_audio_buffer.speech_stopped"
                stopped = {"type": kind, "audio_end_ms": end_ms, "item_id": user.id}
                return [stopped, *self._committed(user, end_ms - self._speech_start_ms)]
            case said.TurnCommitted(item, start_ms, end_ms):
                return self._committed(self._user_item(item), end_ms - start_ms)
            case said.Recounted(item, item_id):
                self._recounted(item, item_id)
                return []
            case said.IdleTimeout(item, start_ms, end_ms):
                user = self._user_item(item)
                about = {"item_id": user.id, "audio_start_ms": start_ms, "audio_end_ms": end_ms}
                triggered = {"type": "input_audio_buffer.timeout_triggered", **about}
                return [triggered, *self._committed(user, end_ms - start_ms)]
            case said.UserText() | said.UserDone():
                return self._transcribed(event)
            case said.Truncated():
                return self._truncated(event)
            case said.FrameTiming():
                return self._frames.add(event) if self._state.settings.extras.frames else []
            case said.ResponsePaused() | said.ResponseResumed():
                return self._playback(event)
            case said.SessionFailed():
                return self._give_up(event)
            case said.ResponseStarted():
                return self._begin(event)
            case _:
                return [] if self._state.answer is None else self._answered(self._state.answer, event)

    # The user

    def _user_item(self, number: int) -> Item:
        """Known by its number from the first word on, and to the client perhaps later."""
        history = self._state.history
        known = history.numbered(number)
        return history.expect(Item(self._state.ids.new("item"), Heard(), number)) if known is None else known

    def _committed(self, item: Item, duration_ms: int) -> list[Event]:
        state = self._state
        state.input.audio_ms += max(0, duration_ms)
        previous = state.history.last_id
        item.status = "completed"
        heard = item.body if isinstance(item.body, Heard) else Heard()
        return [
            {"type": "input_audio_buffer.committed", "previous_item_id": previous, "item_id": item.id},
            *state.history.add(item),
            *state.history.done(item),
            *self._transcription_delta(item, "".join(heard.early)),
            *self._transcription_done(item, heard),
        ]

    def _recounted(self, number: int, item_id: str) -> None:
        """The model has heard an item that the client has put in; its transcript follows."""
        item = self._state.history.find(item_id)
        if item is not None:
            item.number = number
            self._state.history.expect(item)

    def _transcribed(self, event: said.UserText | said.UserDone) -> list[Event]:
        """What was understood before the client knows the item waits until it does."""
        item = self._user_item(event.item)
        if not isinstance(item.body, Heard):
            return []
        listed = self._state.history.is_listed(item)
        if isinstance(event, said.UserText):
            if not listed:
                item.body.early.append(event.delta)
            return self._transcription_delta(item, event.delta) if listed else []
        transcript = event.transcript if self._state.server.can.user_transcripts else None
        item.body.transcript, item.body.audio_ms = transcript, event.audio_ms
        return self._transcription_done(item, item.body) if listed else []

    def _transcription_delta(self, item: Item, delta: str) -> list[Event]:
        if not delta or not self._state.transcribes:
            return []
        return [{"type": f"{_TRANSCRIPTION}.delta", "item_id": item.id, "content_index": 0, "delta": delta}]

    def _transcription_done(self, item: Item, heard: Heard) -> list[Event]:
        if heard.audio_ms is None or not self._state.transcribes:
            return []
        about = {"item_id": item.id, "content_index": 0, "transcript": heard.transcript}
        usage = {"type": "duration", "seconds": heard.audio_ms / 1000}
        return [{"type": f"{_TRANSCRIPTION}.completed", **about, "usage": usage}]

    # The assistant

    def _begin(self, event: said.ResponseStarted) -> list[Event]:
        """The one that the client asked for, or one of the model's own."""
        state, events = self._state, list[Event]()
        answer = state.answer
        if answer is None or answer.number is not None:
            answer = state.new_answer()
            events = [answer.created()]
        state.last = answer
        answer.begin(event)
        answer.usage.input_audio, answer.usage.input_text = state.input.take(state.server.frame_rate)
        return events

    def _answered(self, answer: Answer, event: said.Event) -> list[Event]:
        """What belongs to the response in progress."""
        extras = self._state.settings.extras
        match event:
            case said.ResponseAudio(pcm=pcm, input_samples=at):
                events = answer.audio(pcm)
                if extras.timing or extras.frames:
                    events = [_clocked(wire, at) for wire in events]
                return events
            case said.ResponseText(delta=delta):
                return answer.text(delta)
            case said.ToolCall():
                return answer.call(event)
            case said.TurnTiming():
                return [turn_timing(event, answer.id, answer.message.id)] if extras.timing else []
            case said.ResponseDone():
                self._state.answer = None
                return [*self._frames.flush(), *answer.finish(event)]
            case _:
                return []

    def _playback(self, event: said.ResponsePaused | said.ResponseResumed) -> list[Event]:
        """For clients that can hold and go on; to the others a pause is that nothing comes."""
        answer = self._state.last
        if answer is None or answer.number != event.response or not self._state.settings.extras.playback:
            return []
        about: Event = {"response_id": answer.id, "item_id": answer.message.id}
        if isinstance(event, said.ResponseResumed):
            about |= {"reason": event.reason, "paused_ms": event.paused_ms}
            return [{"type": "voicert.response.resumed", **about}]
        about |= {"audio_end_ms": event.sent_samples // SAMPLES_PER_MS, "input_ms": event.input_ms}
        return [{"type": "voicert.response.paused", **about, "reason": "voice"}]

    def _truncated(self, event: said.Truncated) -> list[Event]:
        """The item ends there, whoever wanted it so; a client that asked is answered once for each time."""
        state = self._state
        item = state.history.numbered(event.item)
        if item is None or not isinstance(item.body, Said):
            return []
        if not state.history.is_listed(item):
            return []  # a response without words had no message
        item.body.cut_at(event.audio_end_samples, event.transcript)
        about = {"item_id": item.id, "content_index": 0, "audio_end_ms": item.body.duration_ms}
        if state.settings.extras.playback:
            about["transcript"] = item.body.transcript
        return [{"type": "conversation.item.truncated", **about}]

    def _give_up(self, event: said.SessionFailed) -> list[Event]:
        """The session is over, and with it a response that has not begun."""
        answer, self._state.answer = self._state.answer, None
        error = error_event(event.message, event.code, kind="server_error")
        return [*([] if answer is None else answer.give_up("failed", "error")), error]


def _clocked(event: Event, input_samples: int) -> Event:
    """A delta of sound with the input clock at which it was made."""
    if event["type"] != "response.output_audio.delta":
        return event
    return {**event, "voicert": {"input_samples": input_samples}}
