"""Both clients in a room with an echo, the short form of ``scripts/echo_rig``. No time is asserted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.acoustics import Tape, pulseaudio_is_there, room
from tests.support.browser import write_wav
from tests.support.echorig import rig
from tests.support.scripted import silence, speech

TALK_S = 12
INTERRUPTIONS = 2


@pytest.fixture(autouse=True)
def sound_server() -> None:
    assert pulseaudio_is_there(), "the tests need PulseAudio: apt install pulseaudio pulseaudio-utils"


@pytest.mark.parametrize("client", ["page", "terminal"])
def test_the_assistant_does_not_interrupt_itself_and_the_user_does(client: str) -> None:
    with rig(client) as made:
        finding = made.run(TALK_S, INTERRUPTIONS)
    assert finding.talked_s >= TALK_S
    assert finding.self_interruptions == 0
    assert finding.interruptions == len(finding.stop_ms) == INTERRUPTIONS


def test_what_is_said_in_the_room_is_on_the_right_side_of_the_tape(tmp_path: Path) -> None:
    sound = write_wav(tmp_path / "sound.wav", speech(700), silence(100))
    folder = tmp_path / "r"
    folder.mkdir()
    with room(folder) as air:
        air.record()
        air.say(sound)
        while not air.taped().utterances():
            air.control("info")
        while len(air.taped().said) < 24_000 * (air.taped().utterances()[0][1] + 0.5):
            air.control("info")
        tape = air.taped()
        assert len(tape.utterances()) == 1
        begin, end = tape.utterances()[0]
        assert 0.6 < end - begin < 0.9
        assert not tape.audible()


def test_the_tape_tells_when_the_assistant_was_last_heard() -> None:
    played = np.zeros(5 * 24_000, np.float32)
    played[24_000:60_000] = 0.1  # 1 s to 2.5 s
    played[66_000:72_000] = 0.1  # a pause of 250 ms, then to 3 s
    tape = Tape(played, np.zeros_like(played))
    assert tape.heard_between(1.5, 4.0) == pytest.approx(3.0)
    assert tape.heard_between(1.5, 2.6) == pytest.approx(2.5)
    assert tape.heard_between(3.5, 4.0) is None
