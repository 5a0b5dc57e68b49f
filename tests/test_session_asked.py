"""Answers that are asked for: committed turns, typed text, results of tools, and nobody saying anything."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.duet import SILENT, TWO, ByHand, Duet, of
from tests.support.scripted import END, FIRST_WORD, FRAME, START, Script, silence, speech
from voicert.session import TurnSettings
from voicert.session.events import (
    IdleTimeout,
    Recounted,
    ResponseAudio,
    ResponseDone,
    ResponseStarted,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    Truncated,
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


def test_typed_text_is_answered_when_asked_and_is_no_item():
    duet = Duet(TWO)
    duet.hear(silence(400))
    for token in duet.model.tokens("two one"):
        assert duet.frame(SILENT, given=token) == []
    assert duet.hear(silence(1000)) == []  # not by itself
    assert duet.model.understood(0) == " twoone"
    duet.talk.respond()
    events = duet.hear(silence(2000))
    assert of(ResponseStarted, events) == [ResponseStarted(1, 1)]
    assert not [e for e in events if isinstance(e, UserText | SpeechStarted | UserDone)]


def test_typed_text_stays_when_its_steps_are_taken_again():
    duet = Duet()
    duet.hear(speech(400), silence(600))
    duet.frame(SILENT, given=FIRST_WORD)
    before = duet.model.understood(0)
    duet.talk.cancel(None, duet.now)
    assert not of(UserText, duet.hear(silence(400)))
    assert duet.model.understood(0) == before


def recounted(duet, pcm, ref="r"):
    """A recording that the client puts in."""
    events = [*duet.talk.recount(duet.now), *duet.hear(pcm)]
    return [*events, *duet.talk.recounted(ref)]


@pytest.mark.parametrize("detection", ["auto", "manual"])
def test_a_recording_is_one_item_and_is_answered_when_asked(detection):
    duet = Duet(TWO, TurnSettings(detection=detection))
    duet.hear(silence(400))
    events = recounted(duet, np.concatenate([speech(400), silence(800), speech(400), silence(400)]))
    pieces = ["hello", " there"] * 2
    assert events == [Recounted(1, "r"), *(UserText(1, piece) for piece in pieces)]
    events = duet.hear(silence(2500))
    assert of(UserDone, events) == [UserDone(1, "hello therehello there", 2000)]
    assert not of(ResponseStarted, events)  # not by itself
    duet.talk.respond()
    assert of(ResponseDone, duet.hear(silence(2000)))[0].transcript == "one two"


def test_what_is_said_after_a_recording_is_answered_by_itself():
    duet = Duet(TWO)
    recounted(duet, speech(400))
    events = duet.hear(silence(3000), speech(400), silence(1000))
    assert [e.audio_start_ms for e in of(SpeechStarted, events)] == [3400]
    assert of(ResponseStarted, events) == [ResponseStarted(1, 3)]


def test_a_recording_ends_an_answer_in_progress():
    duet = Duet()
    duet.hear(speech(400), silence(1000))
    done = of(ResponseDone, recounted(duet, speech(400)))[0]
    assert (done.status, done.reason) == ("cancelled", "client_cancelled")
    assert done.transcript == "one two three four five"
    assert duet.model.written(0) == ["one two three four five"]


def test_a_tool_is_called_and_its_output_is_answered():
    duet = Duet(replace(TWO, tool="look"))
    events = duet.hear(speech(400), silence(1000))
    assert of(ToolCall, events) == [ToolCall(1, 3, "call_3", "look", '{"loud":true}')]
    done = of(ResponseDone, events)[0]
    assert events.index(of(ToolCall, events)[0]) < events.index(done)
    assert done.status == "completed"
    assert duet.talk.called("call_3")
    assert not duet.talk.called("call_3")
    for token in duet.model.tokens("two"):
        duet.frame(SILENT, given=token)
    duet.talk.respond()
    assert of(ResponseDone, duet.hear(silence(2000)))[0].transcript == "one two"


def test_nobody_says_anything():
    duet = Duet(TWO, TurnSettings(idle_timeout_ms=2000))
    assert not of(IdleTimeout, duet.hear(silence(5000)))  # only after an answer
    events = duet.hear(speech(400), silence(4500))
    done = of(ResponseDone, events)
    idle = of(IdleTimeout, events)[0]
    assert idle == IdleTimeout(3, 5920, 7960)
    assert [d.item for d in done] == [2, 4]
    assert events.index(done[0]) < events.index(idle) < events.index(done[1])


def test_whoever_speaks_is_not_idle():
    duet = Duet(TWO, TurnSettings(idle_timeout_ms=2000, create_response=True))
    events = duet.hear(speech(400), silence(2000), speech(400), silence(2000), speech(400), silence(1900))
    assert not of(IdleTimeout, events)


@pytest.mark.parametrize("over", [100, 60_000])
def test_truncation_is_clamped_and_cuts_only_deeper(over):
    duet = Duet(TWO)
    duet.hear(speech(400), silence(2000))
    whole = 22 * FRAME
    assert duet.talk.truncate(2, whole + over, duet.now) == [Truncated(2, whole, "one two")]
    assert duet.talk.truncate(2, 5 * FRAME, duet.now) == [Truncated(2, 5 * FRAME, "one")]
    assert duet.talk.truncate(2, 9 * FRAME, duet.now) == [Truncated(2, 5 * FRAME, "one")]
    assert duet.talk.truncate(2, -7, duet.now) == [Truncated(2, 0, "")]
    assert duet.talk.truncate(99, 7, duet.now) == [Truncated(99, 7, None)]
    duet.hear(silence(20))
    assert duet.model.written(0) == []


def test_an_older_item_loses_only_its_transcript():
    duet = Duet(TWO)
    duet.hear(speech(400), silence(2000), speech(400), silence(2000))
    assert duet.talk.truncate(2, 5 * FRAME, duet.now) == [Truncated(2, 5 * FRAME, "one")]
    assert not duet.talk.going_back
    assert duet.model.written(0) == ["one two", "one two"]


def test_a_response_in_progress_is_cut_where_it_is_truncated():
    duet = Duet(Script())
    duet.hear(speech(400), silence(1500))
    events = duet.talk.truncate(2, 25 * FRAME, duet.now)
    assert [type(e) for e in events] == [ResponseDone, Truncated]
    assert events[0].heard_samples == 25 * FRAME
    assert events[0].reason == "client_cancelled"
    duet.hear(silence(20))
    assert duet.model.written(0) == ["one two three"] == [events[1].transcript]


def test_what_is_beyond_the_models_reach_stays_in_the_context_and_in_the_transcript():
    duet = Duet(Script(keep_frames=100, word_frames=5))
    duet.hear(speech(400), silence(2500))
    duet.hear(silence(1000))
    event = duet.talk.truncate(2, 0, duet.now)[-1]
    duet.hear(silence(20))
    assert duet.model.written(0)[-1:] == [event.transcript]
    assert event.transcript.startswith("one two three")


def test_a_file_pushed_at_once_is_answered_no_faster_than_it_is_heard():
    duet = Duet(Script())
    events = []
    for frame in np.concatenate([speech(400), silence(3000)]).reshape(-1, FRAME):
        if duet.talk.full:
            break
        events += duet.frame(frame)
        duet.now -= FRAME / 24_000  # the machine is fast
    assert len(of(ResponseAudio, events)) == 10  # 200 ms
    began = duet.now + 0.02  # when the first frame was sent
    assert duet.talk.due(began) == pytest.approx(began + 0.02)
    assert len(of(ResponseAudio, duet.talk.tick(began + 0.1))) == 5
    assert not duet.talk.full


@pytest.mark.parametrize("text", [START, END])
def test_a_hushed_model_says_nothing_whatever_it_writes(text):
    hand = ByHand(detection="manual")
    hand.listen(5)
    assert hand.way.hush
    if text == END:
        assert hand.frame(text=text) == []
