"""A stand-in for ``sounddevice``: devices as a test describes them, driven by the test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


class FakePortAudioError(Exception):
    """What the library raises."""


def device(name: str, inputs: int = 0, outputs: int = 0, rate_hz: float = 24_000.0) -> dict[str, Any]:
    """One entry of ``query_devices``."""
    return {
        "name": name,
        "hostapi": 0,
        "max_input_channels": inputs,
        "max_output_channels": outputs,
        "default_samplerate": rate_hz,
    }


class FakeStream:
    """A stream that the test calls back."""

    def __init__(self, *, callback: Callable[..., None], blocksize: int, **settings: Any) -> None:
        self.active = False
        self.latency = 0.02
        self.closed = False
        self.settings = settings
        self.blocksize = blocksize
        self.callback = callback

    def start(self) -> None:
        self.active = True

    def close(self) -> None:
        self.active, self.closed = False, True

    def record(self, pcm: NDArray[np.float32]) -> None:
        """Lets the microphone hear [samples]."""
        self.callback(pcm.reshape(-1, 1), len(pcm), None, None)

    def play(self, samples: int) -> NDArray[np.float32]:
        """What the speaker would play next [samples]."""
        block = np.full((samples, 1), np.nan, np.float32)
        self.callback(block, samples, None, None)
        return block[:, 0]


class FakeSoundLibrary:
    """As much of ``sounddevice`` as the terminal client uses."""

    PortAudioError = FakePortAudioError

    def __init__(
        self, devices: list[dict[str, Any]], defaults: tuple[int, int] = (-1, -1), takes_24_khz: bool = True
    ) -> None:
        self.devices = devices
        self.defaults = {"input": defaults[0], "output": defaults[1]}
        self.takes_24_khz = takes_24_khz
        self.broken: set[str] = set()  # names of devices that cannot be opened
        self.streams: dict[str, FakeStream] = {}  # by direction

    def query_devices(self, device: None = None, kind: str | None = None) -> Any:
        if kind is None:
            return self.devices
        if self.defaults[kind] < 0:
            raise FakePortAudioError("Error querying device -1")
        return {**self.devices[self.defaults[kind]], "index": self.defaults[kind]}

    def query_hostapis(self) -> Any:
        return ({"name": "ALSA"},)

    def check_input_settings(self, *, samplerate: int, **_: Any) -> None:
        if not self.takes_24_khz and samplerate == 24_000:
            raise FakePortAudioError("Invalid sample rate")

    check_output_settings = check_input_settings

    def InputStream(self, **settings: Any) -> FakeStream:  # noqa: N802
        return self._open("input", settings)

    def OutputStream(self, **settings: Any) -> FakeStream:  # noqa: N802
        return self._open("output", settings)

    def _open(self, kind: str, settings: dict[str, Any]) -> FakeStream:
        if self.devices[settings["device"]]["name"] in self.broken:
            raise FakePortAudioError("Device unavailable")
        self.streams[kind] = FakeStream(**settings)
        return self.streams[kind]
