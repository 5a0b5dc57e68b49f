"""The page in a real browser: typed words, keys, and an answer that is held while it is decided."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from playwright.sync_api import expect

from tests.support.browser import Chromium, state, wait_for, write_wav
from tests.support.page import LONG, SHORT, start
from tests.support.scripted import silence, speech
from tests.support.server import running_server
from voicert.config import ServerConfig


def test_typed_words_are_answered(browsers: Chromium, quiet: Path) -> None:
    with running_server(SHORT) as server, browsers.page(quiet) as page:
        start(page, server.url)
        wait_for(page, "voicert.phase === 'listening'")
        box = page.get_by_role("textbox", name="Type instead of speaking")
        box.fill("hello there")
        box.press("Enter")
        expect(box).to_have_value("")
        wait_for(page, "voicert.transcript.at(-1)?.status === 'done' && voicert.transcript.length === 2")
        lines = page.locator(".line")
        expect(lines.nth(0)).to_contain_text("hello there")
        expect(lines.nth(1)).to_contain_text("the tide turns at noon")
        assert state(page, "notice") is None


def test_a_server_with_keys_asks_for_one(browsers: Chromium, quiet: Path) -> None:
    key = "the-key-of-this-test"
    with running_server(SHORT, ServerConfig(api_keys=(key,))) as server, browsers.page(quiet) as page:
        page.goto(server.url)
        wait_for(page, "voicert.problem === 'key-needed'")
        expect(page.get_by_role("status")).to_contain_text("asks for a key")
        expect(page.get_by_role("button", name="Start talking")).to_be_hidden()
        box = page.get_by_label("API key")
        box.fill("some-other-key-of-mine")
        page.get_by_role("button", name="Connect").click()
        wait_for(page, "voicert.problem === 'key-refused'")
        box.fill(key)
        page.get_by_label("Remember it in this browser").check()
        page.get_by_role("button", name="Connect").click()
        wait_for(page, "voicert.phase === 'listening'")
        expect(box).to_be_hidden()
        page.reload()
        expect(page.get_by_text("Hello there.")).to_be_attached()  # the server's examples, by the key it kept
        start(page, server.url)
        wait_for(page, "voicert.phase === 'listening'")


def test_a_short_sound_over_the_answer_holds_it_and_it_goes_on(browsers: Chromium, tmp_path: Path) -> None:
    # The question, and into its answer a sound that is too short to interrupt it.
    sound = write_wav(
        tmp_path / "hum.wav", silence(1500), speech(800), silence(2500), speech(140), silence(30_000)
    )
    deaf = replace(LONG, listen_frames=20)  # it understands no word in so short a sound
    with running_server(deaf) as server, browsers.page(sound) as page:
        start(page, server.url)
        wait_for(page, "voicert.phases.includes('paused')")
        wait_for(page, "voicert.phases.at(-1) === 'assistant-speaking'")
        before = state(page, "heard")["samples"]
        wait_for(page, f"voicert.heard.samples > {before} + 24000")
        counts = state(page, "counts")
        assert counts["pauses"] >= 1
        assert counts["interruptions"] == counts["flushes"] == 0
        assert state(page, "playback")["dropped"] == 0
