"""The golden transcript: every event of one scripted conversation, over a real socket.

The conversation: a question; its answer, which the user talks over; the answer to that, to its end. Time is
the sample counter, so the transcript is the same on every machine. To write it anew after a wanted change,
run ``python -m tests.test_server_golden`` with the repository on the path, and read the difference.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from pathlib import Path
from typing import Any

from tests.support.scripted import Script, silence, speech
from tests.support.server import RunningServer, running_server
from tests.support.talker import Event, Talker, talking

GOLDEN = Path(__file__).parent / "golden" / "conversation.jsonl"
SCRIPT = Script(words=("one", " two", " three", " four"))


async def converse(server: RunningServer) -> list[Event]:
    """Everything the server says in the conversation."""
    async with talking(server.realtime_url + "?voicert=timing") as talker:
        await talker.receive()
        # 100 ms of quiet and the model answers; 360 ms of speech in it is a barge-in, and the next question.
        await talker.say(speech(600), silence(460), speech(360), silence(2500))
        await talker.until("response.done", lambda event: event["response"]["status"] == "completed")
        await last_transcription(talker)
        return talker.events


async def last_transcription(talker: Talker) -> None:
    """The user's text may settle after the answer."""
    kind = "conversation.item.input_audio_transcription.completed"
    while len(talker.of_type(kind)) < 2:
        await talker.receive()


def normalised(events: list[Event]) -> list[str]:
    """One line of JSON per event: ids numbered in order of appearance, runs of audio by their frames."""
    names: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        prefix = match[1]
        count = sum(1 for given in names.values() if given.startswith(prefix + "_"))
        return names.setdefault(match[0], f"{prefix}_{count + 1}")

    lines: list[str] = []
    audio = 0  # frames in the run of audio so far
    for event in events:
        if event["type"] == "response.output_audio.delta":
            assert len(base64.b64decode(event["delta"])) == 960
            audio += 1
            continue
        if audio:
            lines.append(f'{{"type":"response.output_audio.delta","frames":{audio}}}')
            audio = 0
        text = json.dumps(measured(event), separators=(",", ":"))
        text = re.sub(r'"event_id":"event_[0-9a-f]+"', '"event_id":"event"', text)
        lines.append(re.sub(r"\b(item|resp|sess)_[0-9a-f]{18}\b", name, text))
    return lines


def measured(event: Event) -> dict[str, Any]:
    """The event without what a wall clock measured."""
    return {**event, "stages_ms": sorted(event["stages_ms"])} if "stages_ms" in event else event


async def test_conversation_is_the_golden_transcript() -> None:
    with running_server(SCRIPT) as server:
        events = await converse(server)
    assert normalised(events) == GOLDEN.read_text(encoding="utf-8").splitlines()
    ids = [event["event_id"] for event in events]
    assert len(set(ids)) == len(ids)


if __name__ == "__main__":
    with running_server(SCRIPT) as running:
        GOLDEN.write_text("\n".join(normalised(asyncio.run(converse(running)))) + "\n", encoding="utf-8")
