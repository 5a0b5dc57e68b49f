"""Ways to run conversations in tests: `Duet` without threads, `Collector` to wait for events of an engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tests.support.scripted import FRAME, PAD, START, Script, ScriptedModel, scripted_bundle, speech
from voicert.engine import Stepped, Timing
from voicert.models.base import Control, Sampling
from voicert.session import Conversation, TurnSettings
from voicert.session.conversation import Steer
from voicert.session.events import Event, FrameTiming, ResponseAudio, SessionFailed, TurnTiming

E = TypeVar("E")
TIMING = Timing(0.5, 1.0, 2.0, 3.0, 1, False)
SILENT = np.zeros(FRAME, np.float32)
TONE = np.full(FRAME, 0.1, np.float32)
VOICE = speech(4000).reshape(-1, FRAME)
TWO = Script(words=("one", " two"))  # an answer of 22 frames: start, 10, 10, end


def of(kind: type[E], events: list[Event]) -> list[E]:
    """The events of one kind."""
    return [event for event in events if isinstance(event, kind)]


def plain(event: Event) -> tuple[Any, ...]:
    """An event as values that compare, without what the wall clock says."""
    match event:
        case ResponseAudio(response, item, pcm, input_samples):
            return ("ResponseAudio", response, item, pcm.tobytes(), input_samples)
        case TurnTiming(response, item, input_end_ms, first_audio_ms, first_audible_ms):
            return ("TurnTiming", response, item, input_end_ms, first_audio_ms, first_audible_ms)
        case FrameTiming(input_samples):
            return ("FrameTiming", input_samples)
        case _:
            return (type(event).__name__, *(getattr(event, name) for name in event.__slots__))


def step(
    text: int = PAD,
    user_text: int = PAD,
    pcm: NDArray[np.float32] = SILENT,
    hushed: bool = False,
    **more: Any,
) -> Stepped:
    """One step's result, made by hand."""
    return Stepped(text, user_text, pcm, hushed, TIMING, **more)


class ByHand:
    """A conversation to which the test itself tells what the model does, in real time."""

    def __init__(self, **settings: Any) -> None:
        chosen = TurnSettings(**{"echo_guard": False, **settings})  # constant sound is like everything
        self.talk = Conversation(scripted_bundle(1, TWO).model, chosen)
        self.now = 0.0  # seconds
        self.way = Steer(False, False, 0, 0)  # how the last step was to be taken

    def frame(
        self,
        heard: NDArray[np.float32] = SILENT,
        meanwhile: Callable[[], list[Event]] | None = None,
        **told: Any,
    ) -> list[Event]:
        """One frame of input and what the model made of it; ``meanwhile`` happens while it steps.

        A step that must be hushed is, unless the test says otherwise.
        """
        self.now += FRAME / 24_000
        self.way = self.talk.steer()
        events = meanwhile() if meanwhile else []
        told = {"hushed": self.way.hush, "retaken": (PAD,) * self.way.retake, **told}
        return events + self.talk.advance(heard, step(**told), self.now)

    def listen(self, frames: int, voice: bool = False, **told: Any) -> list[Event]:
        """``frames`` frames of voice or silence with the same tokens each."""
        return [e for i in range(frames) for e in self.frame(VOICE[i % 200] if voice else SILENT, **told)]

    def answer(self, frames: int = 0, **told: Any) -> list[Event]:
        """Begins an answer and goes on for ``frames`` frames."""
        return self.frame(text=START, pcm=TONE) + self.listen(frames, pcm=TONE, **told)

    def heard(self, item: int, samples: int, stopped: bool = False) -> list[Event]:
        return self.talk.heard(item, samples, stopped, self.now)

    def cancel(self, response: int | None = None) -> list[Event]:
        return self.talk.cancel(response, self.now)


class Duet:
    """A conversation with the scripted model, one frame after the other, in real time.

    The listener's speaker plays what it gets at once, and reports nothing.
    """

    def __init__(self, script: Script | None = None, settings: TurnSettings | None = None) -> None:
        self.bundle = scripted_bundle(1, script)
        self.state = self.bundle.codec.init_state(1)
        self.bundle.model.reset(0, Sampling())
        self.talk = Conversation(self.bundle.model, settings or TurnSettings())
        self.now = 0.0  # seconds

    @property
    def model(self) -> ScriptedModel:
        assert isinstance(self.bundle.model, ScriptedModel)
        return self.bundle.model

    def hear(self, *parts: NDArray[np.float32]) -> list[Event]:
        """Plays whole frames of ``parts`` to the assistant."""
        pcm = np.concatenate(parts)
        events: list[Event] = []
        for frame in pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME):
            events += self.frame(frame)
        return events

    def frame(self, frame: NDArray[np.float32], cancel: bool = False, given: int = -1) -> list[Event]:
        """One frame; with ``cancel`` the client cancels while the step is under way."""
        self.now += FRAME / 24_000
        way = self.talk.steer(given >= 0)
        codec, row, model = self.bundle.codec, np.array([0]), self.model
        codes = codec.encode(frame[None], self.state, row)[:, :, 0]
        model.rewind(0, way.rewind + way.retake)
        retaken = model.retake(0, way.retake).user_text.tolist() if way.retake else ()
        control = Control(np.array([way.hush]), np.array([way.start]), np.array([given]))
        out = model.step(row, codes, control)
        pcm = codec.decode(out.codes[:, :, None], self.state, row)[0]
        events = self.talk.cancel(None, self.now) if cancel else []
        result = Stepped(
            int(out.text[0]), int(out.user_text[0]), pcm, way.hush, TIMING, bool(out.wants[0]),
            tuple(retaken), out.calls.get(0),
        )  # fmt: skip
        return events + self.talk.advance(frame, result, self.now)


class Collector:
    """A sink that remembers, and lets a test wait for what it wants to see."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = threading.Condition()

    def __call__(self, events: list[Event]) -> None:
        with self._changed:
            self.events += events
            self._changed.notify_all()

    def wait(self, enough: Callable[[list[Event]], Any], timeout_s: float = 120.0) -> list[Event]:
        """Waits until ``enough(events)`` is true; gives all events so far."""
        with self._changed:
            assert self._changed.wait_for(lambda: enough(self.events), timeout_s), (
                f"only saw {self.events[-5:]}"
            )
            return list(self.events)

    def wait_for(self, kind: type[E], count: int = 1, timeout_s: float = 120.0) -> E:
        """Waits for the ``count``-th event of a kind."""
        return of(kind, self.wait(lambda events: len(of(kind, events)) >= count, timeout_s))[count - 1]

    @property
    def failed(self) -> list[SessionFailed]:
        return of(SessionFailed, self.events)
