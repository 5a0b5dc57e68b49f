"""What the server's events do to the speaker, and what the speaker tells the server."""

from __future__ import annotations

from voicert_clients.playback import Playback
from voicert_clients.wire import (
    AudioDelta,
    AudioDone,
    Event,
    ResponseDone,
    ResponseStarted,
    SessionReady,
    SpeechStarted,
    heard_message,
)


class Player:
    """Plays answers and falls silent when one is cut. Not thread-safe: its owner locks."""

    def __init__(self, playback: Playback) -> None:
        self.playback = playback
        self._interrupts = True  # the server cancels what the user talks over
        self._response_id = ""  # the answer in progress at the server, "" when none is
        self._item_id = ""  # of the newest answer
        self._cut_id = ""  # the answer whose late samples are no longer wanted
        self._reported: tuple[str, int] | None = None  # the heard position that the server knows

    @property
    def silent(self) -> bool:
        """No answer is in progress and nothing is left to play."""
        return not self._response_id and self.playback.idle

    def handle(self, event: Event) -> None:
        """Applies one event; those that do not concern the speaker are ignored."""
        match event:
            case SessionReady():
                self._interrupts = event.interrupts
                if not event.voicert:  # others send answers faster than they are spoken
                    self.playback.bound = None
            case ResponseStarted():
                self._response_id = event.response_id
            case AudioDelta() if event.response_id != self._cut_id:
                self._item_id = event.item_id
                self.playback.push(event.item_id, event.pcm)
            case AudioDone():
                self.playback.finish(event.item_id)
            case SpeechStarted() if self._interrupts:
                self.interrupt()
            case ResponseDone():
                self._ended(event)
            case _:
                pass

    def interrupt(self) -> None:
        """Falls silent; what still comes of the answer in progress is not played."""
        self._cut_id = self._response_id
        self.playback.flush()

    def heard_report(self) -> str | None:
        """The message that tells the server the heard position, None when it has not moved."""
        heard = self.playback.heard()
        if heard is None or heard == self._reported:
            return None
        self._reported = heard
        return heard_message(*heard)

    def _ended(self, event: ResponseDone) -> None:
        if event.response_id == self._response_id:
            self._response_id = ""
        if event.status == "cancelled" and event.response_id != self._cut_id:
            self._cut_id = event.response_id
            self.playback.flush()
        self.playback.finish(self._item_id)
