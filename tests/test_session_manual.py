"""Turns that the client ends: what it commits and clears, and the answers that it asks for and takes back."""

import pytest

from tests.support.duet import SILENT, TWO, ByHand, Duet, of
from tests.support.scripted import END, START, silence, speech
from voicert.session import TurnSettings
from voicert.session.events import (
    ResponseAudio,
    ResponseDone,
    ResponseStarted,
    SpeechStarted,
    SpeechStopped,
    TurnCommitted,
    UserDone,
    UserText,
)

MANUAL = TurnSettings(detection="manual")


def without_audio(events):
    return [event for event in events if not isinstance(event, ResponseAudio)]


def test_golden_manual_turn():
    duet = Duet(TWO, MANUAL)
    assert duet.hear(silence(400), speech(400), silence(600)) == []  # the model holds its tongue
    assert duet.talk.commit() == [
        TurnCommitted(1, 0, 1400),
        UserText(1, "hello"),
        UserText(1, " there"),
    ]
    duet.talk.respond()
    events = duet.hear(silence(2000))
    assert [type(e).__name__ for e in without_audio(events)] == [
        "ResponseStarted", "ResponseText", "TurnTiming", "ResponseText", "ResponseDone", "UserDone",
    ]  # fmt: skip
    assert of(ResponseDone, events)[0].transcript == "one two"
    assert of(UserDone, events) == [UserDone(1, "hello there", 1400)]


def test_the_answer_begins_where_the_model_wanted_to():
    duet = Duet(TWO, MANUAL)
    duet.hear(silence(400), speech(400), silence(600))
    duet.talk.respond()
    way = duet.talk.steer()
    assert way.start
    assert way.rewind == 25 + 1  # it wanted to in every step after 100 ms of quiet: the last of them again


def test_a_model_that_did_not_want_to_gets_half_a_second():
    hand = ByHand(detection="manual")
    hand.listen(10)
    hand.talk.respond()
    ways = []
    for _ in range(27):
        hand.frame(SILENT)
        ways.append(hand.way)
    assert not any(way.hush for way in ways)
    assert [way.start for way in ways] == [False] * 25 + [True] * 2  # by hand it disobeys


def test_what_was_cleared_was_never_said():
    duet = Duet(TWO, MANUAL)
    duet.hear(silence(400), speech(400), silence(100))
    duet.talk.clear()
    assert duet.talk.steer().rewind == 45
    duet = Duet(TWO, MANUAL)
    duet.hear(silence(400), speech(400), silence(100))
    duet.talk.clear()
    duet.hear(silence(200))
    assert duet.model.understood(0) == ""
    assert duet.talk.commit() == [TurnCommitted(1, 900, 1100)]
    assert of(UserDone, duet.hear(silence(2000))) == [UserDone(1, "", 200)]


def test_an_answer_is_not_cleared():
    duet = Duet(TWO, MANUAL)
    duet.hear(speech(400), silence(200))
    duet.talk.commit()
    duet.talk.respond()
    duet.hear(silence(1500))
    duet.hear(speech(200))
    duet.talk.clear()
    duet.hear(silence(200))
    assert duet.model.written(0) == ["one two"]
    assert duet.model.understood(0) == "hello there"


def test_in_manual_turns_nobody_is_interrupted_by_a_voice():
    duet = Duet(TWO, MANUAL)
    duet.hear(speech(400), silence(200))
    duet.talk.commit()
    duet.talk.respond()
    events = duet.hear(speech(1000), silence(1000))
    assert of(ResponseDone, events)[0].status == "completed"
    assert not of(SpeechStarted, events)


def test_speech_in_progress_ends_when_turns_become_manual():
    duet = Duet(TWO)
    assert of(SpeechStarted, duet.hear(silence(400), speech(200))) == [SpeechStarted(1, 400)]
    assert duet.talk.update(MANUAL) == [SpeechStopped(1, 600)]
    duet.hear(speech(200))
    assert duet.talk.commit()[:2] == [UserDone(1, "hello", 200), TurnCommitted(2, 600, 800)]  # not " there"


def test_a_commit_ends_speech_of_automatic_turns():
    duet = Duet(TWO)
    duet.hear(silence(400), speech(400))
    assert duet.talk.commit() == [SpeechStopped(1, 800)]
    assert duet.talk.commit() == []
    events = duet.hear(silence(1500))
    assert of(ResponseDone, events)[0].transcript == "one two"
    assert duet.talk.commit()[-1] == TurnCommitted(3, 800, 2300)  # nobody spoke, but it is asked for


def test_without_create_response_turns_are_told_and_answers_are_asked_for():
    duet = Duet(TWO, TurnSettings(create_response=False))
    events = duet.hear(silence(400), speech(400), silence(2000))
    assert [type(e) for e in events] == [SpeechStarted, UserText, UserText, SpeechStopped, UserDone]
    duet.talk.respond()
    assert of(ResponseDone, duet.hear(silence(1500)))[0].status == "completed"
    assert not of(ResponseStarted, duet.hear(speech(400), silence(1500)))


def test_one_answer_may_be_shorter_than_others():
    duet = Duet(TWO, MANUAL)
    duet.talk.respond(longest_ms=100)
    events = duet.hear(silence(2000))
    assert of(ResponseDone, events) == [
        ResponseDone(1, 1, "incomplete", "max_output_tokens", "one", 2400, None)
    ]


def test_a_request_to_answer_can_be_taken_back():
    duet = Duet(TWO, MANUAL)
    duet.talk.respond()
    duet.hear(silence(100))
    assert duet.talk.cancel(None, duet.now) == []
    assert duet.hear(silence(2000)) == []


@pytest.mark.parametrize("text", [START, END])
def test_a_hushed_model_says_nothing_whatever_it_writes(text):
    hand = ByHand(detection="manual")
    hand.listen(5)
    assert hand.way.hush
    if text == END:
        assert hand.frame(text=text) == []
