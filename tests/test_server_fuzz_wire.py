"""Such messages over real sockets: every connection lives on, and a neighbour hears what it would."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from tests.support.fuzzer import Fuzzer
from tests.support.scripted import Script, silence, speech
from tests.support.server import RunningServer, running_server
from tests.support.talker import talking
from tests.support.wire_grammar import WireGrammar
from voicert.config import ServerConfig

MESSAGES = 1500  # of each of the rude clients
SCRIPT = Script(words=tuple(f" w{n}" for n in range(7)), by_loudness=True)
PATIENT = ServerConfig(max_messages_per_s=0, max_outgoing_bytes=64 << 20)


async def turns(url: str) -> tuple[Sequence[str], bytes]:
    """A neighbour's questions, and what it hears."""
    transcripts: list[str] = []
    async with talking(url) as talker:
        for pitch_hz in (110.0, 140.0, 170.0):
            await talker.say(speech(500, pitch_hz), silence(3000))
            done = await talker.until("response.done")
            transcripts.append(done["response"]["output"][0]["content"][0]["transcript"])
        return transcripts, talker.heard().tobytes()


async def be_rude(server: RunningServer, seed: int) -> WireGrammar:
    """A fuzzing client to its end; its last message is answered like any other."""
    fuzzer, grammar = Fuzzer(seed), WireGrammar()
    async with talking(server.realtime_url) as talker:

        async def listen() -> None:
            while grammar.last_fault != "the_end":
                grammar.see(await talker.receive())

        listening = asyncio.create_task(listen())
        for _ in range(MESSAGES):
            fuzzer.items = grammar.order[-8:]
            fuzzer.responses = [grammar.response.id] if grammar.response else []
            await talker.socket.send(fuzzer.message())
            await asyncio.sleep(0)
        await talker.send("nothing_of_the_kind", event_id="the_end")
        await listening
        return grammar


async def test_rude_clients_harm_nobody_else() -> None:
    with running_server(SCRIPT, PATIENT, max_sessions=3) as server:
        alone = await turns(server.realtime_url)
        beside, *rude = await asyncio.gather(
            turns(server.realtime_url), be_rude(server, 1), be_rude(server, 2)
        )
        assert beside == alone
        assert np.frombuffer(alone[1], "<i2").any()
        assert all(grammar.errors > MESSAGES // 3 for grammar in rude)
        async with asyncio.timeout(60):
            while server.engine.sessions:
                await asyncio.sleep(0.01)
        assert await turns(server.realtime_url) == alone
        assert server.engine.stats().failed == 0
