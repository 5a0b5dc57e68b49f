"""Recordings made by tests: of frames that were written down beforehand, and of a short conversation."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from voicert_codecs.nano.runtime import NanoCodec

from tests.support.duet import Collector
from tests.support.scripted import FRAME, Script, scripted_bundle, silence, speech
from tests.support.seats import Score
from tests.support.tiny import VOCABULARY, speech_model
from voicert.engine import Engine, Frame
from voicert.models.base import Bundle, Sampling
from voicert.replay import Recorder, read_tape
from voicert.session import open_session
from voicert.session.events import ResponseDone

DRAWN = Sampling(temperature=0.9, top_k=5, text_temperature=1.2, seed=11)
WORDS = VOCABULARY.encode("what is this")


def noise(seed: int, frames: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 0.2, (frames, FRAME)).astype(np.float32)


def steered(seed: int, frames: int) -> list[Frame]:
    """A conversation in which everything happens that can happen to a frame."""
    pcm = noise(seed, frames)
    extra: dict[int, dict[str, Any]] = {
        12: {"start": True}, 20: {"hush": True}, 25: {"user_text": WORDS[0]}, 26: {"user_text": WORDS[1]},
        40: {"retake": 18}, 45: {"rewind": 7}, 60: {"rewind": 3, "retake": 30}, 70: {"retake": 1},
    }  # fmt: skip
    return [Frame(x, 0.0, **({"hush": False} | extra.get(t, {}))) for t, x in enumerate(pcm)]


@pytest.fixture
def tiny_bundle(tiny_codec: Path, tiny_step_int8: Path) -> Bundle:
    """The tiny codec and model with two slots, which draws its tokens."""
    return Bundle(speech_model(tiny_step_int8, 2), NanoCodec(tiny_codec), DRAWN, identity="tiny")


def record(bundle: Bundle, folder: Path, *scores: Score) -> list[Path]:
    """Plays the scores together; their recordings in the order of their headers' times."""
    recorder = Recorder(bundle, folder)
    engine = Engine(bundle, tapes=recorder.tape)
    for score in scores:
        engine.join(score, DRAWN)
    engine.start()
    assert all(score.over.wait(60) for score in scores)
    engine.stop()
    recorder.close()
    return sorted(folder.glob("*.tape"), key=lambda path: read_tape(path).header.started)


def conversation(
    folder: Path, words: tuple[str, ...] = ("one", " two", " three"), *, audio: bool = False
) -> tuple[Bundle, Path]:
    """Someone asks, the scripted model answers with these words; the user interrupts nothing."""
    bundle = dataclasses.replace(scripted_bundle(1, Script(words=words)), identity="scripted")
    recorder = Recorder(bundle, folder, audio)
    engine, seen = Engine(bundle, tapes=recorder.tape), Collector()
    engine.start()
    session = open_session(engine, seen)
    session.push(np.concatenate([silence(300), speech(400), silence(200)]))
    seen.wait_for(ResponseDone)
    session.close()
    engine.stop()
    recorder.close()
    return bundle, next(folder.glob("*.tape"))
