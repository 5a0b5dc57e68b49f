"""What one connection may take: how long it lasts, how long it may be silent, how fast it may send.

Nothing here looks at a clock: every method is told the time, in seconds of one steady clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from voicert.config import ServerConfig

BURST_S = 10.0  # the average of the rate is taken over so long; a file may come at once


@dataclass(frozen=True)
class Exceeded:
    """A limit has been reached, and the connection ends."""

    code: str  # of the error event
    message: str  # of the error event, and the reason of the close


class Limits:
    """The limits of one connection that began at ``now``."""

    def __init__(self, config: ServerConfig, now: float) -> None:
        self._max_session_s, self._idle_s = config.max_session_s, config.idle_s
        self._rate = config.max_messages_per_s
        self._begin = self._last = now
        self._allowance = self._rate * BURST_S  # messages that may come at once

    def message(self, now: float) -> Exceeded | None:
        """The client has sent a message."""
        elapsed, self._last = now - self._last, now
        if not self._rate:
            return None
        self._allowance = min(self._allowance + elapsed * self._rate, self._rate * BURST_S) - 1
        if self._allowance >= 0:
            return None
        text = f"More than {self._rate:g} messages a second, on average over {BURST_S:g} seconds, came."
        return Exceeded("rate_limit_exceeded", text)

    def check(self, now: float) -> Exceeded | None:
        """Whether the connection has lasted or been silent for too long."""
        if self._max_session_s and now - self._begin >= self._max_session_s:
            return Exceeded("session_expired", f"The session has lasted {self._max_session_s:g} seconds.")
        if self._idle_s and now - self._last >= self._idle_s:
            return Exceeded("session_idle", f"The client has sent nothing for {self._idle_s:g} seconds.")
        return None

    def next_check(self) -> float | None:
        """When ``check`` can first find something, as far as is known now; None for never."""
        ends = [self._begin + self._max_session_s] if self._max_session_s else []
        ends += [self._last + self._idle_s] if self._idle_s else []
        return min(ends, default=None)
