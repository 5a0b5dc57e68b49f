"""What the drivers of the Python clients share: a microphone in real time, and a report on stdout.

A driver is run as ``python DRIVER BASE_URL KEY QUESTION.pcm SCENARIO`` with the stock client installed, uses
the server as any app would, and prints one JSON object. Sound is 16-bit PCM, mono, 24 kHz.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLE_RATE = 24_000
CHUNK_MS = 20
CHUNK_BYTES = SAMPLE_RATE * CHUNK_MS // 1000 * 2
WAIT_S = 60  # generous: the machine may be busy


@dataclass(frozen=True)
class Order:
    """What a driver was asked to do."""

    base_url: str  # http://127.0.0.1:8400/v1
    key: str
    question: bytes  # a spoken question
    scenario: str  # turn, barge_in, manual or typed; example: a turn as one of ours has it

    @property
    def websocket_url(self) -> str:
        """ws://127.0.0.1:8400/v1"""
        return self.base_url.replace("http", "ws", 1)


class Microphone:
    """Sends 20 ms of sound every 20 ms: what was spoken into it, and silence otherwise."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        self._send = send
        self._spoken = bytearray()

    def speak(self, pcm: bytes) -> None:
        """Somebody begins to say this now."""
        self._spoken += pcm

    async def run(self) -> None:
        """Until cancelled."""
        clock = asyncio.get_running_loop().time
        begin, chunks = clock(), 0
        while True:
            chunk, self._spoken = self._spoken[:CHUNK_BYTES], self._spoken[CHUNK_BYTES:]
            await self._send(bytes(chunk).ljust(CHUNK_BYTES, b"\0"))
            chunks += 1
            await asyncio.sleep(max(0.0, begin + chunks * CHUNK_MS / 1000 - clock()))


def example(name: str) -> Any:
    """One of ``clients/examples``, as a module."""
    path = Path(__file__).parents[2] / "clients" / "examples" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drive(scenarios: Callable[[Order], Awaitable[dict[str, Any]]]) -> None:
    """Reads the command line, runs one scenario and prints its report."""
    base_url, key, question, scenario = sys.argv[1:]
    order = Order(base_url, key, Path(question).read_bytes(), scenario)
    report = asyncio.run(asyncio.wait_for(scenarios(order), WAIT_S))
    print(json.dumps(report))
