"""A client for tests: the `websockets` library and a list of everything that was received."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.scripted import silence

WAIT_S = 60  # generous: the machine may be busy
CHUNK_SAMPLES = 2_400  # 100 ms per message

Event = dict[str, Any]


class Talker:
    """One open conversation."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.events: list[Event] = []  # all received so far

    async def send(self, kind: str, **fields: Any) -> None:
        """One client event."""
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def say(self, *sounds: NDArray[np.float32]) -> None:
        """Appends sounds [n] at 24 kHz, as fast as they go out."""
        pcm = np.concatenate(sounds)
        for start in range(0, len(pcm), CHUNK_SAMPLES):
            await self.send("input_audio_buffer.append", audio=to_base64(pcm[start : start + CHUNK_SAMPLES]))

    async def receive(self) -> Event:
        """The next event."""
        event = json.loads(await asyncio.wait_for(self.socket.recv(), WAIT_S))
        self.events.append(event)
        return event

    async def until(self, kind: str, where: Callable[[Event], bool] = lambda event: True) -> Event:
        """Receives up to the first event of a type that fulfils a condition."""
        while True:
            event = await self.receive()
            if event["type"] == kind and where(event):
                return event

    async def error(self) -> Event:
        """The ``error`` member of the next error event."""
        return (await self.until("error"))["error"]

    async def closed(self) -> tuple[int, str]:
        """Reads to the end; close code and reason."""
        with suppress(ConnectionClosed):
            async with asyncio.timeout(WAIT_S):
                async for message in self.socket:
                    self.events.append(json.loads(message))
        return self.socket.close_code or 0, self.socket.close_reason or ""

    def of_type(self, kind: str) -> list[Event]:
        """What was received of one type."""
        return [event for event in self.events if event["type"] == kind]

    def heard(self) -> NDArray[np.int16]:
        """All audio received, [samples]."""
        deltas = self.of_type("response.output_audio.delta")
        return np.frombuffer(b"".join(base64.b64decode(event["delta"]) for event in deltas), "<i2")


@asynccontextmanager
async def talking(url: str, **options: Any) -> AsyncIterator[Talker]:
    """Connects without reading anything yet."""
    async with connect(url, max_size=None, open_timeout=WAIT_S, ping_interval=None, **options) as socket:
        yield Talker(socket)


async def turn(talker: Talker, question: NDArray[np.float32]) -> str:
    """Asks, waits for the end of the answer and gives its transcript."""
    await talker.say(question, silence(6000))
    done = await talker.until("response.done")
    assert done["response"]["status"] == "completed"
    return done["response"]["output"][0]["content"][0]["transcript"]


def to_base64(pcm: NDArray[np.float32]) -> str:
    """Full scale ±1 → 16-bit little-endian samples in base64."""
    samples = np.clip(np.rint(pcm * 32_767.0), -32_768, 32_767).astype("<i2")
    return base64.b64encode(samples.tobytes()).decode()
