"""What the server's events do to the speaker, and what the speaker tells the server."""

from __future__ import annotations

from voicert_clients.messages import cancel_message, heard_message, truncate_message
from voicert_clients.playback import Playback
from voicert_clients.wire import (
    AudioDelta,
    AudioDone,
    Event,
    ResponseDone,
    ResponsePaused,
    ResponseResumed,
    ResponseStarted,
    SessionReady,
    SpeechStarted,
)


class Player:
    """Plays answers, holds one that may be interrupted, drops one that is. Its owner locks it."""

    def __init__(self, playback: Playback) -> None:
        self.playback = playback
        self._interrupts = True  # the server cancels what the user talks over
        self._response_id = ""  # the answer in progress at the server, "" when none is
        self._item_id = ""  # of the newest answer
        self._cut_id = ""  # the answer whose late samples are no longer wanted
        self._reported: tuple[str, int, bool] | None = None  # heard, and whether finally

    @property
    def silent(self) -> bool:
        """No answer is in progress and nothing is left to play."""
        return not self._response_id and self.playback.idle

    def handle(self, event: Event) -> str | None:
        """Applies one event; those that do not concern the speaker are ignored.

        Returns:
            A message that must go to the server at once: where the speaker stopped.
        """
        match event:
            case SessionReady():
                self._interrupts = event.interrupts
                if not event.voicert:  # others send answers faster than they are spoken
                    self.playback.bound = None
            case ResponseStarted():
                self._response_id = event.response_id
                self.playback.resume()  # a paused answer before it is over: it must not hold this one up
            case AudioDelta() if event.response_id != self._cut_id:
                self._item_id = event.item_id
                self.playback.push(event.item_id, event.pcm)
            case AudioDone():
                self.playback.finish(event.item_id)
            case ResponsePaused() if event.response_id != self._cut_id:
                self.playback.pause()
                return self._report(self.playback.due())
            case ResponseResumed():
                self.playback.resume()
            case SpeechStarted() if self._interrupts:
                return self.interrupt()
            case ResponseDone():
                return self._ended(event)
            case _:
                pass
        return None

    def interrupt(self) -> str | None:
        """Falls silent; what still comes of the answer in progress is not played. Returns as ``handle``."""
        self._cut_id = self._response_id
        return self._flush()

    def stop(self) -> list[str]:
        """The person wants silence. Gives the messages that tell the server, in order."""
        running, playing = bool(self._response_id), not self.playback.idle
        report = self.interrupt()
        messages = [] if report is None else [report]
        if running:
            messages.append(cancel_message())
        elif playing and self._reported:  # its end is here already: what was not heard of it is cut
            messages.append(truncate_message(*self._reported[:2]))
        return messages

    def heard_report(self) -> str | None:
        """The message that tells the server the heard position, None when it has not moved."""
        return self._report(self.playback.heard())

    def _report(self, heard: tuple[str, int] | None) -> str | None:
        if heard is None or (*heard, self.playback.still) == self._reported:
            return None
        self._reported = (*heard, self.playback.still)
        return heard_message(*self._reported)

    def _flush(self) -> str | None:
        due = self.playback.due()  # of an answer that had not begun nothing was heard: that is told too
        self.playback.flush()
        heard = self.playback.heard()
        return self._report(heard if due is None or (heard and heard[0] == due[0]) else due)

    def _ended(self, event: ResponseDone) -> str | None:
        if event.response_id == self._response_id:
            self._response_id = ""
        self.playback.finish(self._item_id)
        if event.status != "cancelled" or event.response_id == self._cut_id:
            return None
        self._cut_id = event.response_id
        return self._flush()
