"""What may follow what among the events of a session, as the first lines of voicert/session/events.py say."""

from __future__ import annotations

from dataclasses import dataclass, field

from voicert.session.events import (
    Event,
    FrameTiming,
    IdleTimeout,
    ResponseAudio,
    ResponseDone,
    ResponsePaused,
    ResponseResumed,
    ResponseStarted,
    ResponseText,
    SessionFailed,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    Truncated,
    TurnCommitted,
    TurnTiming,
    UserDone,
    UserText,
)


@dataclass
class Reply:
    """What is known of one response."""

    response: int
    item: int
    said: str = ""
    sent: int = 0
    done: ResponseDone | None = None
    transcript: str = ""
    end: int = 0


@dataclass
class Grammar:
    """Checks every event against what came before it."""

    speaking: int = 0  # item of the user's open speech
    unsettled: set[int] = field(default_factory=set[int])  # user items without UserDone
    heard: dict[int, str] = field(default_factory=dict[int, str])
    replies: dict[int, Reply] = field(default_factory=dict[int, Reply])  # by item
    open: Reply | None = None  # the response in progress
    paused: int = 0  # the response that is paused
    items: set[int] = field(default_factory=set[int])
    responses: int = 0
    clock: int = 0
    spoke_at: int = 0
    cut: bool = False  # speech began over a paused response, which must not go on
    over: bool = False

    def new_item(self, item: int) -> None:
        assert item not in self.items
        self.items.add(item)

    def check(self, event: Event) -> None:
        assert not self.over
        match event:
            case SpeechStarted(item, start_ms):
                assert not self.speaking
                assert not self.unsettled
                assert start_ms >= self.spoke_at
                self.new_item(item)
                self.speaking, self.spoke_at = item, start_ms
                self.unsettled.add(item)
                self.heard[item] = ""
                self.cut, self.paused = bool(self.paused), 0
            case SpeechStopped(item, end_ms):
                assert item == self.speaking
                assert end_ms >= self.spoke_at
                self.speaking, self.spoke_at = 0, end_ms
            case TurnCommitted(item, start_ms, end_ms):
                assert not self.speaking
                assert not self.unsettled
                assert end_ms >= start_ms
                self.new_item(item)
                self.unsettled.add(item)
                self.heard[item] = ""
            case IdleTimeout(item, start_ms, end_ms):
                assert not self.speaking
                assert end_ms >= start_ms
                self.new_item(item)
            case UserText(item, delta):
                assert delta
                assert item in self.unsettled
                self.heard[item] += delta
            case UserDone(item):
                assert item != self.speaking
                self.unsettled.remove(item)
            case _:
                self._reply(event)

    def _reply(self, event: Event) -> None:
        match event:
            case ResponseStarted(response, item):
                assert self.open is None
                assert response > self.responses
                self.new_item(item)
                self.responses = response
                self.open = self.replies[item] = Reply(response, item)
                self.cut = False
            case ResponseText(response, item, delta):
                assert delta
                self._opened(response, item).said += delta
            case ResponseAudio(response, item, pcm, at):
                assert at > self.clock
                self.clock = at
                self._opened(response, item).sent += len(pcm)
            case TurnTiming(response, item, input_end_ms, first_audio_ms, first_audible_ms):
                self._opened(response, item)
                assert (input_end_ms or 0) <= first_audio_ms <= first_audible_ms
            case ToolCall(response, item):
                assert self.open is not None
                assert self.open.response == response
                self.new_item(item)
            case ResponseDone(response, item, status, reason, transcript, audio_samples, heard):
                reply = self.open
                assert reply is not None
                assert (response, item) == (reply.response, reply.item)
                assert (status == "completed") == (reason is None)
                assert audio_samples == reply.sent
                assert heard is None or 0 <= heard <= reply.sent
                assert status in ("completed", "incomplete") or heard is not None
                reply.done, reply.transcript, reply.end = event, transcript, audio_samples
                reply.end = reply.sent if heard is None or status == "completed" else heard
                self.open, self.cut = None, False
                if status in ("cancelled", "failed"):
                    self.paused = 0
            case ResponsePaused(response, item, sent, input_ms, start_ms):
                assert not self.paused
                assert not self.cut
                assert self.replies[item].response == response
                assert self.replies[item].sent == sent
                assert start_ms <= input_ms
                self.paused = response
            case ResponseResumed(response, item, start, paused_ms):
                assert self.paused == response
                assert 0 <= start <= self.replies[item].sent
                assert paused_ms >= 0
                self.paused = 0
            case Truncated(item, end, transcript):
                reply = self.replies.get(item)
                self.paused, self.cut = 0, False
                if reply is not None and transcript is not None:
                    assert reply.done
                    assert 0 <= end <= reply.end
                    assert reply.transcript.startswith(transcript)
                    reply.end, reply.transcript = end, transcript
            case SessionFailed():
                self.over = True
            case FrameTiming():
                pass
            case _:
                raise AssertionError(f"{event} has no place here")

    def _opened(self, response: int, item: int) -> Reply:
        """The response in progress, which may send something."""
        assert self.open is not None
        assert (response, item) == (self.open.response, self.open.item)
        assert not self.paused
        assert not self.cut
        return self.open
