"""``voicert chat`` with devices that the test drives, against a real server."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import sys
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from voicert_clients.errors import DeviceError, Disconnected
from voicert_clients.terminal.devices import SoundLibrary
from voicert_clients.terminal.keys import pressed_keys
from voicert_clients.terminal.live import LiveCall, run_live_call
from voicert_clients.terminal.screen import Screen

from tests.support.scripted import Script, silence, speech
from tests.support.server import RunningServer, running_server
from tests.support.soundlibrary import FakeSoundLibrary, device

BLOCK = 240  # 10 ms
WAIT_S = 120  # generous: the machine may be busy


class Room:
    """A person with a headset, in a hurry: sound goes as fast as the server takes it."""

    def __init__(self) -> None:
        self.library = FakeSoundLibrary([device("headset", inputs=1, outputs=2)], defaults=(0, 0))
        self.out = io.StringIO()
        self.heard: list[NDArray[np.float32]] = []
        self.call: asyncio.Task[None] | None = None

    def join(self, server: RunningServer) -> None:
        call = LiveCall(server.url)
        library = cast(SoundLibrary, self.library)
        self.call = asyncio.create_task(run_live_call(call, library, Screen(self.out)))

    async def say(self, *sounds: NDArray[np.float32]) -> None:
        """Speaks, and listens as long."""
        await self.until(lambda: set(self.library.streams) == {"input", "output"})
        pcm = np.concatenate(sounds)
        for begin in range(0, len(pcm) - BLOCK + 1, BLOCK):
            self.library.streams["input"].record(pcm[begin : begin + BLOCK])
            self.heard.append(self.library.streams["output"].play(BLOCK))
            await asyncio.sleep(0.001)

    async def until(self, condition: Callable[[], bool]) -> None:
        assert self.call is not None
        async with asyncio.timeout(WAIT_S):
            while not condition():
                assert not self.call.done(), self.call
                await asyncio.sleep(0.01)

    async def keep_talking(self, condition: Callable[[], bool]) -> None:
        """Silence until something has happened."""
        async with asyncio.timeout(WAIT_S):
            while not condition():
                await self.say(silence(100))


@asynccontextmanager
async def conversation(script: Script) -> AsyncIterator[Room]:
    room = Room()
    with running_server(script) as server:
        room.join(server)
        try:
            yield room
        finally:
            if room.call is not None:
                room.call.cancel()
                with suppress(asyncio.CancelledError, DeviceError, Disconnected):
                    await room.call


async def test_a_person_asks_and_hears_an_answer() -> None:
    async with conversation(Script(words=("one", " two"))) as room:
        await room.say(silence(200), speech(500))
        await room.keep_talking(lambda: "voicert  one two\n" in room.out.getvalue())
        await room.keep_talking(lambda: bool(np.abs(np.concatenate(room.heard)).max() > 0.1))
        assert "you      hello" in room.out.getvalue()
        assert "microphone 'headset', speaker 'headset'" in room.out.getvalue()


async def test_talking_over_an_answer_cuts_it() -> None:
    async with conversation(Script()) as room:
        await room.say(speech(500))
        await room.keep_talking(lambda: bool(np.abs(np.concatenate(room.heard)).max() > 0.1))
        await room.say(silence(1500))  # so long it takes to be sure that a headset has no echo
        await room.say(speech(600))
        await room.keep_talking(lambda: " …\n" in room.out.getvalue())


async def test_a_typed_line_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard, terminal = pty.openpty()
    with os.fdopen(terminal) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        async with conversation(Script(words=("one", " two"))) as room:
            await room.say(silence(100))
            os.write(keyboard, b"thello there\r")
            await room.keep_talking(lambda: "voicert  one two\n" in room.out.getvalue())
            assert "you      hello there" in room.out.getvalue()
    os.close(keyboard)


async def test_an_unplugged_microphone_ends_the_call() -> None:
    async with conversation(Script(words=("one",))) as room:
        await room.say(silence(100))
        room.library.streams["input"].close()
        assert room.call is not None
        with pytest.raises(DeviceError, match="The microphone has stopped: was it unplugged"):
            await asyncio.wait_for(room.call, WAIT_S)
    assert all(stream.closed for stream in room.library.streams.values())


async def test_a_server_that_ends_is_told() -> None:
    room = Room()
    with running_server(Script()) as server:
        room.join(server)
        await room.say(silence(100))
    assert room.call is not None
    with pytest.raises(Disconnected, match="server"):
        await asyncio.wait_for(room.call, WAIT_S)


async def test_keys_arrive_at_once_and_the_terminal_is_left_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keyboard, terminal = pty.openpty()
    with os.fdopen(terminal) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        before = termios.tcgetattr(terminal)
        pressed: list[str] = []
        with pressed_keys(pressed.append) as there_are:
            assert there_are
            os.write(keyboard, b"mq")
            async with asyncio.timeout(WAIT_S):
                while pressed != ["m", "q"]:
                    await asyncio.sleep(0.01)
        assert termios.tcgetattr(terminal) == before
    os.close(keyboard)


async def test_without_a_terminal_there_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pressed_keys(lambda key: None) as there_are:
        assert not there_are
