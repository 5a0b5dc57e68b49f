"""Recordings are played: the tokens come out of a fresh model again, and the first difference is told."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from voicert_codecs.nano.runtime import NanoCodec

from tests.support.scripted import silence, speech
from tests.support.seats import Score
from tests.support.tapes import conversation, record, steered
from tests.support.tiny import speech_model
from voicert.errors import TapeError
from voicert.models.base import Bundle, Control
from voicert.replay import Note, Player, Step, go_on, read_tape


def test_a_session_is_its_tokens(
    tiny_bundle: Bundle, tiny_codec: Path, tiny_step_int8: Path, tmp_path: Path
) -> None:
    """What was recorded among others comes out of a fresh model alone, which then goes on as the first."""
    first, other = Score(*steered(1, 120)), Score(*steered(2, 100))
    paths = record(tiny_bundle, tmp_path, first, other)
    assert len(paths) == 2
    saved = tiny_bundle.model.snapshot(0)
    tape = max((read_tape(path) for path in paths), key=lambda tape: tape.steps)
    assert tape.steps == 120
    assert (tape.header.model, tape.header.identity, tape.header.sampling["seed"]) == ("tiny", "tiny", 11)
    fresh = dataclasses.replace(
        tiny_bundle, model=speech_model(tiny_step_int8, 1), codec=NanoCodec(tiny_codec)
    )
    player = Player(tape, fresh)
    assert player.play() is None
    assert len(player.heard) == len(player.text) == len(player.said) == 110
    tiny_bundle.model.restore(1, saved)
    rng = np.random.default_rng(3)
    for _ in range(40):
        codes = rng.integers(16, size=(1, 4))
        ours = fresh.model.step(np.array([0]), codes, Control.free(1))
        theirs = tiny_bundle.model.step(np.array([1]), codes, Control.free(1))
        assert (ours.text, ours.user_text, ours.codes.tolist()) == (
            theirs.text,
            theirs.user_text,
            theirs.codes.tolist(),
        )


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"text": 5}, "the text is"),
        ({"user_text": 7}, "the user's text is"),
        ({"codes": None}, "of the voice is"),
        ({"wants": None}, "the wish to begin an answer is"),
    ],
)
def test_the_first_difference_is_told(
    tiny_bundle: Bundle, tmp_path: Path, changes: dict[str, Any], what: str
) -> None:
    [path] = record(tiny_bundle, tmp_path, Score(*steered(1, 60)))
    tape = read_tape(path)
    step = tape.entries[31]
    assert isinstance(step, Step)
    if "codes" in changes:
        changes = {"codes": (step.codes + 1) % 16}
    if "wants" in changes:
        changes = {"wants": not step.wants}
    tape.entries[31] = dataclasses.replace(step, **changes)
    difference = Player(tape, tiny_bundle).play()
    assert difference is not None
    assert (difference.step, difference.seconds) == (31, 0.62)
    assert what in str(difference)


def test_a_difference_in_what_was_taken_again_is_told(tiny_bundle: Bundle, tmp_path: Path) -> None:
    [path] = record(tiny_bundle, tmp_path, Score(*steered(1, 60)))
    tape = read_tape(path)
    step = tape.entries[40]
    assert isinstance(step, Step)
    tape.entries[40] = dataclasses.replace(step, retaken=(*step.retaken[:-1], 9))
    difference = Player(tape, tiny_bundle).play()
    assert difference is not None
    assert difference.step == 40


def test_a_recording_of_other_weights_is_refused(tiny_bundle: Bundle, tmp_path: Path) -> None:
    [path] = record(tiny_bundle, tmp_path, Score(*steered(1, 5)))
    with pytest.raises(TapeError, match="identity tiny; tiny has another"):
        Player(read_tape(path), dataclasses.replace(tiny_bundle, identity="another"))


def test_events_and_calls_are_noted(tmp_path: Path) -> None:
    bundle, path = conversation(tmp_path)
    tape = read_tape(path)
    events = [e.values["event"] for e in tape.entries if isinstance(e, Note) and e.kind == "event"]
    kinds = [event["is"] for event in events]
    assert kinds.index("SpeechStarted") < kinds.index("ResponseStarted") < kinds.index("ResponseDone")
    assert "ResponseAudio" not in kinds
    assert next(e for e in events if e["is"] == "ResponseDone")["transcript"] == "one two three"
    player = Player(tape, bundle)
    assert player.play() is None
    assert [(line.speaker, line.text) for line in player.lines()] == [
        ("user", "hello there"), ("assistant", "one two three"),
    ]  # fmt: skip


def test_a_fork_hears_something_else_from_there_on(tmp_path: Path) -> None:
    """Where nothing was asked yet it asks; in the middle of an answer that goes on; twice the same."""
    bundle, path = conversation(tmp_path)
    ask = np.concatenate([speech(300), silence(300)])
    texts: list[list[str]] = []
    for since in (0.2, 0.2, 1.2):
        player = Player(read_tape(path), bundle)
        assert player.play(since) is None
        assert player.seconds == pytest.approx(since)
        sounds = go_on(player, bundle, ask if since < 1 else silence(0))
        assert len(sounds.heard) == len(sounds.said)
        texts.append([line.text for line in player.lines()])
        loud = [np.abs(said).max() > 0.1 for said in sounds.said]
        assert any(loud)
        assert len(player.text) == round(since * 50) + len(sounds.said)
    assert texts[0] == texts[1] == texts[2] == ["hello there", "one two three"]
