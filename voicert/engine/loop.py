"""The hot path: one thread, work-conserving, one frame per ready slot and round.

    wait until some slot has a frame ─▶ gather one of each ─▶ encode ─▶ step ─▶ decode ─▶ hand out ─▶ again

It never waits for a clock tick: an idle machine steps a frame as soon as it is complete, a busy one finds
several ready and batches them. A session that sent much at once gets one frame per round like everyone else.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import numpy as np

from voicert.engine.meter import EngineStats, Meter
from voicert.engine.places import Place, Places
from voicert.engine.seat import Frame, Seat, Stepped, Timing
from voicert.errors import ConfigError, ModelError
from voicert.models.base import Bundle, Control, Sampling

log = logging.getLogger(__name__)


class Engine:
    """Owns the thread, the slots and the codec's state. Only its thread touches model and codec."""

    def __init__(
        self, bundle: Bundle, max_sessions: int | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.bundle = bundle
        self.max_sessions = bundle.model.max_slots if max_sessions is None else max_sessions
        if not 1 <= self.max_sessions <= bundle.model.max_slots:
            raise ConfigError(
                f"max_sessions must be 1 to {bundle.model.max_slots} with this model, not {self.max_sessions}"
            )
        self.clock = clock  # seconds; frames are stamped with it
        self.running = False
        self._period_s = bundle.codec.frame_size / bundle.codec.sample_rate
        self._state = bundle.codec.init_state(self.max_sessions)
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
        self._places.join(seat, sampling)

    def leave(self, seat: Seat) -> None:
        """Frees a seat's slot, even in the middle of a step; does nothing for a stranger."""
        self._places.leave(seat)

    @property
    def sessions(self) -> int:
        return len(self._places.taken())

    def stats(self) -> EngineStats:
        """Counts since the beginning and percentiles of the recent frames."""
        return self._meter.stats(self._places, self.max_sessions)

    # ---- the engine's thread

    def _run(self) -> None:
        try:
            self._warm_up()
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

    def _gather(self) -> list[tuple[Place, Frame]]:
        """One frame of every slot that has one; waits for the first. Empty when it is time to stop."""
        while not self._stopping:
            self._work.clear()
            now, next_due = self.clock(), float("inf")
            ready: list[tuple[Place, Frame]] = []
            for place in self._places.taken():
                try:
                    if place.fresh:
                        self._reset(place)
                    if frame := place.seat.take(now):
                        ready.append((place, frame))
                    elif (due := place.seat.due()) is not None:
                        next_due = min(next_due, due)
                except Exception as error:
                    self._fail(place, "internal_error", f"the session could not go on: {error}")
            if ready:
                return ready
            self._work.wait(None if next_due == float("inf") else max(0.0, next_due - self.clock()))
        return []

    def _step(self, ready: list[tuple[Place, Frame]]) -> None:
        """One frame of each through encoder, model and decoder; then each result to its seat."""
        bundle, state = self.bundle, self._state
        slots = np.array([place.slot for place, _ in ready])  # [B]
        control = Control(
            np.array([frame.hush for _, frame in ready]),
            np.array([frame.start for _, frame in ready]),
            np.array([frame.user_text for _, frame in ready]),
        )
        begun = self.clock()
        try:
            pcm = np.stack([frame.pcm for _, frame in ready])  # [B, samples]
            codes = bundle.codec.encode(pcm, state, slots)[:, :, 0]  # [B, K]
            encoded = self.clock()
            retaken = [self._go_back(place, frame) for place, frame in ready]
            out = bundle.model.step(slots, codes, control)
            stepped = self.clock()
            # A copy, since the events keep it and a codec may use its buffer again.
            voice = bundle.codec.decode(out.codes[:, :, None], state, slots).copy()  # [B, samples]
            tokens = list(zip(out.text.tolist(), out.user_text.tolist(), out.wants.tolist(), strict=True))
        except Exception as error:
            log.exception("a step of %d failed", len(ready))
            for place, _ in ready:
                self._fail(place, "model_error", f"the model could not go on: {error}")
            return
        ended = self.clock()
        self._meter.steps += 1
        for row, (place, frame) in enumerate(ready):
            timing = Timing(
                1e3 * (begun - frame.complete_at),
                1e3 * (encoded - begun),
                1e3 * (stepped - encoded),
                1e3 * (ended - stepped),
                len(ready),
                ended - frame.complete_at > self._period_s,
            )
            self._meter.add(timing)
            try:
                text, user_text, wants = tokens[row]
                heard = (text, user_text, voice[row], frame.hush, timing, wants, retaken[row])
                place.seat.advance(frame, Stepped(*heard, out.calls.get(row)))
            except Exception as error:
                log.exception("a session's logic failed")
                self._fail(place, "internal_error", f"the session could not go on: {error}")

    def _go_back(self, place: Place, frame: Frame) -> tuple[int, ...]:
        """Undoes and takes again what the frame asks for → the user's text of the steps taken again."""
        model = self.bundle.model
        if frame.rewind + frame.retake:
            model.rewind(place.slot, frame.rewind + frame.retake)
        if not frame.retake:
            return ()
        return tuple(model.retake(place.slot, frame.retake).user_text.tolist())

    def _fail(self, place: Place, code: str, message: str) -> None:
        """Frees the slot, then tells the seat; nothing it does may hurt the others."""
        self.leave(place.seat)
        self._meter.failed += 1
        try:
            place.seat.fail(code, message)
        except Exception:
            log.exception("a session could not be told that it is over")

    def _reset(self, place: Place) -> None:
        self.bundle.model.reset(place.slot, place.sampling)
        self.bundle.codec.reset(self._state, place.slot)
        place.fresh = False

    def _warm_up(self) -> None:
        """The first steps of a model are slow; they are taken before anyone waits: alone and all together."""
        bundle, codec = self.bundle, self.bundle.codec
        for batch in sorted({1, self.max_sessions}):
            slots = np.arange(batch)
            for slot in range(batch):
                bundle.model.reset(slot, bundle.sampling)
            codes = codec.encode(np.zeros((batch, codec.frame_size), np.float32), self._state, slots)[:, :, 0]
            out = bundle.model.step(slots, codes, Control.free(batch))
            codec.decode(out.codes[:, :, None], self._state, slots)
