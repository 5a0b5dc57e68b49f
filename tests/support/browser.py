"""The system's Chromium without a window, with a WAV file as its microphone, driven by Playwright.

Playwright is imported inside of the function, so that tests which do not need it start without it.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

CHROMIUM = "/usr/bin/chromium"
WAIT_MS = 120_000  # generous: the machine may be busy
EXPECT_MS = 60_000  # likewise
SAMPLE_RATE = 24_000  # Hz

Scheme = Literal["light", "dark"]


def write_wav(path: Path, *sounds: NDArray[np.float32]) -> Path:
    """Writes sounds, each [samples] at 24 kHz in ±1, one after the other as 16-bit mono."""
    pcm = np.concatenate(sounds)
    samples = np.clip(np.rint(pcm * 32_767.0), -32_768, 32_767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.tobytes())
    return path


@dataclass(frozen=True)
class Chromium:
    """Starts browsers; each has one microphone for its whole life."""

    playwright: Playwright

    @contextmanager
    def page(
        self,
        microphone: Path | None,
        *,
        allowed: bool = True,
        width: int = 1280,
        height: int = 800,
        scheme: Scheme = "light",
        flags: tuple[str, ...] = (),
        environment: dict[str, str] | None = None,
    ) -> Iterator[Page]:
        """A blank page in a browser of its own.

        Args:
            microphone: a WAV file that plays again and again from the moment the page opens the microphone;
                None for the real sound devices.
            allowed: whether the person lets the page use the microphone.
            environment: of the browser, instead of this process's.
        """
        browser = self.launch(microphone, allowed, flags, environment)
        try:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                reduced_motion="no-preference",
            )
            context.set_default_timeout(WAIT_MS)
            yield context.new_page()
        finally:
            browser.close()

    def launch(
        self,
        microphone: Path | None,
        allowed: bool,
        flags: tuple[str, ...],
        environment: dict[str, str] | None,
    ) -> Browser:
        """Chromium with the flags for its microphone."""
        arguments = list(flags)
        if microphone is not None:
            arguments += [
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={microphone}",
            ]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        if allowed:
            arguments.append("--use-fake-ui-for-media-stream")
        return self.playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=arguments,
            ignore_default_args=["--mute-audio"],
            timeout=WAIT_MS,
            env=dict(environment) if environment else None,
        )


@contextmanager
def chromium() -> Iterator[Chromium]:
    """Playwright for as long as the block lasts."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=EXPECT_MS)
    with sync_playwright() as playwright:
        yield Chromium(playwright)


def state(page: Page, field_name: str) -> Any:
    """A field of the page's ``window.voicert``."""
    return page.evaluate(f"window.voicert.{field_name}")


def wait_for(page: Page, condition: str) -> None:
    """Waits until a JavaScript expression over ``voicert`` is true; on time-out tells the page's state.

    It asks again and again from outside, since the page's own security policy forbids evaluating text inside.
    """
    deadline = time.monotonic() + WAIT_MS / 1000
    while not page.evaluate(f"(({{ voicert }}) => Boolean({condition}))(window)"):
        if time.monotonic() > deadline:
            seen = page.evaluate("JSON.stringify({ ...window.voicert }, null, 1)")
            raise AssertionError(f"{condition} never became true; the page's state is {seen}")
        page.wait_for_timeout(20)


@dataclass
class Relay:
    """A network that a test can cut: forwards TCP connections to a server."""

    target: tuple[str, int]
    listener: socket.socket
    pairs: list[tuple[socket.socket, socket.socket]] = field(default_factory=list)
    connected: bool = True

    @property
    def url(self) -> str:
        """Where the server is reached through this relay."""
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def cut(self) -> None:
        """Breaks every connection, and every new one at once."""
        self.connected = False
        for pair in self.pairs:
            close(*pair)
        self.pairs.clear()

    def restore(self) -> None:
        """New connections go through again."""
        self.connected = True

    def accept(self) -> None:
        """Forwards until the listener is closed."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if not self.connected:
                client.close()
                continue
            server = socket.create_connection(self.target)
            self.pairs.append((client, server))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=pump, args=(source, sink), daemon=True).start()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Copies bytes until either side ends."""
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    close(source, sink)


def close(*sockets: socket.socket) -> None:
    """Ends both directions, so that the other side and the pumps notice."""
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@contextmanager
def relay(url: str) -> Iterator[Relay]:
    """A relay to the server at `url`."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    listener = socket.create_server(("127.0.0.1", 0))
    relayed = Relay((parts.hostname, parts.port), listener)
    thread = threading.Thread(target=relayed.accept, daemon=True)
    thread.start()
    try:
        yield relayed
    finally:
        close(listener)
        relayed.cut()
        thread.join(10)
