"""A room without hardware: PulseAudio null sinks as speaker, air, microphone and the user's mouth.

    program ─▶ speaker ──(late, softer)──▶ air ─▶ microphone ─▶ program
                  │                         ▲
                  │        voice ───────────┘
                  ▼          ▼
               tape left   tape right

What the speaker plays comes back into the microphone, as on a desk; ``say`` is a person in the same room. The
tape holds both sides on one timeline, before the air.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

START_S = 60  # generous: the machine may be busy
RATE_HZ = 48_000  # of every device in the room
TAPE_HZ = 24_000
BLOCK = TAPE_HZ // 100  # 10 ms, in which levels are taken
AUDIBLE = 10 ** (-45 / 20)  # RMS of a block that somebody hears
Sound = NDArray[np.float32]


def pulseaudio_is_there() -> bool:
    """The programs of the rig are installed."""
    return all(shutil.which(name) for name in ("pulseaudio", "pactl", "paplay", "parec"))


@dataclass
class Tape:
    """What was played and said, from the beginning of the recording on."""

    played: Sound  # [samples] at TAPE_HZ, by the assistant
    said: Sound  # [samples], by the user

    def utterances(self) -> list[tuple[float, float]]:
        """Beginning and end of everything the user said, in s; pauses below half a second do not count."""
        return _stretches(self.said, 0.5)

    def audible(self) -> bool:
        """The assistant can be heard somewhere."""
        return bool(_stretches(self.played, 0.4))

    def heard_between(self, begin_s: float, end_s: float) -> float | None:
        """When the assistant was last heard in this time, in s; None when it was not."""
        piece = self.played[round(begin_s * TAPE_HZ) : round(end_s * TAPE_HZ)]
        found = _stretches(piece, 0.4)
        return begin_s + found[-1][1] if found else None


@dataclass
class Room:
    """A running PulseAudio server of its own."""

    folder: Path
    taping: subprocess.Popen[bytes] | None = None
    speaking: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

    @property
    def environment(self) -> dict[str, str]:
        """For programs in this room: PulseAudio's default devices are its speaker and microphone."""
        here = {"PULSE_SERVER": f"unix:{self.folder}/native", "PULSE_COOKIE": str(self.folder / "cookie")}
        return {**os.environ, **here, "XDG_RUNTIME_DIR": str(self.folder), "HOME": str(self.folder)}

    def control(self, *arguments: str) -> str:
        """One command of ``pactl``."""
        done = subprocess.run(
            ["pactl", *arguments], env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    def say(self, path: Path) -> None:
        """The user plays a WAV file into the air, from now on."""
        command = ["paplay", "--device=voice", "--latency-msec=20", str(path)]
        self.speaking.append(subprocess.Popen(command, env=self.environment))

    def record(self) -> None:
        """Begins the tape."""
        raw = ["--raw", "--format=s16le", f"--rate={TAPE_HZ}", "--channels=2"]
        with (self.folder / "tape.raw").open("wb") as file:
            command = ["parec", "--device=tape.monitor", "--latency-msec=20", *raw]
            self.taping = subprocess.Popen(command, env=self.environment, stdout=file)

    @property
    def recorded_s(self) -> float:
        """The length of the tape so far."""
        return (self.folder / "tape.raw").stat().st_size / (4 * TAPE_HZ)

    def taped(self, last_s: float | None = None) -> Tape:
        """What is on the tape so far, or the last of it."""
        with (self.folder / "tape.raw").open("rb") as file:
            if last_s is not None:
                file.seek(max(0, int((self.recorded_s - last_s) * TAPE_HZ)) * 4)
            raw = np.frombuffer(file.read(), np.int16)
        sides = raw[: len(raw) // 2 * 2].reshape(-1, 2).astype(np.float32) / 32_768
        return Tape(sides[:, 0], sides[:, 1])

    def close(self) -> None:
        """Nobody speaks or records any more."""
        for process in [*self.speaking, *([self.taping] if self.taping else [])]:
            process.terminate()
            process.wait(START_S)


@contextmanager
def room(folder: Path, loss_db: float = 12.0, delay_ms: int = 80) -> Iterator[Room]:
    """Starts the room.

    Args:
        folder: empty, and short enough for a socket's name.
        loss_db: how much softer the speaker is at the microphone.
        delay_ms: how late it is there.
    """
    folder.chmod(0o700)
    devices = [f"module-native-protocol-unix socket={folder}/native auth-anonymous=1"]
    sinks = {"speaker": "front-left", "voice": "front-right", "air": "mono", "tape": "front-left,front-right"}
    for name, sides in sinks.items():
        shape = f"rate={RATE_HZ} channels={1 + sides.count(',')} channel_map={sides}"
        devices.append(f"module-null-sink sink_name={name} {shape}")
    loops = (("speaker", "tape", 20, "no"), ("voice", "tape", 20, "no"), ("voice", "air", 20, "yes"))
    devices += ["module-remap-source source_name=microphone master=air.monitor"]
    devices += [
        f"module-loopback source={source}.monitor sink={sink} latency_msec={ms} adjust_time=0 remix={remix}"
        for source, sink, ms, remix in (*loops, ("speaker", "air", delay_ms, "yes"))
    ]
    options = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes"]
    loaded = [part for one in devices for part in ("-L", one)]
    command = ["pulseaudio", *options, "--log-level=error", *loaded]
    made = Room(folder)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, env=made.environment, stdout=log, stderr=log)
    try:
        _wait_until_ready(made, server)
        echo = (
            made.control("list", "short", "sink-inputs").split("\n")[-2].split("\t")[0]
        )  # the last one made
        made.control("set-sink-input-volume", echo, f"-{loss_db}dB")
        yield made
    finally:
        made.close()
        server.terminate()
        server.wait(START_S)


def _wait_until_ready(made: Room, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            if made.control("list", "short", "modules").count("module-loopback") == 4:
                return
        except subprocess.CalledProcessError:
            pass  # not there yet
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PulseAudio does not start: {(made.folder / 'log').read_text()}")
        time.sleep(0.05)


def _stretches(pcm: Sound, pause_s: float) -> list[tuple[float, float]]:
    """Beginning and end of what can be heard, in s; shorter silences than ``pause_s`` belong to it."""
    blocks = pcm[: len(pcm) // BLOCK * BLOCK].reshape(-1, BLOCK)
    loud = np.flatnonzero(np.sqrt(np.mean(blocks**2, axis=1)) > AUDIBLE)
    found: list[tuple[float, float]] = []
    for index in loud:
        begin, end = float(index) / 100, float(index + 1) / 100
        if found and begin - found[-1][1] < pause_s:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found


def save_tape(tape: Tape, path: Path) -> None:
    """The tape as a stereo WAV file: left what was played, right what was said."""
    sides = np.stack([tape.played, tape.said], 1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(TAPE_HZ)
        file.writeframes(np.clip(np.rint(sides * 32_767), -32_768, 32_767).astype("<i2").tobytes())
