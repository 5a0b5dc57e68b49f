"""The page in a real browser, a WAV file as its microphone, against a real server and a scripted model."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.browser import Chromium, state, wait_for, write_wav
from tests.support.page import LONG, SHORT, start
from tests.support.scripted import Script, silence, speech
from tests.support.server import RunningServer, running_server

FRAME = 480  # samples, 20 ms


def played_or_passed(playback: dict[str, int]) -> int:
    """Samples that the speaker has left behind."""
    return playback["played"] + playback["dropped"] + playback["shortened"]


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
