"""Echo cancellation: takes what the speaker plays out of what the microphone hears.

WebRTC's audio processing does the work, by way of the ``livekit`` package (the extra ``aec``). It finds the
delay between speaker and microphone by itself, up to about half a second.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from typing import Any, Protocol, cast

import numpy as np

from voicert_clients.pcm import FULL_SCALE, SAMPLE_RATE, SAMPLES_PER_MS, Pcm
from voicert_clients.terminal.presence import EchoPresence

BLOCK = 10 * SAMPLES_PER_MS  # the only length that the processing takes


class Processing(Protocol):
    """The part of ``livekit.rtc.AudioProcessingModule`` in use."""

    def process_stream(self, data: Any) -> None: ...
    def process_reverse_stream(self, data: Any) -> None: ...


class AudioLibrary(Protocol):
    """The part of ``livekit.rtc`` in use."""

    AudioProcessingModule: Callable[..., Processing]
    AudioFrame: Callable[..., Any]


class EchoCanceller:
    """One microphone beside one speaker; both sides may run on threads of their own.

    Sound goes through in blocks of 10 ms, whatever lengths it comes in. Where no echo is heard, as with a
    headset, the microphone's sound passes as it is.
    """

    def __init__(self, library: AudioLibrary) -> None:
        self._library = library
        self._processing = library.AudioProcessingModule(echo_cancellation=True)
        self._presence = EchoPresence()
        self._lock = threading.Lock()
        self._played = np.zeros(0, np.float32)  # less than a block
        self._heard = np.zeros(0, np.float32)  # less than a block

    def play(self, pcm: Pcm) -> None:
        """The speaker plays ``pcm`` [samples]."""
        self._played = np.concatenate([self._played, pcm])
        while len(self._played) >= BLOCK:
            frame = self._frame(self._played[:BLOCK])
            with self._lock:
                self._presence.play(self._played[:BLOCK])
                self._processing.process_reverse_stream(frame)
            self._played = self._played[BLOCK:]

    def clean(self, pcm: Pcm) -> Pcm:
        """The microphone hears ``pcm`` [samples]; the whole blocks so far without the echo [n * BLOCK]."""
        self._heard = np.concatenate([self._heard, pcm])
        cleaned: list[Pcm] = [np.zeros(0, np.float32)]
        while len(self._heard) >= BLOCK:
            frame = self._frame(self._heard[:BLOCK])
            with self._lock:
                self._presence.hear(self._heard[:BLOCK])
                self._processing.process_stream(frame)
                absent = self._presence.absent
            cleaned.append(self._heard[:BLOCK] if absent else self._samples(frame))
            self._heard = self._heard[BLOCK:]
        return np.concatenate(cleaned)

    def _samples(self, frame: Any) -> Pcm:
        return (np.frombuffer(frame.data, np.int16) / FULL_SCALE).astype(np.float32)

    def _frame(self, pcm: Pcm) -> Any:
        samples = np.clip(np.rint(pcm * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
        return self._library.AudioFrame(bytearray(samples.tobytes()), SAMPLE_RATE, 1, len(pcm))


def find_canceller() -> EchoCanceller | None:
    """An echo canceller, None where ``livekit`` is not installed or does not run."""
    try:
        return EchoCanceller(cast(AudioLibrary, importlib.import_module("livekit.rtc")))
    except (ImportError, OSError):
        return None
