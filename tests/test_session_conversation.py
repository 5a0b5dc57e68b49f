"""The turns of a conversation, without threads: frames and steps in, events out."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.duet import TONE, TWO, ByHand, Duet, of, plain
from tests.support.scripted import END, FIRST_WORD, FRAME, PAD, START, silence, speech
from voicert.errors import ConfigError
from voicert.session import TurnSettings
from voicert.session.events import (
    FrameTiming,
    ResponseAudio,
    ResponseDone,
    ResponseStarted,
    ResponseText,
    SpeechStarted,
    SpeechStopped,
    TurnTiming,
    UserDone,
    UserText,
)
from voicert.session.listener import LONGEST_SPEECH

HELLO, THERE = len(TWO.words) + FIRST_WORD, len(TWO.words) + FIRST_WORD + 1


def without_audio(events):
    return [event for event in events if not isinstance(event, ResponseAudio)]


def test_golden_transcript_of_a_request_and_its_answer():
    events = Duet(TWO).hear(silence(400), speech(400), silence(2000))
    assert without_audio(events) == [
        SpeechStarted(1, 400),
        UserText(1, "hello"),
        UserText(1, " there"),
        SpeechStopped(1, 800),
        ResponseStarted(1, 2),
        ResponseText(1, 2, "one"),
        TurnTiming(1, 2, 800, 900, 920, 0.5, 1.0, 2.0, 3.0),
        ResponseText(1, 2, " two"),
        ResponseDone(1, 2, "completed", None, "one two", 22 * FRAME, None),
        UserDone(1, "hello there", 400),
    ]
    audio = of(ResponseAudio, events)
    assert [a.input_samples for a in audio] == [(45 + i) * FRAME for i in range(22)]
    assert events.index(audio[0]) == events.index(ResponseStarted(1, 2)) + 1


def test_the_next_question_is_a_new_item_and_a_new_response():
    duet = Duet(TWO)
    duet.hear(silence(400), speech(400), silence(2000))
    events = duet.hear(speech(400), silence(2000))
    assert of(SpeechStarted, events) == [SpeechStarted(3, 2800)]
    assert of(ResponseStarted, events) == [ResponseStarted(2, 4)]
    assert of(UserDone, events) == [UserDone(3, "hello there", 400)]
    assert of(TurnTiming, events)[0].input_end_ms == 3200


def test_speech_that_gets_no_answer_ends_after_silence():
    talk = ByHand()
    talk.listen(20)
    assert without_audio(talk.listen(20, voice=True)) == [SpeechStarted(1, 400)]
    assert talk.listen(30) == [SpeechStopped(1, 800)]
    assert talk.listen(30) == [UserDone(1, "", 400)]


def test_an_answer_while_the_user_still_talks_closes_the_users_item():
    duet = Duet(replace(TWO, eager_frames=10))
    events = duet.hear(silence(400), speech(240), silence(1500))
    kinds = [type(event) for event in without_audio(events)]
    assert kinds[:5] == [SpeechStarted, UserText, SpeechStopped, ResponseStarted, ResponseText]
    assert of(SpeechStopped, events) == [SpeechStopped(1, 600)]  # the model's step, not the end of the voice
    assert of(ResponseDone, events)[0].status == "completed"  # 40 ms of a last syllable interrupt nothing


def test_an_answer_within_an_answer_completes_the_first():
    talk = ByHand()
    talk.answer(3)
    events = talk.answer()
    assert [type(e) for e in events] == [ResponseDone, ResponseStarted, TurnTiming, ResponseAudio]
    assert events[0].status == "completed"


def test_tokens_outside_of_an_answer_are_nothing():
    talk = ByHand()
    assert talk.listen(3, text=FIRST_WORD, pcm=TONE) == talk.listen(3, text=END, pcm=TONE) == []


def test_an_endless_answer_is_cut():
    talk = ByHand(longest_response_ms=2000)
    events = talk.answer(99)
    assert (talk.frame(), talk.way.hush) == ([], True)  # the model is made to end it, too
    done = of(ResponseDone, events)[0]
    assert (done.status, done.reason) == ("incomplete", "max_output_tokens")
    assert done.audio_samples == 48_000
    assert events[-1] is done
    assert not of(ResponseStarted, events[1:])


def test_endless_speech_is_split_into_items():
    talk = ByHand()
    talk.listen(10)
    events = talk.listen(LONGEST_SPEECH // FRAME + 50, voice=True)
    assert [type(e) for e in events] == [SpeechStarted, SpeechStopped, UserDone, SpeechStarted]
    assert events[2].audio_ms == 120_000


def test_user_text_before_its_item_waits_for_it():
    talk = ByHand()
    assert talk.listen(9, user_text=PAD) + talk.listen(1, user_text=HELLO) == []
    events = talk.listen(4, voice=True)
    assert events == [SpeechStarted(1, 200), UserText(1, "hello")]


def test_user_text_without_a_detected_voice_gets_an_item_when_the_model_answers():
    talk = ByHand()
    talk.listen(9)
    talk.listen(1, user_text=HELLO)
    events = talk.answer()
    assert events[:4] == [
        SpeechStarted(1, 220),
        UserText(1, "hello"),
        SpeechStopped(1, 220),
        ResponseStarted(1, 2),
    ]
    assert of(UserDone, talk.listen(60)) == [UserDone(1, "hello", 0)]


def test_late_user_text_belongs_to_the_item_before_it():
    talk = ByHand()
    talk.listen(10)
    talk.listen(20, voice=True)
    talk.listen(5)
    talk.answer()
    assert of(UserText, talk.listen(1, user_text=HELLO)) == [UserText(1, "hello")]
    talk.listen(40)
    assert of(UserText, talk.listen(1, user_text=THERE)) == [UserText(1, " there")]
    assert of(UserDone, talk.listen(50)) == [UserDone(1, "hello there", 400)]


def test_turn_timing_speaks_of_the_first_frame_that_can_be_heard():
    talk = ByHand()
    talk.listen(10)
    talk.listen(20, voice=True)
    talk.listen(5)
    talk.frame(text=START)
    talk.listen(3, pcm=np.full(FRAME, 0.003, np.float32))  # below -50 dBFS
    events = talk.listen(2, pcm=np.full(FRAME, -0.0032, np.float32))
    assert [type(e) for e in events] == [TurnTiming, ResponseAudio, ResponseAudio]
    assert plain(events[0]) == ("TurnTiming", 1, 2, 600, 720, 800)


def test_an_answer_to_nothing_has_no_end_of_speech():
    assert of(TurnTiming, ByHand().answer())[0].input_end_ms is None


def test_frame_timing_comes_with_every_frame_when_asked_for():
    talk = ByHand(frame_timing=True)
    assert talk.listen(2) == [
        FrameTiming(FRAME, 0.5, 1.0, 2.0, 3.0, 1, False),
        FrameTiming(2 * FRAME, 0.5, 1.0, 2.0, 3.0, 1, False),
    ]


def test_more_input_is_waited_for_while_something_is_due():
    hand = ByHand()
    talk = hand.talk
    hand.listen(10)
    assert not talk.waiting
    hand.listen(20, voice=True)
    hand.listen(100)
    assert talk.waiting  # the item is done, the answer is due
    hand.listen(500)
    assert not talk.waiting  # it did not come
    hand.answer(5)
    assert talk.waiting
    hand.cancel()
    assert talk.waiting  # the model must still go back
    hand.frame()
    assert not talk.waiting


def test_settings_take_effect_with_the_next_frame():
    hand = ByHand()
    hand.listen(10)
    hand.listen(10, voice=True)
    hand.listen(10)
    hand.talk.update(replace(hand.talk.settings, silence_ms=200, vad_aggressiveness=3))
    assert hand.listen(1) == [SpeechStopped(1, 400)]


@pytest.mark.parametrize("bad", [{"vad_aggressiveness": 4}, {"silence_ms": 0}, {"interrupt_min_ms": 60_000}])
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ConfigError, match=next(iter(bad))):
        TurnSettings(**bad)
