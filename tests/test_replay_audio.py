"""The stereo file of a session: the user where it was heard, the assistant where its listener heard it."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.scripted import FRAME
from tests.support.tapes import conversation
from voicert.replay.audio import HeardAudio
from voicert.session.events import ResponseAudio, ResponseDone

RATE = 24_000


def read(path: Path) -> NDArray[np.int16]:
    """[samples, 2]"""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


def tone(first: int, count: int) -> NDArray[np.float32]:
    """Samples that can be told apart: first, first + 1, … as 16-bit values."""
    return (np.arange(first, first + count) / 32_767.0).astype(np.float32)


@pytest.fixture
def audio(tmp_path: Path) -> HeardAudio:
    made = HeardAudio(tmp_path / "x.wav", RATE)
    made.open()
    return made


def said(audio: HeardAudio, item: int, at: int, first: int, frames: int) -> None:
    """The assistant's frames, one after the other, made at ``at`` and later."""
    for i in range(frames):
        pcm = tone(first + i * FRAME, FRAME)
        event = ResponseAudio(1, item, pcm, at + i * FRAME)
        audio.note(at + i * FRAME, "event", {"event": event})


def done(item: int, samples: int, heard: int | None) -> dict[str, ResponseDone]:
    return {"event": ResponseDone(1, item, "completed", None, "", samples, heard)}


def test_the_user_stands_where_it_was_heard(audio: HeardAudio, tmp_path: Path) -> None:
    for i in range(10):
        audio.user(i * FRAME, tone(1 + i * FRAME, FRAME))
    audio.user(5 * FRAME, tone(9000, FRAME))  # these frames were undone and came again
    audio.update_header()  # the file is whole although it is not closed
    left = read(tmp_path / "x.wav")[:, 0]
    assert left[:5].tolist() == [1, 2, 3, 4, 5]
    assert left[5 * FRAME : 6 * FRAME].tolist() == list(range(9000, 9000 + FRAME))
    assert len(left) == 10 * FRAME


def test_the_assistant_stands_where_its_listener_heard_it(audio: HeardAudio, tmp_path: Path) -> None:
    """Also with a gap in the middle, and cut where the listener stopped."""
    audio.user(0, np.zeros(60 * FRAME, np.float32))
    said(audio, 2, 0, 1, 20)
    for at, heard in ((6_000, 1_000), (7_000, 2_000), (12_000, 2_500), (12_500, 3_000)):
        audio.note(at, "heard", {"item": 2, "samples": heard})
    audio.note(13_000, "event", done(2, 20 * FRAME, 3_000))
    audio.close()
    right = read(tmp_path / "x.wav")[:, 1]
    wanted = np.zeros(60 * FRAME, np.int16)
    wanted[5_000:7_000] = np.arange(1, 2_001)
    wanted[11_500:12_500] = np.arange(2_001, 3_001)
    assert np.array_equal(right, wanted)


def test_what_nobody_reports_stands_where_it_was_made(audio: HeardAudio, tmp_path: Path) -> None:
    """A cut answer only as far as it is taken to have been heard; nothing over what stands there already."""
    audio.user(0, np.zeros(100 * FRAME, np.float32))
    said(audio, 2, 4_800, 1, 10)
    audio.note(9_600, "event", done(2, 10 * FRAME, None))
    said(audio, 4, 7_200, 10_001, 10)
    audio.note(20_000, "event", done(4, 10 * FRAME, 600))
    audio.close()
    right = read(tmp_path / "x.wav")[:, 1]
    wanted = np.zeros(100 * FRAME, np.int16)
    wanted[4_800:9_600] = np.arange(1, 4_801)
    wanted[9_600:10_200] = np.arange(10_001, 10_601)
    assert np.array_equal(right, wanted)


def test_reports_that_are_strange_hurt_nothing(audio: HeardAudio, tmp_path: Path) -> None:
    """Of items that are not known, backwards, before the file begins, beyond what was sent."""
    audio.user(0, np.zeros(20 * FRAME, np.float32))
    said(audio, 2, 0, 1, 2)
    for item, samples in ((9, 100), (2, 500), (2, 100), (2, 10**9), (2, 0)):
        audio.note(480, "heard", {"item": item, "samples": samples})
    audio.note(500, "event", done(7, 0, None))
    audio.close()
    right = read(tmp_path / "x.wav")[:, 1]
    assert right[: 2 * FRAME].tolist() == list(range(1, 2 * FRAME + 1))
    assert not right[2 * FRAME :].any()


def test_a_session_s_file_has_both_voices(tmp_path: Path) -> None:
    conversation(tmp_path, ("one", " two"), audio=True)
    [path] = tmp_path.glob("*.wav")
    both = read(path) / 32_768
    loud = np.abs(both.reshape(-1, FRAME, 2)[: len(both) // FRAME]).max(1) > 0.05  # [frames, 2]
    frames = np.arange(len(loud))
    assert frames[loud[:, 0]].min() == 15
    assert frames[loud[:, 0]].max() <= 35
    assert frames[loud[:, 1]].min() >= 40
    assert loud[:, 1].sum() >= 18  # two words of 200 ms
    assert {p.suffix for p in tmp_path.iterdir()} == {".tape", ".wav"}
    assert {p.stat().st_mode & 0o777 for p in tmp_path.iterdir()} == {0o600}
