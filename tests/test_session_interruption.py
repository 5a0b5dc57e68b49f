"""Talking over the assistant, cancelling it, and what remains of a cut response."""

from dataclasses import replace

import pytest

from tests.support.duet import SILENT, TONE, TWO, VOICE, Duet, answer, by_hand, of, step, talk_for
from tests.support.scripted import END, FIRST_WORD, FRAME, PAD, START, silence, speech
from voicert.session import TurnSettings
from voicert.session.events import (
    ResponseAudio,
    ResponseDone,
    ResponseStarted,
    ResponseText,
    SpeechStarted,
    SpeechStopped,
    TurnTiming,
    UserText,
)


def test_talking_on_over_an_early_answer_interrupts_it():
    duet = Duet(replace(TWO, eager_frames=10))
    events = duet.hear(silence(400), speech(400), silence(400))
    started = of(SpeechStarted, events)
    assert started == [SpeechStarted(1, 400), SpeechStarted(3, 600)]
    done = of(ResponseDone, events)[0]
    assert (done.status, done.reason) == ("cancelled", "turn_detected")
    assert events.index(started[1]) + 1 == events.index(done)


def test_an_interruption_cuts_at_once_and_the_next_answer_works():
    duet = Duet()
    duet.hear(silence(400), speech(400), silence(1000))
    events = duet.hear(speech(600), silence(5000))
    first = of(ResponseDone, events)[0]
    assert (first.status, first.reason) == ("cancelled", "turn_detected")
    cut = events.index(first)
    assert events[cut - 1] == SpeechStarted(3, 1800)
    assert len(of(ResponseAudio, events[:cut])) == 7  # the eighth voiced frame makes 160 ms
    assert events[cut + 1] == UserText(3, "hello")  # it was understood before it counted as speech
    assert not [e for e in events[cut:] if getattr(e, "response", 0) == 1 and e is not first]
    assert of(ResponseStarted, events) == [ResponseStarted(2, 4)]
    assert of(ResponseDone, events)[1].status == "completed"
    assert of(ResponseText, events[cut:])[0] == ResponseText(2, 4, "one")


def test_an_interruption_can_be_switched_off():
    duet = Duet(TWO, TurnSettings(interrupt_response=False))
    events = duet.hear(silence(400), speech(400), silence(200), speech(240), silence(3000))
    assert len(of(SpeechStarted, events)) == len(of(SpeechStopped, events)) == 2
    assert of(ResponseDone, events)[0] == ResponseDone(1, 2, "completed", None, "one two", 22 * FRAME, None)


def test_short_speech_does_not_interrupt():
    duet = Duet(TWO)
    events = duet.hear(silence(400), speech(400), silence(200), speech(140), silence(1500))
    assert [done.status for done in of(ResponseDone, events)] == ["completed"]
    assert len(of(SpeechStarted, events)) == 1


def test_steps_are_hushed_until_the_model_is_out_of_its_answer():
    talk = by_hand()
    answer(talk, 5)
    assert not talk.hush
    assert talk.cancel() == [ResponseDone(1, 2 - 1, "cancelled", "client_cancelled", "", 6 * FRAME, None)]
    assert talk.hush
    assert talk.advance(SILENT, step(FIRST_WORD, pcm=TONE)) == []  # this step was under way
    assert talk.hush
    assert talk.advance(SILENT, step(PAD, pcm=TONE)) == []  # so was this: a pad inside the answer
    assert talk.hush
    assert talk.advance(SILENT, step(FIRST_WORD, pcm=TONE, hushed=True)) == []  # it takes a step to obey
    assert talk.hush
    assert talk.advance(SILENT, step(END, hushed=True)) == []
    assert not talk.hush
    assert [type(e) for e in answer(talk)] == [ResponseStarted, TurnTiming, ResponseAudio]


@pytest.mark.parametrize(("text", "hushed"), [(END, False), (END, True), (PAD, True)])
def test_a_hush_ends_with_the_answer(text, hushed):
    talk = by_hand()
    answer(talk)
    talk.cancel()
    talk.advance(SILENT, step(text, hushed=hushed))
    assert not talk.hush


def test_the_model_ends_its_answer_in_the_frame_that_interrupts():
    talk = by_hand()
    talk_for(talk, 10)
    answer(talk)
    talk_for(talk, 7, voice=True, pcm=TONE)
    events = talk.advance(VOICE[7], step(END, pcm=TONE))
    assert [type(e) for e in events] == [SpeechStarted, ResponseDone]
    assert events[1].reason == "turn_detected"
    assert not talk.hush


def test_cancel_tells_whether_there_was_something():
    talk = by_hand()
    assert talk.cancel() == []
    answer(talk)
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
    ("heard", "transcript"), [(None, "one two"), (0, ""), (1, "one"), (5, "one"), (6, "one two")]
)
def test_a_cut_transcript_ends_where_it_was_heard(heard, transcript):
    talk = by_hand()
    talk.advance(SILENT, step(START))
    talk_for(talk, 1, text=FIRST_WORD)  # sent: 1 frame before it
    talk_for(talk, 3)
    talk_for(talk, 1, text=FIRST_WORD + 1)  # 5 frames before it
    talk_for(talk, 2)
    if heard is not None:
        talk.heard(1, heard * FRAME + (1 if heard == 1 else 0))
    done = talk.cancel()[0]
    assert done.transcript == transcript
    assert done.audio_samples == 8 * FRAME


def test_heard_is_clamped_never_goes_back_and_ignores_strangers():
    talk = by_hand()
    answer(talk, 3)
    talk.heard(1, 10**9)
    talk.heard(1, 5)
    talk.heard(99, 1)
    done = talk.cancel()[0]
    assert done.heard_samples == 4 * FRAME
    talk.heard(1, 5)  # over: nobody remembers it


def test_failure_ends_the_response_in_progress():
    talk = by_hand()
    answer(talk)
    assert [(e.status, e.reason) for e in talk.fail()] == [("failed", "error")]
    assert talk.fail() == []
