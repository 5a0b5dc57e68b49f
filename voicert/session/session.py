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
from voicert.errors import ConfigError, InputError
from voicert.models.base import Sampling
from voicert.session.conversation import Conversation
from voicert.session.events import Event, SessionFailed
from voicert.session.intake import Intake
from voicert.session.settings import TurnSettings
from voicert.session.vad import SAMPLE_RATE, WINDOW

QUEUE_S = 30  # seconds of input that may wait; more is dropped and reported
STALL_S = 0.2  # a client that sends nothing for so long has stopped; less is jitter

Sink = Callable[[list[Event]], None]


class Session:
    """A seat on the engine. Made by `open_session`."""

    def __init__(self, engine: Engine, sink: Sink, settings: TurnSettings) -> None:
        frame = engine.bundle.codec.frame_size
        self._engine = engine
        self._sink = sink
        self._lock = threading.RLock()  # reentrant: a sink may call back
        self._intake = Intake(frame, QUEUE_S * SAMPLE_RATE // frame)
        self._talk = Conversation(engine.bundle.model, settings)
        self._period_s = frame / SAMPLE_RATE
        self._pushed_at = engine.clock()  # when the client last sent something
        self._padded_at = 0.0  # when silence was last due
        self.closed = False

    # ---- for the event loop

    def push(self, pcm: NDArray[np.float32]) -> None:
        """Takes ``pcm`` [n] at 24 kHz, any n; the array is kept, so it must not change afterwards.

        Raises:
            InputError: ``invalid_audio``, nothing was taken; or ``input_audio_buffer_overflow``, more than
                30 s wait and the excess was dropped. The session goes on.
        """
        if pcm.ndim != 1 or pcm.dtype != np.float32 or not np.isfinite(pcm).all():
            raise InputError("audio must be one row of finite 32-bit floats", "invalid_audio")
        now = self._engine.clock()
        with self._lock:
            if self.closed or not len(pcm):
                return
            self._pushed_at = now
            dropped = self._intake.push(pcm, now)
            ready = len(self._intake) > 0
        if ready:
            self._engine.wake()
        if dropped:
            raise InputError(
                f"{dropped * 1000 // SAMPLE_RATE} ms of audio were dropped, since {QUEUE_S} s wait already; "
                "send no faster than real time",
                "input_audio_buffer_overflow",
            )

    def cancel(self, response: int | None = None) -> bool:
        """Cuts the response in progress; False when there is none, or another one is meant."""
        with self._lock:
            events = [] if self.closed else self._talk.cancel(response)
            self._tell(events)
        return bool(events)

    def heard(self, item: int, heard_samples: int) -> None:
        """The client has played this much of an assistant item."""
        with self._lock:
            self._talk.heard(item, heard_samples)

    @property
    def settings(self) -> TurnSettings:
        return self._talk.settings

    def update(self, settings: TurnSettings) -> None:
        """Takes turns in this way from the next frame on."""
        with self._lock:
            self._talk.update(settings)

    def close(self) -> None:
        """Leaves the engine at once; no event comes after this. May be called again."""
        with self._lock:
            self.closed = True
            self._intake.clear()
        self._engine.leave(self)

    # ---- for the engine: see `voicert.engine.Seat`

    def take(self, now: float) -> Frame | None:
        with self._lock:
            due = self.due()
            if due is not None and due <= now:
                self._padded_at = due if now < due + self._period_s else now  # silence never catches up
                self._intake.pad(self._padded_at)
            popped = self._intake.pop()
            return Frame(popped[0], popped[1], self._talk.hush) if popped else None

    def due(self) -> float | None:
        with self._lock:
            if self.closed or len(self._intake) or not self._talk.waiting:
                return None
            return max(self._pushed_at + STALL_S, self._padded_at + self._period_s)

    def advance(self, frame: Frame, stepped: Stepped) -> None:
        with self._lock:
            if not self.closed:
                self._tell(self._talk.advance(frame.pcm, stepped))

    def fail(self, code: str, message: str) -> None:
        with self._lock:
            if not self.closed:
                self.closed = True
                self._intake.clear()
                self._tell([*self._talk.fail(), SessionFailed(code, message)])

    def _tell(self, events: list[Event]) -> None:
        if events:
            self._sink(events)


def open_session(
    engine: Engine, sink: Sink, settings: TurnSettings | None = None, sampling: Sampling | None = None
) -> Session:
    """Takes a slot of the engine for a new conversation.

    Args:
        engine: where it runs.
        sink: gets each frame's events, in order and never two at a time, on the engine's thread or on that of
            a caller of `cancel`. If it raises, the session is over.
        settings: how turns are taken.
        sampling: how tokens are drawn; the bundle's own way when None.

    Raises:
        CapacityError: every slot is taken.
        ConfigError: the codec does not run at 24 kHz in multiples of 20 ms.
    """
    codec = engine.bundle.codec
    if codec.sample_rate != SAMPLE_RATE or codec.frame_size % WINDOW:
        raise ConfigError(f"a codec must give {SAMPLE_RATE} Hz in multiples of {WINDOW} samples")
    session = Session(engine, sink, settings or TurnSettings())
    engine.join(session, sampling or engine.bundle.sampling)
    return session
