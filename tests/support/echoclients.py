"""The two clients of the echo rig: the page in Chromium and ``voicert chat``, in a room of PulseAudio."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from playwright.sync_api import Page

from tests.support.acoustics import Room
from tests.support.browser import chromium, state, wait_for

ROOT = Path(__file__).parents[2]
END_S = 60  # generous: the machine may be busy


class Client(Protocol):
    """What the rig asks of either client."""

    def ready(self) -> bool:
        """It listens."""
        ...

    def cut(self) -> int:
        """Answers that were interrupted so far."""
        ...

    def pauses(self) -> int | None:
        """Times an answer was held so far; None where the client does not tell."""
        ...

    def breathe(self) -> None:
        """Lets a moment pass."""
        ...


@dataclass
class PageClient:
    """The page in Chromium, with the browser's own echo cancellation."""

    page: Page

    def ready(self) -> bool:
        return state(self.page, "phase") == "listening"

    def cut(self) -> int:
        return int(state(self.page, "counts")["interruptions"])

    def pauses(self) -> int | None:
        return int(state(self.page, "counts")["pauses"])

    def breathe(self) -> None:
        self.page.wait_for_timeout(50)


@dataclass
class TerminalClient:
    """``voicert chat`` with PulseAudio's devices and the extra ``aec``."""

    process: subprocess.Popen[bytes]
    output: Path

    def ready(self) -> bool:
        return "echo is cancelled" in self.output.read_text()

    def cut(self) -> int:
        return self.output.read_text().count(" …\n")

    def pauses(self) -> int | None:
        return None

    def breathe(self) -> None:
        if self.process.poll() is not None:
            raise RuntimeError(f"voicert chat has ended: {self.output.read_text()}")
        time.sleep(0.05)


@contextmanager
def page_client(air: Room, url: str) -> Iterator[Client]:
    """The page, in a conversation."""
    with chromium() as browsers, browsers.page(None, environment=air.environment) as page:
        page.goto(url)
        page.locator("#processing").check()
        page.get_by_role("button", name="Start talking").press("Enter")
        wait_for(page, "voicert.phase === 'listening'")
        yield PageClient(page)


@contextmanager
def terminal_client(air: Room, url: str) -> Iterator[Client]:
    """``voicert chat``, in a conversation."""
    devices = ["--input-device", "pulse", "--output-device", "pulse"]
    paths = ":".join(str(ROOT / name) for name in ("codecs", ".", "clients"))
    output = air.folder / "chat"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "voicert", "chat", "--url", url, *devices],
            env={**air.environment, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        yield TerminalClient(process, output)
    finally:
        process.terminate()
        process.wait(END_S)


def open_client(name: str, air: Room, url: str) -> AbstractContextManager[Client]:
    """The client of this name: ``page`` or ``terminal``."""
    return {"page": page_client, "terminal": terminal_client}[name](air, url)
