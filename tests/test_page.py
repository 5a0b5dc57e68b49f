"""The page in a real browser, a WAV file as its microphone, against a real server and a scripted model.

The sound begins when the page opens the microphone, and again whenever it has ended: on a busy machine a page
that was not yet connected misses the first question and hears the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Chromium, chromium, relay, state, wait_for, write_wav
from tests.support.scripted import Script, silence, speech
from tests.support.server import RunningServer, running_server
from voicert.config import ServerConfig

FRAME = 480  # samples, 20 ms
SHORT = Script(words=("the", " tide", " turns", " at", " noon"))  # a second
LONG = Script(words=tuple(f" word{number}" for number in range(200)))  # 40 s: it ends by interruption only
EXPECT_MS = 60_000  # generous: the machine may be busy

expect.set_options(timeout=EXPECT_MS)


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


def played_or_passed(playback: dict[str, int]) -> int:
    """Samples that the speaker has left behind."""
    return playback["played"] + playback["dropped"] + playback["shortened"]


def start(page: Page, url: str) -> None:
    """Opens the page, turns the browser's own processing of the microphone off, and presses the button."""
    page.goto(url)
    page.locator("#processing").evaluate("(box) => { box.checked = false; box.onchange(); }")
    page.get_by_role("button", name="Start talking").press("Enter")


def test_asks_hears_and_shows_the_answer(
    browsers: Chromium, answering: RunningServer, question: Path
) -> None:
    problems: list[str] = []
    with browsers.page(question) as page:
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
        start(page, answering.url)
        wait_for(page, "voicert.phases.includes('user-speaking')")
        wait_for(page, "voicert.phases.includes('assistant-speaking')")
        wait_for(page, "voicert.phase === 'listening' && voicert.transcript.at(-1)?.status === 'done'")

        wait_for(page, "voicert.playback.item === null && voicert.playback.level === 0")
        played = state(page, "playback")
        answer = 5 * SHORT.word_frames * FRAME
        assert played_or_passed(played) >= answer
        assert played["audible"] >= 0.8 * (answer - played["dropped"] - played["shortened"])
        assert state(page, "heard")["samples"] == played_or_passed(played)
        gap = state(page, "gap")
        assert gap["count"] == 1
        assert gap["last"]["totalMs"] > gap["last"]["decisionMs"] > 0
        expect(page.locator("#gap-median")).to_have_text(f"{round(gap['medianMs'])} ms")

        lines = page.locator(".line")
        expect(lines).to_have_count(2)
        expect(lines.nth(0)).to_contain_text("hello")
        expect(lines.nth(1)).to_contain_text("the tide turns at noon")
        expect(lines.nth(1)).to_have_attribute("aria-busy", "false")
        expect(page.get_by_role("status")).to_contain_text("Listening")
        expect(page.locator("#device option")).not_to_have_count(0)

        page.get_by_role("button", name="Mute").click()
        expect(page.get_by_role("status")).to_contain_text("Muted")
        expect(page.get_by_role("meter")).to_have_attribute("aria-valuenow", "0")
        page.get_by_role("button", name="End", exact=True).click()
        wait_for(page, "voicert.phase === 'idle' && voicert.sampleRateHz === null")
        expect(page.get_by_role("button", name="Start talking")).to_be_visible()
    assert problems == []


def test_sound_of_the_speaker_is_the_sound_of_the_model(
    browsers: Chromium, answering: RunningServer, question: Path
) -> None:
    with browsers.page(question) as page:
        start(page, answering.url)
        wait_for(page, "(voicert.playback?.position ?? 0) > 4800")
        levels = [state(page, "playback")["level"] for _ in range(10)]
        expected = SHORT.level / 2**0.5  # of a sine
        assert 0.8 * expected < max(levels) < 1.05 * expected


def test_talking_over_the_answer_flushes_it_and_the_next_one_works(
    browsers: Chromium, tmp_path: Path
) -> None:
    # Every sound but the first talks over an answer, and is a question itself.
    sound = write_wav(tmp_path / "barge.wav", silence(1500), speech(700), silence(1500))
    with running_server(LONG) as server, browsers.page(sound) as page:
        start(page, server.url)
        wait_for(page, "voicert.phases.includes('interrupted')")
        wait_for(page, "voicert.counts.responses >= 2 && voicert.playing === voicert.transcript.at(-1).id")
        first, *others = (line for line in state(page, "transcript") if line["role"] == "assistant")
        assert first["status"] == "cut"
        assert first["text"].split()[0] == "word0"
        assert len(first["text"].split()) < 20
        assert others[0]["text"].split()[0] == "word0"
        counts = state(page, "counts")
        assert counts["flushes"] == counts["interruptions"] >= 1
        expect(page.locator(".line[data-status=cut]").first).to_contain_text("word0")
        assert state(page, "notice") is None


