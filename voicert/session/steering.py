"""Where the model stands in its steps, and how far it has to go back before the next one. Pure.

A position is a number of steps: step ``p`` is the one that is taken at position ``p``.

    forget(p)        the steps from p on never were: what is heard next comes right after step p - 1
    fall_silent(p)   the assistant was silent from step p on; what the user said since then stays heard
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Way:
    """What comes before the next step, see `voicert.engine.Frame`."""

    rewind: int = 0
    retake: int = 0
    hush: bool = False
    first: int = 0  # the position of the first step taken again


class Steering:
    """Counts steps, and collects how far to go back.

    Args:
        reach: steps that the model can go back.
    """

    def __init__(self, reach: int) -> None:
        self._reach = reach
        self._farthest = 0  # the largest position there was
        self._forget: int | None = None
        self._silent: int | None = None
        self.position = 0  # the step under way, if any, is taken
        self.marked = 0  # the position at the last `mark`

    @property
    def oldest(self) -> int:
        """The earliest position to which one can go back."""
        return max(0, self._farthest - self._reach)

    @property
    def pending(self) -> bool:
        """The next step will go back: results of a step that is under way are void."""
        return self._forget is not None or self._silent is not None

    def mark(self) -> None:
        """Remembers where the model stands now."""
        self.marked = self.position

    def fall_silent(self, position: int) -> None:
        """The assistant is silent from this step on."""
        position = max(position, self.oldest)
        self._silent = position if self._silent is None else min(self._silent, position)

    def forget(self, position: int) -> None:
        """Undoes this step and all after it."""
        position = max(position, self.oldest)
        self._forget = position if self._forget is None else min(self._forget, position)

    def take(self) -> Way:
        """The next step is taken now, in this way."""
        kept = self.position if self._forget is None else min(self._forget, self.position)
        silent = kept if self._silent is None else min(self._silent, kept)
        way = Way(self.position - kept, kept - silent, self._silent is not None and silent == kept, silent)
        self._forget = self._silent = None
        self.position = kept + 1
        self.marked = min(self.marked, kept)
        self._farthest = max(self._farthest, self.position)
        return way
