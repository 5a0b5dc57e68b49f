"""What a message of the client leads to: actions on the session, and events for the client."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voicert.server.realtime.items import Event
from voicert.session import TurnSettings


@dataclass(frozen=True)
class Push:
    """Give the session audio."""

    pcm: NDArray[np.float32]  # [n] 24 kHz


@dataclass(frozen=True)
class CancelResponse:
    """Cut the response in progress."""

    response: int


@dataclass(frozen=True)
class HeardUpTo:
    """The listener has played so much of an assistant item."""

    item: int
    samples: int


@dataclass(frozen=True)
class Configure:
    """Use these settings from now on."""

    settings: TurnSettings


Action: TypeAlias = Push | CancelResponse | HeardUpTo | Configure


@dataclass(frozen=True)
class Outcome:
    """What one message of the client leads to."""

    actions: list[Action] = field(default_factory=list[Action])  # for the session, in order
    events: list[Event] = field(default_factory=list[Event])  # for the client
    event_id: str | None = None  # the client's own id of the message
