"""Recordings of a Moshi: `voicert replay` opens the model as it was opened when they were made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import wav
from tests.support.moshi_served import open_tiny, tiny_folder
from tests.support.seats import Score
from voicert.cli import main
from voicert.engine import Engine, Frame
from voicert.errors import ModelError
from voicert.models import Options, load
from voicert.models.base import Bundle
from voicert.replay.recorder import Recorder
from voicert.replay.tape import MAGIC, read_tape

CHOICES = {
    "int8": {"int8": True},
    "bfloat16": {"dtype": "bfloat16"},
    "prompts": {"voice_prompt": Path("voice.wav"), "text_prompt": "You are kind."},
    "short answers": {"answer_end_ms": 320},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.getbasetemp(), "personaplex")


def record(bundle: Bundle, folder: Path) -> Path:
    """Three seconds, in which an answer is asked for."""
    sound = np.random.default_rng(0).normal(0.0, 0.1, (38, 1920)).astype(np.float32)
    score = Score(*(Frame(pcm, 0.0, hush=False, start=t == 3) for t, pcm in enumerate(sound)))
    recorder = Recorder(bundle, folder)
    engine = Engine(bundle, tapes=recorder.tape)
    engine.join(score, bundle.sampling)
    engine.start()
    assert score.over.wait(60)
    engine.stop()
    recorder.close()
    [tape] = folder.glob("*.tape")
    return tape


@pytest.fixture
def voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``voice.wav`` in the folder that the server is started in."""
    monkeypatch.chdir(tmp_path)
    return wav.save(tmp_path / "voice.wav", np.sin(np.arange(24_000) / 20).astype(np.float32))


@pytest.mark.parametrize("choice", CHOICES)
def test_it_replays_what_was_recorded_with_other_options(
    folder: Path,
    voice: Path,
    choice: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle = open_tiny(folder, options=Options(device="cpu", **CHOICES[choice]))
    assert bundle.identity != load(str(folder), 1).identity
    tape = record(bundle, tmp_path / "tapes")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["replay", str(tape)]) == 0
    assert capsys.readouterr().out.startswith("the same tokens: 38 steps")


def test_a_voice_that_is_gone_or_another_one_is_told(
    folder: Path, voice: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tape = record(open_tiny(folder, options=Options(voice_prompt=Path("voice.wav"))), tmp_path / "tapes")
    wav.save(voice, np.sin(np.arange(24_000) / 30).astype(np.float32))
    assert main(["replay", str(tape)]) == 2
    assert "the recording was made with the model" in capsys.readouterr().err
    voice.unlink()
    assert main(["replay", str(tape)]) == 2
    assert f"cannot read the voice_prompt {voice}: " in capsys.readouterr().err


def test_what_is_recorded_is_what_was_used(folder: Path, voice: Path, tmp_path: Path) -> None:
    """Not what was left to choose: another machine may choose something else."""
    tape = record(open_tiny(folder, options=Options(device="cpu")), tmp_path / "tapes")
    header = read_tape(tape).header
    assert header.options == {
        "device": "cpu", "dtype": "float32", "int8": False, "voice_prompt": None, "text_prompt": "",
        "answer_end_ms": 1200,
    }  # fmt: skip
    published = Options(voice_prompt=Path("NATF2.pt"))
    assert Options.of(published.plain()) == published
    assert Options.of(Options(voice_prompt=Path("voice.wav")).plain()).voice_prompt == voice
    with pytest.raises(ModelError, match="text_prompt is for models of the Moshi family"):
        load("nano", 1, options=Options.of({"text_prompt": "You are kind."}))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"warmth": 1}, "warmth = 1"),
        ({"int8": 1}, "int8 = 1"),
        ({"dtype": None}, "dtype = None"),
        ({"voice_prompt": 3}, "voice_prompt = 3"),
        ({"device": "toaster"}, "the device toaster cannot be used"),
    ],
)
def test_options_that_are_not_understood_are_named(
    folder: Path, options: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tape = record(open_tiny(folder), tmp_path / "tapes")
    mark, header, rest = tape.read_bytes().split(b"\n", 2)
    changed = json.dumps({**json.loads(header), "options": options}).encode()
    tape.write_bytes(b"\n".join([mark, changed, rest]))
    assert mark + b"\n" == MAGIC
    assert main(["replay", str(tape)]) == 2
    assert said in capsys.readouterr().err
