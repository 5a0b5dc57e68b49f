"""Whatever a client does in whatever order, the events make sense and the list tells what the model knows.

Facade, session and the scripted model together, without sockets, threads or clocks.
"""

from __future__ import annotations

import base64
from collections import Counter
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.scripted import Script, silence, speech
from tests.support.talks import HandEngine, Talk
from tests.support.wire_grammar import WireGrammar
from voicert.server.realtime import Extras

VOICE, QUIET = speech(1000), silence(1000)
WORDS = ("one", " two", " three", " four", " five")
TURNS: tuple[Any, ...] = (
    None,
    {"type": "server_vad", "create_response": True, "interrupt_response": True},
    {"type": "server_vad", "create_response": False},
    {"type": "server_vad", "interrupt_response": False},
    {"type": "server_vad", "idle_timeout_ms": 1500, "silence_duration_ms": 200},
    {"type": "semantic_vad"},
)
AUDIO = ("audio/pcm", "audio/pcmu", "audio/pcma")
JUNK = (
    "",
    "{",
    "[]",
    '{"type":1}',
    '{"type":"x"}',
    '{"type":"response.create","response":{"input":[]}}',
    b"\x00",
)


def encoded(pcm: np.ndarray) -> str:
    return base64.b64encode((pcm * 32_767).astype("<i2").tobytes()).decode()


def same(listed: list[str | None], remembered: list[str]) -> bool:
    """Whether the answers of the list are those of the model; None stands for any answer, or for none."""
    if not listed:
        return not remembered
    first, rest = listed[0], listed[1:]
    if first is None:
        return same(rest, remembered) or bool(remembered and same(rest, remembered[1:]))
    if not first:
        return same(rest, remembered)
    return remembered[:1] == [first] and same(rest, remembered[1:])


