"""What all connections of one server share: the engine, the configuration, who is there, and some counts."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Protocol

from voicert.config import Config
from voicert.engine import Engine
from voicert.models.base import Sampling
from voicert.server.access import Access, configured_keys
from voicert.server.realtime import Facade
from voicert.session import TurnSettings

SEED_BITS = 63


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
    denied: int = 0  # refused at the door for any reason of access, origin included
    limited: int = 0  # closed because a limit of time or rate was reached


class Service:
    """Used from the event loop only.

    Raises:
        ConfigError: the API keys cannot be used.
    """

    def __init__(self, engine: Engine, config: Config) -> None:
        self.engine = engine
        self.config = config
        self.access = Access(configured_keys(config.server), time.time)
        self.counts = Counts()
        self.stopping = False
        defaults = {leaf.name: getattr(config.session, leaf.name) for leaf in fields(config.session)}
        self.turns = TurnSettings(**defaults)
        self._peers: dict[Peer, str] = {}  # and the name of its caller
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

    def conversations(self, caller: str) -> int:
        """Connections of one caller now, by the name of its key or its address."""
        return sum(name == caller for name in self._peers.values())

    def new_facade(self, token: str) -> Facade:
        """The protocol of a new connection; ``token`` makes its ids unlike those of any other."""
        bundle = self.engine.bundle
        return Facade(
            self.model_name,
            self.turns,
            self.frame_rate,
            token=token,
            capabilities=bundle.capabilities,
            count_tokens=lambda text: len(bundle.model.tokens(text)),
        )

    def sampling(self) -> Sampling:
        """How a new conversation draws its tokens; a recording of it tells the seed."""
        seed = self.config.engine.seed
        own = secrets.randbits(SEED_BITS) if seed < 0 else seed
        return replace(self.engine.bundle.sampling, seed=own)

    def describe_model(self) -> dict[str, object]:
        """The model as ``/v1/models`` tells it."""
        told = {"id": self.model_name, "object": "model", "created": 0, "owned_by": "voicert"}
        return {**told, "voicert": {"examples": self.engine.bundle.examples}}

    def enter(self, peer: Peer, caller: str) -> Callable[[], None]:
        """A connection of a caller begins; call what this returns when it has ended."""
        self.counts.connections += 1
        self._peers[peer] = caller
        self._empty.clear()

        def leave() -> None:
            self._peers.pop(peer, None)
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
