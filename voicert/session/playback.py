"""Where the listener is in the sound that was sent. Pure: the time comes from the caller.

Positions count samples sent since the session began, all responses in a row. Two clocks run:

    pace    begins when something is sent to a speaker that has nothing left, and runs at the sample rate: no
            speaker can be further. All that is known of a client that reports nothing.
    report  what the client says it has played; between two reports it is taken to go on at the sample rate.
"""

from __future__ import annotations

from voicert.session.vad import SAMPLE_RATE

DELAY = SAMPLE_RATE  # samples: how far a reporting client's speaker may lag behind before less is sent
QUIET_S = 2.0  # a client that has not reported for so long is taken to play on


class Playback:
    """What was sent, and how much of it was heard."""

    def __init__(self) -> None:
        self.sent = 0
        self._pace = (0, 0.0)  # (position, seconds): where the pace was when
        self._report: int | None = None
        self._reported_at = 0.0  # seconds
        self._still = True  # the speaker stands still at the reported position

    @property
    def reports(self) -> bool:
        """The client is one that tells what it has played."""
        return self._report is not None

    @property
    def final(self) -> bool:
        """The heard position will not change until more is sent."""
        return self._report is None or self._still

    @property
    def reported(self) -> int | None:
        """The last report; None before the first."""
        return self._report

    def send(self, samples: int, now: float) -> None:
        """So much more leaves now."""
        if self._paced(now) >= self.sent:
            self._pace = (self.sent, now)
        if self._report is not None and self._still:
            self._still, self._reported_at = False, now
        self.sent += samples

    def report(self, position: int, still: bool, now: float) -> None:
        """The client has played up to ``position`` and goes on, or stands ``still`` there; clamped."""
        position = min(max(position, 0), self.sent)
        if self._report is not None and not still:
            position = max(position, self._report)
        self._report, self._reported_at, self._still = position, now, still or position >= self.sent

    def go_on(self, now: float) -> None:
        """The speaker was told to play on after a pause."""
        self._still, self._reported_at = self._report is not None and self._report >= self.sent, now
        position = self.heard(now)
        self._pace = (position, now)

    def flush(self, now: float) -> None:
        """The speaker was told to throw away all it has: what is sent next is played at once."""
        self._pace = (self.sent, now)
        if self._report is not None:
            self._report, self._reported_at, self._still = self.sent, now, True

    def heard(self, now: float) -> int:
        """The last sample that can have been heard, plus one."""
        if self._report is None:
            return self._paced(now)
        if self._still:
            return self._report
        return min(self.sent, self._report + round((now - self._reported_at) * SAMPLE_RATE))

    def room(self, ahead: int, now: float) -> int:
        """How many samples may be sent now, so that at most ``ahead`` wait at the speaker."""
        room = self._paced(now) + ahead - self.sent
        if self._report is not None and not (self._still and self._report >= self.sent):
            leak = round(max(0.0, now - self._reported_at - QUIET_S) * SAMPLE_RATE)
            room = min(room, self._report + leak + DELAY + ahead - self.sent)
        return room

    def all_heard_at(self, now: float) -> float:
        """When the last sample will have been heard, in seconds."""
        return now + (self.sent - self.heard(now)) / SAMPLE_RATE

    def _paced(self, now: float) -> int:
        position, at = self._pace
        return min(self.sent, position + round((now - at) * SAMPLE_RATE))
