"""A real microphone and speaker, with sample counters that can be read as times."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import soxr  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from voicert_clients.loudness import ItemHearing
from voicert_clients.pcm import SAMPLE_RATE, Pcm
from voicert_clients.player import Player
from voicert_clients.simulated import CHUNK_SAMPLES
from voicert_clients.terminal.devices import (
    Device,
    SoundLibrary,
    open_stream,
    stream_rate_hz,
)
from voicert_clients.terminal.echo import EchoCanceller
from voicert_clients.wire import Event

QUIET_DBFS = -100.0  # what the level shows for silence
RENDER_SAMPLES = 240  # 10 ms, rendered at once where the device has another rate


class Microphone:
    """Hands over chunks of CHUNK_SAMPLES; silence while it is muted.

    Args:
        emit: called with each chunk on the sound library's thread.
        canceller: takes the speaker's sound out of it.
    """

    def __init__(
        self,
        library: SoundLibrary,
        device: Device,
        emit: Callable[[Pcm], None],
        canceller: EchoCanceller | None = None,
    ) -> None:
        self.muted = False
        self.level_dbfs = QUIET_DBFS  # RMS of the last chunk
        self._emit = emit
        self._canceller = canceller
        self._pending = np.zeros(0, np.float32)
        self._taken = 0  # samples
        self._origin_s = 0.0  # when the sample 0 was taken
        self._latency_s = 0.0
        rate_hz = stream_rate_hz(library, device, "input")
        self._resampler = None if rate_hz == SAMPLE_RATE else _resampler(rate_hz, SAMPLE_RATE)
        self._stream = open_stream(library, device, "input", rate_hz, self._on_block)
        self._latency_s = float(self._stream.latency)

    @property
    def alive(self) -> bool:
        """The device still gives sound."""
        return self._stream.active

    def time_of(self, sample: float) -> float:
        """When a sample was taken, in seconds of ``time.monotonic``."""
        return self._origin_s + sample / SAMPLE_RATE

    def close(self) -> None:
        self._stream.close()

    def _on_block(self, block: NDArray[np.float32], _frames: int, _time: Any, _status: Any) -> None:
        now_s = time.monotonic()
        pcm = block[:, 0].copy()
        if self._resampler is not None:
            pcm = np.asarray(self._resampler.resample_chunk(pcm), np.float32)
        self._taken += len(pcm)
        self._origin_s = now_s - self._latency_s - self._taken / SAMPLE_RATE
        if self._canceller is not None:
            pcm = self._canceller.clean(pcm)
        self._pending = np.concatenate([self._pending, pcm])
        while len(self._pending) >= CHUNK_SAMPLES:
            chunk, self._pending = self._pending[:CHUNK_SAMPLES], self._pending[CHUNK_SAMPLES:]
            self.level_dbfs = _level_dbfs(chunk)
            self._emit(np.zeros_like(chunk) if self.muted else chunk)


class Speaker:
    """Plays what a ``Player`` has, and knows when each sample left.

    Args:
        canceller: learns what is played.
    """

    def __init__(
        self,
        library: SoundLibrary,
        device: Device,
        player: Player,
        canceller: EchoCanceller | None = None,
    ) -> None:
        self._player = player
        self._canceller = canceller
        self._lock = threading.Lock()  # the player belongs to two threads
        self._hearing: ItemHearing | None = None
        self._origin_s = 0.0  # when the sample 0 left
        self._latency_s = 0.0
        self._ready = np.zeros(0, np.float32)  # at the device's rate
        rate_hz = stream_rate_hz(library, device, "output")
        self._ratio = SAMPLE_RATE / rate_hz
        self._resampler = None if rate_hz == SAMPLE_RATE else _resampler(SAMPLE_RATE, rate_hz)
        self._stream = open_stream(library, device, "output", rate_hz, self._on_block)
        self._latency_s = float(self._stream.latency)

    @property
    def alive(self) -> bool:
        """The device still takes sound."""
        return self._stream.active

    @property
    def silent(self) -> bool:
        """No answer is in progress and nothing is left to play."""
        with self._lock:
            return self._player.silent

    def handle(self, event: Event) -> str | None:
        """As ``Player.handle``."""
        with self._lock:
            return self._player.handle(event)

    def stop(self) -> list[str]:
        """As ``Player.stop``."""
        with self._lock:
            return self._player.stop()

    def heard_report(self) -> str | None:
        """As ``Player.heard_report``."""
        with self._lock:
            return self._player.heard_report()

    def listen_for(self, item_id: str) -> None:
        """Notes when the first audible sample of this item leaves."""
        with self._lock:
            if self._hearing is None or self._hearing.item_id != item_id:
                self._hearing = ItemHearing(item_id)

    def audible_since(self, item_id: str) -> float | None:
        """When its first audible sample left, in seconds of ``time.monotonic``; None when it has not."""
        with self._lock:
            hearing = self._hearing
            if hearing is None or hearing.item_id != item_id or hearing.first_audible is None:
                return None
            return self._origin_s + hearing.first_audible / SAMPLE_RATE

    def close(self) -> None:
        self._stream.close()

    def _on_block(self, block: NDArray[np.float32], frames: int, _time: Any, _status: Any) -> None:
        leaves_s = time.monotonic() + self._latency_s
        with self._lock:
            if self._resampler is None:
                self._origin_s = leaves_s - self._player.playback.position / SAMPLE_RATE
                block[:, 0] = self._render(frames)
                return
            waiting = len(self._ready) * self._ratio
            self._origin_s = leaves_s - (self._player.playback.position - waiting) / SAMPLE_RATE
            while len(self._ready) < frames:
                made = self._resampler.resample_chunk(self._render(RENDER_SAMPLES))
                self._ready = np.concatenate([self._ready, np.asarray(made, np.float32)])
            block[:, 0], self._ready = self._ready[:frames], self._ready[frames:]

    def _render(self, samples: int) -> Pcm:
        block = self._player.playback.render(samples)
        if self._hearing is not None:
            self._hearing.add(block)
        if self._canceller is not None:
            self._canceller.play(block.pcm)
        return block.pcm


def _resampler(from_hz: int, to_hz: int) -> soxr.ResampleStream:
    return soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="MQ")


def _level_dbfs(pcm: Pcm) -> float:
    rms = float(np.sqrt(np.mean(pcm * pcm)))
    return max(QUIET_DBFS, 20 * float(np.log10(max(rms, 1e-9))))
