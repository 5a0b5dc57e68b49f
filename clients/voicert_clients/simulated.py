"""A microphone and a speaker without a device, on one clock, and a call between them and a server.

Both count samples from the same instant: sample ``n`` of the microphone is taken, and sample ``n`` of the
speaker is heard, ``n / SAMPLE_RATE`` seconds after the call began. Nothing drifts, so the distance of two
positions is what a stopwatch at the listener's ear would show.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from voicert_clients.messages import cancel_message
from voicert_clients.pcm import SAMPLE_RATE, Pcm
from voicert_clients.playback import Block, Playback
from voicert_clients.player import Player
from voicert_clients.wire import Event

CHUNK_SAMPLES = 480  # 20 ms, what the microphone hands over at once
QUANTUM_SAMPLES = 128  # what the speaker takes from its buffer at once, as a browser's audio worklet does
HEARD_REPORT_CHUNKS = 4  # the heard position goes to the server every 80 ms, and when it stops


class Channel(Protocol):
    """What a call needs of a ``Connection``."""

    async def receive(self, timeout_s: float) -> Event | None: ...

    async def send(self, message: str) -> None: ...

    async def send_audio(self, pcm: Pcm) -> None: ...


class SimulatedMicrophone:
    """Silence, and the speech that was put into it."""

    def __init__(self) -> None:
        self.position = 0  # samples read
        self._speech: list[tuple[int, Pcm]] = []  # where each begins, and its samples

    def say(self, pcm: Pcm, at: int | None = None) -> int:
        """Speaks ``pcm`` [samples] beginning at a position not yet read; returns that position."""
        start = max(self.position, self.position if at is None else at)
        self._speech.append((start, pcm))
        return start

    def read(self, samples: int) -> Pcm:
        """The next ``samples`` [samples]."""
        out = np.zeros(samples, dtype=np.float32)
        end = self.position + samples
        for start, pcm in self._speech:
            first, last = max(start, self.position), min(start + len(pcm), end)
            if first < last:
                out[first - self.position : last - self.position] += pcm[first - start : last - start]
        self._speech = [(start, pcm) for start, pcm in self._speech if start + len(pcm) > end]
        self.position = end
        return out


class SimulatedSpeaker:
    """Takes samples in whole quanta, as late as a device would."""

    def __init__(self, playback: Playback, quantum_samples: int = QUANTUM_SAMPLES) -> None:
        self.playback = playback
        self.quantum_samples = quantum_samples

    def advance(self, elapsed_s: float) -> Block:
        """All quanta that have begun ``elapsed_s`` after the call began and were not taken yet.

        What arrives now can be heard from the next quantum on.
        """
        begun = math.floor(elapsed_s * SAMPLE_RATE / self.quantum_samples) + 1
        due = begun * self.quantum_samples - self.playback.position
        return self.playback.render(max(0, due))


@dataclass(frozen=True)
class Moment:
    """Something happened in the call, ``elapsed_s`` after it began."""

    elapsed_s: float
    event: Event | None  # what the server sent; None when a chunk of the microphone was sent
    played: Block  # what left the speaker since the moment before

    @property
    def position(self) -> int:
        """The same instant in samples."""
        return round(self.elapsed_s * SAMPLE_RATE)


class SimulatedCall:
    """One conversation in real time. Iterate over ``moments``; stop iterating to end it."""

    def __init__(
        self,
        connection: Channel,
        microphone: SimulatedMicrophone,
        player: Player,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.microphone = microphone
        self.player = player
        self._connection = connection
        self._speaker = SimulatedSpeaker(player.playback)
        self._clock = clock  # seconds, monotonic

    async def moments(self) -> AsyncGenerator[Moment]:
        """Everything that happens, without end.

        The chunks are paced by the absolute clock: one that went out late does not delay the next.

        Raises:
            Disconnected: the server closed the connection.
            WireError: the server sent something that is not the protocol.
        """
        began = self._clock()
        chunks = 0
        while True:
            due_s = (chunks + 1) * CHUNK_SAMPLES / SAMPLE_RATE
            event = None
            wait_s = due_s - (self._clock() - began)
            if wait_s > 0:
                event = await self._connection.receive(wait_s)
                if event is None and self._clock() - began < due_s:
                    continue  # the timer rang a moment early
            elapsed_s = self._clock() - began
            played = self._speaker.advance(elapsed_s)
            if event is None:
                await self._connection.send_audio(self.microphone.read(CHUNK_SAMPLES))
                chunks += 1
            report = self.player.handle(event) if event else None
            if event is None and chunks % HEARD_REPORT_CHUNKS == 0:
                report = self.player.heard_report()
            if report is not None:
                await self._connection.send(report)
            yield Moment(elapsed_s, event, played)

    async def cancel(self) -> None:
        """Ends the answer in progress, as a person does with a key."""
        await self._connection.send(cancel_message())
