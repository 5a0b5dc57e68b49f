"""What all connections of one server share: the engine, the configuration, who is there, and some counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from voicert.config import Config
from voicert.engine import Engine
from voicert.session import TurnSettings


class Peer(Protocol):
    """One connection, as the service sees it."""

    def end(self, code: int, reason: str) -> None:
        """Says goodbye: what waits is sent, then the close code."""
        ...

    def abort(self) -> None:
        """Drops the connection."""
        ...


@dataclass
class Counts:
    """Since the server began."""

    connections: int = 0  # WebSockets accepted, those refused for capacity included
    errors: int = 0  # error events sent
    slow_clients: int = 0  # closed because they did not read
    foreign_origins: int = 0  # refused because of their origin


class Service:
    """Used from the event loop only."""

    def __init__(self, engine: Engine, config: Config) -> None:
        self.engine = engine
        self.config = config
        self.counts = Counts()
        self.stopping = False
        self.turns = TurnSettings(
            vad_aggressiveness=config.session.vad_aggressiveness,
            min_speech_ms=config.session.min_speech_ms,
            interrupt_min_ms=config.session.interrupt_min_ms,
            silence_ms=config.session.silence_ms,
        )
        self._peers: set[Peer] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def frame_rate(self) -> float:
        """Model steps per second."""
        return self.engine.bundle.model.frame_rate

    @property
    def model_name(self) -> str:
        return self.engine.bundle.model.name

    @property
    def peers(self) -> int:
        """Connections now, those on their way out included."""
        return len(self._peers)

    def enter(self, peer: Peer) -> Callable[[], None]:
        """A connection begins; call what this returns when it has ended."""
        self.counts.connections += 1
        self._peers.add(peer)
        self._empty.clear()

        def leave() -> None:
            self._peers.discard(peer)
            if not self._peers:
                self._empty.set()

        return leave

    async def shutdown(self) -> None:
        """Says goodbye to every client with 1001, waits a little for those that are slow, drops the rest."""
        self.stopping = True
        for peer in list(self._peers):
            peer.end(1001, "The server is stopping.")
        try:
            await asyncio.wait_for(self._empty.wait(), self.config.server.shutdown_s)
        except TimeoutError:
            for peer in list(self._peers):
                peer.abort()
