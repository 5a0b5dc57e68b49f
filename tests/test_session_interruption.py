"""Talking over the assistant, cancelling it, and what remains of a cut response."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.duet import SILENT, TONE, TWO, VOICE, ByHand, Duet, of
from tests.support.scripted import END, FIRST_WORD, FRAME, PAD, START, silence, speech
from voicert.session import TurnSettings
from voicert.session.events import (
    ResponseAudio,
    ResponseDone,
    ResponsePaused,
    ResponseResumed,
    ResponseStarted,
    ResponseText,
    SpeechStarted,
    SpeechStopped,
    Truncated,
    TurnTiming,
    UserDone,
    UserText,
)

VAD = TurnSettings(interrupt_min_ms=400)


def test_golden_interruption():
    duet = Duet(settings=VAD)
    duet.hear(silence(400), speech(400), silence(1000))
    events = duet.hear(speech(600), silence(5000))
    cut = events.index(of(ResponseDone, events)[0])
    assert [e for e in events[: cut + 1] if not isinstance(e, ResponseAudio)] == [
        ResponsePaused(1, 2, 50 * FRAME, 1900, 1800),
        SpeechStarted(3, 1800),
        UserText(3, "hello"),
        UserText(3, " there"),
        ResponseDone(1, 2, "cancelled", "turn_detected", "one two three four five", 50 * FRAME, 50 * FRAME),
    ]
    assert not [e for e in events[cut + 1 :] if getattr(e, "response", 0) == 1]
    assert of(ResponseStarted, events) == [ResponseStarted(2, 4)]
    assert of(ResponseText, events[cut:])[0] == ResponseText(2, 4, "one")
    assert of(UserDone, events)[0].transcript == "hello there there"
    assert duet.model.written(0) == ["one two three four five", " ".join(w.strip() for w in TEXT)]


TEXT = Duet().model.script.words


def test_talking_on_over_an_early_answer_interrupts_it():
    duet = Duet(replace(TWO, eager_frames=10, word_frames=20), VAD)
    events = duet.hear(silence(400), speech(700), silence(400))
    assert of(SpeechStarted, events) == [SpeechStarted(1, 400), SpeechStarted(3, 600)]
    done = of(ResponseDone, events)[0]
    assert (done.status, done.reason) == ("cancelled", "turn_detected")


def test_an_interruption_can_be_switched_off():
    duet = Duet(TWO, TurnSettings(interrupt="off"))
    events = duet.hear(silence(400), speech(400), silence(200), speech(240), silence(3000))
    assert len(of(SpeechStarted, events)) == len(of(SpeechStopped, events)) == 2
    assert of(ResponseDone, events)[0] == ResponseDone(1, 2, "completed", None, "one two", 22 * FRAME, None)
    assert not of(ResponsePaused, events)


def test_the_model_is_silent_from_the_heard_position_on():
    duet = Duet(settings=VAD)
    duet.hear(silence(400), speech(400), silence(1000))
    duet.hear(speech(400))
    assert duet.talk.steer().retake == 16  # a pause after 100 ms, 300 ms until it was decided


def test_steps_under_way_at_a_cut_are_void():
    talk = ByHand()
    talk.answer(5)
    events = talk.frame(meanwhile=talk.cancel, text=FIRST_WORD, pcm=TONE)
    assert [type(e) for e in events] == [ResponseDone]
    assert events[0] == ResponseDone(1, 1, "cancelled", "client_cancelled", "", 6 * FRAME, 6 * FRAME)
    talk.frame(text=PAD)
    assert (talk.way.retake, talk.way.hush) == (1, False)  # the step that was under way
    assert [type(e) for e in talk.answer()] == [ResponseStarted, TurnTiming, ResponseAudio]


def test_a_model_that_was_heard_to_the_last_frame_is_hushed_once():
    talk = ByHand()
    talk.answer(5)
    talk.heard(1, 6 * FRAME)
    talk.cancel()
    talk.frame(text=END)
    assert (talk.way.retake, talk.way.hush) == (0, True)
    talk.frame()
    assert (talk.way.retake, talk.way.hush) == (0, False)


def test_cancel_tells_whether_there_was_something():
    talk = ByHand()
    assert talk.cancel() == []
    talk.answer()
    assert talk.cancel(7) == []
    assert [type(e) for e in talk.cancel(1)] == [ResponseDone]
    assert talk.cancel() == talk.cancel(1) == []


def test_cancel_while_the_step_is_under_way():
    duet = Duet()
    duet.hear(silence(400), speech(400), silence(1000))
    events = duet.frame(SILENT, cancel=True)
    assert [type(e) for e in events] == [ResponseDone]
    assert duet.hear(silence(1000)) == []


@pytest.mark.parametrize(
    ("heard", "transcript"), [(None, "one two"), (0, ""), (1, ""), (2, "one"), (5, "one"), (6, "one two")]
)
def test_a_cut_transcript_ends_where_it_was_heard(heard, transcript):
    talk = ByHand()
    talk.frame(text=START)
    talk.frame(text=FIRST_WORD)  # frame 1
    talk.listen(3)
    talk.frame(text=FIRST_WORD + 1)  # frame 5
    talk.listen(2)
    if heard is not None:
        talk.heard(1, heard * FRAME, stopped=True)
    done = talk.cancel()[0]
    assert done.transcript == transcript
    assert done.audio_samples == 8 * FRAME
    assert done.heard_samples == (7 if heard is None else heard) * FRAME  # the last one left just now


def test_heard_is_clamped_goes_back_only_when_it_is_final_and_ignores_strangers():
    talk = ByHand()
    talk.answer(9)
    talk.heard(1, 10**9)
    talk.heard(1, 5)
    talk.heard(99, 1)
    assert talk.cancel()[0].heard_samples == 10 * FRAME
    assert talk.heard(1, 10 * FRAME, stopped=True) == []
    assert talk.heard(1, 4 * FRAME) == []  # not the end of it
    assert talk.heard(1, 4 * FRAME, stopped=True) == [Truncated(1, 4 * FRAME, "")]
    talk.frame()
    assert talk.way.retake == 6


def test_a_reporting_client_says_where_it_stopped_before_the_cut():
    talk = ByHand(interrupt_min_ms=160)
    talk.listen(10)
    talk.answer(20)
    talk.heard(1, 10 * FRAME)
    events = talk.listen(8, voice=True, pcm=TONE)
    assert [type(e) for e in events if not isinstance(e, ResponseAudio)] == [ResponsePaused, SpeechStarted]
    assert talk.listen(3, voice=True) == []
    assert talk.way.hush
    done = talk.heard(1, 15 * FRAME + 7, stopped=True)
    assert done == [ResponseDone(1, 1, "cancelled", "turn_detected", "", 25 * FRAME, 15 * FRAME + 7)]
    talk.frame()
    assert talk.way.retake == 32 - 16  # steps of the answer until now, less those that were heard


def test_a_report_that_does_not_come_is_not_waited_for_long():
    talk = ByHand(interrupt_min_ms=160)
    talk.listen(10)
    talk.answer(20)
    talk.heard(1, 10 * FRAME)
    events = talk.listen(8 + 15, voice=True, pcm=TONE)
    assert of(ResponseDone, events)[0].heard_samples == 25 * FRAME  # it has gone on, for all that is known


def test_talking_over_the_unheard_end_of_a_done_response_truncates_it():
    talk = ByHand(interrupt_min_ms=160)
    talk.listen(10)
    events = talk.answer(20, text=FIRST_WORD + 1) + talk.frame(text=END)
    assert of(ResponseDone, events)[0].status == "completed"
    talk.heard(1, 5 * FRAME)
    events = talk.listen(8, voice=True)
    events += talk.heard(1, 9 * FRAME, stopped=True)
    assert [type(e) for e in events] == [ResponsePaused, SpeechStarted, Truncated]
    assert events[-1] == Truncated(1, 9 * FRAME, "two" + 7 * " two")


def test_failure_ends_the_response_in_progress():
    talk = ByHand()
    talk.answer()
    assert [(e.status, e.reason) for e in talk.talk.fail(talk.now)] == [("failed", "error")]
    assert talk.talk.fail(talk.now) == []


def test_the_model_ends_its_answer_in_the_frame_that_interrupts():
    talk = ByHand(interrupt_min_ms=160)
    talk.listen(10)
    talk.answer()
    talk.listen(7, voice=True, pcm=TONE)
    events = talk.frame(VOICE[7], text=END, pcm=TONE)
    assert [type(e) for e in events] == [SpeechStarted, ResponseDone]
    assert events[1].reason == "turn_detected"


def test_what_is_understood_before_the_pause_is_not_the_last_items():
    hand = ByHand(interrupt="vad")
    hand.listen(10)
    hand.listen(10, voice=True)
    hand.listen(6)
    hand.answer(10)
    events = hand.frame(VOICE[0], pcm=TONE, user_text=5)
    events += hand.listen(6, voice=True, pcm=TONE) + hand.listen(80, pcm=TONE)
    assert not of(UserText, events)
    assert of(UserDone, events) == [UserDone(1, "", 200)]
    assert [type(e) for e in events if isinstance(e, ResponsePaused | ResponseResumed)] == [
        ResponsePaused,
        ResponseResumed,
    ]


def test_what_was_made_and_not_sent_is_made_again_after_a_noise():
    duet = Duet(settings=TurnSettings(send_ahead_ms=20))
    duet.hear(silence(400), speech(400), silence(300))
    for _ in range(20):  # the machine is fast, so the model is ahead of the speaker
        duet.frame(SILENT)
        duet.now -= FRAME / 24_000
    events = duet.hear(speech(140), silence(6000))
    assert [type(e) for e in events if isinstance(e, ResponsePaused | ResponseResumed)] == [
        ResponsePaused,
        ResponseResumed,
    ]
    done = of(ResponseDone, events)[0]
    assert done.transcript == "".join(TEXT)
    assert done.audio_samples == (2 + 10 * len(TEXT)) * FRAME
    said = "".join(e.delta for e in of(ResponseText, events))
    assert "".join(TEXT).endswith(said)


def test_nothing_is_resumed_that_was_cut():
    duet = Duet(settings=VAD)
    duet.hear(silence(400), speech(400), silence(1000), speech(200))
    assert not of(ResponseResumed, duet.hear(speech(300), silence(1000)))


def hiss(ms, level=0.1):
    """What most of an s is: noise above 4 kHz."""
    noise = np.random.default_rng(0).normal(0.0, 1.0, ms * 24 + 3)
    for _ in range(3):
        noise = np.diff(noise)
    return (level * noise / np.abs(noise).max()).astype(np.float32)


@pytest.mark.parametrize(
    ("sound", "cuts"),
    [
        (np.concatenate([hiss(100), speech(260)]), True),
        (np.concatenate([speech(260), silence(60), hiss(40)]), True),
        (speech(260), False),
        (np.concatenate([hiss(200), silence(400)]), False),
    ],
)
def test_a_short_word_has_a_hiss_in_it(sound, cuts):
    """As "stop" and "wait" do, which are no longer than a murmur."""
    talk = ByHand()
    talk.answer(20)
    whole = np.concatenate([silence(200), sound, silence(500)])
    events = [
        e for f in whole[: len(whole) // FRAME * FRAME].reshape(-1, FRAME) for e in talk.frame(f, pcm=TONE)
    ]
    assert bool(of(SpeechStarted, events)) == cuts
    assert bool(of(ResponseDone, events)) == cuts
