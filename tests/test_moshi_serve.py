"""A model of the Moshi family behind the real server: sound, words, cuts, company, the page, chat, bench.

The weights are random, so it says words in no order. What is asked of it by hand comes in steps that depend
on nothing but what was sent, so that two runs can be compared.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from voicert_clients.wav import read_wav

from tests.support import wav
from tests.support.browser import chromium, wait_for, write_wav
from tests.support.moshi_served import open_tiny, tiny_folder
from tests.support.scripted import silence, speech
from tests.support.seats import Score
from tests.support.server import RunningServer, running_server
from tests.support.talker import Talker, talking
from voicert.cli import main
from voicert.engine import Engine, Frame
from voicert.models import Bundle, Options
from voicert.replay.player import Player
from voicert.replay.recorder import Recorder
from voicert.replay.tape import read_tape

BY_HAND = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}


SEED = 12  # says three words in the first second


def opened(base: Path, slots: int) -> Bundle:
    return open_tiny(tiny_folder(base), slots, Options(answer_end_ms=800))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return opened(tmp_path_factory.getbasetemp(), 2)


@pytest.fixture(scope="module")
def server(bundle: Bundle) -> Iterator[RunningServer]:
    with running_server(bundle=bundle, max_sessions=2, seed=SEED) as running:
        yield running


def transcript(done: dict[str, Any]) -> str:
    return done["response"]["output"][0]["content"][0]["transcript"]


async def ask(talker: Talker, tokens: int = 30, pitch_hz: float = 120.0) -> dict[str, Any]:
    """Speaks and asks for an answer of at most so many tokens, by hand; gives its ``response.done``."""
    await talker.send("session.update", session=BY_HAND)
    await talker.say(speech(480, pitch_hz=pitch_hz), silence(160))
    await talker.send("input_audio_buffer.commit")
    await talker.send("response.create", response={"max_output_tokens": tokens})
    return await talker.until("response.done")


async def test_an_answer_has_sound_and_words(server: RunningServer) -> None:
    async with talking(server.realtime_url) as talker:
        done = await ask(talker)
        told = talker.of_type("response.output_audio_transcript.delta")
        assert "".join(event["delta"] for event in told).strip() == transcript(done).strip()
        assert len(transcript(done).split()) >= 1
        heard = talker.heard()
        assert 0 < len(heard) <= 30 * 1920
        assert len(heard) % 1920 == 0
        assert np.abs(heard).max() > 300  # audible
        assert done["response"]["usage"]["output_token_details"]["audio_tokens"] == len(heard) // 1920


async def test_no_transcript_of_the_user_is_promised(server: RunningServer) -> None:
    async with talking(server.realtime_url) as talker:
        created = await talker.until("session.created")
        assert created["session"]["voicert"]["capabilities"] == []
        wanted = {"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
        await talker.send("session.update", session=wanted)
        updated = await talker.until("session.updated")
        assert updated["session"]["audio"]["input"]["transcription"] is None
        await ask(talker, tokens=5)
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
        await talker.send("conversation.item.create", item=item)
        assert (await talker.error())["code"] == "unsupported_by_model"
        assert not [event for event in talker.events if "input_audio_transcription" in event["type"]]


async def test_two_at_once_are_each_as_alone(server: RunningServer) -> None:
    """The same tokens; a decoder's samples are so up to their rounding."""

    async def heard(pitch_hz: float) -> tuple[str, NDArray[np.int16]]:
        async with talking(server.realtime_url) as talker:
            return transcript(await ask(talker, pitch_hz=pitch_hz)), talker.heard()

    apart = [await heard(120.0), await heard(180.0)]
    together = await asyncio.gather(heard(120.0), heard(180.0))
    assert [words for words, _ in together] == [words for words, _ in apart]
    for (_, one), (_, other) in zip(together, apart, strict=True):
        assert len(one) == len(other)
        assert np.abs(one.astype(int) - other).max() <= 2
    first, second = (sound for _, sound in apart)
    assert len(first) != len(second) or np.abs(first.astype(int) - second).max() > 100


