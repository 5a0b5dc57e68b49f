"""The simulated speaker in doubt: pause and resume, exact positions, and catching up afterwards."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from voicert_clients.joins import FADE
from voicert_clients.lag import WINDOW
from voicert_clients.playback import Playback

from tests.support.speaker import FRAME, NOISE, played


def loaded(frames: int = 10, target_ms: int = 20) -> Playback:
    """A speaker with so many frames of noise waiting."""
    playback = Playback(target_ms)
    for number in range(frames):
        playback.push("a", NOISE[number * FRAME : (number + 1) * FRAME])
    return playback


@pytest.mark.parametrize("before", [1, 100, 480, 1_000, 2_345])
@pytest.mark.parametrize("silent", [0, 50, 300, 9_000])
def test_the_two_sides_of_a_pause_make_up_the_sound_without_it(before: int, silent: int) -> None:
    playback = loaded()
    first, _ = played(playback, before)
    playback.pause()
    gap = max(silent, FADE)
    paused, _ = played(playback, gap)
    playback.resume()
    rest, spans = played(playback, 10 * FRAME - before)
    assert not paused[FADE:].any()
    rest[:FADE] += paused[:FADE]  # what faded out is what fades in
    np.testing.assert_allclose(np.concatenate([first, rest]), NOISE[: 10 * FRAME], atol=1e-6)
    assert spans[0].item_position == before
    assert (playback.dropped, playback.shortened, playback.underruns) == (0, 0, 0)


def test_a_pause_falls_silent_within_five_ms_and_tells_where() -> None:
    playback = loaded()
    played(playback, 700)
    playback.pause()
    assert playback.heard() == ("a", 700)
    sound, spans = played(playback, 1_000)
    assert np.abs(sound[:FADE]).max() > 0.1
    assert not sound[FADE:].any()
    assert [(span.item_position, span.fading) for span in spans] == [(700, True)]
    assert playback.heard() == ("a", 700)
    assert playback.queued == 10 * FRAME - 700
    assert not playback.idle


def test_what_arrives_in_a_pause_waits_without_a_bound() -> None:
    playback = loaded(frames=2)
    played(playback, 100)
    playback.pause()
    for number in range(2, 40):
        playback.push("a", NOISE[number * FRAME : (number + 1) * FRAME])
    played(playback, 800)
    playback.resume()
    for number in range(40, 45):  # more of the burst
        playback.push("a", NOISE[number * FRAME : (number + 1) * FRAME])
    sound, _ = played(playback, 45 * FRAME - 100)
    np.testing.assert_allclose(sound[FADE:], NOISE[100 + FADE : 45 * FRAME], atol=1e-6)
    assert playback.dropped == 0


def test_what_a_pause_left_is_not_above_the_bound_but_a_later_burst_is() -> None:
    playback = loaded(frames=1)
    played(playback, 100)
    playback.pause()
    for _ in range(30):
        playback.push("a", NOISE[:FRAME])
    playback.resume()
    played(playback, 31 * FRAME - 100 - FRAME)  # nearly all of it
    for _ in range(25):
        playback.push("a", NOISE[:FRAME])
    assert playback.dropped > 0


def test_a_pause_before_the_first_sample_keeps_it_back() -> None:
    playback = loaded(frames=1, target_ms=60)
    playback.pause()
    sound, spans = played(playback, 4_800)
    assert not sound.any()
    assert not spans
    playback.push("a", NOISE[FRAME : 2 * FRAME])
    playback.push("a", NOISE[2 * FRAME : 3 * FRAME])
    playback.resume()
    sound, _ = played(playback, 3 * FRAME)
    np.testing.assert_array_equal(sound, NOISE[: 3 * FRAME])


def test_a_flush_in_a_pause_leaves_the_position_where_it_was() -> None:
    playback = loaded()
    played(playback, 700)
    playback.pause()
    played(playback, 2_000)
    playback.flush()
    sound, _ = played(playback, 2_000)
    assert not sound.any()
    assert playback.heard() == ("a", 700)
    assert playback.idle
    playback.push("b", NOISE[:FRAME])
    playback.finish("b")
    np.testing.assert_array_equal(played(playback, FRAME)[0], NOISE[:FRAME])


def test_pausing_and_resuming_at_once_makes_no_step() -> None:
    playback = Playback(target_ms=20)
    for _ in range(10):
        playback.push("a", np.full(FRAME, 0.5, np.float32))
    sounds = [played(playback, 300)[0]]
    for _ in range(5):
        playback.pause()
        sounds.append(played(playback, 37, block=37)[0])
        playback.resume()
        sounds.append(played(playback, 50, block=50)[0])
    sound = np.concatenate(sounds)
    assert np.abs(np.diff(sound)).max() < 0.5 / 100


def test_resume_without_a_pause_changes_nothing() -> None:
    playback = loaded(frames=2)
    playback.resume()
    np.testing.assert_array_equal(played(playback, 2 * FRAME)[0], NOISE[: 2 * FRAME])


def speechlike(words: int) -> NDArray[np.float32]:
    """100 ms of noise and 100 ms of silence, again and again [words * 4800]."""
    word = np.concatenate([NOISE[: 5 * FRAME], np.zeros(5 * FRAME, np.float32)])
    return np.tile(word, words)


@pytest.mark.parametrize("block", [128, 480, 77])
def test_a_late_burst_is_caught_up_in_the_silences_alone(block: int) -> None:
    playback = Playback(target_ms=30)
    pcm = speechlike(20)
    burst = 12 * FRAME
    playback.push("a", pcm[:burst])  # 240 ms at once: 210 ms more than the target
    heard: list[NDArray[np.float32]] = []
    for at in range(burst, len(pcm), FRAME):
        heard.append(played(playback, FRAME, block)[0])
        playback.push("a", pcm[at : at + FRAME])
    lag = playback.queued
    playback.finish("a")
    heard.append(played(playback, lag, block)[0])
    sound = np.concatenate(heard)
    assert playback.shortened >= burst - 2 * playback.target
    assert lag < 3 * playback.target
    assert len(sound) == len(pcm) - playback.shortened
    loud = sound[np.abs(sound) > 0]
    np.testing.assert_array_equal(loud, pcm[np.abs(pcm) > 0])  # no sample of a word was lost
    assert playback.heard() == ("a", len(pcm))
    assert playback.dropped == 0


def test_a_steady_stream_is_never_shortened() -> None:
    playback = Playback(target_ms=30)
    pcm = speechlike(20)
    for at in range(0, len(pcm), FRAME):
        playback.push("a", pcm[at : at + FRAME])
        played(playback, FRAME)
    assert playback.shortened == 0


def test_sound_that_is_never_quiet_keeps_its_lag() -> None:
    playback = Playback(target_ms=30)
    playback.push("a", NOISE[: 10 * FRAME])
    for at in range(10 * FRAME, 45 * FRAME, FRAME):
        played(playback, FRAME)
        playback.push("a", NOISE[at : at + FRAME])
    assert 45 * FRAME - 10 * FRAME >= WINDOW
    assert playback.shortened == 0


def test_servers_that_speak_ahead_are_not_shortened() -> None:
    playback = Playback(target_ms=30, bound_ms=None)
    pcm = speechlike(10)
    playback.push("a", pcm[: len(pcm) // 2])
    playback.push("a", pcm[len(pcm) // 2 :])
    np.testing.assert_array_equal(played(playback, len(pcm))[0], pcm)
