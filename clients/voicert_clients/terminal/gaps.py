"""The response gaps of a conversation. Pure."""

from __future__ import annotations

from collections import deque
from statistics import median

REMEMBERED = 100  # gaps that the median looks back on


class Gaps:
    """The last gap and the median."""

    def __init__(self) -> None:
        self.count = 0
        self._recent: deque[float] = deque(maxlen=REMEMBERED)

    def add(self, gap_ms: float) -> None:
        self.count += 1
        self._recent.append(gap_ms)

    @property
    def last_ms(self) -> float | None:
        return self._recent[-1] if self._recent else None

    @property
    def median_ms(self) -> float | None:
        return median(self._recent) if self._recent else None
