"""The bundled model, talked over: a cough is forgotten, a question cuts, and history is what was heard."""

from pathlib import Path

import numpy as np
import pytest
from voicert_clients.wav import read_wav

import voicert.bench
from tests.support.duet import of
from tests.support.room import FRAME, Room, room, words_of
from voicert.models import load
from voicert.session import TurnSettings
from voicert.session.events import ResponseDone, ResponsePaused, ResponseResumed, ResponseStarted

SPOKEN = Path(voicert.bench.__file__).parent / "speech"
COUNT = (
    "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen, fifteen, "
    "sixteen, seventeen, eighteen, nineteen, twenty."
)
SETTINGS = TurnSettings(frame_timing=True)


@pytest.fixture(scope="module")
def bundle():
    return load("nano", 1)


def quiet(ms):
    """A silent room is never quite silent."""
    return (np.random.default_rng(ms).standard_normal(ms * 24 // FRAME * FRAME) * 1e-4).astype(np.float32)


def said(name):
    pcm = read_wav(SPOKEN / f"{name}.wav")
    return np.concatenate([pcm, np.zeros(-len(pcm) % FRAME, np.float32)])


def talked_over(inside: Room, wait_ms: int, name: str, then_ms: int):
    """Lets it count and plays a sound over it → what happened since, the item, and its words."""
    inside.hear(quiet(500), said("long_count"), quiet(wait_ms))
    item = of(ResponseStarted, inside.seen.events)[-1].item
    before = len(inside.seen.events)
    inside.hear(said(name), quiet(then_ms))
    return inside.seen.events[before:], item, words_of(inside.seen.events, item)


@pytest.mark.parametrize(("wait_ms", "lag_ms"), [(1500, 60), (2300, 220), (3100, 390)])
def test_a_question_cuts_at_the_last_word_heard(bundle, wait_ms, lag_ms):
    with room(bundle, SETTINGS, lag_ms, way_ms=20) as inside:
        events, item, words = talked_over(inside, wait_ms, "interrupt_italy", 300)
        done = of(ResponseDone, events)[0]
        assert done.reason == "turn_detected"
        assert done.heard_samples == inside.speaker.played[item]
        lead = bundle.model.answer_lead_frames * FRAME
        heard = [word for at, word in words if at + lead < done.heard_samples]
        assert done.transcript.split() == heard
        assert COUNT.startswith(done.transcript)
        paused = of(ResponsePaused, events)[0]
        assert paused.input_ms - paused.voice_start_ms <= 140


@pytest.mark.parametrize("name", ["backchannel_cough", "backchannel_cough_twice", "backchannel_uh_huh"])
def test_a_cough_is_forgotten_and_no_word_is_lost(bundle, name):
    with room(bundle, SETTINGS, 150, way_ms=10) as inside:
        events, _, words = talked_over(inside, 2000, name, 1500)
        assert [type(e) for e in events if isinstance(e, ResponsePaused | ResponseResumed)] == [
            ResponsePaused,
            ResponseResumed,
        ]
        assert not of(ResponseDone, events)
        text = " ".join(word for _, word in words)
        assert COUNT.startswith(text)
        assert len(words) >= 7
