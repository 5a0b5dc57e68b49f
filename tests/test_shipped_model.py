"""The shipped weights through the real server: asked aloud and in writing, interrupted, by two at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from voicert_clients.wav import read_wav

import voicert.bench
from tests.support.server import RunningServer, running_server
from tests.support.talker import Talker, talking
from voicert.models import load

SPEECH = Path(voicert.bench.__file__).parent / "speech"
ANSWERS = {
    "ask_capital_of_france": "The capital of France is Paris.",
    "ask_five_times_five": "Five times five is twenty five.",
    "ask_spider": "A spider has eight legs.",
}


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(bundle=load("nano", max_slots=4)) as running:
        yield running


def spoken(name: str) -> NDArray[np.float32]:
    """A request between two pieces of a quiet room's noise."""
    rng = np.random.default_rng(0)
    pcm = np.concatenate([np.zeros(12_000), read_wav(SPEECH / f"{name}.wav") * 0.5, np.zeros(2_400)])
    return (pcm + rng.standard_normal(len(pcm)) * 5e-4).astype(np.float32)


async def answer_to(talker: Talker, name: str) -> str:
    """Says a request, waits for the whole answer, and gives its transcript."""
    await talker.say(spoken(name))
    done = await talker.until("response.done")
    assert done["response"]["status"] == "completed"
    return done["response"]["output"][0]["content"][0]["transcript"]


@pytest.mark.parametrize("name", ANSWERS)
async def test_answers_aloud_what_was_asked(server: RunningServer, name: str) -> None:
    async with talking(server.realtime_url) as talker:
        assert await answer_to(talker, name) == ANSWERS[name]
        sound = talker.heard() / 32_768
        seconds = len(ANSWERS[name].split()) * 0.15
        loud = np.abs(sound.reshape(-1, 480)).max(1) > 0.02
        assert loud.sum() * 0.02 > seconds, "the answer is too short or too quiet to hold its words"
        assert np.abs(sound).max() < 0.99


async def test_a_long_answer_is_interrupted_and_the_next_one_comes(server: RunningServer) -> None:
    async with talking(server.realtime_url) as talker:
        await talker.say(spoken("long_count"))
        await talker.until("response.output_audio_transcript.delta", lambda e: "three" in e["delta"])
        await talker.say(spoken("interrupt_italy"))
        cut = await talker.until("response.done")
        assert cut["response"]["status"] == "cancelled"
        assert cut["response"]["status_details"]["reason"] == "turn_detected"
        done = await talker.until("response.done")
        assert done["response"]["output"][0]["content"][0]["transcript"] == "The capital of Italy is Rome."


async def test_two_at_once_each_get_their_own_answer(server: RunningServer) -> None:
    async with talking(server.realtime_url) as one, talking(server.realtime_url) as other:
        asked = answer_to(one, "ask_capital_of_france"), answer_to(other, "ask_spider")
        answers = await asyncio.gather(*asked)
    assert answers == [ANSWERS["ask_capital_of_france"], ANSWERS["ask_spider"]]


async def answer_in_writing(talker: Talker, text: str) -> str:
    """Types a request into a quiet room, and gives the transcript of the answer."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await talker.send("conversation.item.create", item=item)
    await talker.send("response.create")
    await talker.say((np.random.default_rng(0).standard_normal(24_000 * 5) * 5e-4).astype(np.float32))
    done = await talker.until("response.done")
    return done["response"]["output"][0]["content"][0]["transcript"]


async def test_typed_text_is_answered_aloud_and_followed_up(server: RunningServer) -> None:
    async with talking(server.realtime_url) as talker:
        assert (
            await answer_in_writing(talker, "What is the capital of Spain?")
            == "The capital of Spain is Madrid."
        )
        assert np.abs(talker.heard()).max() > 2_000
        assert await answer_in_writing(talker, "and what about Italy") == "The capital of Italy is Rome."
