"""Connections without sockets, threads or clocks: facades and sessions on an engine turned by hand.

Time is a number. All that the server does in a while happens in one call, in the same order every time, so
that a test may look at the model's memory, the item list and what the client was sent in the same moment.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from tests.support.scripted import Script, ScriptedModel, scripted_bundle
from voicert.engine import Engine, Stepped, Timing
from voicert.engine.seat import Seat
from voicert.errors import CapacityError, InputError
from voicert.models.base import Control, Sampling
from voicert.server.carry import carry_out
from voicert.server.realtime import Extras, Facade, Outcome
from voicert.session import Session, TurnSettings, open_session
from voicert.session import events as said

Event = dict[str, Any]

TIMING = Timing(0.0, 0.0, 0.0, 0.0, 1, False)
TICK_S = 0.001  # the clock's grain
MOST_ROUNDS = 4000  # of frames in one moment: a full queue, and what an answer on request may take


class HandEngine:
    """The engine's part towards sessions, one frame of one slot at a time."""

    def __init__(self, slots: int = 2, script: Script | None = None) -> None:
        self.bundle = scripted_bundle(slots, script)
        self.now = 0.0  # seconds
        self._state = self.bundle.codec.init_state(slots)
        self._seats: list[Seat | None] = [None] * slots

    @property
    def model(self) -> ScriptedModel:
        return cast(ScriptedModel, self.bundle.model)

    def clock(self) -> float:
        return self.now

    def wake(self) -> None:
        """Whoever turns the engine looks at every seat anyway."""

    def join(self, seat: Seat, sampling: Sampling) -> None:
        if None not in self._seats:
            raise CapacityError("all places are taken")
        slot = self._seats.index(None)
        self._seats[slot] = seat
        self.model.reset(slot, sampling)
        self.bundle.codec.reset(self._state, slot)

    def leave(self, seat: Seat) -> None:
        self._seats = [None if taken is seat else taken for taken in self._seats]

    def note(self, seat: Seat, kind: str, **values: Any) -> None:
        """Nobody records here."""

    def slot_of(self, seat: Seat) -> int:
        return self._seats.index(seat)

    def run(self, seconds: float) -> None:
        """Lets time pass; every frame that is ready is stepped at once."""
        end = self.now + seconds
        while self.now < end:
            self._drain()
            dues = [due for seat in self._seats if seat and (due := seat.due()) is not None]
            self.now = min(max(min(dues, default=end), self.now + TICK_S), end)
        self._drain()

    def _drain(self) -> None:
        """Steps until nobody has a frame ready, one of each in turn."""
        ready, rounds = [True], 0
        while any(ready):
            rounds += 1
            assert rounds < MOST_ROUNDS, "a session takes frames without end, and no time passes"
            ready = [self._turn(slot, seat) for slot, seat in enumerate(self._seats) if seat]

    def _turn(self, slot: int, seat: Seat) -> bool:
        """One frame of a slot, if it has one."""
        frame = seat.take(self.now)
        if frame is None:
            return False
        codec, row = self.bundle.codec, np.array([slot])
        codes = codec.encode(frame.pcm[None], self._state, row)[:, :, 0]
        self.model.rewind(slot, frame.rewind + frame.retake)
        retaken = self.model.retake(slot, frame.retake).user_text.tolist() if frame.retake else []
        steer = Control(np.array([frame.hush]), np.array([frame.start]), np.array([frame.user_text]))
        out = self.model.step(row, codes, steer)
        pcm = codec.decode(out.codes[:, :, None], self._state, row)[0].copy()
        stepped = Stepped(
            int(out.text[0]), int(out.user_text[0]), pcm, frame.hush, TIMING, bool(out.wants[0]),
            tuple(retaken), out.calls.get(0),
        )  # fmt: skip
        seat.advance(frame, stepped)
        return True


class Talk:
    """One client: what it sends takes effect at once, what it is sent is in ``events``."""

    def __init__(
        self,
        engine: HandEngine,
        token: str = "t0",
        extras: Extras | None = None,
        turns: TurnSettings | None = None,
    ) -> None:
        self.engine = engine
        self.events: list[Event] = []
        able = engine.bundle.capabilities
        count = lambda text: len(engine.model.tokens(text))  # noqa: E731 - as the server does
        self.facade = Facade("scripted", turns or TurnSettings(), 50.0, token, able, count)
        self._told: list[said.Event] = []  # by the session, while a message of the client is dealt with
        self._acting = False
        self.session: Session = open_session(cast(Engine, engine), self._hear)
        self._act(self.facade.open(extras))

    def send(self, message: Event | str | bytes) -> list[Event]:
        """A message of the client; what it is answered with before time passes."""
        before = len(self.events)
        text = json.dumps(message) if isinstance(message, dict) else message
        self._act(self.facade.receive(text))
        return self.events[before:]

    def ask(self, kind: str, **fields: Any) -> list[Event]:
        return self.send({"type": kind, **fields})

    @property
    def slot(self) -> int:
        return self.engine.slot_of(self.session)

    def _act(self, outcome: Outcome) -> None:
        """As the server does: first the actions, then what the facade answers, then what comes
        of the actions."""
        self._acting = True
        try:
            for action in outcome.actions:
                carry_out(self.session, action)
        except InputError as error:
            self.events.append(self.facade.error(error, error.code, event_id=outcome.event_id))
            if outcome.undo is not None:
                outcome.undo()
        else:
            self.events += outcome.events
        self._acting = False
        self._deliver()

    def _hear(self, events: Sequence[said.Event]) -> None:
        self._told += events
        if not self._acting:
            self._deliver()

    def _deliver(self) -> None:
        told, self._told = self._told, []
        self.events += self.facade.translate(told)
