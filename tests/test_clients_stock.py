"""Six stock clients against a running server: a turn, a barge-in, a manual turn and a typed turn each.

The clients are processes of their own that use nothing but what their packages offer; only the address and
the key are ours. The model is the scripted one, which answers with eight words of 200 ms.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
import soxr

from tests.support.clients import DRIVERS, Report, clients_folder, node_folder, report_of
from tests.support.scripted import WORDS, Script, speech
from tests.support.server import running_server
from voicert.config import ServerConfig

KEY = "sk-test-0123456789abcdef"
SCENARIOS = ("turn", "barge_in", "manual", "typed")
ANSWER = "one two three four five six seven eight"
CLIENTS = ("openai_python", "openai_agents", "livekit_agents", "pipecat_ai", "openai_node", "agents_js")
BY_NODE = {"openai_node", "agents_js"}  # over TLS: openai-node takes nothing else

Reports = dict[str, Report | BaseException]  # of each scenario; an exception when the client failed

pytestmark = [pytest.mark.clients, pytest.mark.timeout(400)]


@pytest.fixture(scope="module", params=CLIENTS)
def reports(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """What one client reports of its four conversations, held at the same time."""
    clients_folder()
    folder = tmp_path_factory.mktemp(request.param)
    question = folder / "question.pcm"
    question.write_bytes((speech(500) * 32_767).astype("<i2").tobytes())
    by_node = request.param in BY_NODE
    config = ServerConfig(api_keys=(KEY,), tls_self_signed=by_node, tls_folder=folder / "tls")
    driver = node_folder(folder) / f"{request.param}.mjs" if by_node else DRIVERS / f"{request.param}.py"
    trusted = {"NODE_EXTRA_CA_CERTS": str(folder / "tls" / "ca.crt")}

    async def all_scenarios(base_url: str) -> list[Report | BaseException]:
        arguments = [[base_url, KEY, str(question), scenario] for scenario in SCENARIOS]
        runs = (report_of(driver, given, **trusted) for given in arguments)
        return await asyncio.gather(*runs, return_exceptions=True)

    with running_server(Script(words=WORDS[:8]), config) as server:
        found = asyncio.run(all_scenarios(server.url + "/v1"))
    return dict(zip(SCENARIOS, found, strict=True))


def good(report: Report | BaseException) -> Report:
    """The report of a client that got to its end and was told of no error."""
    if isinstance(report, BaseException):
        raise report
    assert report.get("errors", []) == []
    assert "error" not in report.get("types", [])
    return report


def test_a_turn(reports: Reports) -> None:
    report = good(reports["turn"])
    assert (report["status"], report["said"]) == ("completed", ANSWER)
    assert report.get("heard", "hello").startswith("hello")
    assert report["sound_ms"] >= 1600


def test_a_barge_in(reports: Reports) -> None:
    report = good(reports["barge_in"])
    assert report["status"] == "cancelled"
    assert report.get("reason", "turn_detected") == "turn_detected"
    assert report["sound_ms"] < 1600
    for said in (report["said"], report.get("kept", "")):
        assert ANSWER.startswith(said)
        assert said != ANSWER
    assert len(report.get("kept", "")) <= len(report["said"])
    assert report.get("status_kept", "incomplete") == "incomplete"
    assert report.get("interrupted", 1) == 1
    if "played_ms" in report:  # it truncated by hand, at less than it had been sent
        assert report["audio_end_ms"] <= report["played_ms"]


def test_a_manual_turn(reports: Reports) -> None:
    report = good(reports["manual"])
    assert (report["status"], report["said"], report["early"]) == ("completed", ANSWER, False)
    assert report.get("metadata", {"asked": "by hand"}) == {"asked": "by hand"}


def test_a_typed_turn(reports: Reports) -> None:
    report = good(reports["typed"])
    assert (report["status"], report["said"]) == ("completed", ANSWER)
    assert report.get("typed", "What is two plus two?") == "What is two plus two?"


@pytest.mark.parametrize("client", ["openai_agents", "agents_js"])
async def test_a_tool_is_called_and_its_output_answered(client: str, tmp_path: Path) -> None:
    clients_folder()
    question = tmp_path / "question.pcm"
    question.write_bytes((speech(500) * 32_767).astype("<i2").tobytes())
    driver = DRIVERS / f"{client}.py"
    if client in BY_NODE:
        driver = node_folder(tmp_path / "node") / f"{client}.mjs"
    script = Script(words=WORDS[:8], tool="ring")
    with running_server(script, ServerConfig(api_keys=(KEY,))) as server:
        arguments = [server.url + "/v1", KEY, str(question), "tool"]
        report = good(await report_of(driver, arguments))
    assert (report["called"], report["rung"]) == (["ring"], [True])
    assert (report["status"], report["said"]) == ("completed", ANSWER)


async def test_keys_and_secrets_through_the_package_of_openai(tmp_path: Path) -> None:
    clients_folder()
    (tmp_path / "unused.pcm").touch()
    with running_server(server=ServerConfig(api_keys=(KEY,))) as server:
        arguments = [server.url + "/v1", KEY, str(tmp_path / "unused.pcm"), "access"]
        report = await report_of(DRIVERS / "openai_python.py", arguments)
    assert report == {
        "models": ["scripted"],
        "model": "scripted",
        "secret": ["ek_", "realtime"],
        "instructions": "Be brief.",
        "refused": [401, "invalid_api_key"],
        "closed_door": 401,
    }


async def test_a_turn_with_the_bundled_model(tmp_path: Path) -> None:
    from voicert.models import load

    clients_folder()
    wav = Path(__file__).parents[1] / "voicert" / "bench" / "speech" / "ask_two_plus_two.wav"
    spoken = soxr.resample(np.frombuffer(wav.read_bytes()[44:], "<i2"), 16_000, 24_000)
    (tmp_path / "question.pcm").write_bytes(spoken.astype("<i2").tobytes())
    with running_server(server=ServerConfig(api_keys=(KEY,)), bundle=load("nano", 4, 1)) as server:
        arguments = [server.url + "/v1", KEY, str(tmp_path / "question.pcm"), "turn"]
        report = await report_of(DRIVERS / "openai_python.py", arguments)
    assert report["status"] == "completed"
    assert "four" in report["said"]
    assert "two" in report["heard"]
