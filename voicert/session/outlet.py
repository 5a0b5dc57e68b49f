"""The way out of a response: its events in order, the audio no faster than the listener plays it.

Bound: what waits here is bounded by whoever fills it, see `Conversation.full`. Paused, it lets nothing out.
"""

from __future__ import annotations

from collections import deque
from typing import TypeAlias

from voicert.session.events import (
    ResponseAudio,
    ResponseDone,
    ResponseStarted,
    ResponseText,
    ToolCall,
    TurnTiming,
)
from voicert.session.playback import Playback
from voicert.session.vad import SAMPLE_RATE

SOON_S = 0.005  # it is not looked after more often, for instance when a report is waited for

Outgoing: TypeAlias = ResponseStarted | ResponseText | ResponseAudio | TurnTiming | ToolCall | ResponseDone


class Outlet:
    """First in, first out; audio waits until there is room at the listener's speaker."""

    def __init__(self, playback: Playback) -> None:
        self._playback = playback
        self._queue: deque[Outgoing] = deque()
        self.held = 0  # samples of audio that wait
        self.paused = False

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, event: Outgoing) -> None:
        """Queues an event of a response."""
        self._queue.append(event)
        if isinstance(event, ResponseAudio):
            self.held += len(event.pcm)

    def next(self, ahead: int, now: float) -> Outgoing | None:
        """Lets one event out, if at most ``ahead`` samples then wait at the speaker; None: not yet."""
        if self.paused or not self._queue:
            return None
        event = self._queue[0]
        # Text leaves together with the frame in which it was written.
        audio = self._next_audio() if isinstance(event, ResponseText | TurnTiming | ResponseAudio) else None
        if audio and self._playback.room(ahead, now) < len(audio.pcm):
            return None
        if isinstance(event, ResponseAudio):
            self._playback.send(len(event.pcm), now)
            self.held -= len(event.pcm)
        return self._queue.popleft()

    def due(self, ahead: int, now: float) -> float:
        """When `release` will give more, in seconds; infinity when that does not depend on the time."""
        audio = self._next_audio()
        if self.paused or audio is None:
            return float("inf")
        lack = len(audio.pcm) - self._playback.room(ahead, now)
        return now if lack <= 0 else now + max(lack / SAMPLE_RATE, SOON_S)

    def drop(self) -> list[Outgoing]:
        """Empties it; gives what had not left."""
        dropped = list(self._queue)
        self._queue.clear()
        self.held, self.paused = 0, False
        return dropped

    def _next_audio(self) -> ResponseAudio | None:
        return next((event for event in self._queue if isinstance(event, ResponseAudio)), None)
