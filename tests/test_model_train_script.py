"""scripts/train_model.py on a corpus of noise: what a step is given; a run goes on where it stopped."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import train_model
from nano import lessons
from nano.answers import Answer
from nano.batches import LONG, Batch
from nano.corpus import save_answers
from nano.typed import LONG_FRAMES, TYPED_FRAMES
from nano.weights import load_shipped
from train_model import STAGES, Material, stage_at

from voicert.models.config import ModelConfig
from voicert.models.vocabulary import END, PAD, START, Vocabulary

ROOT = Path(__file__).parents[1]
CODEC = ROOT / "scripts/nano/start/codec.safetensors"  # from whose vectors the user's embedding begins
CONFIG = ModelConfig()
FRAMES = {"shard": 1_000, "long": 3_000, "reading": 1_000, "held_out_known": 300}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As scripts/make_corpus.py writes it; each kind of row has codes of its own."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    vocabulary = Vocabulary.build(lessons.sample_texts(300), 300)
    vocabulary.save(folder / "vocabulary.json")
    spoken: dict[str, Answer] = {}
    for answer in lessons.answers():
        text = np.array([START, *vocabulary.encode(answer), *[PAD] * (len(answer) // 2), END])
        spoken[answer] = Answer(text, rng.integers(512, size=(8, len(text))), np.zeros(0, np.float32))
    silence = np.zeros(8, np.int64)
    save_answers(folder / "answers.npz", spoken, silence=silence, quiet=np.zeros((2, 8, 300), np.int64))
    words = vocabulary.encode("what is the time")
    for mark, (kind, frames) in enumerate(FRAMES.items(), 1):
        text, user_text = np.full((2, frames), PAD), np.full((2, frames), PAD)
        user_text[:, 60 : 60 + 9 * len(words) : 9] = words
        if kind != "reading":
            text[:, 200], text[:, 260] = START, END
            text[:, 210] = vocabulary.encode_word("Hello.")[0]
        if kind in ("shard", "long"):
            text[1, 300], text[1, 302 + LONG] = START, END
        codes = np.full((2, 8, frames), mark)
        streams = {"user": codes, "codes": codes, "text": text, "user_text": user_text,
                   "given": np.zeros((2, frames)), "phones": np.zeros((2, frames))}  # fmt: skip
        name = f"{kind}.npz" if kind.startswith("held") else f"{kind}0000.npz"
        np.savez(folder / name, **{k: v.astype(np.int16) for k, v in streams.items()})
    return folder


def test_every_stage_has_its_kinds_of_rows(corpus: Path) -> None:
    material = Material(argparse.Namespace(corpus=corpus, batch_frames=7_200), CONFIG)
    rng = np.random.default_rng(1)
    for stage in STAGES:
        assert stage_at(stage.until - 1e-6) is stage
        for step, frames in enumerate(stage.frames):
            (sound, weight), (typed, typed_weight) = material.draw(rng, stage, step)
            assert (weight, typed_weight) == (1.0, train_model.TYPED_WEIGHT)
            long = frames >= LONG_FRAMES
            assert sound.text.shape[1] == frames
            assert sound.user.shape[2] == frames + CONFIG.user_frames - 1
            assert typed.text.shape[1] == (LONG_FRAMES if long else TYPED_FRAMES)
            assert abs(sound.text.numel() + typed.text.numel() - 7_200) <= max(frames, LONG_FRAMES)
            kinds = sound.user[:, 0, -1].tolist()  # see the fixture; spliced rows are of all
            assert (2 in kinds) == (frames == 3_000)
            assert (1 in kinds) == (frames < 3_000)
            asked = (sound.text == START).any(1)  # readings and spliced rows have no answers
            assert len(asked) - int(asked.sum()) >= round(stage.hearing * len(asked))
    assert stage_at(1.5) is STAGES[-1]


def test_words_as_heard_are_the_models_own(corpus: Path, tmp_path: Path) -> None:
    """What it writes after the true words; the step itself does not reach back from there."""
    args = argparse.Namespace(corpus=corpus, out=tmp_path, codec=CODEC, device="cpu", seed=1, lr=1e-3,
                              compile=False, begin=None)  # fmt: skip
    training = train_model.Training(args)
    material = Material(argparse.Namespace(corpus=corpus, batch_frames=2_000), CONFIG)
    (batch, _), _ = material.draw(np.random.default_rng(2), STAGES[0], 0)
    made = training._transcripts(batch)
    assert made.shape == batch.user_text.shape
    assert not made.requires_grad
    with torch.no_grad():
        hidden = training.model(batch.user, batch.own_in, batch.text_in, batch.user_text_in)
    chosen = training.model.user_text_head(hidden).float()
    best = chosen.max(-1).values
    torch.testing.assert_close(chosen.gather(-1, made[..., None])[..., 0], best, atol=0.1, rtol=0.1)


def test_a_run_begins_with_exported_weights(corpus: Path, tmp_path: Path) -> None:
    shipped = ROOT / "voicert/models/weights/nano"
    shutil.copy(shipped / "vocabulary.json", tmp_path)  # as many pieces as it has
    args = argparse.Namespace(corpus=tmp_path, out=tmp_path, codec=CODEC, device="cpu", seed=1, lr=1e-3,
                              compile=False, begin=shipped)  # fmt: skip
    training = train_model.Training(args)
    for name, weight in load_shipped(shipped).state_dict().items():
        assert torch.equal(training.model.state_dict()[name], weight), name
        assert torch.equal(training.average[name], weight), name


def test_the_stages_before_since_are_left_out(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the rest each has its share of the steps."""
    shares: list[float] = []

    def noted(training: train_model.Training, batches: list[tuple[Batch, float]], share: float) -> object:
        shares.append(share)
        training.step += 1
        return {}

    monkeypatch.setattr(train_model.Training, "learn", noted)
    options = ["--corpus", corpus, "--out", tmp_path, "--codec", CODEC, "--steps", 4, "--since", 0.6]
    monkeypatch.setattr("sys.argv", ["train_model.py", *map(str, options)])
    train_model.main()
    assert shares == pytest.approx([0.6, 0.7, 0.8, 0.9])


def test_a_run_goes_on_where_it_stopped(corpus: Path, tmp_path: Path) -> None:
    command = [sys.executable, "scripts/train_model.py", "--corpus", str(corpus), "--out", str(tmp_path),
               "--codec", str(CODEC), "--batch-frames", "1500", "--device", "cpu"]  # fmt: skip
    for steps in (2, 4):
        subprocess.run([*command, "--steps", str(steps)], cwd=ROOT, check=True, timeout=300)
        saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
        assert saved["step"] == steps
    told = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert all(np.isfinite(value) for row in told for value in row.values())
