"""The weights that ship with the codec: speech stays speech, silence stays silent."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray
from voicert_codecs.base import Codes, Pcm
from voicert_codecs.nano.runtime import NanoCodec

Audio = NDArray[np.float32]
SPEECH = Path(__file__).parent / "data/speech.wav"  # 1.2 s by flite, 16 kHz
RATE = 24_000


@pytest.fixture(scope="module")
def codec() -> NanoCodec:
    return NanoCodec()


@pytest.fixture(scope="module")
def speech(codec: NanoCodec) -> Audio:
    """[samples] between 200 ms of silence each."""
    with wave.open(str(SPEECH)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (16_000, 2, 1)
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32_768
    pcm = np.pad(soxr.resample(pcm, 16_000, RATE), 4_800)
    return pcm[: len(pcm) // codec.frame_size * codec.frame_size]


def through(codec: NanoCodec, pcm: Audio) -> tuple[Codes, Audio]:
    """Codes [1, K, T] and what they sound like, [samples]."""
    state = codec.init_state(1)
    codes = codec.encode(pcm[None], state)
    return codes, codec.decode(codes, state)[0]


def spoken(codec: NanoCodec, codes: Codes) -> Audio:
    made: Pcm = codec.decode(codes, codec.init_state(1))
    return made[0]


def bands_db(pcm: Audio) -> Audio:
    """[frames, 24] level of 24 bands from 100 Hz to 12 kHz, 20 ms windows every 5 ms."""
    windows = np.lib.stride_tricks.sliding_window_view(pcm, 480)[::120] * np.hanning(480)
    power = np.abs(np.fft.rfft(windows)) ** 2
    edges = np.unique(np.geomspace(2, 240, 25).astype(int))
    return 10 * np.log10(np.add.reduceat(power, edges[:-1], axis=1) + 1e-5)


def distance_db(codec: NanoCodec, made: Audio, wanted: Audio) -> float:
    """Mean difference of band levels where there is speech, the codec's delay taken out."""
    delay = codec.delay_samples
    a, b = bands_db(made[delay:]), bands_db(wanted[:-delay])
    loud = b.max(1) > b.max() - 40
    assert loud.mean() > 0.3
    return float(np.abs(a - b)[loud].mean())


def peak_dbfs(pcm: Audio) -> float:
    return float(20 * np.log10(np.abs(pcm).max() + 1e-9))


def test_speech_stays_speech(codec: NanoCodec, speech: Audio) -> None:
    """Much closer than anything broken would be; a few dB are what 3.6 kbit/s cost."""
    codes, made = through(codec, speech)
    distance = distance_db(codec, made, speech)
    assert distance < 5.5
    swapped = spoken(codec, codes[:, ::-1].copy())
    late = spoken(codec, np.roll(codes, 10, axis=2))
    coarse = codes.copy()
    coarse[:, 1:] = codes[:, 1:, :1]  # only the first codebook follows the speech
    assert distance_db(codec, swapped, speech) > 2 * distance
    assert distance_db(codec, late, speech) > 2 * distance
    assert distance_db(codec, spoken(codec, coarse), speech) > 1.2 * distance


def test_what_comes_out_is_what_went_in_delayed(codec: NanoCodec, speech: Audio) -> None:
    """The waveforms match best at the delay that the codec states."""
    _, made = through(codec, speech)
    lags = range(0, 2 * codec.delay_samples + 1, 8)
    wanted = speech[:-960]
    likeness = [np.corrcoef(wanted, made[lag : lag + len(wanted)])[0, 1] for lag in lags]
    assert abs(lags[int(np.argmax(likeness))] - codec.delay_samples) <= 8
    assert max(likeness) > 0.4


def test_loudness_is_kept(codec: NanoCodec, speech: Audio) -> None:
    for gain_db in (0.0, -12.0):
        pcm = speech * np.float32(10 ** (gain_db / 20))
        _, made = through(codec, pcm)
        change_db = 10 * np.log10(np.mean(made**2) / np.mean(pcm**2))
        assert abs(change_db) < 3.0


def test_silence_stays_silent(codec: NanoCodec, speech: Audio) -> None:
    """From the beginning, and again right after speech."""
    silence = np.zeros(2 * RATE, np.float32)
    codes, made = through(codec, silence)
    assert (codes[:, :, 50:] == codes[:, :, -1:]).all()  # it is one and the same frame in the end
    steady = spoken(codec, np.repeat(codes[:, :, -1:], 100, axis=2))
    for sound in (made, steady):
        assert peak_dbfs(sound[:4_800]) < -45  # a fresh state takes a moment to settle
        assert peak_dbfs(sound[4_800:]) < -60
    _, made = through(codec, np.concatenate([speech, silence]))
    assert peak_dbfs(made[len(speech) + 1_200 :]) < -60


def test_the_states_settle_in_long_silence(codec: NanoCodec) -> None:
    """So no ever smaller numbers slow it down."""
    state = codec.init_state(1)
    silence = np.zeros((1, 50 * codec.frame_size), np.float32)
    codec.decode(codec.encode(silence, state), state)
    settled = [part.copy() for part in state.parts()]
    codec.decode(codec.encode(silence, state), state)
    for before, after in zip(settled, state.parts(), strict=True):
        assert np.isfinite(after).all()
        np.testing.assert_allclose(after, before, atol=1e-5)


def test_streaming_equals_offline(codec: NanoCodec, speech: Audio) -> None:
    codes, made = through(codec, speech)
    state = codec.init_state(1)
    frames = [codec.encode(f[None], state) for f in speech.reshape(-1, codec.frame_size)]
    assert np.array_equal(np.concatenate(frames, 2), codes)
    samples = np.concatenate([codec.decode(f, state) for f in frames], 1)[0]
    np.testing.assert_allclose(samples, made, atol=1e-5)
