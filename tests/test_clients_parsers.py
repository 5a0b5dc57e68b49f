"""Recorded sessions of every kind through the strictest parsers of clients: nothing rejected or unknown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import DRIVERS, node_folder, report_of

GOLDEN = Path(__file__).parent / "golden"
CONDENSED = "conversation.jsonl"  # its runs of audio are written as one line that is no event
KINDS = sorted(path.name for path in GOLDEN.glob("*.jsonl") if path.name != CONDENSED)

PARSERS = {
    "parse_strictly.py": ("openai", "openai-agents", "pipecat"),
    "parse_strictly.mjs": ("agents-realtime",),
}
NONSENSE: list[dict[str, Any]] = [
    {"type": "no.such.event", "event_id": "event_1"},
    {"type": "response.output_audio.delta", "event_id": "event_1", "delta": "AAAA"},
    {"type": "input_audio_buffer.speech_started", "event_id": "event_1", "item_id": "item_1"},
]
# OpenAI's own, sent only to clients that set idle_timeout_ms; the SDK passes it on without a schema.
UNKNOWN_TO = {"agents-realtime rejects input_audio_buffer.timeout_triggered"}
UNREAD = {"pipecat rejects no.such.event"}  # pipecat lets pass what it does not know

pytestmark = pytest.mark.clients


def stock(lines: list[str]) -> list[str]:
    """Without our own events, which are sent only to those who ask."""
    return [line for line in lines if not json.loads(line)["type"].startswith("voicert.")]


@pytest.fixture(scope="module", params=["parse_strictly.py", "parse_strictly.mjs"])
def parser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pydantic models of three packages, or the zod schemas of one."""
    if request.param.endswith(".mjs"):
        return node_folder(tmp_path_factory.mktemp("parser")) / request.param
    return DRIVERS / request.param


async def problems(parser: Path, lines: list[str]) -> list[str]:
    return await report_of(parser, [], stdin="\n".join(lines).encode())


def test_every_kind_of_session_is_recorded() -> None:
    kinds = {"turn", "barge_in", "manual", "text", "tool", "truncate", "error"}
    assert kinds <= {Path(name).stem for name in KINDS}


async def test_recorded_sessions_are_understood_whole_and_nonsense_is_not(parser: Path) -> None:
    recorded = [stock((GOLDEN / name).read_text(encoding="utf-8").splitlines()) for name in KINDS]
    assert all(recorded)
    nonsense = [json.dumps(event) for event in NONSENSE]
    found = await problems(parser, [line for lines in recorded for line in lines] + nonsense)
    rejected = {problem.split(": ")[0] for problem in found}
    by_all = {f"{name} rejects {event['type']}" for name in PARSERS[parser.name] for event in NONSENSE}
    assert rejected <= by_all | UNKNOWN_TO, found
    assert by_all - rejected <= UNREAD, "the parsers let nonsense pass"
