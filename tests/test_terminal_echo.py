"""Echo cancellation of the terminal client: the real processing on echoes whose every sample is known."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from voicert_clients.playback import Playback
from voicert_clients.player import Player
from voicert_clients.terminal import echo, sound
from voicert_clients.terminal.devices import Device, SoundLibrary, find_devices
from voicert_clients.terminal.echo import BLOCK, EchoCanceller, find_canceller
from voicert_clients.terminal.presence import EchoPresence, likeness
from voicert_clients.wire import AudioDelta, ResponseStarted

from tests.support.scripted import speech
from tests.support.soundlibrary import FakeSoundLibrary, device

RATE = 24_000
CLIENTS = str(Path(__file__).parents[1] / "clients")
Sound = NDArray[np.float32]


def canceller() -> EchoCanceller:
    found = find_canceller()
    assert found is not None, "the tests need the extra: pip install voicert[aec]"
    return found


def voices(seconds: int, pitch_hz: float = 110.0) -> Sound:
    """Somebody who talks on, with pauses [samples]."""
    parts: list[Sound] = []
    for number in range(seconds * 2):
        parts += [speech(400, pitch_hz + 9 * (number % 5)), np.zeros(RATE // 10, np.float32)]
    return np.concatenate(parts)


def echo_of(far: Sound, delay_ms: int, gain: float) -> Sound:
    """What a microphone hears of ``far``: late, softer, and once more off the wall."""
    room = np.zeros(RATE // 50, np.float32)
    room[[0, 97, 230, 401]] = (1.0, 0.4, -0.25, 0.1)
    late = np.convolve(np.concatenate([np.zeros(delay_ms * RATE // 1000, np.float32), far]), room)
    return (gain * late[: len(far)]).astype(np.float32)


def through(near: Sound, far: Sound, canceller: EchoCanceller) -> Sound:
    """A call: 10 ms are played, 10 ms are heard."""
    cleaned: list[Sound] = []
    for at in range(0, len(near) - BLOCK + 1, BLOCK):
        canceller.play(far[at : at + BLOCK])
        cleaned.append(canceller.clean(near[at : at + BLOCK]))
    return np.concatenate(cleaned)


def level_db(pcm: Sound) -> float:
    return 20 * float(np.log10(np.sqrt(np.mean(np.square(pcm, dtype=np.float64))) + 1e-9))


@pytest.mark.parametrize("delay_ms", [20, 120, 400])
def test_the_echo_is_gone_after_a_moment(delay_ms: int) -> None:
    far = voices(6)
    near = echo_of(far, delay_ms, 0.4)
    cleaned = through(near, far, canceller())
    settled = slice(3 * RATE, None)
    assert level_db(near[settled]) - level_db(cleaned[settled]) > 25
    assert np.abs(cleaned[settled]).max() < 0.02


def test_the_user_is_heard_through_the_echo() -> None:
    far = voices(6)
    user = np.zeros_like(far)
    user[4 * RATE : 5 * RATE] = speech(1000, 210.0, level=0.4)
    cleaned = through(echo_of(far, 80, 0.3) + user, far, canceller())
    during, before = cleaned[4 * RATE : 5 * RATE], cleaned[3 * RATE : 4 * RATE]
    assert level_db(during) > level_db(user[4 * RATE : 5 * RATE]) - 6
    assert level_db(during) - level_db(before) > 20


def test_without_an_echo_the_voice_passes() -> None:
    user = voices(3)
    cleaned = through(user, np.zeros_like(user), canceller())
    assert abs(level_db(cleaned[RATE:]) - level_db(user[RATE:])) < 1


@pytest.mark.parametrize("noise", [0.0, 0.002])
def test_with_a_headset_the_user_is_heard_from_the_first_answer_on(noise: float) -> None:
    far = voices(6)
    user = np.random.default_rng(3).normal(0, noise, len(far)).astype(np.float32)
    user[2 * RATE : 3 * RATE] += speech(1000, 210.0)
    cleaned = through(user, far, canceller())
    spoken = slice(2 * RATE, 3 * RATE)
    assert abs(level_db(cleaned[spoken]) - level_db(user[spoken])) < 1


def test_an_echo_is_noticed_when_the_headset_is_put_away() -> None:
    far = voices(8)
    near = echo_of(far, 80, 0.3)
    near[: 3 * RATE] = 0
    cleaned = through(near, far, canceller())
    assert np.abs(cleaned[int(3.3 * RATE) : 4 * RATE]).max() < np.abs(near).max() / 2
    assert level_db(near[6 * RATE :]) - level_db(cleaned[6 * RATE :]) > 25


def present(far: Sound, near: Sound) -> list[bool]:
    """Whether an echo may be there, after each 10 ms."""
    presence = EchoPresence()
    found: list[bool] = []
    for at in range(0, len(near), BLOCK):
        presence.play(far[at : at + BLOCK])
        presence.hear(near[at : at + BLOCK])
        found.append(not presence.absent)
    return found


@pytest.mark.parametrize("delay_ms", [10, 200, 480])
def test_an_echo_is_never_taken_for_none(delay_ms: int) -> None:
    far = voices(8)
    near = echo_of(far, delay_ms, 0.2)
    near[4 * RATE : 5 * RATE] += speech(1000, 260.0, level=0.6)  # nor when the user is louder
    assert all(present(far, near))


def test_nothing_is_decided_while_nothing_is_played() -> None:
    assert all(present(np.zeros(4 * RATE, np.float32), voices(4)))


def test_a_quiet_microphone_beside_a_speaking_assistant_has_no_echo() -> None:
    found = present(voices(3), np.zeros(3 * RATE, np.float32))
    assert found[0]
    assert not found[-1]


def test_likeness_finds_a_piece_wherever_it_is() -> None:
    played = np.random.default_rng(1).normal(0, 0.1, 3_000).astype(np.float32)
    for at in (0, 1_234, 2_000):
        assert likeness(-0.01 * played[at : at + 1_000], played) == pytest.approx(1, abs=1e-3)
    other = np.random.default_rng(2).normal(0, 0.1, 1_000).astype(np.float32)
    assert likeness(other, played) < 0.2


def test_any_lengths_come_out_as_whole_blocks_of_the_same_sound() -> None:
    far = voices(2)
    near = echo_of(far, 60, 0.3)
    whole = through(near, far, canceller())
    pieces = canceller()
    cleaned: list[Sound] = []
    for at in range(0, len(near), 2 * BLOCK):  # 20 ms, each side in two uneven parts
        for part in (slice(at, at + 133), slice(at + 133, at + 2 * BLOCK)):
            pieces.play(far[part])
            cleaned.append(pieces.clean(near[part]))
    assert all(len(part) % BLOCK == 0 for part in cleaned)
    joined = np.concatenate(cleaned)
    assert len(joined) == len(whole)
    assert level_db(joined[RATE:]) < level_db(near[RATE:]) - 15


def rig(rate_hz: float) -> tuple[FakeSoundLibrary, SoundLibrary, Device]:
    library = FakeSoundLibrary([device("desk", 1, 2, rate_hz)], (0, 0), takes_24_khz=rate_hz == RATE)
    real = cast(SoundLibrary, library)
    return library, real, find_devices(real)[0]


@pytest.mark.parametrize("rate_hz", [24_000, 48_000])
def test_microphone_and_speaker_of_a_desk_cancel_their_echo(rate_hz: int) -> None:
    library, real, desk = rig(rate_hz)
    sent: list[Sound] = []
    player = Player(Playback(target_ms=20, bound_ms=None))
    shared = canceller()
    sound.Speaker(real, desk, player, shared)
    sound.Microphone(real, desk, sent.append, shared)
    player.handle(ResponseStarted("r1"))
    player.handle(AudioDelta("r1", "i1", voices(6), None))
    block = rate_hz // 100
    air = np.zeros(rate_hz * 60 // 1000, np.float32)  # 60 ms from the speaker to the microphone
    for _ in range(600):
        air = np.concatenate([air, 0.4 * library.streams["output"].play(block)])
        library.streams["input"].record(air[:block])
        air = air[block:]
    heard = np.concatenate(sent)
    assert len(heard) > 5.9 * RATE
    assert np.abs(heard[3 * RATE :]).max() < 0.02


def test_without_the_package_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "livekit.rtc", None)
    with pytest.raises(ImportError):
        importlib.import_module("livekit.rtc")
    assert echo.find_canceller() is None


def test_the_extra_is_not_loaded_with_the_client() -> None:
    """A client without the extra must start, and one with it starts no faster than it must."""
    program = "import sys, voicert_clients.terminal.cli; sys.exit('livekit' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": CLIENTS})
