"""What happens to a voice before the model hears it."""

from __future__ import annotations

import numpy as np
from nano.augment import band, colour
from nano.sound import SAMPLE_RATE, Audio
from numpy.typing import NDArray

SEEDS = range(60)


def gains(made: Audio, pcm: Audio) -> NDArray[np.float64]:
    """In dB, at 20 Hz, 1 kHz and 11 kHz."""
    spectra = [np.abs(np.fft.rfft(x)) ** 2 for x in (made, pcm)]
    hz = np.fft.rfftfreq(len(pcm), 1 / SAMPLE_RATE)
    around = [(hz > f * 0.8) & (hz < f * 1.1) for f in (20, 1_000, 11_000)]
    return np.array([10 * np.log10(spectra[0][some].mean() / spectra[1][some].mean()) for some in around])


def test_a_band_leaves_the_middle_of_a_voice_and_takes_its_ends() -> None:
    pcm = np.random.default_rng(0).standard_normal(SAMPLE_RATE * 2).astype(np.float32)
    cut = np.array([gains(band(np.random.default_rng(seed), pcm), pcm) for seed in SEEDS])
    assert (np.abs(cut[:, 1]) < 1).all()
    assert (cut[:, [0, 2]] < -10).all()
    assert cut.min() < -60
    assert np.ptp(cut[:, 0]) > 20  # each band is another
    assert np.ptp(cut[:, 2]) > 20


def test_some_voices_come_through_a_narrow_band() -> None:
    pcm = np.random.default_rng(0).standard_normal(SAMPLE_RATE).astype(np.float32)
    cut = np.array([gains(colour(np.random.default_rng(seed), pcm), pcm) for seed in range(200)])
    assert 0.2 < float((cut[:, 2] < -15).mean()) < 0.4
