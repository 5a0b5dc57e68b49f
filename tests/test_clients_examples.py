"""The examples in ``clients/examples``, each against a running server."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.browser import chromium, write_wav
from tests.support.clients import DRIVERS, WAIT_S, clients_folder, command_of, node_folder, report_of, run
from tests.support.scripted import WORDS, Script, silence, speech
from tests.support.server import RunningServer, running_server
from voicert.config import ServerConfig

EXAMPLES = Path(__file__).parents[1] / "clients" / "examples"
KEY = "sk-test-0123456789abcdef"
ANSWER = "one two three four five six seven eight"

pytestmark = pytest.mark.clients


@pytest.fixture
def server() -> Iterator[RunningServer]:
    """One that asks for a key and answers with eight words of 200 ms."""
    clients_folder()
    with running_server(Script(words=WORDS[:8]), ServerConfig(api_keys=(KEY,))) as started:
        yield started


def settings_for(server: RunningServer) -> dict[str, str]:
    """The environment that the examples ask for."""
    return {"OPENAI_BASE_URL": server.url + "/v1", "OPENAI_API_KEY": KEY}


async def test_openai_python(server: RunningServer, tmp_path: Path) -> None:
    question, answer = write_wav(tmp_path / "question.wav", speech(500)), tmp_path / "answer.wav"
    arguments = [str(question), str(answer)]
    out, _ = await run(EXAMPLES / "openai_python.py", arguments, **settings_for(server))
    assert out.strip() == ANSWER
    with wave.open(str(answer)) as wav:
        assert wav.getparams()[:3] == (1, 2, 24_000)
        assert wav.getnframes() >= 8 * 4_800


async def test_pipecat_with_simulated_devices(server: RunningServer, tmp_path: Path) -> None:
    question = tmp_path / "question.pcm"
    question.write_bytes((speech(500) * 32_767).astype("<i2").tobytes())
    arguments = [server.url + "/v1", KEY, str(question), "example"]
    report = await report_of(DRIVERS / "pipecat_ai.py", arguments, **settings_for(server))
    assert (report["status"], report["said"], report["errors"]) == ("completed", ANSWER, [])
    assert report["sound_ms"] >= 1600


def test_livekit_in_its_own_console(server: RunningServer) -> None:
    terminal, other_end = pty.openpty()
    command = [*command_of(EXAMPLES / "livekit_agent.py"), "console", "--text", "--log-level", "WARN"]
    environment = {**os.environ, **settings_for(server), "TERM": "xterm"}
    with subprocess.Popen(
        command, stdin=other_end, stdout=other_end, stderr=other_end, env=environment, start_new_session=True
    ) as console:
        try:
            # The console listens to keys once its session is there; what is typed before is lost.
            read_until(terminal, lambda _: server.engine.sessions > 0)
            os.write(terminal, b"What is two plus two?\r")
            read_until(terminal, lambda drawn: ANSWER in drawn)
        finally:
            console.kill()
            os.close(other_end)
            os.close(terminal)


def read_until(terminal: int, done: Callable[[str], bool]) -> None:
    """Reads what a program draws until it is enough."""
    drawn, deadline = b"", time.monotonic() + WAIT_S
    while not done(drawn.decode(errors="replace")):
        assert time.monotonic() < deadline, drawn[-3000:]
        if select.select([terminal], [], [], 0.1)[0]:
            drawn += os.read(terminal, 65_536)


def test_agents_js_in_a_page(server: RunningServer, tmp_path: Path) -> None:
    folder = node_folder(tmp_path / "agents_js", EXAMPLES / "agents_js")
    shutil.copy(EXAMPLES / "agents_js" / "index.html", folder)
    microphone = write_wav(tmp_path / "question.wav", silence(1500), speech(500), silence(8_000))
    command = command_of(folder / "server.mjs")
    environment = {**os.environ, **settings_for(server), "PORT": "0"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as serving:
        try:
            assert serving.stdout
            found = re.fullmatch(r"open (http://127\.0\.0\.1:\d+)\n", serving.stdout.readline())
            assert found
            with chromium() as browsers, browsers.page(microphone) as page:
                page.goto(found[1])
                page.get_by_role("button", name="Talk").click()
                expect(page.locator("#transcript")).to_contain_text(
                    f"hello there there · {ANSWER}", timeout=60_000
                )
        finally:
            os.killpg(serving.pid, signal.SIGTERM)  # node may be the child of a script of that name
            assert serving.stdout
            assert serving.stdout.read() == ""  # ends when nobody is left who could write
