"""Sound that waits to be played, piece by piece, each knowing its place in its item."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from voicert_clients.pcm import Pcm


@dataclass
class Segment:
    """A run of samples of one item."""

    item_id: str
    item_position: int  # of its first sample
    pcm: Pcm


class Segments:
    """First in, first out."""

    def __init__(self) -> None:
        self.samples = 0  # that wait
        self._queue: deque[Segment] = deque()

    @property
    def head(self) -> Segment | None:
        """What comes next; None when nothing waits."""
        return self._queue[0] if self._queue else None

    def push(self, segment: Segment) -> None:
        """Adds one at the end."""
        self._queue.append(segment)
        self.samples += len(segment.pcm)

    def clear(self) -> None:
        """Forgets all."""
        self._queue.clear()
        self.samples = 0

    def peek(self, most: int) -> Pcm:
        """Up to ``most`` of the oldest samples, a copy; they stay."""
        found: list[Pcm] = [np.zeros(0, np.float32)]
        for segment in self._queue:
            if most <= 0:
                break
            found.append(segment.pcm[:most])
            most -= len(found[-1])
        return np.concatenate(found)

    def take(self, most: int) -> tuple[Pcm, dict[str, int]]:
        """Removes up to ``most`` of the oldest samples; gives them, and how far their items have come."""
        pcm = self.peek(most)
        left = len(pcm)
        self.samples -= left
        reached: dict[str, int] = {}
        while left > 0:
            head = self._queue[0]
            run = min(left, len(head.pcm))
            head.pcm, head.item_position = head.pcm[run:], head.item_position + run
            reached[head.item_id] = head.item_position
            if len(head.pcm) == 0:
                self._queue.popleft()
            left -= run
        return pcm, reached

    def replace(self, samples: int, pcm: Pcm) -> None:
        """Puts shorter sound in the place of the next samples, all of which are in the first segment."""
        head = self._queue[0]
        head.pcm = np.concatenate([pcm, head.pcm[samples:]])
        head.item_position += samples - len(pcm)
        self.samples -= samples - len(pcm)
