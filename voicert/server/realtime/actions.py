"""What a message of the client leads to: actions on the session, and events for the client.

There is one action per method of `voicert.session.Session` that a client can reach.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voicert.models.base import Brief
from voicert.server.realtime.items import Event
from voicert.session import TurnSettings


@dataclass(frozen=True)
class Push:
    """Give the session audio: `Session.push`."""

    pcm: NDArray[np.float32]  # [n] 24 kHz


@dataclass(frozen=True)
class Commit:
    """The user's turn is over: `Session.commit`."""


@dataclass(frozen=True)
class ClearInput:
    """Forget what was pushed since the last commit: `Session.clear`."""


@dataclass(frozen=True)
class Respond:
    """The model is to answer now: `Session.respond`."""

    longest_ms: int | None = None  # this answer is cut at so much; None: as the settings say
    brief: Brief | None = None  # what is wanted of the model in this answer; None: as in the session


@dataclass(frozen=True)
class Say:
    """The user typed this: `Session.say`."""

    text: str


@dataclass(frozen=True)
class Recount:
    """The user said this some time ago: `Session.recount`."""

    pcm: NDArray[np.float32]  # [n] 24 kHz
    item_id: str


@dataclass(frozen=True)
class TruncateItem:
    """No more than this of an assistant item was heard: `Session.truncate`."""

    item: int
    samples: int  # 24 kHz


@dataclass(frozen=True)
class ToolOutput:
    """What a called function gave: `Session.tool_output`."""

    call_id: str
    output: str


@dataclass(frozen=True)
class CancelResponse:
    """Cut the response in progress: `Session.cancel`."""

    response: int | None  # None: whichever is in progress or asked for


@dataclass(frozen=True)
class HeardUpTo:
    """The listener has played so much of an assistant item: `Session.heard`."""

    item: int
    samples: int  # 24 kHz
    stopped: bool = False  # the speaker stands still


@dataclass(frozen=True)
class Configure:
    """Use these settings from now on: `Session.update`."""

    settings: TurnSettings


@dataclass(frozen=True)
class Instruct:
    """What is wanted of the model from now on: `Session.brief`."""

    brief: Brief


Action: TypeAlias = (
    Push
    | Commit
    | ClearInput
    | Respond
    | Say
    | Recount
    | TruncateItem
    | ToolOutput
    | CancelResponse
    | HeardUpTo
    | Configure
    | Instruct
)


@dataclass(frozen=True)
class Outcome:
    """What one message of the client leads to.

    When the session cannot carry an action out, ``undo`` makes it as if the message had been refused: the
    client is sent the error alone.
    """

    actions: list[Action] = field(default_factory=list[Action])  # for the session, in order
    events: list[Event] = field(default_factory=list[Event])  # for the client
    event_id: str | None = None  # the client's own id of the message
    undo: Callable[[], None] | None = None  # None: there is nothing to take back
