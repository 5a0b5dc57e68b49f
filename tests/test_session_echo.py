"""The assistant's own voice, heard through a room, is no user; a user on top of it is."""

from pathlib import Path

import numpy as np
import pytest
from voicert_clients.wav import read_wav

import voicert.bench
from voicert.session.echo import EchoGuard
from voicert.session.speech import Began, SpeechTracker

FRAME = 480
SPOKEN = Path(voicert.bench.__file__).parent / "speech"
ASSISTANT = ("ask_largest_planet", "ask_spider", "ask_capital_of_japan", "ask_seasons", "ask_sky")
USER = ("interrupt_dog", "interrupt_italy", "interrupt_sun")
QUIET = np.zeros(4800, np.float32)


def spoken(names):
    """Recordings with pauses between, at -20 dBFS."""
    pcm = np.concatenate([part for name in names for part in (read_wav(SPOKEN / f"{name}.wav"), QUIET)])
    return levelled(pcm[: len(pcm) // FRAME * FRAME], -20)


def levelled(pcm, dbfs):
    return (pcm * 10 ** (dbfs / 20) / np.sqrt(np.mean(pcm**2))).astype(np.float32)


FAR = spoken(ASSISTANT)


def echo(loss_db, delay_ms, seed=0):
    """FAR after a delay, through a small room that takes the high notes away."""
    rng = np.random.default_rng(seed)
    n = int(0.15 * 24_000)
    tail = rng.standard_normal(n) * np.exp(-np.arange(n) / (0.03 * 24_000))
    tail[0] = 3.0
    room = np.convolve(tail, np.exp(-np.arange(20) * rng.uniform(0.1, 1.0)))
    heard = levelled(np.convolve(FAR, room)[: len(FAR)], -20 + loss_db)
    return np.concatenate([np.zeros(delay_ms * 24, np.float32), heard])[: len(FAR)]


def noise(n, dbfs=-70):
    return (np.random.default_rng(9).standard_normal(n) * 10 ** (dbfs / 20)).astype(np.float32)


def voice_over(heard, far=FAR, guarded=True):
    """Milliseconds of voice in each 20 ms of ``heard`` while ``far`` is played, and where speech begins."""
    guard, tracker = EchoGuard(), SpeechTracker(2)
    voiced, began = [], []
    guard.play(far)
    for at in range(0, len(heard), FRAME):
        frame = heard[at : at + FRAME]
        before = tracker.voiced
        edges = tracker.advance(frame, 2400, 12_000, guard.hear(frame, True) and guarded)
        voiced.append((tracker.voiced - before) / 24)
        began += [edge.at for edge in edges if isinstance(edge, Began)]
    return np.array(voiced), began


@pytest.mark.parametrize("loss_db", [-5, -15, -30])
@pytest.mark.parametrize("delay_ms", [0, 130, 487])
def test_an_echo_is_no_voice(loss_db, delay_ms):
    heard = echo(loss_db, delay_ms, seed=delay_ms) + noise(len(FAR))
    voiced, began = voice_over(heard)
    assert began == []
    assert voiced.sum() < 300
    assert voice_over(heard, guarded=False)[1]  # without the guard it would be


@pytest.mark.parametrize("loss_db", [None, -5, -15, -30])
def test_a_user_on_top_of_it_is_heard_at_once(loss_db):
    user = np.zeros_like(FAR)
    said, starts = spoken(USER[:2]), (40_800, 110_400)
    for name, start in zip(USER, starts, strict=False):
        one = levelled(read_wav(SPOKEN / f"{name}.wav"), -17)
        user[start : start + len(one)] += one[: len(user) - start]
    heard = user + noise(len(FAR)) + (0 if loss_db is None else echo(loss_db, 150))
    _, began = voice_over(heard)
    assert len(said)
    for start in starts:
        assert min(abs(at - start) for at in began) <= 24 * 150, [at / 24 for at in began]


def test_nothing_played_nothing_guarded():
    heard = spoken(USER) + noise(len(spoken(USER)))
    guard = EchoGuard()
    assert not any(guard.hear(heard[at : at + FRAME], True) for at in range(0, len(heard), FRAME))


def test_what_was_flushed_is_not_played():
    guard = EchoGuard()
    guard.play(FAR)
    guard.flush()
    heard = echo(-5, 0) + noise(len(FAR))
    assert not any(guard.hear(heard[at : at + FRAME], True) for at in range(0, 48_000, FRAME))


def test_a_speaker_that_stands_still_plays_the_rest_later():
    guard, heard = EchoGuard(), echo(-10, 100) + noise(len(FAR))
    guard.play(FAR)
    half = 48_000
    for at in range(0, half, FRAME):
        guard.hear(heard[at : at + FRAME], True)
    for _ in range(50):
        assert not guard.hear(noise(FRAME), False)
    found = [guard.hear(heard[at : at + FRAME], True) for at in range(half, 2 * half, FRAME)]
    assert np.mean(found[40:]) > 0.6  # of the frames, pauses included


def test_the_frame_size_does_not_matter():
    heard = echo(-10, 100) + noise(len(FAR))
    one, four = EchoGuard(), EchoGuard()
    one.play(FAR)
    four.play(FAR)
    small = [one.hear(heard[at : at + FRAME], True) for at in range(0, 96_000, FRAME)]
    large = [four.hear(heard[at : at + 4 * FRAME], True) for at in range(0, 96_000, 4 * FRAME)]
    assert small[3::4] == large


def test_who_has_no_echo_is_soon_not_guarded():
    far = np.concatenate([FAR, FAR])
    guard = EchoGuard()
    guard.play(far)
    for _ in range(len(FAR) // FRAME):
        assert not guard.hear(noise(FRAME), True)
    copy = FAR[:48_000]  # a user who speaks at the same time, and just like the assistant
    assert not any(guard.hear(copy[at : at + FRAME], True) for at in range(0, len(copy), FRAME))
