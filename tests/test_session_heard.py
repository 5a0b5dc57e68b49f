"""History is what was heard: who is interrupted remembers the word that was spoken, and none after it."""

import numpy as np
import pytest

from tests.support.duet import of
from tests.support.room import Room, room, words_of
from tests.support.scripted import Script, ScriptedModel, scripted_bundle, silence, speech
from voicert.session import TurnSettings
from voicert.session.events import ResponseDone, ResponseStarted, Truncated

COUNT = Script(word_frames=12)  # twenty words of 240 ms
SETTINGS = TurnSettings(frame_timing=True, interrupt="vad", interrupt_min_ms=300)


def interrupt(inside: Room, answered: int, wait_ms: int) -> int:
    """Waits for an answer and talks over it, which is the next question → its item."""
    for _ in range(400):
        started = of(ResponseStarted, inside.seen.events)
        if len(started) > answered:
            break
        inside.hear(silence(20))
    item = started[answered].item
    inside.hear(silence(wait_ms), speech(440), silence(800))
    return item


def last_heard(inside: Room, item: int) -> str:
    """The word that sounded in the last sample that the speaker has played."""
    played = inside.speaker.played.get(item, 0)
    heard = [word for at, word in words_of(inside.seen.events, item) if at < played]
    return heard[-1] if heard else ""


def transcript(inside: Room, item: int) -> str:
    """What the world was told last."""
    told = [e for e in inside.seen.events if isinstance(e, ResponseDone | Truncated) and e.item == item]
    return told[-1].transcript or ""


@pytest.mark.parametrize("way_ms", [0, 20, 60])
@pytest.mark.parametrize("reports", [True, False], ids=["reports", "truncates"])
def test_the_last_word_is_the_last_word_heard(way_ms, reports):
    rng = np.random.default_rng(way_ms)
    count, right, last = 17, 0, []  # six times: more than a hundred interruptions in all
    for lag_ms in np.linspace(40, 400, count).astype(int).tolist():
        with room(scripted_bundle(1, COUNT), SETTINGS, max(lag_ms, way_ms), way_ms, reports) as inside:
            model = inside.session._engine.bundle.model  # pyright: ignore
            assert isinstance(model, ScriptedModel)
            inside.hear(silence(400), speech(400))
            item = interrupt(inside, 0, int(rng.integers(lag_ms + 40, 3500)))
            told = transcript(inside, item)
            last.append(told.split(" ")[-1])
            right += told.split(" ")[-1] == last_heard(inside, item)
            assert model.written(0)[0] == told or not told
            assert told == " ".join(COUNT.words[: len(told.split())]).replace("  ", " ")
    assert right == count
    assert len(set(last)) >= 6  # they were interrupted everywhere
