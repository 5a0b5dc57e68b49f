"""The pure parts of a session, one by one: steps, playback, what was said, and who interrupts."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voicert.session import TurnSettings
from voicert.session.interruption import Cut, Heard, Interruption, Pause, Resume
from voicert.session.playback import DELAY, Playback
from voicert.session.said import Said
from voicert.session.speech import to_samples
from voicert.session.steering import Steering

FRAME = 480


def said(*words, lead=0, frames=100):
    """Words, each (frame, text); ``lead`` as of the model."""
    one = Said(1, 1, 10, FRAME, lead, None, 0, 10**9)
    for frame in range(frames):
        for at, text in words:
            if at == frame:
                one.write(text)
        one.made += 1
    return one


@example([1], [2] * 12, 0, 481, 481)
@given(
    st.lists(st.integers(1, 12), max_size=12), st.lists(st.integers(1, 3), min_size=12, max_size=12),
    st.integers(0, 5), st.integers(0, 60_000), st.integers(0, 60_000),
)  # fmt: skip
def test_a_cut_leaves_whole_words_that_were_begun_and_no_frame_that_was_not_heard(
    gaps, sizes, lead, one, two
):
    at, pieces, words = 0, [], []
    for gap, size in zip(gaps, sizes, strict=False):
        at += gap
        words.append((at, at + size - 1))
        pieces += [(at + i, " x" if i == 0 else "y") for i in range(size)]
        at += size - 1
    cut = said(*pieces, lead=lead)
    kept = cut.cut(one)
    heard = min(one, 100 * FRAME)
    assert kept * FRAME < heard + FRAME
    assert all(first < kept and last < kept for first, last in words if cut_has(cut, first))
    for first, last in words:
        begun = (first + lead) * FRAME < heard and last * FRAME < heard
        assert cut_has(cut, first) == (begun and all(cut_has(cut, f) for f, _ in words if f < first))
    twice, once = said(*pieces, lead=lead), said(*pieces, lead=lead)
    twice.cut(max(one, two))
    assert twice.cut(min(one, two)) == once.cut(min(one, two))
    assert twice.transcript == once.transcript


def cut_has(one, frame):
    return any(at == frame for at, _ in one.pieces)


def test_frames_that_cannot_be_forgotten_keep_their_words():
    one = said((0, "one"), (10, " two"), (20, " three"))
    assert one.cut(0, at_least=15) == 15
    assert one.transcript == "one two"


def test_going_back_is_limited_by_the_farthest_position():
    steering = Steering(reach=10)
    for _ in range(20):
        steering.take()
    steering.fall_silent(3)
    way = steering.take()
    assert (way.rewind, way.retake, way.hush) == (0, 10, False)
    steering.forget(0)
    way = steering.take()
    assert (way.rewind, way.retake) == (10, 0)
    assert steering.position == 12
    steering.forget(0)
    assert steering.take().rewind == 1  # one step was taken since, and nine are out of reach


def test_what_is_forgotten_is_not_taken_again():
    steering = Steering(reach=100)
    for _ in range(50):
        steering.take()
    steering.fall_silent(20)
    steering.forget(30)
    assert steering.pending
    way = steering.take()
    assert (way.rewind, way.retake, steering.position, steering.pending) == (20, 10, 31, False)


def test_whoever_was_silent_already_is_hushed_once():
    steering = Steering(reach=100)
    steering.take()
    steering.fall_silent(1)
    assert steering.take().hush
    assert not steering.take().hush


def test_a_speaker_that_reports_nothing_plays_what_it_gets_at_once():
    playback = Playback()
    playback.send(4800, 10.0)
    assert [playback.heard(at) for at in (10.0, 10.1, 10.2, 11.0)] == [0, 2400, 4800, 4800]
    playback.send(2400, 11.0)  # it had run dry
    assert playback.heard(11.05) == 6000
    assert playback.all_heard_at(11.05) == pytest.approx(11.1)
    assert playback.final


def test_room_is_what_may_wait_at_the_speaker():
    playback = Playback()
    assert playback.room(4800, 0.0) == 4800
    playback.send(4800, 0.0)
    assert playback.room(4800, 0.0) == 0
    assert playback.room(4800, 0.05) == 1200
    playback.flush(0.05)
    assert playback.room(4800, 0.05) == 4800


def test_a_speaker_that_reports_is_believed():
    playback = Playback()
    playback.send(9600, 0.0)
    playback.report(2400, False, 0.3)
    assert (playback.heard(0.3), playback.heard(0.4), playback.final) == (2400, 4800, False)
    playback.report(1000, False, 0.4)  # late
    assert playback.heard(0.4) == 2400
    playback.report(3000, True, 0.5)
    assert (playback.heard(9.0), playback.final) == (3000, True)
    playback.go_on(9.0)
    assert playback.heard(9.1) == 5400


def test_a_speaker_that_stands_still_gets_no_more_than_it_can_lag():
    playback = Playback()
    playback.send(2400, 0.0)
    playback.report(0, False, 0.0)
    sent = 2400
    while playback.room(4800, 1.5) > 0:
        sent += 480
        playback.send(480, 1.5)
        assert sent < 10 * DELAY
    assert sent <= DELAY + 4800 + 480


def over(ms, quiet_ms=0, broke_off=None, words=(), lively_db=9.0, hiss=None, clock=100_000):
    """``ms`` of voice, then quiet; the voice began at ``clock``, ``hiss`` ms before a hiss."""
    now = clock + to_samples(ms + quiet_ms)
    run = 0 if quiet_ms > 40 else to_samples(ms)
    broke = None if broke_off is None else clock + to_samples(broke_off)
    hiss_at = None if hiss is None else clock + to_samples(hiss)
    end = clock + to_samples(ms)
    return Heard(now, run, clock, to_samples(ms), end, lively_db, hiss_at, tuple(words), broke)


SETTINGS = TurnSettings()


@pytest.mark.parametrize(
    ("mode", "heard", "verdict"),
    [
        ("vad", over(300, 200), Resume),
        ("vad", over(360), Cut),
        ("vad", over(360, lively_db=2.0), None),
        ("vad", over(700, lively_db=2.0), Cut),
        ("vad", over(200, broke_off=150), None),
        ("vad", over(200, 60, words=["oh", "stop"]), Cut),
        ("model", over(200, broke_off=150), Cut),
        ("model", over(200, broke_off=-10), None),
        ("model", over(360), Resume),
        ("both", over(360), Cut),
        ("both", over(200, broke_off=150), Cut),
        ("both", over(300, 200), Resume),
        ("off", over(120), Resume),
        ("vad", over(300, 200, hiss=-100), Cut),  # "stop"
        ("vad", over(300, 200, hiss=320), Cut),  # "wait"
        ("vad", over(300, 180, hiss=320), None),  # it may turn out to be a murmur
        ("vad", over(300, 200, hiss=-300), Resume),
        ("vad", over(300, 200, hiss=-100, lively_db=3.0), Resume),
        ("vad", over(140, 200, hiss=-100), Resume),
        ("model", over(300, 200, hiss=-100), Resume),
        ("vad", over(300, 200, words=["hello"]), Cut),
        ("vad", over(300, 200, words=["hello"], lively_db=3.0), Resume),
        ("vad", over(300, 200, words=["yes"], hiss=280), Resume),
        ("vad", over(300, 200, words=["oh", "ye"], hiss=280), Resume),
        ("vad", over(300, 200, words=["oh", "hello"], hiss=280), Cut),
        ("vad", over(300, 200, words=["ye", "oh"]), Cut),
        ("vad", over(400, words=["yeah"]), None),
        ("vad", over(700, words=["yeah"]), Cut),
    ],
)
def test_what_follows_a_pause(mode, heard, verdict):
    policy = Interruption()
    assert policy.advance(over(100), SETTINGS, "vad" if mode == "off" else mode) == Pause(100_000)
    after = policy.advance(heard, SETTINGS, mode)
    assert (after if after is None else type(after)) == verdict
    assert policy.paused == (verdict is None)


def test_less_voice_pauses_nothing_and_a_voice_that_was_judged_pauses_once():
    policy = Interruption()
    assert policy.advance(over(80), SETTINGS, "model") is None
    assert isinstance(policy.advance(over(100), SETTINGS, "model"), Pause)
    resume = policy.advance(over(360), SETTINGS, "model")
    assert resume == Resume(100_000, to_samples(260), "model_goes_on")
    assert policy.advance(over(900), SETTINGS, "model") is None
    assert policy.advance(over(900, 200), SETTINGS, "model") is None
    assert isinstance(policy.advance(over(100, clock=200_000), SETTINGS, "model"), Pause)


def test_a_sound_that_comes_and_goes_is_not_waited_for():
    policy = Interruption()
    policy.advance(over(100), SETTINGS, "vad")
    flicker = Heard(
        100_000 + to_samples(2100), 0, 100_000, 2400, 100_000 + to_samples(2000), 1.0, None, (), None
    )
    assert policy.advance(flicker, SETTINGS, "vad") == Resume(100_000, to_samples(2000), "timeout")
