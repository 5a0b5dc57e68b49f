"""What waits for a client to read it: bounded in bytes, first in, first out, and sound can be called back."""

from __future__ import annotations

import asyncio
from collections import deque


class Outbox:
    """Messages on their way to one client, used from one event loop.

    Policy at the bound: `put` refuses, and its caller ends the connection. Dropping single messages would
    leave gaps in the audio and in the protocol's sequences, and waiting would hold up the engine.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.waiting_bytes = 0
        self._messages: deque[tuple[str, str | None]] = deque()  # text, and whose sound it is
        self._closed = False  # nothing more is taken
        self._changed = asyncio.Event()

    def put(self, message: str, sound_of: str | None = None) -> bool:
        """Takes a message (ASCII); False when there is no room for it. After `close` messages are let go.

        A message by itself always fits, however long. ``sound_of`` names what `drop` can take it back by.
        """
        if self._closed:
            return True
        if self._messages and self.waiting_bytes + len(message) > self.limit_bytes:
            return False
        self._messages.append((message, sound_of))
        self.waiting_bytes += len(message)
        self._changed.set()
        return True

    async def get(self) -> str | None:
        """The oldest message, waited for; None when closed and empty."""
        while not self._messages:
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        message, _ = self._messages.popleft()
        self.waiting_bytes -= len(message)
        return message

    def drop(self, sound_of: str) -> None:
        """Takes back the sound of a response that is cancelled; all else keeps its order."""
        kept = [entry for entry in self._messages if entry[1] != sound_of]
        self._messages = deque(kept)
        self.waiting_bytes = sum(len(message) for message, _ in kept)

    def close(self, drop: bool = False) -> None:
        """Takes nothing more; what waits is still given out unless it is dropped."""
        self._closed = True
        if drop:
            self._messages.clear()
            self.waiting_bytes = 0
        self._changed.set()
