"""Where speech begins and ends."""

import numpy as np
import pytest

from tests.support.scripted import silence, speech
from voicert.session.speech import Began, Edge, Ended, SpeechTracker, to_ms, to_samples
from voicert.session.vad import WINDOW

BEGIN, END = to_samples(60), to_samples(500)


def hear(pcm, frame=WINDOW, begin=BEGIN, end=END, aggressiveness=2) -> list[Edge]:
    tracker = SpeechTracker(aggressiveness)
    edges = []
    for start in range(0, len(pcm) - frame + 1, frame):
        edges += tracker.advance(pcm[start : start + frame], begin, end)
    return edges


def noise(ms, dbfs, seed=0):
    wave = np.random.default_rng(seed).standard_normal(to_samples(ms))
    return (wave * 10 ** (dbfs / 20)).astype(np.float32)


def test_edges_lie_where_the_voice_lies():
    edges = hear(np.concatenate([silence(400), speech(800), silence(1000)]))
    assert edges == [Began(to_samples(400)), Ended(to_samples(1200))]


def test_an_end_is_known_to_five_ms():
    edges = hear(np.concatenate([silence(400), speech(787), silence(1013)]))
    assert edges[1] == Ended(to_samples(1190))


@pytest.mark.parametrize("windows", [1, 2, 4])
def test_the_frame_size_does_not_matter(windows):
    pcm = np.concatenate([silence(320), speech(640), silence(800), speech(400), silence(880)])
    assert hear(pcm, windows * WINDOW) == hear(pcm)


@pytest.mark.parametrize("aggressiveness", [0, 1, 2, 3])
def test_steady_noise_is_no_voice_and_does_not_move_the_ends(aggressiveness):
    pcm = np.concatenate([silence(1000), speech(800), silence(1200)]) + noise(3000, -45)
    edges = hear(pcm, aggressiveness=aggressiveness)
    assert [type(edge) for edge in edges] == [Began, Ended]
    assert to_ms(edges[0].at) == pytest.approx(1000, abs=60)
    assert to_ms(edges[1].at) == pytest.approx(1800, abs=40)


def test_what_is_too_quiet_is_no_voice():
    assert hear(np.concatenate([silence(400), speech(800, level=0.001), silence(1000)])) == []


@pytest.mark.parametrize(
    ("ms", "begin_ms", "heard"), [(40, 60, 0), (80, 60, 1), (140, 160, 0), (160, 160, 1)]
)
def test_speech_must_last_to_count(ms, begin_ms, heard):
    edges = hear(np.concatenate([silence(400), speech(ms), silence(1000)]), begin=to_samples(begin_ms))
    assert len([edge for edge in edges if isinstance(edge, Began)]) == heard


def test_a_pause_shorter_than_the_silence_does_not_end_speech():
    words = [silence(400), speech(300), silence(400), speech(300), silence(600)]
    assert len(hear(np.concatenate(words))) == 2
    assert len(hear(np.concatenate(words), end=to_samples(300))) == 4


def test_ended_from_outside_it_must_begin_anew():
    tracker = SpeechTracker(2)
    voice = speech(1000).reshape(-1, WINDOW)
    for window in silence(400).reshape(-1, WINDOW):
        tracker.advance(window, BEGIN, END)
    seen = [tracker.advance(window, BEGIN, END) for window in voice[:10]]
    assert [edge for edges in seen for edge in edges] == [Began(to_samples(400))]
    assert tracker.end() == Ended(tracker.clock)
    again = [tracker.advance(window, to_samples(160), END) for window in voice[10:]]
    assert [len(edges) for edges in again].index(1) == 7  # the eighth window makes 160 ms
    assert again[7] == [Began(to_samples(600))]
