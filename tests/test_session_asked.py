"""Answers to what is no spoken turn: typed text, recordings, results of tools, and nobody saying anything."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.duet import SILENT, TWO, Duet, of
from tests.support.scripted import FIRST_WORD, FRAME, Script, silence, speech
from voicert.session import TurnSettings
from voicert.session.events import (
    IdleTimeout,
    Recounted,
    ResponseAudio,
    ResponseDone,
    ResponseStarted,
    SpeechStarted,
    ToolCall,
    UserDone,
    UserText,
)


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
