"""The engine's thread: admission, failures, fairness, times."""

import threading

import numpy as np
import pytest

from tests.support.duet import Collector, of
from tests.support.pcmcodec import PcmCodec
from tests.support.scripted import FRAME, Script, ScriptedModel, scripted_bundle, silence, speech
from voicert.engine import Engine
from voicert.errors import CapacityError, ConfigError, ModelError
from voicert.models.base import Bundle, Sampling
from voicert.session import TurnSettings, open_session
from voicert.session.events import FrameTiming, ResponseDone

TURNS = TurnSettings(frame_timing=True)
TWO = Script(words=("one", " two"))


class Gate(ScriptedModel):
    """Stops within a step when told to, remembers who was in each, and fails on demand."""

    def __init__(self, max_slots, fail_slot=-1, fail_step=-1):
        super().__init__(max_slots, TWO)
        self.batches = []
        self.fail_slot, self.fail_step = fail_slot, fail_step
        self.inside, self.go = threading.Event(), threading.Event()
        self.go.set()

    def step(self, slots, user_codes, control):
        self.batches.append(slots.tolist())
        if self.fail_slot in slots and self.ears[self.fail_slot].steps == self.fail_step:
            raise RuntimeError("out of memory")
        self.inside.set()
        assert self.go.wait(120)
        return super().step(slots, user_codes, control)

    def hold(self):
        """The next step stops halfway; returns when it does."""
        self.inside.clear()
        self.go.clear()


def gated(max_slots, **failure):
    model = Gate(max_slots, **failure)
    return model, Engine(Bundle(model, PcmCodec(), Sampling()))


def frames_of(seen, count):
    return seen.wait(lambda events: len(of(FrameTiming, events)) >= count)


@pytest.fixture
def engines():
    """Stops what a test started."""
    started = []
    yield started.append
    for engine in started:
        engine.bundle.model.go.set()
        engine.stop()


def test_who_comes_when_all_places_are_taken_is_refused():
    engine = Engine(scripted_bundle(4), max_sessions=2)
    first, second = open_session(engine, Collector()), open_session(engine, Collector())
    with pytest.raises(CapacityError, match="all 2 places are taken"):
        open_session(engine, Collector())
    first.close()
    open_session(engine, Collector())
    stats = engine.stats()
    assert (stats.sessions, stats.max_sessions, stats.opened, stats.refused) == (2, 2, 3, 1)
    assert not second.closed


@pytest.mark.parametrize("count", [0, 5])
def test_more_sessions_than_the_model_has_slots_are_refused_at_once(count):
    with pytest.raises(ConfigError, match="max_sessions must be 1 to 4"):
        Engine(scripted_bundle(4), max_sessions=count)


def test_a_model_that_cannot_run_is_told_at_the_start():
    _, engine = gated(1, fail_slot=0, fail_step=0)
    with pytest.raises(ModelError, match="out of memory"):
        engine.start()
    assert not engine.running
    with pytest.raises(CapacityError, match="stopped"):
        open_session(engine, Collector())


class Fading(ScriptedModel):
    """Halves a number that is as small as one of full precision can be, in every step."""

    def __init__(self, max_slots):
        super().__init__(max_slots, Script())
        self.seen = set()

    def step(self, slots, user_codes, control):
        self.seen.add(float((np.full(1, np.finfo(np.float32).tiny) * np.float32(0.5))[0]))
        return super().step(slots, user_codes, control)


def test_what_fades_away_ends_in_zero_on_the_engines_thread():
    """Silence would be slow otherwise; ONNX Runtime's own setting reaches another thread."""
    model = Fading(1)
    engine = Engine(Bundle(model, PcmCodec(), Sampling()))
    engine.start()
    engine.stop()
    assert model.seen == {0.0}


def test_stopping_tells_everyone():
    engine = Engine(scripted_bundle(2))
    seen = Collector()
    session = open_session(engine, seen)
    engine.start()
    assert engine.running
    engine.stop()
    engine.stop()
    assert [event.code for event in seen.failed] == ["engine_stopped"]
    assert session.closed
    assert not engine.running
    assert engine.sessions == 0


def test_an_exception_in_one_session_closes_only_that_one(engines):
    engine = Engine(Bundle(Gate(2), PcmCodec(), Sampling()))
    engines(engine)
    seen, healthy = [], Collector()

    def broken(events):
        seen.extend(events)
        if len(seen) == 10:
            raise ValueError("the listener is gone")

    session = open_session(engine, broken, TURNS)
    other = open_session(engine, healthy, TURNS)
    session.push(silence(1000))
    other.push(silence(1000))
    engine.start()
    frames_of(healthy, 50)
    assert session.closed
    assert [type(event).__name__ for event in seen[9:]] == ["FrameTiming", "SessionFailed"]
    assert seen[-1].code == "internal_error"
    assert "the listener is gone" in seen[-1].message
    assert not healthy.failed
    assert (engine.sessions, engine.stats().failed) == (1, 1)


