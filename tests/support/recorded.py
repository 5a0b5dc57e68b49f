"""Every kind of conversation as a client sees it: scenes of messages and session events, and what is sent.

Each scene drives a facade of its own and gives the server's events, with ids by order of appearance. They
are the golden transcripts of tests/golden, one bare server event per line, and what the parsers of stock
clients are tried on. The names that begin with ``voicert_`` hold our own events, which only clients that
ask for them get.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from voicert.server.realtime import Extras, Facade
from voicert.session import TurnSettings
from voicert.session import events as said

Event = dict[str, Any]

FRAME = (0.25 * np.sin(2 * np.pi * 440 * np.arange(48) / 24_000)).astype(np.float32)  # short, to be read
QUIET = base64.b64encode(bytes(9600)).decode()  # 200 ms
CALL = said.ToolCall(1, 3, "call_1", "weather", '{"city":"Bern"}')
TOOL = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


class Scene:
    """One connection from its beginning; ``events`` is what the client has been sent."""

    def __init__(self, extras: Extras | None = None) -> None:
        self._facade = Facade(
            "nano", TurnSettings(), 50.0, "t0", frozenset({"typed_text", "tools", "user_transcripts"})
        )
        self.events: list[Event] = self._facade.open(extras).events

    def client(self, kind: str, **fields: Any) -> list[Event]:
        """The client sends a message."""
        events = self._facade.receive(json.dumps({"type": kind, **fields})).events
        self.events += events
        return events

    def session(self, *events: said.Event) -> list[Event]:
        """The session tells something."""
        told = self._facade.translate(events)
        self.events += told
        return told

    def user(self, item: int, text: str, start_ms: int, end_ms: int) -> None:
        """A spoken turn."""
        self.session(
            said.SpeechStarted(item, start_ms),
            said.UserText(item, text),
            said.SpeechStopped(item, end_ms),
            said.UserDone(item, text, end_ms - start_ms),
        )

    def assistant(self, response: int, item: int, words: Iterable[str]) -> None:
        """The beginning of an answer: two frames per word."""
        self.session(said.ResponseStarted(response, item))
        for word in words:
            self.session(said.ResponseText(response, item, word))
            self.session(*[said.ResponseAudio(response, item, FRAME, 48_000)] * 2)

    def ends(self, response: int, item: int, transcript: str) -> None:
        self.session(said.ResponseDone(response, item, "completed", None, transcript, 192, None))

    def item_of(self, response: int) -> str:
        """The id of the assistant's item in the so many-th response that has one."""
        added = [event for event in self.events if event["type"] == "response.output_item.added"]
        item_id: str = added[response - 1]["item"]["id"]
        return item_id


def turn(scene: Scene) -> None:
    """A question and its answer."""
    scene.client("session.update", session={"type": "realtime", "instructions": "Be brief."})
    scene.user(1, "good morning", 120, 900)
    scene.assistant(1, 2, ["good", " day"])
    scene.ends(1, 2, "good day")


