"""The shell of a session, with a clock of its own and without the engine's thread."""

import numpy as np
import pytest

from tests.support.duet import TIMING, Collector, of
from tests.support.scripted import END, FRAME, PAD, START, scripted_bundle, silence, speech
from voicert.engine import Engine, Stepped
from voicert.errors import CapacityError, ConfigError, InputError
from voicert.session import open_session
from voicert.session.events import Recounted, ResponseAudio, ResponseDone, ResponseStarted, SessionFailed
from voicert.session.session import REST

LOUD = np.full(FRAME, 0.1, np.float32)
SECOND = 24_000


class Bench:
    """One session on an engine that never runs; the test plays the engine."""

    def __init__(self, max_sessions=1):
        self.now = 100.0
        self.engine = Engine(scripted_bundle(max_sessions), clock=lambda: self.now)
        self.seen = Collector()
        self.session = open_session(self.engine, self.seen)

    def run(self, seconds=0.0, text=PAD):
        """The engine runs for so long: every frame taken gets a step. Gives the frames."""
        end, frames = self.now + seconds, []
        while True:
            while frame := self.session.take(self.now):
                frames.append(frame)
                self.session.advance(frame, Stepped(text, PAD, LOUD, frame.hush, TIMING))
            due = self.session.due()
            if due is None or due > end:
                self.now = end
                return frames
            self.now = max(self.now, due)


def test_frames_come_out_as_they_went_in():
    bench = Bench()
    pcm = np.arange(5 * FRAME, dtype=np.float32)
    for part in np.split(pcm, [1, 700, 701, 1900]):
        bench.session.push(part)
    assert np.concatenate([frame.pcm for frame in bench.run()]).tolist() == pcm.tolist()
    assert bench.session.take(bench.now) is None


def test_more_than_thirty_seconds_are_dropped_and_reported():
    bench = Bench()
    bench.session.push(silence(29_000))
    with pytest.raises(InputError, match="2500 ms of audio were dropped") as caught:
        bench.session.push(silence(3_500))
    assert caught.value.code == "input_audio_buffer_overflow"
    assert len(bench.run()) == 1500
    bench.session.push(silence(20))
    assert len(bench.run()) == 1


@pytest.mark.parametrize(
    "bad",
    [np.zeros((1, FRAME), np.float32), np.zeros(FRAME), np.full(FRAME, np.nan, np.float32)],
    ids=["two rows", "float64", "nan"],
)
def test_audio_of_another_kind_is_refused(bad):
    bench = Bench()
    with pytest.raises(InputError) as caught:
        bench.session.push(bad)
    assert caught.value.code == "invalid_audio"
    assert bench.run() == []


def test_who_says_nothing_is_fed_nothing():
    bench = Bench()
    bench.session.push(silence(1000))
    assert len(bench.run()) == 50
    assert bench.run(60.0) == []


def test_silence_is_fed_at_real_time_pace_while_an_answer_is_due():
    bench = Bench()
    bench.session.push(np.concatenate([silence(400), speech(400)]))
    assert len(bench.run(0.199)) == 40
    assert [frame.complete_at for frame in bench.run(0.05)] == pytest.approx([100.2, 100.22, 100.24])
    assert not np.concatenate([frame.pcm for frame in bench.run(1.0)]).any()
    assert len(bench.run(60.0)) == pytest.approx(500 - 53, abs=2)  # ten seconds after the voice it ends


def test_silence_is_fed_to_the_end_of_the_answer():
    bench = Bench()
    bench.session.push(silence(20))
    bench.run(text=START)
    assert len(bench.run(20.0)) == pytest.approx(20 / 0.02 - 10, abs=1)
    bench.run(0.02, text=END)
    assert bench.run(60.0) == []
    assert of(ResponseDone, bench.seen.events)[0].status == "completed"


def test_jitter_of_a_live_microphone_inserts_nothing():
    bench = Bench()
    bench.session.push(silence(20))
    bench.run(text=START)
    taken = 0
    for gap_ms in [20, 190, 20, 150, 199, 0, 0, 20] * 10:
        taken += len(bench.run(gap_ms / 1000))
        bench.session.push(silence(20))
    assert taken + len(bench.run()) == 80


def test_silence_never_catches_up():
    bench = Bench()
    bench.session.push(silence(20))
    bench.run(text=START)
    bench.now += 5.0  # the machine slept
    assert len(bench.run()) == 1


