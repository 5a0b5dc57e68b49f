"""Both directions of one connection: a client's messages to actions, a session's events to wire events.

Nothing here does I/O, waits or looks at a clock, and the same input gives the same output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from voicert.server.realtime.actions import Configure, Outcome
from voicert.server.realtime.asks import Asks
from voicert.server.realtime.capabilities import Capabilities
from voicert.server.realtime.items import Event
from voicert.server.realtime.reading import Refused, decode, error_event
from voicert.server.realtime.requests import read_request
from voicert.server.realtime.settings import Extras
from voicert.server.realtime.state import Ids, Server, State
from voicert.server.realtime.tells import Tells
from voicert.session import TurnSettings
from voicert.session import events as said


def count_words(text: str) -> int:
    """Tokens of a text, for a model that reads whole words."""
    return len(text.split())


class Facade:
    """The protocol of one connection.

    Args:
        model: the model's name, as clients see it.
        turns: the server's defaults.
        frame_rate: model steps per second; one step is one audio token.
        token: what makes the ids of this connection unlike those of any other.
        capabilities: what the model can do, see `Bundle.capabilities`.
        count_tokens: of typed text; 0 says that the model can read none of it.
    """

    def __init__(
        self,
        model: str,
        turns: TurnSettings,
        frame_rate: float,
        token: str,
        capabilities: frozenset[str] = frozenset(),
        count_tokens: Callable[[str], int] = count_words,
    ) -> None:
        self._ids = Ids(token)
        server = Server(model, turns, frame_rate, Capabilities(capabilities), count_tokens)
        self._state = State(server, self._ids)
        self._asks = Asks(self._state)
        self._tells = Tells(self._state)

    def open(self, extras: Extras | None = None) -> Outcome:
        """The connection is there; ``extras`` are those asked for in its address."""
        state = self._state
        if extras is not None:
            state.settings = replace(state.settings, extras=extras)
        created = {"type": "session.created", "session": state.describe()}
        return Outcome([Configure(state.turn_settings())], self._stamp([created]))

    def receive(self, message: str | bytes) -> Outcome:
        """One message of the client. A bad one gives an ``error`` event and no action."""
        event_id: str | None = None
        try:
            data = decode(message)
            if isinstance(data.get("event_id"), str):
                event_id = data["event_id"][:512]
            outcome = self._asks.carry_out(read_request(data))
        except Refused as refusal:
            return Outcome([], [self.error(refusal, refusal.code, refusal.param, event_id)], event_id)
        return replace(outcome, events=self._stamp(outcome.events), event_id=event_id)

    def error(
        self,
        message: object,
        code: str,
        param: str | None = None,
        event_id: str | None = None,
        kind: str = "invalid_request_error",
    ) -> Event:
        """An ``error`` event; ``event_id`` is that of the client's message at fault."""
        return self._stamp([error_event(message, code, param, event_id, kind)])[0]

    def translate(self, events: Sequence[said.Event]) -> list[Event]:
        """What the session tells, in the words of the protocol."""
        return self._stamp([wire for event in events for wire in self._tells.tell(event)])

    def _stamp(self, events: list[Event]) -> list[Event]:
        """Every event leaves with an id of its own, right after its type."""
        return [{"type": "", "event_id": self._ids.new("event"), **event} for event in events]
