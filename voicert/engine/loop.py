"""The hot path: one thread, work-conserving, one frame per ready slot and round.

    wait until some slot has a frame ─▶ gather one of each ─▶ encode ─▶ step ─▶ decode ─▶ hand out ─▶ again

It never waits for a clock tick: an idle machine steps a frame as soon as it is complete, a busy one finds
several ready and batches them. A session that sent much at once gets one frame per round like everyone else.
A frame may ask to go back first; what is to be taken again is, a little in every round, and only its own slot
waits for it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import numpy as np
from voicert_codecs.denormals import flush_denormals

from voicert.engine.batch import Ready, control, finish, timed, warm_up
from voicert.engine.meter import EngineStats, Meter
from voicert.engine.past import CodecStates, Past
from voicert.engine.places import Place, Places
from voicert.engine.seat import Seat, Tape
from voicert.errors import ConfigError, ModelError
from voicert.models.base import Bundle, Sampling

log = logging.getLogger(__name__)
CATCH_UP_FRAMES = 25  # taken again in one round, by all slots together; at most half a frame's time


class Engine:
    """Owns the thread, the slots and the codec's state. Only its thread touches model and codec."""

    def __init__(
        self,
        bundle: Bundle,
        max_sessions: int | None = None,
        clock: Callable[[], float] = time.perf_counter,
        tapes: Callable[[Sampling], Tape] | None = None,
    ) -> None:
        self.bundle = bundle
        self.max_sessions = bundle.model.max_slots if max_sessions is None else max_sessions
        if not 1 <= self.max_sessions <= bundle.model.max_slots:
            raise ConfigError(
                f"max_sessions must be 1 to {bundle.model.max_slots} with this model, not {self.max_sessions}"
            )
        self.clock = clock  # seconds; frames are stamped with it
        self.running = False
        self._tapes = tapes  # makes what records a session
        self._period_s = bundle.codec.frame_size / bundle.codec.sample_rate
        self._states = CodecStates(*(bundle.codec.init_state(self.max_sessions) for _ in range(2)))
        self._places = Places(self.max_sessions)
        self._work = threading.Event()  # something may be ready
        self._stopping = False
        self._meter = Meter()
        self._thread = threading.Thread(target=self._run, name="voicert-engine", daemon=True)
        self._warm = threading.Event()
        self._error: Exception | None = None  # what ended the thread

    # ---- for any thread

    def start(self) -> None:
        """Starts the thread and waits until the model has run once.

        Raises:
            ModelError: the model cannot run.
        """
        self._thread.start()
        self._warm.wait()
        if self._error:
            raise ModelError(f"the model cannot run: {self._error}") from self._error

    def stop(self) -> None:
        """Ends the thread after the step in progress; open sessions fail with ``engine_stopped``."""
        self._stopping = True
        self._work.set()
        if self._thread.is_alive():
            self._thread.join()

    def wake(self) -> None:
        """A seat may have a frame."""
        self._work.set()

    def join(self, seat: Seat, sampling: Sampling) -> None:
        """Gives a seat a slot.

        Raises:
            CapacityError: every slot is taken, or the engine has stopped.
        """
        self._places.join(seat, sampling, self._tapes)

    def leave(self, seat: Seat) -> None:
        """Frees a seat's slot, even in the middle of a step; does nothing for a stranger."""
        place = self._places.leave(seat)
        if place and place.tape:
            place.tape.close()

    def note(self, seat: Seat, kind: str, **values: object) -> None:
        """Puts something that happened to a seat on its tape, if it is recorded; from any thread."""
        place = self._places.of(seat)
        if place and place.tape:
            place.tape.note(kind, values)

    @property
    def sessions(self) -> int:
        return len(self._places.taken())

    def stats(self) -> EngineStats:
        """Counts since the beginning and percentiles of the recent frames."""
        return self._meter.stats(self._places, self.max_sessions)

    # ---- the engine's thread

    def _run(self) -> None:
        flush_denormals()
        try:
            warm_up(self.bundle, self._states, self.max_sessions)
            self.running = True
            self._warm.set()
            while ready := self._gather():
                self._step(ready)
        except Exception as error:
            log.exception("the engine's thread ended")
            self._error = error
        self.running, self._stopping = False, True
        self._places.shut()
        self._warm.set()
        for place in self._places.taken():
            self._fail(place, "engine_stopped", "the server is stopping")

    def _gather(self) -> Ready:
        """One frame of every slot that has one; waits for the first. Empty when it is time to stop."""
        while not self._stopping:
            self._work.clear()
            now, next_due, room = self.clock(), float("inf"), CATCH_UP_FRAMES
            ready: Ready = []
            for place in self._places.taken():
                try:
                    past = place.past = place.past or Past(
                        self.bundle, self._states, place.slot, place.sampling
                    )
                    if place.frame is None and (frame := place.seat.take(now)):
                        past.go_back(frame.rewind, frame.retake)
                        place.frame = frame
                    room -= past.catch_up(room)
                    if place.frame and not past.behind:
                        ready.append((place, past, place.frame))
                        place.frame = None
                    elif not place.frame and (due := place.seat.due()) is not None:
                        next_due = min(next_due, due)
                except Exception as error:
                    self._fail(place, "internal_error", f"the session could not go on: {error}")
            if ready:
                return ready
            if room == CATCH_UP_FRAMES:  # else there may be more to take again
                self._work.wait(None if next_due == float("inf") else max(0.0, next_due - self.clock()))
        return []

    def _step(self, ready: Ready) -> None:
        """One frame of each through encoder, model and decoder; then each result to its seat."""
        bundle, states = self.bundle, self._states
        slots = np.array([place.slot for place, _, _ in ready])  # [B]
        begun = self.clock()
        try:
            pcm = np.stack([frame.pcm for _, _, frame in ready])  # [B, samples]
            heard = bundle.codec.encode(pcm, states.ears, slots)[:, :, 0]  # [B, K]
            encoded = self.clock()
            out = bundle.model.step(slots, heard, control(ready))
            stepped = self.clock()
            # A copy, since the events keep it and a codec may use its buffer again.
            voice = bundle.codec.decode(out.codes[:, :, None], states.voices, slots).copy()  # [B, samples]
        except Exception as error:
            log.exception("a step of %d failed", len(ready))
            for place, _, _ in ready:
                self._fail(place, "model_error", f"the model could not go on: {error}")
            return
        times = (begun, encoded, stepped, self.clock())
        self._meter.steps += 1
        for row, (place, past, frame) in enumerate(ready):
            try:
                timing = timed(frame, times, len(ready), self._period_s)
                self._meter.add(timing)
                result = finish(place, past, frame, heard[row], out, row, voice[row], timing)
                place.seat.advance(frame, result)
            except Exception as error:
                log.exception("a session's logic failed")
                self._fail(place, "internal_error", f"the session could not go on: {error}")

    def _fail(self, place: Place, code: str, message: str) -> None:
        """Frees the slot, then tells the seat; nothing it does may hurt the others."""
        self.leave(place.seat)
        self._meter.failed += 1
        try:
            place.seat.fail(code, message)
        except Exception:
            log.exception("a session could not be told that it is over")
