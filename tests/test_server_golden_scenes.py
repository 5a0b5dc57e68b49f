"""The golden transcripts of the facade: what a client is sent in each scene of `tests.support.recorded`.

To write them anew after a wanted change, run ``python -m tests.test_server_golden_scenes`` with the
repository and ``codecs`` on the path, and read the difference.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.recorded import SCENES, recorded

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_is_its_golden_transcript(name: str) -> None:
    assert recorded(name) == (GOLDEN / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()


def test_the_scenes_show_every_event_of_the_protocol_that_applies() -> None:
    """Only those for WebRTC, MCP, rate limits, log probabilities and failed transcriptions are missing."""
    kinds = {json.loads(line)["type"] for name in SCENES for line in recorded(name)}
    assert {kind for kind in kinds if not kind.startswith("voicert.")} == {
        "conversation.item.added",
        "conversation.item.deleted",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.completed",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.retrieved",
        "conversation.item.truncated",
        "error",
        "input_audio_buffer.cleared",
        "input_audio_buffer.committed",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.timeout_triggered",
        "response.content_part.added",
        "response.content_part.done",
        "response.created",
        "response.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.delta",
        "response.output_audio_transcript.done",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_text.delta",
        "response.output_text.done",
        "session.created",
        "session.updated",
    }


if __name__ == "__main__":
    for scene in SCENES:
        (GOLDEN / f"{scene}.jsonl").write_text("\n".join(recorded(scene)) + "\n", encoding="utf-8")
