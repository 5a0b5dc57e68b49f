"""Items that the client truncates: their transcripts end there, and the model's memory where it still can."""

import pytest

from tests.support.duet import TWO, Duet
from tests.support.scripted import FRAME, Script, silence, speech
from voicert.session.events import ResponseDone, Truncated


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
