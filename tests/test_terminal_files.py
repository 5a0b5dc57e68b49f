"""``voicert chat --in … --out …`` against a real server, and what can go wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from voicert_clients.access import KEY_VARIABLE
from voicert_clients.loudness import speech_bounds
from voicert_clients.wav import read_wav
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from tests.support import wav
from tests.support.scripted import Script, silence, speech
from tests.support.server import RunningServer, running_server
from voicert.cli import main
from voicert.config import ServerConfig

ROOT = Path(__file__).parents[1]
BRIEF = Script(words=("one", " two", " three"))  # an answer of 600 ms
LEAD_MS, SPEECH_MS = 200, 600


@pytest.fixture
def question(tmp_path: Path) -> Path:
    return wav.save(tmp_path / "question.wav", silence(LEAD_MS), speech(SPEECH_MS), rate_hz=24_000)


def chat(server: RunningServer, question: Path, *more: str) -> int:
    answer = question.with_name("answer.wav")
    return main(["chat", "--url", server.url, "--in", str(question), "--out", str(answer), *more])


def test_the_answer_is_written_and_the_words_are_shown(
    question: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_server(BRIEF) as server:
        assert chat(server, question, "--timeout-s", "60") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("you      hello")
    assert lines[1] == "voicert  one two three"
    assert lines[2].startswith("answered after ")
    bounds = speech_bounds(read_wav(question.with_name("answer.wav")))
    assert bounds is not None
    assert bounds[0] >= (LEAD_MS + SPEECH_MS) * 24  # on the timeline of the question
    assert bounds[1] - bounds[0] >= 550 * 24


def test_both_sides_are_written_side_by_side(question: Path) -> None:
    with running_server(BRIEF) as server:
        assert chat(server, question, "--stereo", "--timeout-s", "60") == 0
    raw = question.with_name("answer.wav").read_bytes()
    at = raw.index(b"data") + 8
    both = np.frombuffer(raw[at:], "<i2").reshape(-1, 2) / 32_768
    asked = read_wav(question)
    np.testing.assert_allclose(both[: len(asked), 0], asked, atol=1 / 32_768)
    assert not both[len(asked) :, 0].any()
    heard = np.flatnonzero(np.abs(both[:, 1]) > 0.01)
    assert heard[0] > len(asked)


def test_speech_over_the_answer_cuts_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sounds = (silence(200), speech(600), silence(2_500), speech(700), silence(100))
    question = wav.save(tmp_path / "question.wav", *sounds)
    with running_server() as server:  # an answer of four seconds
        assert chat(server, question, "--timeout-s", "60") == 0
    spoken = [line for line in capsys.readouterr().out.splitlines() if line.startswith("voicert")]
    assert spoken[0].endswith(" …")
    assert spoken[-1].endswith(" twenty")


def test_no_answer_is_an_error_and_what_was_heard_is_written(
    question: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_server(Script(listen_frames=10_000)) as server:
        assert chat(server, question, "--timeout-s", "0.5") == 1
    said = capsys.readouterr().err
    assert said.startswith("voicert chat: No answer came within 0.5 s;")
    assert not read_wav(question.with_name("answer.wav")).any()


def test_a_full_server_is_an_error(question: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running_server(BRIEF, max_sessions=1) as server, connect(server.realtime_url):
        assert chat(server, question) == 2
    assert "The server is at capacity" in capsys.readouterr().err


def test_a_server_that_goes_away_is_an_error(question: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def leave(socket: ServerConnection) -> None:
        socket.recv()
        socket.close(1011, "broken")

    with serve(leave, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever).start()
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        answer = question.with_name("answer.wav")
        assert main(["chat", "--url", url, "--in", str(question), "--out", str(answer)]) == 2
        server.shutdown()
    assert "The server closed the connection (code 1011, broken)" in capsys.readouterr().err
    assert answer.exists()


def test_a_server_that_speaks_otherwise_is_an_error(
    question: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_server(BRIEF) as server:
        assert chat(RunningServer(server.url + "/health", server.engine, server.service), question) == 2
    assert "is no realtime server" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--in", "QUESTION"], "--in and --out go together"),
        (["--out", "ANSWER"], "--in and --out go together"),
        (["--in", "nowhere.wav", "--out", "ANSWER"], "Cannot read nowhere.wav"),
        (["--in", "SILENT", "--out", "ANSWER"], "There is nothing to hear"),
        (["--in", "QUESTION", "--out", "nowhere/answer.wav"], "there is no folder nowhere"),
        (["--in", "QUESTION", "--out", "ANSWER", "--url", "ftp://x"], "is no server address"),
        (["--in", "QUESTION", "--out", "ANSWER", "--url", "ws://127.0.0.1:9"], "start one with"),
    ],
)  # fmt: skip
def test_mistakes_are_named(
    question: Path, options: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = wav.save(question.with_name("silent.wav"), silence(500))
    names = {"QUESTION": question, "SILENT": silent, "ANSWER": question.with_name("answer.wav")}
    assert main(["chat", *(str(names.get(option, option)) for option in options)]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_a_certificate_of_ones_own_needs_a_word(question: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = ROOT / "tests/support/tls"
    config = ServerConfig(tls_cert=keys / "localhost.crt", tls_key=keys / "localhost.key")
    with running_server(BRIEF, config) as server:
        assert chat(server, question) == 2
        assert "is not trusted" in capsys.readouterr().err
        assert chat(server, question, "--insecure", "--timeout-s", "60") == 0
        own = str(keys / "localhost.crt")
        assert chat(server, question, "--ca", own, "--timeout-s", "60") == 0
        assert chat(server, question, "--ca", str(question)) == 2
        assert "Cannot use the certificates in" in capsys.readouterr().err


def test_a_server_that_wants_a_key_gets_one(
    question: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with running_server(BRIEF, ServerConfig(api_keys=("the-key-of-this-test",))) as server:
        assert chat(server, question) == 2
        assert "wants an API key: give one with --api-key" in capsys.readouterr().err
        assert chat(server, question, "--api-key", "some-key-of-another") == 2
        assert "does not know this API key" in capsys.readouterr().err
        assert chat(server, question, "--api-key", "two words") == 2
        assert "copied whole" in capsys.readouterr().err
        monkeypatch.setenv(KEY_VARIABLE, "the-key-of-this-test")
        assert chat(server, question, "--timeout-s", "60") == 0


def test_ctrl_c_ends_it_without_a_traceback(question: Path) -> None:
    answer = question.with_name("answer.wav")
    with running_server(Script(listen_frames=10_000)) as server:
        command = [sys.executable, "-m", "voicert", "chat", "--url", server.url, "--timeout-s", "600"]
        path = os.pathsep.join(str(ROOT / name) for name in (".", "codecs", "clients"))
        process = subprocess.Popen(
            [*command, "--in", str(question), "--out", str(answer)],
            env={**os.environ, "PYTHONPATH": path},
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_take_ctrl_c,
        )
        _wait_for_sound(server)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert answer.exists()


def _take_ctrl_c() -> None:
    """As in a terminal: a shell that runs the tests in the background has told them to ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _wait_for_sound(server: RunningServer) -> None:
    deadline = time.monotonic() + 300
    while not server.engine.stats().frames:
        assert time.monotonic() < deadline, "nobody spoke"
        time.sleep(0.05)
