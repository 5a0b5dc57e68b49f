"""The page in a real browser talks with the shipped model: it asks, hears, talks over it, and asks again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import expect
from voicert_clients.wav import read_wav

import voicert.bench
from tests.support.browser import chromium, state, wait_for, write_wav
from tests.support.scripted import silence
from tests.support.server import running_server
from voicert.models import load

SPEECH = Path(voicert.bench.__file__).parent / "speech"


def said(name: str) -> NDArray[np.float32]:
    return read_wav(SPEECH / f"{name}.wav") * np.float32(0.5)


def test_a_conversation_with_the_shipped_model(tmp_path: Path) -> None:
    microphone = write_wav(
        tmp_path / "microphone.wav",
        silence(2000),
        said("ask_capital_of_france"),
        silence(5000),
        said("long_count"),
        silence(3000),
        said("interrupt_italy"),
        silence(20_000),
    )
    with (
        running_server(bundle=load("nano", max_slots=2), max_sessions=2) as server,
        chromium() as browser,
        browser.page(microphone) as page,
    ):
        page.goto(server.url)
        expect(page.locator("#examples li")).not_to_have_count(0)
        page.locator("#processing").evaluate("(box) => { box.checked = false; box.onchange(); }")
        page.get_by_role("button", name="Start talking").press("Enter")
        last = "line.text === 'The capital of Italy is Rome.' && line.status === 'done'"
        wait_for(page, f"voicert.transcript.some((line) => {last})")
        lines = [line for line in state(page, "transcript") if line["role"] == "assistant"]
        texts = [(line["text"], line["status"]) for line in lines]
        assert ("The capital of France is Paris.", "done") in texts
        assert any(text.startswith("One, two,") and status == "cut" for text, status in texts)
        assert state(page, "playback")["audible"] > 24_000  # a second of sound above -50 dBFS was played
        assert state(page, "counts")["flushes"] >= 1
