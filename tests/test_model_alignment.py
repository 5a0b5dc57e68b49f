"""Times of words and phones carried from one voice to another, judged where the truth is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from nano.alignment import HOP, aligned, features, warp
from nano.phones import SILENCE, UNKNOWN
from nano.sound import FRAME, SAMPLE_RATE
from nano.voices import Voice, speak_many, word_ends

TEXTS = (
    "what is the capital of france",
    "could you please tell me how many legs a spider has",
    "stop",
    "count from one to twenty for me",
)
REFERENCE = Voice("espeak", "en-us")


@pytest.mark.parametrize(
    "voice", [Voice("espeak", "en-gb-scotland+f2", 0.85, 1.2), Voice("espeak", "en-us+klatt3", 1.25, 0.8)]
)
def test_words_end_where_the_voice_says_they_do(voice: Voice) -> None:
    off: list[float] = []
    for known, other in zip(speak_many(REFERENCE, list(TEXTS)), speak_many(voice, list(TEXTS)), strict=True):
        words, phones = aligned(other.pcm, known.pcm, known.words, known.phones)
        assert len(words) == len(other.words)
        assert list(words) == sorted(words)
        assert phones.shape == other.phones.shape
        off += np.abs((np.array(words) - other.words) * len(other.pcm) / SAMPLE_RATE).tolist()
    assert np.mean(off) < 0.015
    assert max(off) < 0.06


def test_phones_fit_another_engine_better_than_a_straight_line_does() -> None:
    warped, straight, frames = 0, 0, 0
    texts = list(TEXTS)
    for known, other in zip(
        speak_many(REFERENCE, texts), speak_many(Voice("flite", "slt"), texts), strict=True
    ):
        _, phones = aligned(other.pcm, known.pcm, known.words, known.phones)
        even = known.phones[np.linspace(0, len(known.phones) - 1, len(phones)).round().astype(int)]
        told = (other.phones != UNKNOWN) & (other.phones != SILENCE)
        warped += int((phones == other.phones)[told].sum())
        straight += int((even == other.phones)[told].sum())
        frames += int(told.sum())
    assert warped / frames > 0.55
    assert warped > straight


def test_a_sound_is_its_own_warp() -> None:
    pcm = speak_many(REFERENCE, [TEXTS[0]])[0].pcm
    rows = features(pcm)
    assert len(rows) == -(-len(pcm) // HOP)
    assert np.array_equal(warp(rows, rows), np.arange(len(rows)))


@pytest.mark.parametrize("frames", [1, 2, 3, 40])
def test_very_short_sounds_are_warped_too(frames: int) -> None:
    rng = np.random.default_rng(0)
    pcm = rng.standard_normal(frames * HOP).astype(np.float32) * 0.1
    known = rng.standard_normal(3 * FRAME).astype(np.float32) * 0.1
    path = warp(features(known), features(pcm))
    assert path.shape == (frames,)
    assert (np.diff(path) >= 0).all()
    words, phones = aligned(pcm, known, (1.0,), np.array([1, 2, 3], np.uint8))
    assert 0 < words[0] <= 1
    assert len(phones) == -(-len(pcm) // FRAME)


def test_words_read_as_one_share_their_time() -> None:
    """A text of which the engine tells only where "switch", "on the" and "lamp" begin."""
    ends = word_ends("switch on the lamp", {0: 0, 7: 700, 14: 1400}, 2000)
    assert ends == pytest.approx((0.35, 0.5, 0.7, 1.0))


@pytest.mark.parametrize("voice", ["en-us", "en-gb-scotland+f2", "en-029+klatt"])
def test_every_word_has_an_end_and_the_last_one_is_the_whole(voice: str) -> None:
    texts = ["switch on the lamp in the kitchen", "it is ten a.m. now", "which season is april in", "so why"]
    for text, spoken in zip(texts, speak_many(Voice("espeak", voice), texts), strict=True):
        assert len(spoken.words) == len(text.split())
        assert spoken.words[-1] == 1.0
        assert all(a < b for a, b in itertools.pairwise((0.0, *spoken.words)))
