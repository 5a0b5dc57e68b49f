"""Microphones and speakers of the terminal client."""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from voicert_clients.errors import DeviceError
from voicert_clients.playback import Playback
from voicert_clients.player import Player
from voicert_clients.terminal import cli
from voicert_clients.terminal.devices import (
    SoundLibrary,
    choose_device,
    describe_devices,
    find_devices,
    load_library,
)
from voicert_clients.terminal.sound import Microphone, Speaker
from voicert_clients.wire import AudioDelta, ResponseStarted

from tests.support.soundlibrary import FakePortAudioError, FakeSoundLibrary, device

DEVICES = [
    device("HDA Intel: speakers", outputs=2, rate_hz=48_000.0),
    device("USB headset", inputs=1, outputs=2, rate_hz=44_100.0),
    device("Webcam", inputs=2, rate_hz=16_000.0),
    device("USB headset pro", inputs=1, outputs=2, rate_hz=48_000.0),
]
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000)).astype(np.float32)


def library(*args: Any, **kwargs: Any) -> tuple[FakeSoundLibrary, SoundLibrary]:
    fake = FakeSoundLibrary(*args, **kwargs)
    return fake, cast(SoundLibrary, fake)


def found(defaults: tuple[int, int] = (2, 0)) -> Any:
    return find_devices(library(DEVICES, defaults)[1])


@pytest.mark.parametrize(
    ("kind", "wanted", "index"),
    [
        ("input", None, 2),
        ("output", None, 0),
        ("input", "1", 1),
        ("input", "webcam", 2),
        ("output", "usb headset", 1),  # the whole name wins over a part of another
        ("output", "pro", 3),
    ],
)
def test_a_device_is_chosen_by_index_or_name(kind: Any, wanted: str | None, index: int) -> None:
    assert choose_device(found(), kind, wanted).index == index


def test_without_a_default_the_first_one_is_taken() -> None:
    assert choose_device(found((-1, -1)), "input", None).index == 1


@pytest.mark.parametrize(
    ("kind", "wanted", "says"),
    [
        ("input", "speakers", "There is no microphone 'speakers'"),
        ("output", "Webcam", "There is no speaker 'Webcam'"),
        ("input", "7", "There is no microphone '7'"),
        ("input", "usb", "More than one microphone fits 'usb'"),
    ],
)
def test_what_is_no_device_is_named(kind: Any, wanted: str, says: str) -> None:
    with pytest.raises(DeviceError, match=says):
        choose_device(found(), kind, wanted)


def test_a_machine_without_devices_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "load_library", lambda: library([])[1])
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    assert cli.run(parser.parse_args([])) == 2
    said = capsys.readouterr().err
    assert said == (
        "voicert chat: There is no microphone on this machine: talk with files by --in and --out.\n"
    )
    assert cli.run(parser.parse_args(["--list-devices"])) == 0
    assert capsys.readouterr().out == "There are no sound devices on this machine.\n"


def test_devices_are_listed_with_the_defaults() -> None:
    lines = describe_devices(found()).splitlines()
    assert lines[0] == " <  0  HDA Intel: speakers, ALSA (0 in, 2 out, 48000 Hz)"
    assert lines[2] == ">   2  Webcam, ALSA (2 in, 0 out, 16000 Hz)"


def test_a_missing_sound_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(DeviceError, match="apt install libportaudio2"):
        load_library()


