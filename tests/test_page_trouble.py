"""The page in a real browser when something is in its way: network, server, microphone or browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.support.browser import Chromium, relay, state, wait_for
from tests.support.page import SHORT, start
from tests.support.server import RunningServer, running_server
from voicert.config import ServerConfig


def test_a_lost_connection_is_told_and_comes_back(
    browsers: Chromium, answering: RunningServer, quiet: Path
) -> None:
    with relay(answering.url) as network, browsers.page(quiet) as page:
        start(page, network.url)
        wait_for(page, "voicert.phase === 'listening'")
        network.cut()
        wait_for(page, "voicert.phase === 'disconnected'")
        expect(page.get_by_role("status")).to_contain_text("The server does not answer.")
        button = page.get_by_role("button", name="Reconnect now")
        expect(button).to_be_visible()
        network.restore()
        wait_for(page, "voicert.phase === 'listening' && voicert.counts.connections === 2")

        network.cut()
        wait_for(page, "voicert.phases.slice(-4).filter((phase) => phase === 'disconnected').length === 2")
        network.restore()
        page.evaluate("document.querySelector('#start').click()")
        wait_for(page, "voicert.phase === 'listening' && voicert.counts.connections === 3")
        expect(button).to_be_hidden()


def test_at_capacity_is_told_and_ends(browsers: Chromium, quiet: Path) -> None:
    with running_server(SHORT, ServerConfig(), max_sessions=1) as server, browsers.page(quiet) as first:
        second = first.context.new_page()
        start(first, server.url)
        wait_for(first, "voicert.phase === 'listening'")
        start(second, server.url)
        wait_for(second, "voicert.phase === 'at-capacity'")
        expect(second.get_by_role("status")).to_contain_text("All places are taken")
        first.get_by_role("button", name="End", exact=True).click()
        while state(second, "phase") != "listening":
            second.evaluate("document.querySelector('#start').click()")
            second.wait_for_timeout(500)


def test_without_permission_the_page_says_what_to_do(
    browsers: Chromium, answering: RunningServer, quiet: Path
) -> None:
    with browsers.page(quiet, allowed=False) as page:
        start(page, answering.url)
        wait_for(page, "voicert.problem === 'permission-denied'")
        expect(page.get_by_role("status")).to_contain_text("set Microphone to “Allow”")
        page.context.grant_permissions(["microphone"])
        page.get_by_role("button", name="Try again").click()
        wait_for(page, "voicert.phase === 'listening' && voicert.problem === null")


def test_an_insecure_address_is_told_before_anything_is_pressed(
    browsers: Chromium, answering: RunningServer, quiet: Path
) -> None:
    port = answering.url.rpartition(":")[2]
    with browsers.page(quiet, flags=("--host-resolver-rules=MAP box.test 127.0.0.1",)) as page:
        page.goto(f"http://box.test:{port}")
        assert state(page, "problem") == "insecure-origin"
        expect(page.get_by_role("status")).to_contain_text(f"http://localhost:{port}")


def microphone_fails_with(name: str) -> str:
    """A script after which the browser's microphone cannot be opened."""
    return f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('', '{name}') }}"


@pytest.mark.parametrize(
    ("script", "problem", "advice"),
    [
        ("delete window.AudioWorkletNode", "no-worklet", "Update it"),
        (microphone_fails_with("NotFoundError"), "no-device", "Plug one in"),
        (microphone_fails_with("NotReadableError"), "device-busy", "Another program may be using it"),
    ],
    ids=["worklet", "microphone", "free microphone"],
)
def test_what_the_browser_lacks_is_told(
    browsers: Chromium, answering: RunningServer, quiet: Path, script: str, problem: str, advice: str
) -> None:
    with browsers.page(quiet) as page:
        page.add_init_script(script)
        page.goto(answering.url)
        if problem != "no-worklet":
            page.get_by_role("button", name="Start talking").click()
        wait_for(page, f"voicert.problem === '{problem}'")
        expect(page.get_by_role("status")).to_contain_text(advice)


def test_sound_that_the_browser_paused_is_told_and_goes_on_at_a_click(
    browsers: Chromium, answering: RunningServer, quiet: Path
) -> None:
    with browsers.page(quiet) as page:
        page.add_init_script(
            "const Own = AudioContext;"
            "window.AudioContext = class extends Own {"
            "  constructor(options) { super(options); window.contextForTest = this; }"
            "};"
        )
        start(page, answering.url)
        wait_for(page, "voicert.phase === 'listening'")
        page.evaluate("contextForTest.suspend()")
        wait_for(page, "voicert.soundPaused")
        expect(page.get_by_role("alert")).to_contain_text("Click anywhere")
        page.locator("h1").click()
        wait_for(page, "!voicert.soundPaused")
        expect(page.get_by_role("alert")).to_be_hidden()


def test_examples_are_shown_however_late_the_server_tells_them(
    browsers: Chromium, answering: RunningServer, quiet: Path
) -> None:
    with browsers.page(quiet) as page:
        held: list[Route] = []
        page.route("**/v1/models", lambda route: held.append(route))
        page.goto(answering.url)
        page.wait_for_timeout(3500)  # longer than the page waits to know whether the server is there
        for route in held:
            route.fulfill(json={"data": [{"voicert": {"examples": ["Is it late?"]}}]})
        expect(page.locator("#examples li")).to_contain_text("Is it late?")
