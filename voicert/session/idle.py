"""Nobody says anything after an answer. Pure: the time comes from the caller."""

from __future__ import annotations

from voicert.session.playback import Playback

NEVER = float("inf")


class Idle:
    """Armed by the end of an answer, disarmed by whatever happens then."""

    def __init__(self, playback: Playback) -> None:
        self._playback = playback
        self._since: float | None = None  # seconds: when all was heard
        self.armed_at: int | None = None  # samples of input: when it was armed

    def arm(self, clock: int) -> None:
        """An answer is made."""
        self.armed_at, self._since = clock, None

    def disarm(self) -> None:
        """Someone has done something."""
        self.armed_at = None

    def due(self, timeout_ms: int | None, now: float) -> float:
        """When it has been quiet for too long, in seconds; NEVER if it is not waited for."""
        if self.armed_at is None or timeout_ms is None:
            return NEVER
        if self._since is None:
            all_heard = self._playback.all_heard_at(now)
            if all_heard > now:
                return all_heard + timeout_ms / 1000
            self._since = now
        return self._since + timeout_ms / 1000