def test_a_failing_step_ends_the_sessions_in_it_and_no_other(engines):
    model, engine = gated(3, fail_slot=0, fail_step=10)
    engines(engine)
    seen = [Collector() for _ in range(3)]
    sessions = [open_session(engine, s, TURNS) for s in seen]
    sessions[0].push(silence(1000))
    sessions[1].push(silence(1000))
    engine.start()
    for i in (0, 1):
        seen[i].wait(lambda events: events and type(events[-1]).__name__ == "SessionFailed")
        assert len(of(FrameTiming, seen[i].events)) == 10
        assert seen[i].failed[0].code == "model_error"
        assert "out of memory" in seen[i].failed[0].message
    sessions[2].push(silence(400))
    frames_of(seen[2], 20)
    assert not seen[2].failed
    model.fail_step = -1
    again = Collector()
    open_session(engine, again, TURNS).push(silence(1000))  # on the slot that failed
    frames_of(again, 50)


def test_closing_in_the_middle_of_a_step(engines):
    model, engine = gated(1)
    engines(engine)
    engine.start()
    gone, next_one = Collector(), Collector()
    session = open_session(engine, gone, TURNS)
    model.hold()
    session.push(np.concatenate([silence(200), speech(800)]))
    assert model.inside.wait(120)
    session.close()
    open_session(engine, next_one, TURNS).push(silence(400))
    model.go.set()
    frames_of(next_one, 20)
    assert gone.events == []
    assert [event.input_samples for event in next_one.events] == [FRAME * (i + 1) for i in range(20)]
    assert engine.bundle.model.ears[0].steps == 20  # nothing of the one before


def test_one_frame_of_everyone_per_round(engines):
    model, engine = gated(2)
    engines(engine)
    greedy, live = Collector(), Collector()
    flood, newcomer = open_session(engine, greedy, TURNS), open_session(engine, live, TURNS)
    engine.start()
    model.hold()
    flood.push(silence(10_000))
    assert model.inside.wait(120)
    before = len(model.batches)
    newcomer.push(silence(200))
    model.go.set()
    frames_of(live, 10)
    frames_of(greedy, 500)
    assert model.batches[before : before + 11] == [[0, 1]] * 10 + [[0]]
    assert max(event.batch for event in of(FrameTiming, greedy.events)) == 2


def test_cancel_during_a_step_cuts_and_the_model_is_hushed_next(engines):
    model, engine = gated(1)
    engines(engine)
    engine.start()
    seen = Collector()
    session = open_session(engine, seen, TURNS)
    session.push(np.concatenate([silence(200), speech(400), silence(200)]))
    frames_of(seen, 40)  # the answer has begun, silence keeps it going
    model.hold()
    assert model.inside.wait(120)
    assert session.cancel()
    model.go.set()
    seen.wait_for(ResponseDone)
    done = seen.events.index(of(ResponseDone, seen.events)[0])
    session.push(silence(200))
    seen.wait(lambda events: len(of(FrameTiming, events[done:])) >= 5)
    assert {type(event).__name__ for event in seen.events[done + 1 :]} <= {
        "FrameTiming",
        "UserDone",
        "SpeechStopped",
    }
    assert model.ears[0].at == -1  # the model knows that it is silent


class Ticking(PcmCodec):
    """A codec that takes 1 ms to encode and 3 ms to decode, on the test's clock."""

    def __init__(self, tick):
        self.tick = tick

    def encode(self, pcm, state, rows=None):
        self.tick(0.001)
        return super().encode(pcm, state, rows)

    def decode(self, codes, state, rows=None):
        self.tick(0.003)
        return super().decode(codes, state, rows)


def test_each_stage_is_timed_and_late_frames_are_counted(monkeypatch):
    now = 50.0

    def tick(seconds):
        nonlocal now
        now += seconds

    model = ScriptedModel(1, TWO)
    plain_step = model.step
    monkeypatch.setattr(model, "step", lambda *args: (tick(0.002), plain_step(*args))[1])
    engine = Engine(Bundle(model, Ticking(tick), Sampling()), clock=lambda: now)
    seen = Collector()
    session = open_session(engine, seen, TURNS)
    engine.start()  # the warm-up takes its 6 ms
    session.push(silence(100))  # all five frames are complete now
    frames_of(seen, 5)
    timings = of(FrameTiming, seen.events)
    for i, timing in enumerate(timings):
        stages = (timing.queue_ms, timing.encode_ms, timing.model_ms, timing.decode_ms)
        assert stages == pytest.approx((6.0 * i, 1.0, 2.0, 3.0))
    assert [timing.late for timing in timings] == [False, False, False, True, True]  # 24 ms is over 20
    stats = engine.stats()
    assert (stats.frames, stats.steps, stats.late_frames) == (5, 5, 2)
    assert stats.model_ms.total_ms == pytest.approx(10.0)
    assert stats.queue_ms.p50 == pytest.approx(12.0)
    engine.stop()
