"""One WebSocket: the shell of I/O around a facade and a session.

    client ─▶ read ─▶ facade.receive ─▶ actions ─▶ Session ─▶ engine thread
    client ◀─ write ◀─ outbox ◀─ facade.translate ◀─ call_soon_threadsafe ◀─┘

All but the engine's thread run on the event loop, so nothing here needs a lock and nothing may take long.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import TypeVar

from starlette.websockets import WebSocket, WebSocketDisconnect

from voicert.errors import CapacityError, InputError
from voicert.server.access import Caller
from voicert.server.carry import cancelled_response, carry_out, sound_of
from voicert.server.client_secrets import begin
from voicert.server.limits import Exceeded, Limits
from voicert.server.outbox import Outbox
from voicert.server.realtime import Extras, Outcome
from voicert.server.realtime.items import Event
from voicert.server.service import Service
from voicert.server.transport import abort_of
from voicert.session import Session, open_session
from voicert.session.events import Event as SessionEvent
from voicert.session.events import SessionFailed

log = logging.getLogger(__name__)

T = TypeVar("T")
MAX_REASON = 123  # bytes that fit a close frame
GRACE_S = 5.0  # what a client gets to read its goodbye before the connection is dropped


class Connection:
    """From accept to close."""

    def __init__(self, websocket: WebSocket, service: Service, caller: Caller) -> None:
        self._websocket = websocket
        self._service = service
        self._caller = caller
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(service.config.server.max_outgoing_bytes)
        self._limits = Limits(service.config.server, self._loop.time())
        self._facade = service.new_facade(secrets.token_hex(6))
        self._session: Session | None = None
        self._goodbye: tuple[int, str] | None = None  # close code and reason, once the end is decided
        self._alarm: asyncio.TimerHandle | None = None  # when a limit of time may be reached
        self.abort = abort_of(websocket.scope)

    async def run(self) -> None:
        """Serves the client until either side ends it."""
        leave = self._service.enter(self, self._caller.name)  # it counts from now, before anything waits
        try:
            await self._serve()
        finally:
            leave()

    async def _serve(self) -> None:
        offered = self._websocket.scope.get("subprotocols", [])
        try:
            await self._websocket.accept(subprotocol="realtime" if "realtime" in offered else None)
        except WebSocketDisconnect:
            return
        writer = asyncio.create_task(self._write())
        try:
            self._open()
            self._watch()
            await self._read()
            await writer  # the goodbye
        finally:
            self._release()
            if self._alarm is not None:
                self._alarm.cancel()
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer
            self._loop.call_later(GRACE_S, self.abort)

    def end(self, code: int, reason: str, drop: bool = False) -> None:
        """Frees the slot now, sends what waits (unless dropped) and then the close code."""
        if self._goodbye is None:
            self._goodbye = (code, reason.encode("ascii", "replace").decode()[:MAX_REASON])
            self._release()
            self._outbox.close(drop)
            self._loop.call_later(GRACE_S, self.abort)

    def _open(self) -> None:
        if self._service.stopping:
            self.end(1001, "The server is stopping.")
            return
        try:
            service = self._service
            self._session = open_session(service.engine, self._sink, service.turns, service.sampling())
        except CapacityError as error:
            full = self._service.engine.running
            code = "at_capacity" if full else "engine_stopped"
            self._send(self._facade.error(error, code, kind="server_error"))
            self.end(1013 if full else 1011, str(error))
            return
        refused = begin(self._facade, self._caller.secret.session) if self._caller.secret else None
        if refused is not None:  # the server has changed since the secret was made
            self._carry_out(refused)
            self.end(1008, "The client secret's session is not possible here.")
            return
        extras = Extras.asked_for(self._websocket.query_params.get("voicert", ""))
        self._carry_out(self._facade.open(extras))

    async def _read(self) -> None:
        """Client → session, until the client is gone or the end is decided."""
        while self._goodbye is None:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                self._outbox.close(drop=True)
                return
            if (exceeded := self._limits.message(self._loop.time())) is not None:
                self._exceeds(exceeded)
                return
            text = message.get("text")
            self._guarded(self._receive, message["bytes"] if text is None else text)
            await asyncio.sleep(0)  # a client that sends without a pause must not hold up the others

    def _watch(self) -> None:
        """Ends a connection that lasts or is silent too long."""
        exceeded, next_s = self._limits.check(self._loop.time()), self._limits.next_check()
        if self._goodbye is not None or next_s is None:
            return
        if exceeded is not None:
            self._exceeds(exceeded)
        else:
            self._alarm = self._loop.call_at(next_s, self._watch)

    def _exceeds(self, limit: Exceeded) -> None:
        self._service.counts.limited += 1
        self._send(self._facade.error(limit.message, limit.code))
        self.end(1008, limit.message)

    async def _write(self) -> None:
        """Outbox → client, then the goodbye."""
        # A RuntimeError says that the transport has closed by itself, for instance after a message too large.
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while (text := await self._outbox.get()) is not None:
                await self._websocket.send_text(text)
            if self._goodbye is not None:
                await self._websocket.close(*self._goodbye)

    def _sink(self, events: Sequence[SessionEvent]) -> None:
        """Session → event loop, from the engine's thread."""
        self._loop.call_soon_threadsafe(self._guarded, self._deliver, events)

    def _deliver(self, events: Sequence[SessionEvent]) -> None:
        self._send_all(self._facade.translate(events))
        last = events[-1]
        if isinstance(last, SessionFailed):
            self.end(1001 if last.code == "engine_stopped" else 1011, last.message)

    def _receive(self, message: str | bytes) -> None:
        self._carry_out(self._facade.receive(message))

    def _carry_out(self, outcome: Outcome) -> None:
        for action in outcome.actions:
            try:
                if self._session is not None:
                    carry_out(self._session, action)
            except InputError as error:
                self._send(self._facade.error(error, error.code, event_id=outcome.event_id))
                if outcome.undo is not None:  # what the facade has noted already has not come to pass
                    outcome.undo()
                    return
        self._send_all(outcome.events)

    def _send_all(self, events: Sequence[Event]) -> None:
        """Sends events, but none of the sound of a response that they cancel: nobody is to hear it now."""
        cut = {response for event in events if (response := cancelled_response(event)) is not None}
        for response in cut:
            self._outbox.drop(response)
        for event in events:
            if sound_of(event) not in cut:
                self._send(event)

    def _send(self, event: Event) -> None:
        self._service.counts.errors += event["type"] == "error"
        if not self._outbox.put(json.dumps(event, separators=(",", ":")), sound_of(event)):
            self._service.counts.slow_clients += 1
            limit = self._outbox.limit_bytes
            self.end(1008, f"The client does not read: more than {limit} bytes wait for it.", drop=True)

    def _guarded(self, step: Callable[[T], None], argument: T) -> None:
        """A mistake in our own logic costs this connection, and no other."""
        try:
            step(argument)
        except Exception:
            log.exception("a connection's logic failed")
            message = "The server made a mistake and ends this session."
            self._send(self._facade.error(message, "internal_error", kind="server_error"))
            self.end(1011, "internal error")

    def _release(self) -> None:
        """Frees the slot."""
        if self._session is not None:
            self._session.close()
