"""WAV files in and out, whatever their sample rate and width."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import soxr  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from voicert_clients.errors import SoundFileError
from voicert_clients.pcm import FULL_SCALE, SAMPLE_RATE, Pcm

EXTENSIBLE = 0xFFFE  # the kind follows later


def read_wav(path: Path) -> Pcm:
    """A WAV file as mono at SAMPLE_RATE [samples]; channels are averaged.

    Takes integers of 8, 16, 24 and 32 bits and floats of 32 and 64.

    Raises:
        SoundFileError: there is no such file, or it is not a WAV file of these kinds.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SoundFileError(f"Cannot read {path} ({error.strerror}).") from error
    try:
        kind, channels, rate, bits, payload = _chunks(data)
        samples = _samples(kind, bits, payload)
    except (ValueError, struct.error) as error:
        raise SoundFileError(f"{path} is not a WAV file that can be used: {error}.") from error
    usable = len(samples) - len(samples) % channels
    mono = samples[:usable].reshape(-1, channels).mean(axis=1, dtype=np.float32)
    if rate == SAMPLE_RATE or len(mono) == 0:
        return mono
    return np.asarray(soxr.resample(mono, rate, SAMPLE_RATE), dtype=np.float32)


def write_wav(path: Path, channels: list[Pcm]) -> None:
    """Writes 16-bit PCM at SAMPLE_RATE; ``channels`` are [samples] each, the shorter ones end in silence.

    Raises:
        SoundFileError: the file cannot be written.
    """
    length = max(len(channel) for channel in channels)
    table = np.zeros((length, len(channels)), dtype=np.float32)
    for column, channel in enumerate(channels):
        table[: len(channel), column] = channel
    scaled = np.clip(np.rint(table * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype("<i2")
    try:
        with path.open("wb") as raw, wave.open(raw, "wb") as file:
            file.setnchannels(len(channels))
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(scaled.tobytes())
    except OSError as error:
        raise SoundFileError(f"Cannot write {path} ({error.strerror}).") from error


def _chunks(data: bytes) -> tuple[int, int, int, int, bytes]:
    """Format, channels, sample rate, bits per sample and sample bytes of a RIFF file."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("it does not begin as one")
    header: tuple[int, int, int, int] | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int(struct.unpack_from("<I", data, at + 4)[0])
        body = data[at + 8 : at + 8 + size]
        if name == b"fmt ":
            header = _format(body)
        elif name == b"data":
            if header is None:
                raise ValueError("its samples come before their format")
            return *header, body
        at += 8 + size + size % 2
    raise ValueError("it has no samples")


def _format(body: bytes) -> tuple[int, int, int, int]:
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if kind == EXTENSIBLE:
        (kind,) = struct.unpack_from("<H", body, 24)
    if channels == 0 or rate == 0:
        raise ValueError("it has no channels or no sample rate")
    return int(kind), int(channels), int(rate), int(bits)


def _samples(kind: int, bits: int, payload: bytes) -> NDArray[np.float32]:
    """Sample bytes as floats of full scale -1..1 [samples * channels]."""
    width = bits // 8
    raw = payload[: len(payload) - len(payload) % width] if width else b""
    match kind, bits:  # 1: integers, 3: floats
        case (1, 8):
            samples = np.frombuffer(raw, np.uint8) / 128 - 1
        case (1, 16):
            samples = np.frombuffer(raw, "<i2") / 2**15
        case (1, 24):
            padded = np.zeros((len(raw) // 3, 4), dtype=np.uint8)
            padded[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
            samples = padded.view("<i4").ravel() / 2**31
        case (1, 32):
            samples = np.frombuffer(raw, "<i4") / 2**31
        case (3, 32):
            samples = np.frombuffer(raw, "<f4")
        case (3, 64):
            samples = np.frombuffer(raw, "<f8")
        case _:
            raise ValueError(f"its samples are of kind {kind} with {bits} bits")
    return samples.astype(np.float32)
