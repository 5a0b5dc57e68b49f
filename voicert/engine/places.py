"""Who sits on which slot of the engine. Full is full: the next one is refused at the door."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from voicert.engine.past import Past
from voicert.engine.seat import Frame, Seat, Tape
from voicert.errors import CapacityError
from voicert.models.base import Sampling


@dataclass
class Place:
    """A slot that is taken."""

    slot: int
    seat: Seat
    sampling: Sampling
    past: Past | None = None  # None: the slot still holds its last conversation
    frame: Frame | None = None  # taken from the seat, waits until all is done that comes before its step
    tape: Tape | None = None  # None: not recorded


class Places:
    """A fixed number of slots; any thread may join and leave."""

    def __init__(self, size: int) -> None:
        self._lock = threading.Lock()
        self._places: list[Place | None] = [None] * size
        self._open = True
        self.opened = 0  # seats taken since the beginning
        self.refused = 0

    def taken(self) -> list[Place]:
        """The places of this moment."""
        with self._lock:
            return [place for place in self._places if place]

    def of(self, seat: Seat) -> Place | None:
        """Where a seat sits."""
        with self._lock:
            return next((place for place in self._places if place and place.seat is seat), None)

    def join(self, seat: Seat, sampling: Sampling, tapes: Callable[[Sampling], Tape] | None = None) -> None:
        """Gives a seat a slot, and what records it if there are ``tapes``.

        Raises:
            CapacityError: every slot is taken, or the door is shut.
        """
        with self._lock:
            if not self._open:
                raise CapacityError("the engine has stopped")
            if None not in self._places:
                self.refused += 1
                raise CapacityError(f"all {len(self._places)} places are taken; try again later")
            slot = self._places.index(None)
            self._places[slot] = Place(slot, seat, sampling, tape=tapes(sampling) if tapes else None)
            self.opened += 1

    def leave(self, seat: Seat) -> Place | None:
        """Frees a seat's slot and gives what stood there; None for a stranger."""
        with self._lock:
            for slot, place in enumerate(self._places):
                if place and place.seat is seat:
                    self._places[slot] = None
                    return place
        return None

    def shut(self) -> None:
        """Lets nobody in any more."""
        with self._lock:
            self._open = False
