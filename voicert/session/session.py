"""One session: the shell around a `Conversation` that the event loop pushes into and the engine takes from.

Two threads meet here. A lock guards the state; it is held for a frame's turn logic at most, well under a
millisecond, so the event loop does not feel it. Events are handed to the sink under the lock, hence in order.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from voicert.engine import Engine, Frame, Stepped
from voicert.errors import InputError
from voicert.models.base import Brief
from voicert.session.briefing import Briefing
from voicert.session.conversation import Conversation
from voicert.session.events import Event, SessionFailed
from voicert.session.feed import NEVER, Feed
from voicert.session.intake import Intake, Mark
from voicert.session.settings import TurnSettings
from voicert.session.vad import SAMPLE_RATE

OVERFLOW = "input_audio_buffer_overflow"
QUEUE_S = 30  # seconds of input that may wait; more is dropped and reported
REST = SAMPLE_RATE // 4  # samples of silence after a recording: the model writes its last words down in it

Sink = Callable[[list[Event]], None]


class Session:
    """A seat on the engine. Made by `open_session`."""

    def __init__(self, engine: Engine, sink: Sink, settings: TurnSettings) -> None:
        self._engine = engine
        self._sink = sink
        self._lock = threading.RLock()  # reentrant: a sink may call back
        frame = engine.bundle.codec.frame_size  # samples
        self._intake = Intake(frame, QUEUE_S * SAMPLE_RATE // frame, engine.clock())
        self._talk = Conversation(engine.bundle.model, settings)
        self._briefing = Briefing()
        self._feed = Feed(self._intake, self._talk, self._briefing, frame)
        self.closed = False

    @property
    def settings(self) -> TurnSettings:
        return self._talk.settings

    # ---- for the event loop: what comes in, in this order

    def push(self, pcm: NDArray[np.float32]) -> None:
        """Takes ``pcm`` [n] at 24 kHz, any n; the array is kept, so it must not change afterwards.

        Raises:
            InputError: ``invalid_audio``, nothing was taken; or ``input_audio_buffer_overflow``, more than
                30 s wait and the excess was dropped. The session goes on.
        """
        _check(pcm)
        now = self._engine.clock()
        with self._lock:
            if self.closed or not len(pcm):
                return
            dropped = self._intake.push(pcm, now)
            ready = len(self._intake) > 0
        if ready:
            self._engine.wake()
        if dropped:
            raise InputError(
                f"{dropped * 1000 // SAMPLE_RATE} ms of audio were dropped, since {QUEUE_S} s wait already; "
                "send no faster than real time",
                OVERFLOW,
            )

    def commit(self) -> None:
        """The user's turn is over, with all that was pushed so far.

        With ``detection="manual"`` a `TurnCommitted` tells its item; else speech in progress ends now.
        If too many of these marks wait, they raise InputError, ``input_audio_buffer_overflow``.
        """
        self._mark(Mark("commit"))

    def clear(self) -> None:
        """What was pushed since the last commit was never said; or, with ``detection="auto"``, what waits."""
        with self._lock:
            self._intake.forget()
        self._mark(Mark("clear"))

    def respond(self, longest_ms: int | None = None, brief: Brief | None = None) -> None:
        """The model shall answer, after all that was pushed so far; ignored if it does already.

        Args:
            longest_ms: of this answer, in place of `TurnSettings.longest_response_ms`.
            brief: for this answer, in place of that of the session.
        """
        self._mark(Mark("respond", longest_ms, brief))

    def say(self, text: str) -> int:
        """The user has typed this → how many tokens it is. The model answers when `respond` asks it to.

        Raises:
            InputError: ``unsupported_text``, the model cannot spell it; or ``input_audio_buffer_overflow``,
                too much waits already. Nothing was taken.
        """
        tokens = self._engine.bundle.model.tokens(text)
        if not tokens:
            raise InputError("the model can spell nothing of this text", "unsupported_text")
        self._give(tokens)
        self._note("call", name="say", text=text)
        return len(tokens)

    def recount(self, pcm: NDArray[np.float32], ref: str) -> None:
        """The user has said ``pcm`` [n] at 24 kHz some time ago; it is heard now, faster than it was said.

        One `Recounted` tells when it was. The model answers when `respond` asks it to. An answer in progress
        ends; the assistant is silent meanwhile, and what is pushed waits.

        Raises:
            InputError: ``invalid_audio`` or ``input_audio_buffer_overflow``. Nothing was taken.
        """
        _check(pcm)
        whole = np.concatenate([pcm, np.zeros(REST, np.float32)])
        with self._lock:
            taken = self.closed or self._intake.recount(whole, ref, self._engine.clock())
        if not taken:
            raise InputError(f"{QUEUE_S} s of input wait already, or would with this", OVERFLOW)
        self._note("call", name="recount")
        self._engine.wake()

    def tool_output(self, call_id: str, output: str) -> int:
        """The result of a `ToolCall` → how many tokens it is. The model answers when `respond` asks it to.

        Raises:
            InputError: ``unknown_call``, the model does not wait for it; or as `say` does.
        """
        tokens = self._engine.bundle.model.tokens(output)
        with self._lock:
            if not self._talk.called(call_id):
                raise InputError(f"no call {call_id[:100]} waits for its output", "unknown_call")
        self._give(tokens)
        self._note("call", name="tool_output", call_id=call_id, text=output)
        return len(tokens)

    # ---- for the event loop: what takes effect at once

    def cancel(self, response: int | None = None) -> bool:
        """Cuts the response in progress; False when there is none, or another one is meant.

        Without a number a response that was asked for and has not begun is not wanted any more, either.
        """
        with self._lock:
            if response is None:
                self._intake.unmark("respond")
            return self._now(lambda now: self._talk.cancel(response, now), "cancel")

    def heard(self, item: int, samples: int, stopped: bool = False) -> None:
        """The client has played this much of an assistant item; ``stopped``: and plays no further."""
        self._note("heard", item=item, samples=samples)
        self._now(lambda now: self._talk.heard(item, samples, stopped, now))

    def truncate(self, item: int, samples: int) -> None:
        """No more than this of an assistant item was heard; clamped, and answered by one `Truncated`."""
        self._now(lambda now: self._talk.truncate(item, samples, now), "truncate")

    def update(self, settings: TurnSettings) -> None:
        """Takes turns in this way from the next frame on."""
        self._now(lambda now: self._talk.update(settings))

    def brief(self, brief: Brief) -> None:
        """What the client wants of the model from the next frame on."""
        with self._lock:
            self._briefing.set(brief)
        self._note("call", name="brief", instructions=brief.instructions, tools=[*brief.tools])

    def close(self) -> None:
        """Leaves the engine at once; no event comes after this. May be called again."""
        with self._lock:
            self.closed = True
            self._intake.clear()
        self._engine.leave(self)

    # ---- for the engine: see `voicert.engine.Seat`

    def take(self, now: float) -> Frame | None:
        with self._lock:
            if self.closed:
                return None
            self._tell(self._talk.tick(now))
            if self._talk.full:
                return None
            self._feed.pad(now)
            while not self.closed:
                match self._feed.next(now):
                    case list() as events:
                        self._tell(events)
                    case frame:
                        return frame
            return None

    def due(self) -> float | None:
        with self._lock:
            due = NEVER if self.closed else self._feed.due(self._engine.clock())
            return None if due == NEVER else due

    def advance(self, frame: Frame, stepped: Stepped) -> None:
        with self._lock:
            if not self.closed:
                self._tell(self._talk.advance(frame.pcm, stepped, self._engine.clock()))

    def fail(self, code: str, message: str) -> None:
        with self._lock:
            if not self.closed:
                self.closed = True
                self._intake.clear()
                self._tell([*self._talk.fail(self._engine.clock()), SessionFailed(code, message)])

    # ---- inside

    def _now(self, act: Callable[[float], list[Event]], name: str = "") -> bool:
        """Does something to the conversation and tells what came of it; whether anything did."""
        with self._lock:
            if self.closed:
                return False
            if name:
                self._note("call", name=name)
            events = act(self._engine.clock())
            self._tell(events)
        self._engine.wake()
        return bool(events)

    def _mark(self, mark: Mark) -> None:
        with self._lock:
            if not self.closed and not self._intake.mark(mark, self._engine.clock()):
                raise InputError("too many requests wait for their turn", OVERFLOW)
        self._note("call", name=mark.kind)
        self._engine.wake()

    def _give(self, tokens: list[int]) -> None:
        with self._lock:
            taken = self.closed or self._intake.give(tokens)
        if not taken:
            raise InputError(f"{QUEUE_S} s of input wait already", OVERFLOW)
        self._engine.wake()

    def _tell(self, events: list[Event]) -> None:
        if events:
            self._sink(events)
            for event in events:
                self._note("event", event=event)

    def _note(self, kind: str, **values: object) -> None:
        """For the recording, if there is one."""
        self._engine.note(self, kind, **values)


def _check(pcm: NDArray[np.float32]) -> None:
    """Raises:
    InputError: ``invalid_audio``.
    """
    if pcm.ndim != 1 or pcm.dtype != np.float32 or not np.isfinite(pcm).all():
        raise InputError("audio must be one row of finite 32-bit floats", "invalid_audio")
