"""The WebSocket of a client without a screen: a thin shell of I/O around ``wire``."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from voicert_clients.access import KEY_VARIABLE, NO_KEY, Access
from voicert_clients.errors import Disconnected
from voicert_clients.messages import audio_message
from voicert_clients.pcm import Pcm
from voicert_clients.wire import Event, parse_event

DEFAULT_URL = "ws://127.0.0.1:8400/v1/realtime"
ENDPOINT = "/v1/realtime"
EXTRAS = "timing,frames,playback"
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
OPEN_TIMEOUT_S = 15.0
LOOPBACK_TARGET_MS, NETWORK_TARGET_MS = 30, 60  # as the page has them
WEBSOCKET_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}


def realtime_url(url: str, extras: str = EXTRAS) -> str:
    """The address to connect to, from what a person typed or a server printed.

    ``http://host:8400`` becomes ``ws://host:8400/v1/realtime?voicert=timing,frames,playback``; a path or
    query that is already there is kept.

    Raises:
        Disconnected: it is no web address.
    """
    try:
        parts = urlsplit(url if "://" in url else f"ws://{url}")
        _ = parts.port  # reading it checks it
    except ValueError as error:
        raise Disconnected(_no_address(url)) from error
    if parts.scheme not in WEBSOCKET_SCHEMES or not parts.hostname:
        raise Disconnected(_no_address(url))
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if extras:
        query.setdefault("voicert", extras)
    path = parts.path if parts.path.strip("/") else ENDPOINT
    return urlunsplit((WEBSOCKET_SCHEMES[parts.scheme], parts.netloc, path, urlencode(query, safe=","), ""))


def first_target_ms(url: str) -> int:
    """How long the jitter buffer of a new call is: short when the server is on this computer."""
    host = urlsplit(realtime_url(url)).hostname or ""
    with contextlib.suppress(ValueError):
        return LOOPBACK_TARGET_MS if ip_address(host).is_loopback else NETWORK_TARGET_MS
    return LOOPBACK_TARGET_MS if host == "localhost" else NETWORK_TARGET_MS


class Connection:
    """One conversation with a server. Use ``open`` and, at the end, ``close``."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    @classmethod
    async def open(cls, url: str, access: Access = NO_KEY) -> Connection:
        """Connects.

        Args:
            url: as for ``realtime_url``.

        Raises:
            Disconnected: nothing that speaks the protocol answers there.
        """
        address = realtime_url(url)
        context = access.context() if address.startswith("wss:") else None
        try:
            socket = await connect(
                address,
                ssl=context,
                additional_headers=access.headers(),
                compression=None,
                max_size=MAX_MESSAGE_BYTES,
                open_timeout=OPEN_TIMEOUT_S,
                proxy=None,
            )
        except InvalidStatus as error:
            raise Disconnected(_refusal(url, error.response.status_code, access)) from error
        except (InvalidURI, InvalidHandshake) as error:
            raise Disconnected(f"What answers at {url} is no realtime server ({error}).") from error
        except ssl.SSLCertVerificationError as error:
            raise Disconnected(
                f"The certificate of {url} is not trusted ({error.verify_message}): "
                "name its authority with --ca, or take any with --insecure."
            ) from error
        except (OSError, TimeoutError) as error:
            raise Disconnected(
                f"Cannot reach a server at {url} ({_reason(error)}): start one with `voicert serve`."
            ) from error
        return cls(socket)

    async def receive(self, timeout_s: float) -> Event | None:
        """The next event, None when none came in time.

        Raises:
            Disconnected: the server closed the connection.
            WireError: what came is not the protocol.
        """
        try:
            async with asyncio.timeout(timeout_s):
                message = await self._socket.recv()
        except TimeoutError:
            return None
        except ConnectionClosed as error:
            raise Disconnected(_closing(error)) from error
        return parse_event(message)

    async def send(self, message: str) -> None:
        """Sends one message; waits while the network does not take it.

        Raises:
            Disconnected: the server closed the connection.
        """
        try:
            await self._socket.send(message)
        except ConnectionClosed as error:
            raise Disconnected(_closing(error)) from error

    async def send_audio(self, pcm: Pcm) -> None:
        """Sends more of the microphone."""
        await self.send(audio_message(pcm))

    async def close(self) -> None:
        """Ends the conversation."""
        await self._socket.close()


def _no_address(url: str) -> str:
    return f"{url!r} is no server address: give one like {DEFAULT_URL}."


def _refusal(url: str, status: int, access: Access) -> str:
    """Why the server at ``url`` does not open a conversation."""
    if status == 401 and access.key is None:
        return f"The server at {url} wants an API key: give one with --api-key or in {KEY_VARIABLE}."
    if status == 401:
        return f"The server at {url} does not know this API key."
    if status == 429:
        return f"The server at {url} has no place left for this API key: try again later."
    return f"What answers at {url} is no realtime server (it says HTTP {status})."


def _reason(error: OSError | TimeoutError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return error.strerror or str(error) or type(error).__name__


def _closing(error: ConnectionClosed) -> str:
    if error.rcvd is None:
        return "The connection to the server was lost."
    if error.rcvd.code == 1013:
        return f"The server is at capacity{_because(error.rcvd.reason)}: try again later."
    return f"The server closed the connection (code {error.rcvd.code}{_because(error.rcvd.reason)})."


def _because(reason: str) -> str:
    return f", {reason}" if reason else ""
