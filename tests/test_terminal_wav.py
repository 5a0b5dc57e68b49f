"""Sound files in and out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from voicert_clients.errors import SoundFileError
from voicert_clients.loudness import speech_bounds
from voicert_clients.wav import read_wav, write_wav

from tests.support import wav
from tests.support.scripted import silence, speech

TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000)).astype(np.float32)


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kind", wav.FORMATS)
def test_every_kind_of_sample_is_read(tmp_path: Path, kind: str, channels: int, extensible: bool) -> None:
    path = wav.save(tmp_path / "tone.wav", TONE, kind=kind, channels=channels, extensible=extensible)
    step = 1 / 127 if kind == "u8" else 1 / 2**15
    np.testing.assert_allclose(read_wav(path), TONE, atol=step)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
def test_any_sample_rate_becomes_24_khz(tmp_path: Path, rate_hz: int) -> None:
    t = np.arange(rate_hz) / rate_hz
    path = wav.save(
        tmp_path / "tone.wav", (0.5 * np.sin(2 * np.pi * 440 * t)).astype(np.float32), rate_hz=rate_hz
    )
    pcm = read_wav(path)
    assert abs(len(pcm) - 24_000) <= 1
    inside = slice(1_000, 23_000)  # a resampler rings at the ends
    np.testing.assert_allclose(pcm[inside], TONE[inside], atol=2e-3)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    short = TONE[:100]
    write_wav(tmp_path / "two.wav", [TONE, short])
    mixed = read_wav(tmp_path / "two.wav")
    expected = TONE.copy()
    expected[:100] += short
    np.testing.assert_allclose(mixed, expected / 2, atol=1 / 2**15)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "does not begin as one"),
        (b"ID3 this is no wav", "does not begin as one"),
        (b"RIFF\x04\0\0\0WAVE", "has no samples"),
        (b"RIFF\x10\0\0\0WAVEdata\x04\0\0\0abcd", "before their format"),
        (b"RIFF\x10\0\0\0WAVEfmt \x04\0\0\0abcd", "not a WAV file that can be used"),
    ],
)
def test_what_is_no_wav_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(content)
    with pytest.raises(SoundFileError, match=says) as caught:
        read_wav(path)
    assert "broken.wav" in str(caught.value)


def test_an_unknown_kind_of_samples_is_named(tmp_path: Path) -> None:
    path = wav.save(tmp_path / "law.wav", TONE, kind="u8")
    data = bytearray(path.read_bytes())
    at = data.index(b"fmt ") + 8
    data[at : at + 2] = b"\x07\x00"  # μ-law
    path.write_bytes(data)
    with pytest.raises(SoundFileError, match="kind 7 with 8 bits"):
        read_wav(path)


def test_missing_and_unwritable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(SoundFileError, match=r"nowhere\.wav.*No such file"):
        read_wav(tmp_path / "nowhere.wav")
    with pytest.raises(SoundFileError, match=r"Cannot write .*answer\.wav"):
        write_wav(tmp_path / "no" / "answer.wav", [TONE])


def test_speech_is_found_between_silences() -> None:
    voice = speech(500)
    assert speech_bounds(np.concatenate([silence(300), voice, silence(700)])) == (7_200, 7_200 + 12_000)


@pytest.mark.parametrize(("below_db", "bounds"), [(46, (12_000, 36_000)), (44, (0, 48_000))])
def test_speech_is_what_is_within_45_db_of_the_loudest(below_db: float, bounds: tuple[int, int]) -> None:
    noise = TONE[:12_000] * np.float32(10 ** (-below_db / 20))
    assert speech_bounds(np.concatenate([noise, TONE, noise])) == bounds


def test_silence_has_no_speech() -> None:
    assert speech_bounds(silence(100)) is None
    assert speech_bounds(silence(0)) is None
    assert speech_bounds(np.full(24_000, 1e-4, np.float32)) is None


def test_speech_that_fills_a_recording_ends_with_it() -> None:
    assert speech_bounds(TONE[:1_000]) == (0, 1_000)
