"""PersonaPlex as a client instructs it: as if the server had been started with that text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support import wav
from tests.support.moshi_served import Ints, frames, open_tiny, steered, talk, tiny_folder, tokens
from tests.support.seats import Score
from voicert.engine import Engine, Frame
from voicert.models import Bundle, Options
from voicert.models.base import Brief
from voicert.replay.player import Player
from voicert.replay.recorder import Recorder
from voicert.replay.tape import read_tape

TEXT = "Today you describe blue flowers."
USER = frames(0, 50)
Told = dict[int, Brief]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.getbasetemp(), "personaplex")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Bundle:
    return open_tiny(folder, slots=2)


def conversation(bundle: Bundle, *told: str, slot: int = 0, at: int = 0) -> Ints:
    """Text and codes [50, 9] of a fresh slot that is told something before step ``at``."""
    bundle.model.reset(slot, bundle.sampling)
    out = talk(bundle.model, slot, USER[:at])
    for text in told:
        control = replace(steered(1), briefs={0: Brief(text)})
        out.append(bundle.model.step(np.array([slot]), USER[None, len(out)], control))
    return tokens([*out, *talk(bundle.model, slot, USER[len(out) :])])


def test_it_can_be_instructed_and_moshi_cannot(
    plain: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert plain.capabilities == frozenset({"instructions"})
    assert open_tiny(tiny_folder(tmp_path_factory.getbasetemp())).capabilities == frozenset()


def test_instructions_are_the_text_prompt_of_one_conversation(folder: Path, plain: Bundle) -> None:
    started_so = open_tiny(folder, options=Options(answer_end_ms=400, text_prompt=TEXT))
    wanted = conversation(started_so)
    assert np.array_equal(conversation(plain, TEXT), wanted)
    assert np.array_equal(conversation(plain, TEXT, slot=1), wanted)
    assert not np.array_equal(conversation(plain), wanted)  # the next one is not told


def test_they_follow_the_voice_and_replace_the_servers_text(folder: Path, tmp_path: Path) -> None:
    voice = wav.save(tmp_path / "voice.wav", np.sin(np.arange(24_000) / 20).astype(np.float32))
    prompts = [
        open_tiny(folder, options=Options(answer_end_ms=400, voice_prompt=voice, text_prompt=text))
        for text in ("Be brief.", TEXT)
    ]
    assert np.array_equal(conversation(prompts[0], TEXT), conversation(prompts[1]))
    assert np.array_equal(
        conversation(prompts[0], "  "), conversation(prompts[0])
    )  # nothing is no instruction


def test_what_comes_after_the_first_step_comes_too_late(plain: Bundle) -> None:
    assert np.array_equal(conversation(plain, TEXT, at=3), conversation(plain))
    assert np.array_equal(conversation(plain, TEXT, "Be brief."), conversation(plain, TEXT))


def test_long_instructions_leave_half_of_the_context(plain: Bundle) -> None:
    conversation(plain, "word " * 20_000)


def test_a_recording_has_them(plain: Bundle, tmp_path: Path) -> None:
    sound = np.random.default_rng(0).normal(0.0, 0.1, (38, 1920)).astype(np.float32)
    told = [Brief(TEXT), *[None] * 37]
    score = Score(*(Frame(pcm, 0.0, hush=False, brief=brief) for pcm, brief in zip(sound, told, strict=True)))
    recorder = Recorder(plain, tmp_path)
    engine = Engine(plain, tapes=recorder.tape)
    engine.join(score, plain.sampling)
    engine.start()
    assert score.over.wait(60)
    engine.stop()
    recorder.close()
    [path] = tmp_path.glob("*.tape")
    tape = read_tape(path)
    assert Player(tape, plain).play() is None
    untold = replace(tape, entries=[e for e in tape.entries if getattr(e, "kind", "") != "brief"])
    assert Player(untold, plain).play() is not None