def test_the_sound_library_is_not_needed_for_files() -> None:
    program = "import sys; sys.modules['sounddevice'] = None; import voicert_clients.terminal.cli"
    command = [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {program}"]
    subprocess.run(command, check=True, timeout=300)


def test_a_sound_system_that_fails_is_named() -> None:
    fake, sound = library(DEVICES)

    def fails(*_: Any, **__: Any) -> Any:
        raise FakePortAudioError("PortAudio not initialized")

    fake.query_hostapis = fails
    with pytest.raises(DeviceError, match="PortAudio not initialized"):
        find_devices(sound)


def microphone(fake: FakeSoundLibrary, sound: SoundLibrary, index: int) -> tuple[Microphone, list[Any]]:
    chunks: list[NDArray[np.float32]] = []
    return Microphone(sound, find_devices(sound)[index], chunks.append), chunks


def test_a_device_that_cannot_be_opened_is_named() -> None:
    fake, sound = library(DEVICES)
    fake.broken = {"Webcam"}
    with pytest.raises(DeviceError, match=r"Cannot open 'Webcam' \(Device unavailable\)"):
        microphone(fake, sound, 2)


def test_the_microphone_hands_over_20_ms_at_a_time() -> None:
    fake, sound = library(DEVICES)
    mic, chunks = microphone(fake, sound, 1)
    assert fake.streams["input"].settings["samplerate"] == 24_000
    for begin in range(0, 24_000, 240):
        fake.streams["input"].record(TONE[begin : begin + 240])
    assert {len(chunk) for chunk in chunks} == {480}
    np.testing.assert_array_equal(np.concatenate(chunks), TONE)
    assert mic.level_dbfs == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.1)


def test_a_muted_microphone_goes_on_in_silence() -> None:
    fake, sound = library(DEVICES)
    mic, chunks = microphone(fake, sound, 1)
    mic.muted = True
    fake.streams["input"].record(TONE[:960])
    assert len(chunks) == 2
    assert not np.concatenate(chunks).any()


def test_sample_times_follow_the_device() -> None:
    fake, sound = library(DEVICES)
    mic, _ = microphone(fake, sound, 1)
    fake.streams["input"].record(TONE[:480])
    assert mic.time_of(480) - mic.time_of(0) == pytest.approx(0.02)
    assert mic.alive
    mic.close()
    assert not mic.alive
    assert fake.streams["input"].closed


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_another_sample_rate_is_converted(rate_hz: int) -> None:
    devices = [device("odd", inputs=1, outputs=1, rate_hz=float(rate_hz))]
    fake, sound = library(devices, takes_24_khz=False)
    _, chunks = microphone(fake, sound, 0)
    assert fake.streams["input"].settings["samplerate"] == rate_hz
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)
    for block in np.array_split(tone.astype(np.float32), 100):
        fake.streams["input"].record(block)
    heard = np.concatenate(chunks)
    assert 22_000 < len(heard) <= 24_000  # the resampler holds a little back
    assert _pitch_hz(heard, 24_000) == pytest.approx(440, abs=2)

    player = Player(Playback(target_ms=20, bound_ms=None))
    Speaker(sound, find_devices(sound)[0], player)
    player.playback.push("i", TONE)
    blocks = [fake.streams["output"].play(rate_hz // 100) for _ in range(100)]
    assert _pitch_hz(np.concatenate(blocks), rate_hz) == pytest.approx(440, abs=2)


def test_the_speaker_plays_and_knows_when_it_was_heard() -> None:
    fake, sound = library(DEVICES)
    speaker = Speaker(sound, find_devices(sound)[1], Player(Playback(target_ms=20)))
    assert not fake.streams["output"].play(240).any()
    speaker.handle(ResponseStarted("r"))
    speaker.listen_for("i")
    assert speaker.audible_since("i") is None
    speaker.handle(AudioDelta("r", "i", TONE[:960], None))
    np.testing.assert_array_equal(fake.streams["output"].play(480), TONE[:480])
    heard_s = speaker.audible_since("i")
    assert heard_s is not None
    assert speaker.audible_since("other") is None
    assert speaker.heard_report() is not None
    assert speaker.stop()
    fake.streams["output"].play(480)
    assert not fake.streams["output"].play(480).any()


def _pitch_hz(pcm: NDArray[np.float32], rate_hz: int) -> float:
    inside = pcm[len(pcm) // 4 : -len(pcm) // 4]
    return float(np.count_nonzero(np.diff(np.signbit(inside))) / 2 / (len(inside) / rate_hz))