def barge_in(scene: Scene) -> None:
    """The user talks over the answer; the client cuts the item at what it played, and looks at it."""
    scene.user(1, "tell me a story", 120, 1100)
    scene.assistant(1, 2, ["once", " upon", " a", " time"])
    cut = said.ResponseDone(1, 2, "cancelled", "turn_detected", "once upon", 384, 150)
    scene.session(said.SpeechStarted(3, 2500), cut)
    item_id = scene.item_of(1)
    scene.client("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=4)
    scene.session(said.Truncated(2, 96, "once"))
    scene.client("conversation.item.retrieve", item_id=item_id)
    scene.session(said.UserText(3, "stop"), said.SpeechStopped(3, 2900), said.UserDone(3, "stop", 400))


def manual(scene: Scene) -> None:
    """Push to talk: append, commit, ask."""
    scene.client("session.update", session={"audio": {"input": {"turn_detection": None}}})
    scene.client("input_audio_buffer.append", audio=QUIET)
    scene.client("input_audio_buffer.clear")
    scene.client("input_audio_buffer.append", audio=QUIET)
    scene.client("input_audio_buffer.commit")
    scene.session(said.TurnCommitted(1, 0, 200), said.UserText(1, "hello"))
    scene.client("response.create", response={"metadata": {"turn": "1"}})
    scene.session(said.UserDone(1, "hello", 200))
    scene.assistant(1, 2, ["hi", " there"])
    scene.ends(1, 2, "hi there")


def text(scene: Scene) -> None:
    """A typed turn that is answered in writing."""
    scene.client("session.update", session={"output_modalities": ["text"]})
    content = [{"type": "input_text", "text": "what time is it"}]
    message = {"type": "message", "role": "user", "content": content}
    scene.client("conversation.item.create", item=message)
    scene.client("response.create")
    scene.assistant(1, 1, ["it", " is", " noon"])
    scene.ends(1, 1, "it is noon")


def tool(scene: Scene) -> None:
    """A question that needs a function, and the answer with its result."""
    scene.client("session.update", session={"tools": [TOOL], "tool_choice": "auto"})
    scene.user(1, "is it raining", 120, 1000)
    scene.session(said.ResponseStarted(1, 2), CALL)
    scene.session(said.ResponseDone(1, 2, "completed", None, "", 0, None))
    output = {"type": "function_call_output", "call_id": "call_1", "output": '{"rain":true}'}
    scene.client("conversation.item.create", item=output)
    scene.client("response.create")
    scene.assistant(2, 4, ["take", " an", " umbrella"])
    scene.ends(2, 4, "take an umbrella")


def truncate(scene: Scene) -> None:
    """An answer that was sent whole and heard in part; a late and an excessive cut change nothing more."""
    scene.user(1, "hello", 120, 600)
    scene.assistant(1, 2, ["hi", " there"])
    scene.ends(1, 2, "hi there")
    for audio_end_ms in (3, 4, 10_000):
        item_id = scene.item_of(1)
        scene.client(
            "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=audio_end_ms
        )
        scene.session(said.Truncated(2, 72, "hi"))
    scene.client("conversation.item.retrieve", item_id=scene.item_of(1))


def error(scene: Scene) -> None:
    """What a client can do wrong, and a session that ends."""
    scene.client("session.updat", event_id="mine_1")
    scene.client("session.update", session={"voice": "alloy"}, event_id="mine_2")
    scene.client("input_audio_buffer.append", audio="!")
    scene.client("input_audio_buffer.commit")
    scene.client("conversation.item.retrieve", item_id="item_nowhere")
    scene.client("conversation.item.truncate", item_id="item_nowhere", content_index=0, audio_end_ms=0)
    scene.client("response.cancel")
    scene.client("response.create", response={"conversation": "none"})
    scene.client("response.create")
    scene.client("response.create", event_id="mine_3")
    scene.session(said.SessionFailed("model_error", "the model could not go on"))


def cancel(scene: Scene) -> None:
    """An answer cut short by the client, and one cancelled before its first word."""
    scene.user(1, "hello", 120, 600)
    scene.assistant(1, 2, ["hi", " there"])
    scene.client("response.cancel")
    scene.session(said.ResponseDone(1, 2, "cancelled", "client_cancelled", "hi", 192, 70))
    scene.client("response.create")
    scene.client("response.cancel")


def items(scene: Scene) -> None:
    """Items of every kind are put in, in any place, shown and taken out."""
    words = [{"type": "input_text", "text": "You are kind."}]
    scene.client("conversation.item.create", item={"type": "message", "role": "system", "content": words})
    words = [{"type": "output_text", "text": "Hello again."}]
    greeting = {"type": "message", "id": "greeting", "role": "assistant", "content": words}
    scene.client("conversation.item.create", item=greeting)
    words = [{"type": "input_text", "text": "hello"}]
    message = {"type": "message", "id": "first", "role": "user", "content": words}
    scene.client("conversation.item.create", item=message, previous_item_id="root")
    call = {"type": "function_call", "call_id": "call_0", "name": "weather", "arguments": "{}"}
    scene.client("conversation.item.create", item=call, previous_item_id="first")
    output = {"type": "function_call_output", "call_id": "call_0", "output": "sun"}
    scene.client("conversation.item.create", item=output)
    scene.client("conversation.item.retrieve", item_id="greeting")
    scene.client("conversation.item.delete", item_id="greeting")


def telephone(scene: Scene) -> None:
    """Sound in G.711 both ways, with the detector's other kind."""
    law = {"format": {"type": "audio/pcmu"}}
    turns = {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}, "transcription": None}
    scene.client("session.update", session={"audio": {"input": {**law, **turns}, "output": law}})
    scene.client("input_audio_buffer.append", audio=QUIET)
    scene.user(1, "hello", 120, 600)
    scene.assistant(1, 2, ["hi"])
    scene.ends(1, 2, "hi")


