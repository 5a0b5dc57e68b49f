"""People whom no engine has: what is changed in a voice, and what must stay."""

from __future__ import annotations

import numpy as np
import pytest
from nano.phones import SILENCE
from nano.revoice import FFT, breath, melody, revoiced, tempo, throat
from nano.sound import FRAME
from nano.voices import Voice, speak_many

BINS = FFT // 2 + 1
SEEDS = range(40)


def test_tempo_wanders_but_never_goes_back() -> None:
    lengths: list[int] = []
    for seed in SEEDS:
        at = tempo(np.random.default_rng(seed), 400)
        steps = np.diff(at)
        assert at[0] == 0
        assert at[-1] < 400
        assert at[-1] + np.exp(0.5) >= 400  # nothing of the end is lost
        assert steps.min() >= np.exp(-0.5)
        assert steps.max() <= np.exp(0.5)
        lengths.append(len(at))
    assert min(lengths) < 370
    assert max(lengths) > 430


def test_melody_is_higher_or_lower_and_only_where_there_is_a_voice() -> None:
    pitch = np.where(np.arange(300) % 100 < 60, 120.0 + 20 * np.sin(np.arange(300) / 9), 0.0)
    means: list[float] = []
    for seed in SEEDS:
        made = melody(np.random.default_rng(seed), pitch)
        assert (made[pitch == 0] == 0).all()
        if made.any():
            voiced = made[pitch > 0]
            assert voiced.min() >= 55
            assert voiced.max() <= 480
            means.append(float(voiced.mean()))
    assert min(means) < 100
    assert max(means) > 150
    assert len(means) < len(SEEDS)  # some whisper
    assert not melody(np.random.default_rng(0), np.zeros(9)).any()


def test_formants_move_and_the_ends_of_the_spectrum_stay() -> None:
    peak = np.exp(-(((np.arange(BINS) - 90) / 10) ** 2))  # at 2.1 kHz
    envelope = np.tile(peak + 1e-4, (20, 1))
    peaks: set[int] = set()
    for seed in SEEDS:
        made = throat(np.random.default_rng(seed), envelope)
        assert made.shape == envelope.shape
        assert np.isfinite(made).all()
        assert made.min() > 0
        peaks.add(int(made[10].argmax()))
    assert min(peaks) < 82
    assert max(peaks) > 98
    assert min(peaks) > 60
    assert max(peaks) < 130


def test_breath_is_noise_where_there_is_no_voice_and_some_of_it_elsewhere() -> None:
    pitch = np.array([0.0, 120.0])
    for seed in SEEDS:
        noise = breath(np.random.default_rng(seed), pitch)
        assert noise.shape == (2, BINS)
        assert (noise[0] > 0.99).all()
        assert noise[1, 5] < 0.5
        assert (np.diff(noise[1]) >= 0).all()


def test_another_person_says_the_same_words_at_times_of_their_own() -> None:
    pytest.importorskip("pyworld", reason="comes with the extra train")
    (said,) = speak_many(Voice("espeak", "en-us+m1"), ["what is the capital of france"])
    ends = [round(w * len(said.pcm)) for w in said.words]
    lengths: set[int] = set()
    for seed in range(4):
        pcm, new_ends, phones = revoiced(np.random.default_rng(seed), said.pcm, ends, said.phones)
        assert pcm.dtype == np.float32
        assert np.abs(pcm).max() == pytest.approx(0.5)
        assert len(phones) == -(-len(pcm) // FRAME)
        assert all(np.diff(new_ends) > 0)
        assert len(pcm) - FRAME <= new_ends[-1] <= len(pcm)
        order = [p for i, p in enumerate(phones) if i == 0 or p != phones[i - 1]]
        wanted = [p for i, p in enumerate(said.phones) if i == 0 or p != said.phones[i - 1]]
        rest = iter(wanted)
        assert all(p in rest for p in order if p != SILENCE), "the phones are in another order"
        assert len(order) > 0.8 * len(wanted)
        lengths.add(len(pcm))
    assert len(lengths) == 4
