"""100 000 messages, most of them wrong: nothing breaks, nothing piles up, and a neighbour notices nothing."""

from __future__ import annotations

import base64
import gc
import hashlib
import json
import weakref

import numpy as np

from tests.support.fuzzer import Fuzzer
from tests.support.scripted import Script, silence, speech
from tests.support.talks import HandEngine, Talk
from tests.support.wire_grammar import WireGrammar

MESSAGES = 100_000
PER_CONNECTION = 5000
SCRIPT = Script(words=("one", " two", " three"), tool="f")
MESSAGES_PER_STEP = 40  # of 20 ms
SETTLED = 3  # connections after which the number of objects may grow no more
MARGIN = 3000  # objects: the neighbour's items, caches of the interpreter


class Neighbour:
    """A client that has the same conversation again and again, by the sample counter."""

    def __init__(self, engine: HandEngine) -> None:
        self.talk = Talk(engine, token="near")
        question = np.concatenate([speech(500), silence(4500)])
        self._chunks = (question * 32_767).astype("<i2").reshape(-1, 480)
        self._at = 0
        self.heard = hashlib.sha256()  # all that it was sent
        self.answers = 0

    def go_on(self) -> None:
        """The next 20 ms."""
        chunk = self._chunks[self._at % len(self._chunks)]
        self._at += 1
        self.talk.ask("input_audio_buffer.append", audio=base64.b64encode(chunk.tobytes()).decode())
        self.talk.engine.run(0.02)
        for event in self.talk.events:
            self.heard.update(json.dumps(event).encode())
            self.answers += event["type"] == "response.done"
        self.talk.events.clear()


def neighbour_alone(steps: int) -> Neighbour:
    """The neighbour after so many steps with nobody else there."""
    neighbour = Neighbour(HandEngine(2, SCRIPT))
    for _ in range(steps):
        neighbour.go_on()
    return neighbour


class Rude:
    """A fuzzing client, its grammar, and what it has sent."""

    def __init__(self, engine: HandEngine, seed: int) -> None:
        self.talk = Talk(engine, token=f"rude{seed}x")
        self.grammar = WireGrammar()
        self.fuzzer = Fuzzer(seed)

    def send(self) -> None:
        """One message. Each is answered without waiting, or not at all."""
        self.fuzzer.items = self.grammar.order[-8:]
        running = self.grammar.response
        self.fuzzer.responses = [running.id] if running else []
        self.talk.send(self.fuzzer.message())

    def look(self) -> None:
        """Checks what came, and forgets it."""
        for event in self.talk.events:
            self.grammar.see(event)
            assert event["type"] != "error" or event["error"]["type"] == "invalid_request_error", event
        self.talk.events.clear()


def test_a_hundred_thousand_messages() -> None:
    engine = HandEngine(2, SCRIPT)
    neighbour = Neighbour(engine)
    objects: list[int] = []
    kinds: dict[str, int] = {}
    steps = 0
    for connection in range(MESSAGES // PER_CONNECTION):
        rude = Rude(engine, connection)
        for sent in range(PER_CONNECTION):
            rude.send()
            for event in rude.talk.events:
                kinds[event["type"]] = kinds.get(event["type"], 0) + 1
            rude.look()
            if sent % MESSAGES_PER_STEP == 0:
                neighbour.go_on()
                steps += 1
        rude.look()
        assert not rude.talk.session.closed
        rude.talk.session.close()
        gone = weakref.ref(rude.talk.session), weakref.ref(rude.talk.facade)
        del rude
        gc.collect()
        assert [ref() for ref in gone] == [None, None], "a closed connection is still held"
        objects.append(len(gc.get_objects()))
    alone = neighbour_alone(steps)
    assert (neighbour.heard.digest(), neighbour.answers) == (alone.heard.digest(), alone.answers)
    assert alone.answers > steps // 300
    assert max(objects[SETTLED:]) < objects[SETTLED - 1] + MARGIN
    assert kinds["error"] > MESSAGES // 3
    for kind in ("response.done", "conversation.item.truncated", "input_audio_buffer.committed"):
        assert kinds[kind] > 20, f"the fuzzer hardly ever got as far as {kind}: {kinds}"
