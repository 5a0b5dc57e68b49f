"""The golden transcript: every event of one scripted conversation, facade and session together.

The conversation: a question; its answer, over which the user first coughs and then talks; the answer to
that, to its end; a typed turn. Time is a number, so the transcript is the same on every machine. To write
it anew after a wanted change, run ``python -m tests.test_server_golden`` with the repository, ``codecs``
and ``clients`` on the path, and read the difference.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support.scripted import Script, silence, speech
from tests.support.talks import Event, HandEngine, Talk
from tests.support.wire_grammar import WireGrammar
from voicert.server.realtime import Extras
from voicert.session import TurnSettings

GOLDEN = Path(__file__).parent / "golden" / "conversation.jsonl"
SCRIPT = Script(words=("one", " two", " three", " four"), listen_frames=8)
TURNS = TurnSettings(
    interrupt="vad", pause_ms=100, interrupt_min_ms=400, resume_ms=200, forget_noises=True, echo_guard=False
)


def live(talk: Talk, *parts: NDArray[np.float32]) -> None:
    """Speaks in real time, in chunks of 20 ms."""
    for chunk in (np.concatenate(parts) * 32_767).astype("<i2").reshape(-1, 480):
        talk.ask("input_audio_buffer.append", audio=base64.b64encode(chunk.tobytes()).decode())
        talk.engine.run(0.02)


def converse() -> list[Event]:
    """Everything the server says in the conversation."""
    talk = Talk(HandEngine(1, SCRIPT), extras=Extras(timing=True, playback=True), turns=TURNS)
    # 100 ms of quiet and the model answers.
    live(talk, speech(600), silence(260), speech(120), silence(280), speech(600), silence(2000))
    words = [{"type": "input_text", "text": "hello there"}]
    talk.ask("conversation.item.create", item={"type": "message", "role": "user", "content": words})
    talk.ask("response.create", response={"metadata": {"typed": "yes"}})
    talk.engine.run(3)
    return talk.events


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
        plain: dict[str, Any] = {**event, "event_id": "event"}
        text = json.dumps(plain, separators=(",", ":"))
        lines.append(re.sub(r"\b(item|resp|sess|conv)_t0[0-9a-f]{6}\b", name, text))
    return lines


def test_conversation_is_the_golden_transcript() -> None:
    events = converse()
    grammar = WireGrammar()
    for event in events:
        grammar.see(event)
    assert normalised(events) == GOLDEN.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    GOLDEN.write_text("\n".join(normalised(converse())) + "\n", encoding="utf-8")
