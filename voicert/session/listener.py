"""The user's side of a conversation: where their items begin and end, and what the model understood. Pure.

The voice detector says where speech begins and ends; the model's text may come before its item exists, and
long after the item's speech is over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from voicert.session.events import (
    IdleTimeout,
    Recounted,
    SpeechStarted,
    SpeechStopped,
    TurnCommitted,
    UserDone,
    UserText,
)
from voicert.session.speech import Began, Ended, SpeechTracker, to_ms, to_samples
from voicert.session.turns import UserTurn

ANSWER_DUE = to_samples(10_000)  # after a voice, how long an answer is waited for
TEXT_SETTLES = to_samples(1000)  # after voice and text, when a user's transcript is complete
LONGEST_SPEECH = to_samples(120_000)  # longer speech is split into items, so that a transcript stays bounded
EARLY_PIECES = 1024  # of user text before its item exists; the oldest are dropped

Told = SpeechStarted | SpeechStopped | TurnCommitted | Recounted | IdleTimeout | UserText | UserDone


class Listener:
    """Hears every frame.

    Args:
        new_item: the number of the next item.
    """

    def __init__(self, aggressiveness: int, new_item: Callable[[], int]) -> None:
        self.tracker = SpeechTracker(aggressiveness)
        self.voice_end: int | None = None  # samples: end of the speech that is not yet answered
        self._new_item = new_item
        self._user: UserTurn | None = None  # until its text has settled
        self._due = 0  # samples: until then an answer is waited for
        self._early: deque[tuple[int, str]] = deque(maxlen=EARLY_PIECES)  # (step, text) without an item
        self._early_at = 0  # samples: when its last piece came
        self._open_since = 0  # samples: where the turn begins that the client will commit

    @property
    def clock(self) -> int:
        """Input samples so far."""
        return self.tracker.clock

    @property
    def waiting(self) -> bool:
        """More input is needed, be it silence: an answer is due, or a transcript unsettled."""
        return self._user is not None or self.clock < self._due

    @property
    def speaking(self) -> bool:
        """The user's item is open."""
        return self._user is not None and self._user.end is None

    @property
    def uncommitted(self) -> bool:
        """Something was said since the last commit."""
        return self.tracker.voice_end > self._open_since

    @property
    def early_words(self) -> tuple[str, ...]:
        """What was understood and belongs to no item yet, in lower case and without punctuation."""
        text = "".join(piece for _, piece in self._early).lower()
        return tuple(word.strip(".,!?") for word in text.split())

    def hear(
        self, frame: NDArray[np.float32], begin_ms: int | None, silence_ms: int, echo: bool
    ) -> list[Told]:
        """One frame [samples, a multiple of 480]; with ``begin_ms`` None no item begins by itself."""
        events: list[Told] = []
        begin = None if begin_ms is None else to_samples(begin_ms)
        for edge in self.tracker.advance(frame, begin, to_samples(silence_ms), echo):
            match edge:
                case Began(at):
                    events += self.begin(at)
                case Ended(at):
                    events += self._end(at)
        if self.tracker.voice_end > self.clock - len(frame):
            self.voice_end = self.tracker.voice_end
            self._due = self.clock + ANSWER_DUE
        if self.tracker.speaking and self._user and self.clock - self._user.start >= LONGEST_SPEECH:
            events += self.end()
        return events

    def read(self, step: int, piece: str, hold: bool) -> list[Told]:
        """The model understood ``piece``; with ``hold`` it belongs to an item that may yet begin."""
        if not piece:
            return []
        if self._user and not hold:
            return _some(self._user.write(step, piece, self.clock))
        self._early.append((step, piece))
        self._early_at = self.clock
        self._due = self.clock + ANSWER_DUE
        return []

    def adopt(self) -> list[Told]:
        """Text that came before its item goes to the item, unless it is too old."""
        events: list[Told] = []
        if self._user and self._early:
            fresh = self.clock - self._early_at < ANSWER_DUE
            for step, piece in self._early if fresh else ():
                events += _some(self._user.write(step, piece, self.clock))
            self._early.clear()
        return events

    def rewrite(self, first: int, pieces: list[str]) -> list[Told]:
        """The steps from ``first`` on, one for each of ``pieces``, were taken again and heard this."""
        if not pieces:
            return []
        last = first + len(pieces)
        new = [(first + i, piece) for i, piece in enumerate(pieces) if piece]
        early = [piece for piece in self._early if not first <= piece[0] < last]
        if self._user is None:
            self._early = deque(sorted([*early, *new]), EARLY_PIECES)
            return []
        self._early = deque(early, EARLY_PIECES)
        return _some(self._user.rewrite(first, last, new))

    def forget(self, step: int) -> None:
        """What was understood from this step on was never said."""
        self._early = deque((piece for piece in self._early if piece[0] < step), EARLY_PIECES)
        if self._user:
            self._user.pieces = [piece for piece in self._user.pieces if piece[0] < step]

    def settle(self, now_or_never: bool = False) -> list[Told]:
        """Closes the text of the item, if neither voice nor text has come for a while."""
        if self._user is None or not (now_or_never or self._user.settled(self.clock, TEXT_SETTLES)):
            return []
        done, self._user = self._user.done(), None
        return [done]

    def begin(self, start: int) -> list[Told]:
        """The user's speech began at sample ``start``: a new item."""
        settled = [*self.end(), *self.settle(now_or_never=True)] if self._user else []
        self.tracker.begin()
        self._user = UserTurn(self._new_item(), start)
        return [*settled, SpeechStarted(self._user.item, to_ms(start))]

    def end(self) -> list[Told]:
        """The user's speech is over now, or has not quite begun; what follows must begin anew."""
        return self._end(self.tracker.end().at)

    def answered(self, items: bool) -> list[Told]:
        """It is the model's turn: the user's item is closed, or made if only text was heard.

        Args:
            items: speech makes items; else only `commit` does.
        """
        events: list[Told] = []
        if items and self._user is None and self._early and self.clock - self._early_at < ANSWER_DUE:
            events += self.begin(self.clock if self.voice_end is None else self.voice_end)
            events += self.adopt()
        events += self.end()
        self.voice_end = None
        self._due = 0
        return events

    def dismiss(self) -> None:
        """The voice in progress, or the last one, was nothing that wants an answer."""
        self.tracker.end()
        self.voice_end = None

    def commit(self, if_any: bool = False) -> list[Told]:
        """The client ends the user's turn: all that was heard since the last one is an item.

        Args:
            if_any: only if anything was heard.
        """
        if if_any and self.clock <= self._open_since:
            return []
        settled = [*self.end(), *self.settle(now_or_never=True)]
        self._user = UserTurn(self._new_item(), self._open_since, self.clock)
        committed = TurnCommitted(self._user.item, to_ms(self._open_since), to_ms(self.clock))
        self._open_since = self.clock
        self._early_at = self.clock
        return [*settled, committed, *self.adopt()]

    def recounted(self, since: int, ref: str) -> list[Told]:
        """What was heard since then is an item that the client put in."""
        settled = [*self.end(), *self.settle(now_or_never=True)]
        self._user = UserTurn(self._new_item(), since, self.clock)
        self._open_since = self.clock
        self._early_at = self.clock
        return [*settled, Recounted(self._user.item, ref), *self.adopt()]

    def reopen(self) -> list[Told]:
        """The turn that the client will commit begins here; speech in progress is over."""
        self._open_since = self.clock
        return self.end()

    def idle(self, since: int) -> list[Told]:
        """Nobody has said anything since this sample: an item that is empty."""
        settled = [*self.end(), *self.settle(now_or_never=True)]
        return [*settled, IdleTimeout(self._new_item(), to_ms(since), to_ms(self.clock))]

    def _end(self, end: int) -> list[Told]:
        if self._user is None or self._user.end is not None:
            return []
        self._user.end = max(end, self._user.start)
        self._open_since = self.clock
        return [SpeechStopped(self._user.item, to_ms(self._user.end))]


def _some(event: UserText | None) -> list[Told]:
    return [] if event is None else [event]