def test_the_stop_button_stops_the_answer(browsers: Chromium, question: Path) -> None:
    with running_server(LONG) as server, browsers.page(question) as page:
        start(page, server.url)
        wait_for(page, "voicert.playing !== null && voicert.heard.samples > 6000")
        page.get_by_role("button", name="Stop answer").click()
        wait_for(page, "voicert.playing === null && voicert.transcript.at(-1).status === 'cut'")
        wait_for(page, "voicert.playback.item === null && voicert.playback.level === 0")
        heard, transcript = state(page, "heard"), state(page, "transcript")
        assert heard["item"] == transcript[-1]["id"]
        assert heard["samples"] == state(page, "playback")["position"] < 20 * 24_000
        assert transcript[-1]["text"].startswith("word0")
        expect(page.get_by_role("button", name="Stop answer")).to_be_disabled()
        assert state(page, "notice") is None


# Holds up the page in the middle of an answer, so that its speaker is late from then on, and presses the
# button as soon as all of the answer has come; one that has less than 100 ms left by then is let go by.
STOP_THE_TAIL = """
(last) => new Promise((done) => {
  const button = document.getElementById("cancel");
  let held = null;
  const watch = () => {
    const { transcript, playback } = window.voicert;
    const line = transcript.at(-1);
    if (line?.role === "assistant" && playback?.item === line.id && held !== line.id) {
      held = line.id;
      const until = performance.now() + 350;
      while (performance.now() < until);
    }
    const ripe = line?.status === "done" && playback?.item === line.id && playback.position < last;
    if (!ripe || button.disabled) return requestAnimationFrame(watch);
    button.click();
    done(line);
  };
  watch();
})
"""


def test_the_stop_button_cuts_the_last_words_that_were_not_heard(browsers: Chromium, tmp_path: Path) -> None:
    """All of the answer has come, and the speaker is still at it; the page shows what the server keeps."""
    words = tuple(f" w{number}" for number in range(40))
    sound = write_wav(tmp_path / "again.wav", silence(1500), speech(700), silence(4000))
    with running_server(Script(words=words, word_frames=1)) as server, browsers.page(sound) as page:
        start(page, server.url)
        whole = page.evaluate(STOP_THE_TAIL, (len(words) - 5) * FRAME)
        assert whole["text"].split() == [word.strip() for word in words]
        wait_for(page, f"voicert.transcript.find((line) => line.id === '{whole['id']}').status === 'cut'")
        heard = state(page, "heard")
        (cut,) = (line for line in state(page, "transcript") if line["id"] == whole["id"])
        assert heard["item"] == whole["id"]
        end = heard["samples"] // 24 * 24  # it was told in milliseconds
        begun = [word.strip() for i, word in enumerate(words) if (1 + i) * FRAME < end]
        assert cut["text"].split() == begun  # on a very busy machine these may be all after all
        assert state(page, "notice") is None


def test_escape_stops_the_answer(browsers: Chromium, question: Path) -> None:
    with running_server(LONG) as server, browsers.page(question) as page:
        start(page, server.url)
        wait_for(page, "voicert.playing !== null && voicert.heard.samples > 6000")
        page.keyboard.press("Escape")
        wait_for(page, "voicert.phases.includes('interrupted') && voicert.playing === null")
        wait_for(page, "voicert.transcript.at(-1).status === 'cut'")


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


def test_a_browser_that_keeps_its_own_rate_is_resampled(
    browsers: Chromium, answering: RunningServer, question: Path
) -> None:
    with browsers.page(question) as page:
        # Like Safari: the constructor does not care for the sample rate one asks for.
        page.add_init_script(
            "const Own = AudioContext;"
            "window.AudioContext = class extends Own { constructor() { super({ sampleRate: 44100 }); } };"
        )
        start(page, answering.url)
        wait_for(page, "voicert.phase === 'listening' && voicert.transcript.at(-1)?.status === 'done'")
        assert state(page, "sampleRateHz") == 44_100
        played = state(page, "playback")
        assert played_or_passed(played) >= 5 * SHORT.word_frames * FRAME
        assert state(page, "transcript")[-1]["text"] == "the tide turns at noon"
        assert state(page, "gap")["count"] == 1


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone(
    browsers: Chromium, answering: RunningServer, quiet: Path, scheme: str
) -> None:
    with browsers.page(quiet, width=390, height=700, scheme="dark" if scheme == "dark" else "light") as page:
        start(page, answering.url)
        wait_for(page, "voicert.phase === 'listening'")
        width, height = page.evaluate("[document.body.scrollWidth, document.body.scrollHeight]")
        assert width <= 390
        assert height <= 700
        for name in ("Mute", "Stop answer", "End"):
            expect(page.get_by_role("button", name=name, exact=name == "End")).to_be_in_viewport()
