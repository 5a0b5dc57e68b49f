"""A facade fed directly: messages and session events in, actions and wire events out."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from voicert.server.realtime import Extras, Facade, Outcome
from voicert.session import TurnSettings
from voicert.session import events as said

Event = dict[str, Any]

FRAME = np.zeros(480, np.float32)
ABLE = frozenset({"typed_text", "tools", "user_transcripts"})


def new_facade(extras: Extras | None = None, able: frozenset[str] = ABLE) -> Facade:
    """An open one at 50 frames a second; its ids hold the token ``t0``."""
    facade = Facade("tiny", TurnSettings(silence_ms=400), 50.0, "t0", able)
    facade.open(extras)
    return facade


def ask(facade: Facade, kind: str, **fields: Any) -> Outcome:
    """A message of the client."""
    return facade.receive(json.dumps({"type": kind, **fields}))


def configure(facade: Facade, **session: Any) -> Event:
    """A session.update that must succeed; the session as it is then."""
    (updated,) = ask(facade, "session.update", session=session).events
    assert updated["type"] == "session.updated", updated
    shown: Event = updated["session"]
    return shown


def refusal(facade: Facade, message: str | bytes | Event) -> Event:
    """The error that a message is answered with, and nothing else."""
    outcome = facade.receive(json.dumps(message) if isinstance(message, dict) else message)
    assert outcome.actions == []
    assert [event["type"] for event in outcome.events] == ["error"]
    error: Event = outcome.events[0]["error"]
    return error


def answer(facade: Facade, response: int, item: int, words: int = 2) -> list[Event]:
    """A response in progress: per word its text and ten frames of audio."""
    events: list[said.Event] = [said.ResponseStarted(response, item)]
    for word in range(words):
        events.append(said.ResponseText(response, item, f" w{word}" if word else "w0"))
        events += [said.ResponseAudio(response, item, FRAME, 0)] * 10
    return facade.translate(events)


def done(
    item: int, transcript: str, status: said.Status = "completed", response: int = 1
) -> said.ResponseDone:
    """The end of what `answer` began with two words."""
    reason = None if status == "completed" else "turn_detected"
    return said.ResponseDone(response, item, status, reason, transcript, 9600, None)


def spoken_turn(facade: Facade, item: int, text: str = "hello") -> list[Event]:
    """A user's turn of 800 ms."""
    return facade.translate(
        [
            said.SpeechStarted(item, 100),
            said.UserText(item, text),
            said.SpeechStopped(item, 900),
            said.UserDone(item, text, 800),
        ]
    )


def kinds(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


def retrieve(facade: Facade, item_id: str) -> Event:
    """An item as the server shows it."""
    (retrieved,) = ask(facade, "conversation.item.retrieve", item_id=item_id).events
    assert retrieved["type"] == "conversation.item.retrieved", retrieved
    item: Event = retrieved["item"]
    return item
