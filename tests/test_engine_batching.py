"""Batched equals alone: what a session hears and says does not depend on who else is there."""

import numpy as np
import pytest

from tests.support.duet import Collector, of, plain
from tests.support.scripted import Script, scripted_bundle, silence, speech
from voicert.engine import Engine
from voicert.models.base import Sampling
from voicert.session import TurnSettings, open_session
from voicert.session.events import FrameTiming, ResponseAudio, ResponseDone, ResponseStarted, SpeechStarted

SCRIPT = Script(words=("one", " two", " three"), by_loudness=True)  # whoever is heard decides the first word
# One event per frame, so that the end of the input can be waited for; nothing waits for a listener's speaker.
TURNS = TurnSettings(frame_timing=True, send_ahead_ms=60_000, interrupt_min_ms=300)
ASK = [silence(300), speech(400), silence(1800)]
INTERRUPT = [silence(200), speech(500, 140), silence(400), speech(400, 90), silence(2000)]
CHATTER = [speech(300, 200), silence(700), speech(200, 150), silence(1300)]


def frozen() -> float:
    """A time that does not pass: what the listener has heard of an answer does not depend on the machine."""
    return 0.0


def conversations(*inputs, sinks=None):
    """Runs the inputs at once, one session each, all of it queued before the engine starts."""
    engine = Engine(scripted_bundle(len(inputs), SCRIPT), clock=frozen)
    seen = [Collector() for _ in inputs]
    frames = []
    for i, parts in enumerate(inputs):
        pcm = np.concatenate(parts)
        frames.append(len(pcm) // 480)
        open_session(engine, (sinks or {}).get(i, seen[i]), TURNS).push(pcm)
    engine.start()
    for i, collector in enumerate(seen):
        if not sinks or i not in sinks:
            collector.wait(lambda events, i=i: len(of(FrameTiming, events)) >= frames[i])
    stats = engine.stats()
    engine.stop()
    events = [[plain(e) for e in c.events[:-1]] for c in seen]  # without "engine_stopped"
    return events, stats


def alone(parts):
    return conversations(parts)[0][0]


def test_four_sessions_at_once_each_as_if_it_were_alone():
    inputs = [ASK, INTERRUPT, CHATTER, [silence(2500)]]
    together, stats = conversations(*inputs)
    assert stats.steps < stats.frames / 3  # they did share steps
    for events, parts in zip(together, inputs, strict=True):
        assert events == alone(parts)
    assert "cancelled" in str(together[1])


def test_two_sessions_do_not_hear_each_other():
    (asks, listens), _ = conversations(ASK, [silence(2500)])
    assert {event[0] for event in listens} == {"FrameTiming"}
    assert "ResponseDone" in {event[0] for event in asks}
    (first, second), _ = conversations(ASK, [silence(300), speech(400, 170), silence(1800)])
    said = [next(e for e in events if e[0] == "ResponseDone")[5] for events in (first, second)]
    assert said[0] != said[1]  # each was answered about what it said itself


@pytest.mark.parametrize("after", [1, 30, 60])
def test_neighbours_may_leave_and_join_at_any_time(after):
    engine = Engine(scripted_bundle(3, SCRIPT), clock=frozen)
    steady, newcomer, count = Collector(), Collector(), 0

    def leaver(events):  # in the middle of everything it hands its slot to someone else
        nonlocal count
        count += len(of(FrameTiming, events))
        if count == after:
            leaving.close()
            open_session(engine, newcomer, TURNS).push(np.concatenate(CHATTER))

    leaving = open_session(engine, leaver, TURNS)
    open_session(engine, steady, TURNS).push(np.concatenate(INTERRUPT))
    leaving.push(np.concatenate(ASK))
    engine.start()
    for seen, parts in ((steady, INTERRUPT), (newcomer, CHATTER)):
        frames = sum(map(len, parts)) // 480
        seen.wait(lambda events, frames=frames: len(of(FrameTiming, events)) >= frames)
    engine.stop()
    assert [plain(e) for e in steady.events[:-1]] == alone(INTERRUPT)
    assert [plain(e) for e in newcomer.events[:-1]] == alone(CHATTER)
    assert count == after


def test_a_slot_is_fresh_for_whoever_comes_next():
    engine = Engine(scripted_bundle(1, SCRIPT))
    engine.start()
    for _ in range(3):
        seen = Collector()
        session = open_session(engine, seen, TURNS, Sampling(seed=7))
        session.push(np.concatenate([*ASK, speech(400)]))
        seen.wait(lambda events: len(of(FrameTiming, events)) >= 145)
        session.close()
        assert engine.bundle.model.ears[0].sampling == Sampling(seed=7)
        assert of(SpeechStarted, seen.events)[0] == SpeechStarted(1, 300)
        assert of(ResponseStarted, seen.events)[0] == ResponseStarted(1, 2)
    engine.stop()


def test_a_file_pushed_at_once_without_silence_at_its_end_is_answered():
    engine = Engine(scripted_bundle(1, Script(words=("one",), word_frames=3)))
    engine.start()
    seen = Collector()
    open_session(engine, seen).push(np.concatenate([silence(300), speech(700)[:-100]]))
    done = seen.wait_for(ResponseDone)
    assert done.status == "completed"
    assert done.transcript == "one"
    assert len(of(ResponseAudio, seen.events)) == 5
    engine.stop()