async def test_what_was_not_heard_is_cut_and_the_next_answer_comes(server: RunningServer) -> None:
    async with talking(server.realtime_url) as talker:
        await talker.send("session.update", session=BY_HAND)
        await talker.say(speech(480), silence(160))
        await talker.send("input_audio_buffer.commit")
        await talker.send("response.create")
        item = (await talker.until("response.output_item.added"))["item"]["id"]
        await talker.until("response.output_audio.delta")
        await talker.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=80)
        cut = await talker.until("conversation.item.truncated")
        assert (cut["item_id"], cut["audio_end_ms"]) == (item, 80)
        await talker.send("conversation.item.retrieve", item_id=item)
        kept = (await talker.until("conversation.item.retrieved"))["item"]
        assert len(kept["content"][0]["transcript"].split()) <= 1  # a frame holds no more
        await talker.say(speech(320), silence(160))
        await talker.send("response.create", response={"max_output_tokens": 10})
        done = await talker.until("response.done", lambda e: e["response"]["output"][0]["id"] != item)
        assert done["response"]["status"] in ("completed", "incomplete")


def test_a_recording_makes_the_same_tokens_again(
    bundle: Bundle, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """Engine, codec and model go back together: what was retaken and rewound is played again from scratch."""
    recorder = Recorder(bundle, tmp_path)
    engine = Engine(bundle, tapes=recorder.tape)
    steering: dict[int, dict[str, Any]] = {
        5: {"start": True}, 15: {"hush": True}, 20: {"start": True}, 30: {"retake": 12},
        40: {"rewind": 3, "retake": 9}, 50: {"start": True}, 60: {"rewind": 1},
    }  # fmt: skip
    sounds = np.random.default_rng(0).normal(0.0, 0.1, (2, 70, 1920)).astype(np.float32)
    scores = [
        [Frame(pcm, 0.0, **({"hush": False} | steering.get(t, {}))) for t, pcm in enumerate(sound)]
        for sound in sounds
    ]
    seats = [Score(*score) for score in scores]
    for seat in seats:
        engine.join(seat, replace(bundle.sampling, seed=SEED))
    engine.start()
    assert all(seat.over.wait(60) for seat in seats)
    engine.stop()
    recorder.close()
    fresh = opened(tmp_path_factory.getbasetemp(), 1)
    for path in tmp_path.glob("*.tape"):
        player = Player(read_tape(path), fresh)
        assert player.play() is None
        assert len(player.text) == 70 - 4  # four steps were undone for good


def test_the_page_talks_with_it(server: RunningServer, tmp_path: Path) -> None:
    microphone = write_wav(tmp_path / "microphone.wav", silence(1500), speech(600), silence(60_000))
    with chromium() as browser, browser.page(microphone) as page:
        page.goto(server.url)
        page.locator("#processing").evaluate("(box) => { box.checked = false; box.onchange(); }")
        page.get_by_role("button", name="Start talking").press("Enter")
        wait_for(page, "voicert.transcript.some((line) => line.role === 'assistant' && line.text !== '')")
        wait_for(page, "voicert.playback?.audible > 2400")  # a tenth of a second of sound was played


def test_the_terminal_client_writes_the_answer(
    server: RunningServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    question = wav.save(tmp_path / "question.wav", silence(200), speech(600))
    answer = tmp_path / "answer.wav"
    arguments = ["chat", "--url", server.url, "--in", str(question), "--out", str(answer)]
    assert main([*arguments, "--timeout-s", "60"]) == 0
    assert "voicert  " in capsys.readouterr().out
    assert np.abs(read_wav(answer)).max() > 0.01


def test_the_bench_measures_it(server: RunningServer, tmp_path: Path) -> None:
    wav.save(tmp_path / "ask_one.wav", silence(50), speech(400), silence(50))
    wav.save(tmp_path / "long_one.wav", speech(500))
    wav.save(tmp_path / "interrupt_one.wav", silence(100), speech(900))
    found = tmp_path / "found.json"
    arguments = [
        "bench", "--url", server.url, "--wav", str(tmp_path), "--json", str(found), "--timeout-s", "60",
        "--pause-s", "0.3", "--turns", "1", "--interruptions", "1", "--backchannels", "0", "--recalls", "0",
    ]  # fmt: skip
    assert main(arguments) == 0
    report = json.loads(found.read_text())
    assert (report["turns"], report["turns_answered"]) == (1, 1)
    assert report["server"]["model"] == server.service.model_name
    assert report["frames"] > 10