class AnyClient(RuleBasedStateMachine):
    """A client that knows the protocol and cares for nothing."""

    @initialize(tool=st.booleans(), eager=st.sampled_from([0, 8]), extras=st.booleans())
    def connect(self, tool: bool, eager: int, extras: bool) -> None:
        script = Script(words=WORDS, tool="weather" if tool else "", eager_frames=eager)
        self.engine = HandEngine(1, script)
        wanted = Extras(True, True, True) if extras else None
        self.talk = Talk(self.engine, extras=wanted)
        self.grammar = WireGrammar()
        self.seen = 0
        self.answers: list[str] = []  # ids of the spoken assistant items, in order
        self.calls: list[str] = []
        self.blurred: set[str] = set()  # answers of which the list and the model may differ by the protocol
        self.look()

    def look(self) -> None:
        """Checks what came since the last look."""
        new, self.seen = self.talk.events[self.seen :], len(self.talk.events)
        for event in new:
            self.grammar.see(event)
            if event["type"] == "response.output_item.added":
                item = event["item"]
                (self.answers if item["type"] == "message" else self.calls).append(item["id"])

    def ask(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        events = self.talk.ask(kind, **fields)
        self.look()
        return events

    def some_item(self, pick: int, known: list[str]) -> str:
        return known[pick % len(known)] if known and pick % 7 else "item_nowhere"

    @rule(voice=st.booleans(), ms=st.sampled_from([20, 60, 130, 300, 700]), live=st.booleans())
    def speak(self, voice: bool, ms: int, live: bool) -> None:
        pcm = (VOICE if voice else QUIET)[: ms * 24]
        if self.talk.facade._state.sound.format.name == "audio/pcm":  # else it would be noise
            self.ask("input_audio_buffer.append", audio=encoded(pcm))
        if live:
            self.wait(ms)

    @rule(ms=st.sampled_from([1, 20, 100, 500, 2000]))
    def wait(self, ms: int) -> None:
        self.engine.run(ms / 1000)
        self.look()

    @rule(turns=st.sampled_from(TURNS))
    def take_turns(self, turns: Any) -> None:
        self.ask("session.update", session={"audio": {"input": {"turn_detection": turns}}})

    @rule(
        modality=st.sampled_from(["audio", "text"]),
        transcribe=st.booleans(),
        heard=st.sampled_from(AUDIO),
        said=st.sampled_from(AUDIO),
        limit=st.sampled_from(["inf", "inf", 15]),
    )
    def configure(self, modality: str, transcribe: bool, heard: str, said: str, limit: Any) -> None:
        source = {"format": {"type": heard}, "transcription": {"model": "x"} if transcribe else None}
        audio = {"input": source, "output": {"format": {"type": said}}}
        session = {"output_modalities": [modality], "audio": audio, "max_output_tokens": limit}
        assert self.ask("session.update", session=session)[0]["type"] == "session.updated"

    @rule(kind=st.sampled_from(["commit", "clear"]))
    def buffer(self, kind: str) -> None:
        self.ask(f"input_audio_buffer.{kind}")

    @rule(metadata=st.sampled_from([None, {"a": "b"}]), limit=st.sampled_from([None, 10]))
    def respond(self, metadata: Any, limit: Any) -> None:
        active = self.grammar.response is not None
        (event,) = self.ask("response.create", response={"metadata": metadata, "max_output_tokens": limit})
        assert (event["type"] == "error") == active

    @rule(pick=st.integers(0, 20))
    def cancel(self, pick: int) -> None:
        running = self.grammar.response
        known = [running.id] if running else []
        self.ask("response.cancel", response_id=None if pick % 3 == 0 else self.some_item(pick, known))

    @rule(words=st.sampled_from(["hello", "hello there", "", "what"]))
    def type_text(self, words: str) -> None:
        content = [{"type": "input_text", "text": words}]
        events = self.ask(
            "conversation.item.create", item={"type": "message", "role": "user", "content": content}
        )
        assert (events[0]["type"] == "error") == (not words)

    @rule(voice=st.booleans(), ms=st.sampled_from([30, 300, 700]))
    def put_speech(self, voice: bool, ms: int) -> None:
        pcm = (VOICE if voice else QUIET)[: ms * 24]
        content = [{"type": "input_audio", "audio": encoded(pcm)}]
        item = {"type": "message", "role": "user", "content": content}
        if self.talk.facade._state.sound.format.name == "audio/pcm":  # else it would be noise
            self.ask("conversation.item.create", item=item)

    @rule(role=st.sampled_from(["system", "assistant"]), pick=st.integers(0, 20), root=st.booleans())
    def put_history(self, role: str, pick: int, root: bool) -> None:
        content = [{"type": "output_text" if role == "assistant" else "input_text", "text": "x"}]
        after = "root" if root else self.some_item(pick, self.grammar.order)
        item = {"type": "message", "role": role, "content": content}
        self.ask("conversation.item.create", item=item, previous_item_id=after)

    @rule(pick=st.integers(0, 20), ms=st.integers(-5, 1500))
    def truncate(self, pick: int, ms: int) -> None:
        item_id = self.some_item(pick, self.grammar.order)
        if item_id in self.answers[:-1]:
            self.blurred.add(item_id)  # what lies further back is out of the model's reach
        self.ask("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=ms)

    @rule(pick=st.integers(0, 20), samples=st.integers(0, 40_000), still=st.booleans())
    def heard(self, pick: int, samples: int, still: bool) -> None:
        item_id = self.some_item(pick, self.answers)
        self.ask("voicert.heard", item_id=item_id, heard_samples=samples, stopped=still)

    @rule(pick=st.integers(0, 20))
    def retrieve(self, pick: int) -> None:
        item_id = self.some_item(pick, self.grammar.order)
        (event,) = self.ask("conversation.item.retrieve", item_id=item_id)
        assert (event["type"] == "error") == (item_id not in self.grammar.items)

    @rule(pick=st.integers(0, 20))
    def delete(self, pick: int) -> None:
        item_id = self.some_item(pick, self.grammar.order)
        self.blurred.add(item_id)
        self.ask("conversation.item.delete", item_id=item_id)

    @precondition(lambda self: self.calls)
    @rule(again=st.booleans())
    def give_result(self, again: bool) -> None:
        item = self.talk.facade._state.history.find(self.calls[-1])
        call_id = item.body.call_id if item is not None else "call_nowhere"  # type: ignore[union-attr]
        output = {"type": "function_call_output", "call_id": call_id, "output": "there"}
        self.ask("conversation.item.create", item=output)
        if again:
            self.ask("conversation.item.create", item=output)

    @rule(message=st.sampled_from(JUNK))
    def send_junk(self, message: str | bytes) -> None:
        assert [event["type"] for event in self.talk.send(message)] == ["error"]
        self.look()

    @invariant()
    def the_list_is_that_of_the_server(self) -> None:
        if hasattr(self, "grammar"):
            assert [item.id for item in self.talk.facade._state.history] == self.grammar.order

    def teardown(self) -> None:
        if not hasattr(self, "grammar"):
            return
        turns = {"type": "server_vad", "create_response": False, "idle_timeout_ms": None}
        self.ask("session.update", session={"audio": {"input": {"turn_detection": turns}}})
        for _ in range(40):
            self.wait(500)
        assert self.grammar.response is None, "an answer never ended"
        assert self.grammar.speaking is None, "speech never ended"
        self.the_answers_are_what_the_model_remembers()
        self.the_user_said_no_more_than_the_model_heard()

    def shown(self, item_id: str) -> dict[str, Any]:
        (event,) = self.talk.ask("conversation.item.retrieve", item_id=item_id)
        item: dict[str, Any] = event["item"]
        return item

    def the_answers_are_what_the_model_remembers(self) -> None:
        remembered = [said for said in self.engine.model.written(self.talk.slot) if said]
        listed: list[str | None] = []
        for item_id in self.answers:
            if item_id in self.blurred:
                listed.append(None)
            else:
                part = self.shown(item_id)["content"][0]
                listed.append(part.get("transcript", part.get("text")))
        assert same(listed, remembered), f"listed {listed}, remembered {remembered}"

    def the_user_said_no_more_than_the_model_heard(self) -> None:
        listed: Counter[str] = Counter()
        for item_id in self.grammar.order:
            item = self.shown(item_id)
            if item.get("role") == "user" and item["content"][0]["type"] == "input_audio":
                words = (item["content"][0]["transcript"] or "").replace("hello", " hello ").split()
                listed.update(words)
        understood = self.engine.model.understood(self.talk.slot).replace("hello", " hello ").split()
        assert listed <= Counter(understood)


def test_an_answer_to_a_voice_that_paused_what_was_heard_already() -> None:
    """Nothing is left to be cut, and the model does not go back: its answer is the one that it has begun."""
    client = AnyClient()
    client.connect(tool=True, eager=0, extras=False)
    client.speak(live=False, ms=130, voice=True)
    client.speak(live=False, ms=130, voice=False)
    client.speak(live=True, ms=300, voice=True)
    client.teardown()


TestAnyClient = AnyClient.TestCase
TestAnyClient.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)
