"""``voicert chat`` with a microphone and a speaker."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from dataclasses import dataclass

from voicert_clients.access import NO_KEY, Access
from voicert_clients.connection import Connection, first_target_ms
from voicert_clients.errors import DeviceError, Disconnected
from voicert_clients.messages import text_messages
from voicert_clients.pcm import SAMPLE_RATE, Pcm
from voicert_clients.playback import Playback
from voicert_clients.player import Player
from voicert_clients.simulated import CHUNK_SAMPLES
from voicert_clients.terminal.devices import (
    SoundLibrary,
    choose_device,
    find_devices,
)
from voicert_clients.terminal.echo import find_canceller
from voicert_clients.terminal.entry import TextEntry
from voicert_clients.terminal.gaps import Gaps
from voicert_clients.terminal.keys import pressed_keys
from voicert_clients.terminal.screen import Screen, Status
from voicert_clients.terminal.sound import Microphone, Speaker
from voicert_clients.terminal.transcript import Transcript
from voicert_clients.wire import (
    AudioDelta,
    Event,
    ResponseDone,
    ResponsePaused,
    ResponseResumed,
    ResponseStarted,
    ServerError,
    SpeechStarted,
    SpeechStopped,
)

DRAW_S = 0.08  # the heard position is reported as often
QUEUE_S = 5  # of microphone that the network has not taken; the call ends when it is full
KEYS = "m mute, x stop the answer, t type, q quit"
ECHO_CANCELLED = "the speaker's echo is cancelled"
ECHO_HEARD = "the speaker's echo is not cancelled: use headphones, or `pip install voicert[aec]`"


@dataclass(frozen=True)
class LiveCall:
    """Whom to talk to, and through which devices; None is the default one."""

    url: str
    input_device: str | None = None
    output_device: str | None = None
    access: Access = NO_KEY
    cancel_echo: bool = True  # where the means for it are installed


async def run_live_call(call: LiveCall, library: SoundLibrary, screen: Screen) -> None:
    """Talks until the person quits.

    Raises:
        DeviceError: a device cannot be used, or stopped.
        Disconnected: the server cannot be reached or went away.
    """
    devices = find_devices(library)
    source = choose_device(devices, "input", call.input_device)
    sink = choose_device(devices, "output", call.output_device)
    connection = await Connection.open(call.url, call.access)
    loop = asyncio.get_running_loop()
    chunks: asyncio.Queue[Pcm] = asyncio.Queue(QUEUE_S * SAMPLE_RATE // CHUNK_SAMPLES)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(connection.close)
        canceller = find_canceller() if call.cancel_echo else None
        speaker = Speaker(library, sink, Player(Playback(first_target_ms(call.url))), canceller)
        stack.callback(speaker.close)
        microphone = Microphone(library, source, lambda pcm: _hand_over(loop, chunks, pcm), canceller)
        stack.callback(microphone.close)
        screen.say(f"voicert chat at {call.url}, microphone {source.name!r}, speaker {sink.name!r}")
        screen.say(ECHO_HEARD if canceller is None else ECHO_CANCELLED)
        await LiveChat(connection, microphone, speaker, chunks, screen).run()


class LiveChat:
    """A conversation between a person and a server."""

    def __init__(
        self,
        connection: Connection,
        microphone: Microphone,
        speaker: Speaker,
        chunks: asyncio.Queue[Pcm],
        screen: Screen,
    ) -> None:
        self._connection = connection
        self._microphone = microphone
        self._speaker = speaker
        self._chunks = chunks
        self._screen = screen
        self._transcript = Transcript()
        self._gaps = Gaps()
        self._orders: asyncio.Queue[str] = asyncio.Queue()  # messages besides the sound
        self._quit = asyncio.Event()
        self._user_speaks = False
        self._paused = False
        self._entry = TextEntry()

    async def run(self) -> None:
        """Until the person quits or something breaks; the terminal is left tidy."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(signal.SIGINT, self._quit.set)
        try:
            with pressed_keys(self._on_key) as keys:
                if keys:
                    self._screen.say(KEYS)
                await self._until_one_ends()
        finally:
            self._screen.close(self._transcript)
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(signal.SIGINT)
        if self._gaps.median_ms is not None:
            self._screen.say(f"{self._gaps.count} answers, median gap {self._gaps.median_ms:.0f} ms")

    async def _until_one_ends(self) -> None:
        works = (self._send(), self._obey(), self._receive(), self._draw(), self._quit.wait())
        tasks = [asyncio.create_task(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _send(self) -> None:
        while True:
            await self._connection.send_audio(await self._chunks.get())

    async def _obey(self) -> None:
        while True:
            await self._connection.send(await self._orders.get())

    async def _receive(self) -> None:
        while True:
            event = await self._connection.receive(timeout_s=3600)
            if event is not None:
                self._handle(event)

    def _handle(self, event: Event) -> None:
        self._order(self._speaker.handle(event))
        self._transcript.handle(event)
        self._gaps.handle(event)
        match event:
            case SpeechStarted():
                self._user_speaks = True
            case SpeechStopped() | ResponseStarted():
                self._user_speaks = self._paused = False
            case ResponsePaused():
                self._paused = True
            case ResponseResumed() | ResponseDone():
                self._paused = False
            case AudioDelta():
                self._speaker.listen_for(event.item_id)
            case ServerError():
                self._screen.say(f"the server reported an error: {event.message}")
            case _:
                pass

    async def _draw(self) -> None:
        """Keeps the screen, the heard position and the gap up to date."""
        while self._microphone.alive and self._speaker.alive:
            self._gaps.measure(self._microphone.time_of, self._speaker.audible_since)
            self._screen.draw(self._transcript, self._status())
            self._order(self._speaker.heard_report())
            if self._chunks.full():
                raise Disconnected(f"The network took no sound for {QUEUE_S} s.")
            await asyncio.sleep(DRAW_S)
        which = "speaker" if self._microphone.alive else "microphone"
        raise DeviceError(f"The {which} has stopped: was it unplugged?")

    def _order(self, *messages: str | None) -> None:
        """Messages go out in order, besides the sound."""
        for message in messages:
            if message is not None:
                self._orders.put_nowait(message)

    def _status(self) -> Status:
        if self._microphone.muted:
            state = "muted"
        elif self._paused:
            state = "holding"
        elif not self._speaker.silent:
            state = "speaking"
        else:
            state = "hearing you" if self._user_speaks else "listening"
        return Status(
            state, self._microphone.level_dbfs, self._gaps.last_ms, self._gaps.median_ms, self._entry.text
        )

    def _on_key(self, key: str) -> None:
        if self._entry.text is not None:
            line = self._entry.press(key)
            if line is not None:
                self._stop_answer()
                self._order(*text_messages(line))
            return
        match key:
            case "m":
                self._microphone.muted = not self._microphone.muted
            case "x":
                self._stop_answer()
            case "t":
                self._entry.begin()
            case "q" | "\x04":
                self._quit.set()
            case _:
                pass

    def _stop_answer(self) -> None:
        if not self._speaker.silent:
            self._order(*self._speaker.stop())


def _hand_over(loop: asyncio.AbstractEventLoop, chunks: asyncio.Queue[Pcm], pcm: Pcm) -> None:
    """From the sound library's thread to the event loop."""
    with contextlib.suppress(RuntimeError):  # the loop has ended before the microphone
        loop.call_soon_threadsafe(_put, chunks, pcm)


def _put(chunks: asyncio.Queue[Pcm], pcm: Pcm) -> None:
    if not chunks.full():
        chunks.put_nowait(pcm)
