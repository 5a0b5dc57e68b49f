"""The sound devices of this machine: what there is, which one is meant, and streams of 24 kHz sound."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

from voicert_clients.errors import DeviceError
from voicert_clients.pcm import SAMPLE_RATE

BLOCK_S = 0.01  # what a device takes or gives at once

Kind = Literal["input", "output"]


class Stream(Protocol):
    """A running microphone or speaker of the sound library."""

    active: bool
    latency: float  # seconds between the device and the callback

    def start(self) -> None: ...
    def close(self) -> None: ...


class SoundLibrary(Protocol):
    """The part of ``sounddevice`` in use."""

    PortAudioError: type[Exception]
    InputStream: Callable[..., Stream]
    OutputStream: Callable[..., Stream]

    def query_devices(self, device: None = None, kind: Kind | None = None) -> Any: ...
    def query_hostapis(self) -> Any: ...
    def check_input_settings(self, **settings: Any) -> None: ...
    def check_output_settings(self, **settings: Any) -> None: ...


@dataclass(frozen=True)
class Device:
    """One sound device as the operating system names it."""

    index: int
    name: str
    host: str  # the system that offers it, such as ALSA
    inputs: int  # channels
    outputs: int
    rate_hz: int  # that it has by itself
    default_input: bool
    default_output: bool

    def channels(self, kind: Kind) -> int:
        return self.inputs if kind == "input" else self.outputs

    def is_default(self, kind: Kind) -> bool:
        return self.default_input if kind == "input" else self.default_output


def load_library() -> SoundLibrary:
    """The sound library.

    Raises:
        DeviceError: it, or PortAudio below it, is not installed.
    """
    try:
        return cast(SoundLibrary, importlib.import_module("sounddevice"))
    except (ImportError, OSError) as error:
        raise DeviceError(
            f"Sound devices need the PortAudio library ({error}): install it, on Debian with "
            "`apt install libportaudio2`, or talk with files by --in and --out."
        ) from error


def find_devices(library: SoundLibrary) -> list[Device]:
    """Every device, in the order of the indices.

    Raises:
        DeviceError: the sound system does not answer.
    """
    try:
        hosts: Sequence[dict[str, Any]] = library.query_hostapis()
        found: Sequence[dict[str, Any]] = library.query_devices()
    except library.PortAudioError as error:
        raise DeviceError(f"The sound system does not answer ({error}).") from error
    default_input, default_output = _default(library, "input"), _default(library, "output")
    return [
        Device(
            index=index,
            name=str(one["name"]),
            host=str(hosts[int(one["hostapi"])]["name"]),
            inputs=int(one["max_input_channels"]),
            outputs=int(one["max_output_channels"]),
            rate_hz=int(one["default_samplerate"]),
            default_input=index == default_input,
            default_output=index == default_output,
        )
        for index, one in enumerate(found)
    ]


def _default(library: SoundLibrary, kind: Kind) -> int | None:
    try:
        return int(library.query_devices(kind=kind)["index"])
    except (library.PortAudioError, ValueError):
        return None


def choose_device(devices: Sequence[Device], kind: Kind, wanted: str | None) -> Device:
    """The device that a person means by an index or a part of a name; the default one for None.

    Raises:
        DeviceError: there is none, or more than one fits.
    """
    usable = [device for device in devices if device.channels(kind) > 0]
    what = "microphone" if kind == "input" else "speaker"
    if not usable:
        raise DeviceError(f"There is no {what} on this machine: talk with files by --in and --out.")
    if wanted is None:
        return next((device for device in usable if device.is_default(kind)), usable[0])
    fitting = [device for device in usable if wanted == str(device.index)]
    fitting = fitting or [device for device in usable if device.name.lower() == wanted.lower()]
    fitting = fitting or [device for device in usable if wanted.lower() in device.name.lower()]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise DeviceError(f"There is no {what} {wanted!r}: see --list-devices.")
    several = ", ".join(f"{device.index} {device.name!r}" for device in fitting)
    raise DeviceError(f"More than one {what} fits {wanted!r} ({several}): give an index.")


def describe_devices(devices: Sequence[Device]) -> str:
    """A line for each device; ``>`` marks the default microphone, ``<`` the default speaker."""
    if not devices:
        return "There are no sound devices on this machine."
    return "\n".join(
        f"{'>' if device.default_input else ' '}{'<' if device.default_output else ' '}"
        f"{device.index:>3}  {device.name}, {device.host} "
        f"({device.inputs} in, {device.outputs} out, {device.rate_hz} Hz)"
        for device in devices
    )


def stream_rate_hz(library: SoundLibrary, device: Device, kind: Kind) -> int:
    """24 kHz where the device takes it, else its own rate."""
    check = library.check_input_settings if kind == "input" else library.check_output_settings
    try:
        check(device=device.index, channels=1, dtype="float32", samplerate=SAMPLE_RATE)
    except (library.PortAudioError, ValueError):
        return device.rate_hz
    return SAMPLE_RATE


def open_stream(
    library: SoundLibrary, device: Device, kind: Kind, rate_hz: int, callback: Callable[..., None]
) -> Stream:
    """Starts a mono stream of 32-bit floats; ``callback`` is the one of ``sounddevice``.

    Raises:
        DeviceError: the device cannot be opened.
    """
    opener = library.InputStream if kind == "input" else library.OutputStream
    try:
        stream = opener(
            device=device.index,
            channels=1,
            dtype="float32",
            samplerate=rate_hz,
            blocksize=round(rate_hz * BLOCK_S),
            latency="low",
            callback=callback,
        )
        stream.start()
    except (library.PortAudioError, ValueError) as error:
        raise DeviceError(f"Cannot open {device.name!r} ({error}): see --list-devices.") from error
    return stream