def test_silence_completes_a_frame_that_has_begun():
    bench = Bench()
    bench.session.push(silence(20))
    bench.run(text=START)
    bench.session.push(LOUD[:100])
    frames = bench.run(0.205)
    assert len(frames) == 1
    assert frames[0].pcm.tolist() == LOUD[:100].tolist() + [0.0] * 380


def test_cancel_is_told_before_it_returns_and_the_model_goes_back():
    bench = Bench()
    assert not bench.session.cancel()
    bench.session.push(silence(40))
    bench.session.advance(bench.session.take(0.0), Stepped(START, PAD, LOUD, False, TIMING))
    assert not bench.session.cancel(2)
    assert bench.session.cancel(1)
    assert bench.seen.events[-1].reason == "client_cancelled"
    assert bench.session.take(0.0).retake == 1  # nothing of it was heard


def test_a_cut_transcript_ends_at_the_reported_position():
    bench = Bench()
    bench.session.push(silence(200))
    bench.run(text=START)  # a start in every step: ten responses, each completes the one before
    assert len(of(ResponseStarted, bench.seen.events)) == 10
    bench.session.heard(10, 100)
    bench.session.cancel()
    assert bench.seen.events[-1].heard_samples == 100


def test_after_close_nothing_comes_and_the_slot_is_free():
    bench = Bench()
    bench.session.push(silence(40))
    frame = bench.session.take(0.0)
    with pytest.raises(CapacityError, match="all 1 places are taken"):
        open_session(bench.engine, Collector())
    bench.session.close()
    bench.session.close()
    bench.session.advance(frame, Stepped(START, PAD, LOUD, False, TIMING))
    bench.session.push(silence(1000))
    bench.session.fail("model_error", "too late")
    assert not bench.session.cancel()
    assert bench.session.take(0.0) is bench.session.due() is None
    assert bench.seen.events == []
    open_session(bench.engine, Collector())


def test_failure_is_the_last_event():
    bench = Bench()
    bench.session.push(silence(40))
    bench.session.advance(bench.session.take(0.0), Stepped(START, PAD, LOUD, False, TIMING))
    bench.session.fail("model_error", "it broke")
    kinds = [type(event) for event in bench.seen.events if not isinstance(event, ResponseAudio)]
    assert kinds[-2:] == [ResponseDone, SessionFailed]
    assert bench.session.closed
    bench.session.fail("model_error", "it broke again")
    assert len(bench.seen.failed) == 1


def test_a_sink_may_call_back():
    bench = Bench()
    seen = []

    def sink(events):
        seen.extend(events)
        if any(isinstance(event, ResponseStarted) for event in events):
            assert session.cancel()

    bench.session.close()
    session = open_session(bench.engine, sink)
    session.push(silence(20))
    session.advance(session.take(0.0), Stepped(START, PAD, LOUD, False, TIMING))
    assert isinstance(seen[-1], ResponseDone)


def test_a_codec_of_another_rate_is_refused():
    engine = Engine(scripted_bundle(1))
    engine.bundle.codec.sample_rate = 16_000
    with pytest.raises(ConfigError, match="24000 Hz"):
        open_session(engine, Collector())
    assert engine.sessions == 0


def test_a_recording_stays_whole_and_apart_from_what_is_pushed():
    """Half a frame waits before it, and more is pushed after it; too long a one is not taken at all."""
    bench = Bench()
    bench.session.push(np.full(100, 0.25, np.float32))
    bench.session.recount(np.full(FRAME + 1, 0.5, np.float32), "r")
    bench.session.push(np.full(FRAME, 0.25, np.float32))
    with pytest.raises(InputError, match="30 s of input") as caught:
        bench.session.recount(silence(29_700), "s")
    assert caught.value.code == "input_audio_buffer_overflow"
    with pytest.raises(InputError, match="finite"):
        bench.session.recount(np.full(3, np.nan, np.float32), "n")
    frames = bench.run()
    assert [float(frame.pcm.max()) for frame in frames[:3]] == [0.5, 0.5, 0.0]
    assert float(frames[-1].pcm.min()) == 0.25
    assert len(frames) == -(-(FRAME + 1 + REST) // FRAME) + 1
    assert of(Recounted, bench.seen.events) == [Recounted(1, "r")]
    assert all(frame.hush for frame in frames)  # the model answers when it is asked to
