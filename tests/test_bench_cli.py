"""``voicert bench`` from the command line: a real server, real WAV files, real time. No time is asserted."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from voicert_clients.errors import SoundFileError

from tests.support import wav
from tests.support.scripted import Script, silence, speech
from tests.support.server import RunningServer, running_server
from voicert.bench import cli as bench
from voicert.bench.corpus import BUNDLED, load_corpus
from voicert.bench.daemon import DaemonError, running_daemon, serve_command
from voicert.bench.ledger import STAGES
from voicert.cli import main

ROOT = Path(__file__).parents[1]
SERVER = [sys.executable, str(ROOT / "tests/support/server.py"), "--port", "0"]
# The tests wait on the machine's load, never on the clock: an answer may take a minute to begin.
PATIENT = ["--timeout-s", "60", "--pause-s", "0.3"]
FEW = ["--backchannels", "0", "--recalls", "0"]
PERCENTILES = {"p50", "p95", "p99"}


@pytest.fixture(scope="module")
def sayings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One request, one for a long answer, one interruption; in three formats."""
    folder = tmp_path_factory.mktemp("speech")
    wav.save(folder / "ask_one.wav", silence(50), speech(400), silence(50))
    wav.save(folder / "long_one.wav", speech(500), kind="f32", channels=2)
    wav.save(folder / "interrupt_one.wav", silence(100), speech(900), kind="s24")
    return folder


def measure(server: RunningServer, sayings: Path, *options: str) -> tuple[int, dict[str, Any]]:
    found = sayings / "found.json"
    arguments = [
        "bench",
        "--url",
        server.url,
        "--wav",
        str(sayings),
        "--json",
        str(found),
        *PATIENT,
        *FEW,
        *options,
    ]
    return main(arguments), json.loads(found.read_text())


def test_a_running_server_is_measured(sayings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running_server() as server:  # answers of four seconds
        code, found = measure(server, sayings, "--turns", "1", "--interruptions", "1")
    assert code == 0
    assert (found["turns"], found["turns_answered"], found["turns_without_answer"]) == (1, 1, 0)
    assert (found["interruptions"], found["interruptions_stopped"]) == (1, 1)
    for name in ("response_gap_ms", "round_trip_ms", "stop_time_ms"):
        assert set(found[name]) == PERCENTILES
        assert all(value > 0 for value in found[name].values())
    assert list(found["stages_ms"]) == list(STAGES)
    assert all(set(found["stages_ms"][name]) == PERCENTILES for name in STAGES)
    assert found["frames"] > 100
    assert 0 <= found["deadline_miss_rate"] <= 1
    assert found["server"] == {"url": server.url, "started_by_bench": False, "model": "scripted"}
    assert found["machine"]["cores"] >= 1
    assert [one["name"] for one in found["each_turn"] + found["each_interruption"]] == ["ask_one", "long_one"]
    shown = capsys.readouterr()
    assert "1 answered" in shown.out
    assert "turn 1/1  ask_one: " in shown.err


def test_no_answer_at_all_is_an_error(sayings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running_server(Script(listen_frames=10_000)) as server:
        options = ("--turns", "1", "--interruptions", "0", "--timeout-s", "0.5")
        code, found = measure(server, sayings, *options)
    assert code == 1
    assert found["turns_without_answer"] == 1
    assert found["response_gap_ms"] == {"p50": None, "p95": None, "p99": None}
    assert "No turn was answered." in capsys.readouterr().err


def test_a_server_of_its_own_is_started_and_stopped(
    sayings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "serve_command", lambda model: SERVER)
    found = sayings / "own.json"
    options = ["--wav", str(sayings), "--json", str(found), "--turns", "1", "--interruptions", "0"]
    options += [*PATIENT, *FEW]
    assert main(["bench", *options]) == 0
    result = json.loads(found.read_text())
    assert result["server"]["started_by_bench"]
    assert result["turns_answered"] == 1
    if sys.platform == "linux":
        assert 10 < result["server_memory_mb"]["now_mb"] <= result["server_memory_mb"]["peak_mb"]
    url = result["server"]["url"]
    assert main(["bench", "--url", url, "--wav", str(sayings), "--turns", "1"]) == 2  # it is gone
    assert f"Cannot reach a server at {url}" in capsys.readouterr().err


async def test_a_server_that_does_not_start_says_why() -> None:
    complaint = "import sys; print('first'); sys.exit('voicert: There is no model named x.')"
    with pytest.raises(DaemonError, match=r"did not start: voicert: There is no model named x\."):
        async with running_daemon([sys.executable, "-c", complaint]):
            pass


def test_the_server_is_started_by_this_python_on_a_free_port() -> None:
    assert serve_command(None) == [sys.executable, "-m", "voicert", "serve", "--port", "0"]
    assert serve_command("other")[-2:] == ["--model", "other"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--wav", "nowhere"], "There are no WAV files in nowhere"),
        (["--url", "ws://127.0.0.1:9"], "Cannot reach a server at ws://127.0.0.1:9"),
        (["--url", "ws://h", "--model", "m"], "--model is for the server that the bench starts"),
        (["--json", "nowhere/found.json"], "Cannot write nowhere/found.json"),
    ],
)
def test_mistakes_are_named(options: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *options]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"voicert bench: {says}")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "options",
    [["--turns", "-1"], ["--turns", "x"], ["--pause-s", "0"], ["--timeout-s", "nan"], ["--lag-ms", "9-5"]],
)
def test_numbers_out_of_range_are_refused(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["bench", *options])
    assert stopped.value.code == 2
    assert options[0] in capsys.readouterr().err


def test_help_says_what_the_numbers_mean(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["bench", "--help"])
    text = capsys.readouterr().out
    for term in ("response gap", "round trip", "stop time", "deadline miss", *STAGES):
        assert term in text


def test_the_bundled_speech_can_be_used() -> None:
    corpus = load_corpus(BUNDLED)
    assert len(corpus.requests) >= 3
    assert {one.name.split("_")[0] for one in corpus.long} == {"long"}
    assert {one.name.split("_")[0] for one in corpus.interruptions} == {"interrupt"}
    for utterance in (*corpus.requests, *corpus.long, *corpus.interruptions):
        assert 0 <= utterance.onset < utterance.end <= len(utterance.pcm)


def test_a_folder_of_plain_requests_serves_for_everything(tmp_path: Path) -> None:
    wav.save(tmp_path / "hello.wav", silence(100), speech(300), silence(200))
    corpus = load_corpus(tmp_path)
    assert corpus.requests == corpus.long == corpus.interruptions
    (only,) = corpus.requests
    assert (only.name, only.onset, only.end) == ("hello", 2_400, 9_600)


def test_a_recording_of_silence_is_named(tmp_path: Path) -> None:
    wav.save(tmp_path / "silent.wav", silence(300))
    with pytest.raises(SoundFileError, match=r"nothing to hear in .*silent\.wav"):
        load_corpus(tmp_path)