def limit(scene: Scene) -> None:
    """An answer that reaches its limit of tokens."""
    scene.client("session.update", session={"max_output_tokens": 4})
    scene.user(1, "hello", 120, 600)
    scene.assistant(1, 2, ["hi", " there"])
    scene.session(said.ResponseDone(1, 2, "incomplete", "max_output_tokens", "hi there", 192, None))


def idle(scene: Scene) -> None:
    """Nobody speaks, so the assistant does."""
    turns = {"type": "server_vad", "idle_timeout_ms": 5000}
    scene.client("session.update", session={"audio": {"input": {"turn_detection": turns}}})
    scene.session(said.IdleTimeout(1, 1000, 6000))
    scene.assistant(1, 2, ["still", " there?"])
    scene.ends(1, 2, "still there?")


def voicert_playback(scene: Scene) -> None:
    """With our extras: a cough holds the answer, and it goes on; then the user talks over its tail."""
    scene.client("session.update", session={"voicert": {"playback": True, "timing": True, "frames": True}})
    scene.user(1, "hello", 120, 600)
    scene.session(said.FrameTiming(48_000, 0.1, 0.5, 3.0, 0.5, 1, False))
    scene.assistant(1, 2, ["hi", " there"])
    scene.session(said.TurnTiming(1, 2, 600, 700, 740, 0.1, 0.5, 3.0, 0.5))
    scene.session(said.ResponsePaused(1, 2, 192, 1000, 880))
    scene.session(said.ResponseResumed(1, 2, 180, 300, "too_short"))
    scene.ends(1, 2, "hi there")
    scene.session(said.ResponsePaused(1, 2, 192, 1500, 1400), said.SpeechStarted(3, 1400))
    scene.session(said.Truncated(2, 96, "hi"))


SCENES: Mapping[str, Callable[[Scene], None]] = {
    play.__name__: play
    for play in (
        turn,
        barge_in,
        manual,
        text,
        tool,
        truncate,
        error,
        cancel,
        items,
        telephone,
        limit,
        idle,
        voicert_playback,
    )
}


def recorded(name: str) -> list[str]:
    """The server's side of a scene, one line of JSON per event, ids numbered in order of appearance."""
    scene = Scene()
    SCENES[name](scene)
    names: dict[str, str] = {}

    def named(match: re.Match[str]) -> str:
        prefix = match[1]
        count = sum(1 for given in names.values() if given.startswith(prefix + "_"))
        return names.setdefault(match[0], f"{prefix}_{count + 1}")

    for event in scene.events:
        event["event_id"] = "event"  # else each new event would change all lines after it
    lines = [json.dumps(event, separators=(",", ":"), ensure_ascii=False) for event in scene.events]
    return [re.sub(r"\b(item|resp|sess|conv|call)_t0[0-9a-f]{6}\b", named, line) for line in lines]
