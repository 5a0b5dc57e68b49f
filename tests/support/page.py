"""What the tests of the page in a real browser share: who answers, what the microphone hears, how one begins.

The sound begins when the page opens the microphone, and again whenever it has ended: on a busy machine a page
that was not yet connected misses the first question and hears the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import Chromium, chromium, write_wav
from tests.support.scripted import Script, silence, speech
from tests.support.server import RunningServer, running_server

if TYPE_CHECKING:
    from playwright.sync_api import Page

SHORT = Script(words=("the", " tide", " turns", " at", " noon"))  # a second
LONG = Script(words=tuple(f" word{number}" for number in range(200)))  # 40 s: it ends by interruption only


@pytest.fixture(scope="module")
def browsers() -> Iterator[Chromium]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def answering() -> Iterator[RunningServer]:
    """A server whose model answers "the tide turns at noon"."""
    with running_server(SHORT) as server:
        yield server


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One question, and a long silence."""
    path = tmp_path_factory.mktemp("microphone") / "question.wav"
    return write_wav(path, silence(1500), speech(800), silence(20_000))


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A microphone in a silent room."""
    return write_wav(tmp_path_factory.mktemp("microphone") / "quiet.wav", silence(500))


def start(page: Page, url: str) -> None:
    """Opens the page, turns the browser's own processing of the microphone off, and presses the button."""
    page.goto(url)
    page.locator("#processing").evaluate("(box) => { box.checked = false; box.onchange(); }")
    page.get_by_role("button", name="Start talking").press("Enter")
