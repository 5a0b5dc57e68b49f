"""Conversations as text, and the training of the transformer over words on them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import train_words
from nano import lessons, muon
from nano.batches import Batch, Shards
from nano.confusions import NoisyChannel, confusions, conversations
from nano.muon import Muon, orthogonal
from nano.talks import WrittenTalks
from nano.weights import load_shipped, load_words

import voicert.models
from voicert.models.config import WordConfig, load_config
from voicert.models.vocabulary import END, PAD, START, Vocabulary
from voicert.models.words import WordTransformer

ROOT = Path(__file__).parents[1]
SHIPPED = Path(voicert.models.__file__).parent / "weights/nano"


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.load(SHIPPED / "vocabulary.json")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small shards of noise in which some words are spoken."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    np.savez(folder / "answers.npz", silence=np.zeros(8, np.int64))
    for n in range(2):
        text = np.full((11, 60), PAD, np.int16)
        user_text = text.copy()
        user_text[:, 10:50:10] = rng.integers(3, 900, (11, 4))
        codes = rng.integers(512, size=(2, 11, 8, 60)).astype(np.int16)
        np.savez(folder / f"shard000{n}.npz", user=codes[0], codes=codes[1], text=text, user_text=user_text,
                 given=text, phones=text)  # fmt: skip
    return folder


def test_rows_are_requests_and_their_answers(vocabulary: Vocabulary) -> None:
    made = WrittenTalks(vocabulary).batch(np.random.default_rng(1), 40, 200)
    known, right, whole = set(lessons.answers()), 0, 0
    for text, user_text, sure in zip(*(x.tolist() for x in vars(made).values()), strict=True):
        assert (len(text), text[0], user_text[0], sure[0]) == (202, PAD, PAD, False)
        assert all((a == PAD) != (b == PAD) for a, b in zip(text[1:], user_text[1:], strict=True))
        said, answering = list[int](), False
        for n, token in enumerate(text):
            assert not (answering and user_text[n] != PAD)
            assert sure[n] == (answering and (token != END or sure[n]))
            if token == START:
                said, answering = [], True
            elif token == END:
                whole += sure[n]
                right += sure[n] and vocabulary.decode(said) in known
                answering = False
            elif answering:
                said.append(token)
    assert whole > 200
    assert right > whole / 3  # the others are made of the request


def test_no_request_is_in_a_held_out_wording(vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[lessons.Exchange]()
    monkeypatch.setattr("nano.talks.reworded", lambda rng, exchange, most: asked.append(exchange) or exchange)
    WrittenTalks(vocabulary).batch(np.random.default_rng(2), 40, 200)
    assert len(asked) > 300
    assert not any(exchange.held_out for exchange in asked)


def test_some_words_are_misheard_and_some_answers_cut(
    vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = np.roll(np.eye(len(vocabulary), dtype=np.float32), 1, axis=1) * 0.3
    np.fill_diagonal(table, 0.7)

    def row() -> tuple[list[int], list[bool]]:
        made = WrittenTalks(vocabulary, NoisyChannel(table)).batch(np.random.default_rng(3), 20, 200)
        ends = made.text == END
        return made.user_text.flatten().tolist(), made.sure[ends].tolist()

    heard, ends = row()
    assert 0.1 < 1 - np.mean(ends) < 0.4
    monkeypatch.setattr("nano.talks.CLEAR", 1.0)
    assert row()[0] != heard
    monkeypatch.setattr("nano.talks.CUT", 0.0)
    assert all(row()[1])


def test_a_channel_takes_words_for_what_they_were_taken_for() -> None:
    """Those most that were most often; a word that was always heard, or never came, stays as it is."""
    table = np.zeros((8, 8), np.float32)
    table[3, [3, 4, 5]] = 0.4, 0.45, 0.15
    table[4, [4, 3]] = 0.8, 0.2
    table[5, 5] = 1.0
    channel, rng = NoisyChannel(table), np.random.default_rng(1)
    heard = np.array([channel.heard(rng, [3, 4, 5, 6], 0.1) for _ in range(4_000)])
    assert set(heard[:, 0].tolist()) == {3, 4, 5}
    assert set(heard[:, 1].tolist()) == {3, 4}
    assert (heard[:, 2:] == [5, 6]).all()
    wrong = (heard != [3, 4, 5, 6]).mean(0)
    assert wrong[0] == pytest.approx(3 * wrong[1], rel=0.25)
    assert wrong[:3].mean() == pytest.approx(0.1, rel=0.15)
    assert (heard[:, 0] == 4).sum() == pytest.approx(3 * (heard[:, 0] == 5).sum(), rel=0.25)
    assert channel.heard(rng, [3, 4, 5, 6], 0.0) == [3, 4, 5, 6]


def test_confusions_are_what_the_model_holds_for_likely(vocabulary: Vocabulary) -> None:
    """In the steps in which words are due; that nothing is due, and what was typed, are left out."""
    duplex, config = load_shipped(SHIPPED), load_config(SHIPPED / "config.json")[0]
    rng, steps = np.random.default_rng(4), 30
    streams = torch.from_numpy(rng.integers(config.codebook_size, size=(2, 8, 7 + steps)))
    words = torch.full((2, steps), PAD)
    words[0, 5], words[0, 11], words[1, 8], words[1, 20] = 40, 50, 40, 60
    given = torch.zeros_like(words)
    given[1, 20] = 1
    nothing = torch.full_like(words, PAD)
    before = torch.nn.functional.pad(words[:, :-1], (1, 0))
    batch = Batch(streams, streams[..., 7:], nothing, before, streams[..., 7:], nothing, words, given,
                  nothing, nothing)  # fmt: skip
    table = confusions(duplex, iter([batch]))
    assert np.flatnonzero(table.sum(1)).tolist() == [40, 50]
    assert (table[:, : END + 1] == 0).all()
    np.testing.assert_allclose(table.sum(1)[[40, 50]], 1.0, rtol=1e-5)
    with torch.no_grad():
        logits = duplex.user_text_head(duplex(streams, streams[..., 7:], nothing, before))
    likely = logits[:, :, END + 1 :].softmax(-1).numpy()
    wanted = (likely[0, 5] + likely[1, 8]) / 2
    np.testing.assert_allclose(table[40, END + 1 :], np.where(wanted < 1e-4, 0, wanted), rtol=0.05, atol=1e-3)


def test_every_conversation_is_listened_to(corpus: Path) -> None:
    shards = Shards(corpus, 8)
    rows = [len(batch.text) for batch in conversations(shards, 2)]
    assert rows == [8, 3, 8, 3]
    assert sum(len(batch.text) for batch in conversations(shards, 1)) == 11


def test_a_step_is_orthogonal_and_as_large_as_adams() -> None:
    torch.manual_seed(1)
    for shape in ((48, 16), (16, 48), (24, 24)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(3, *shape)))
        assert values.min() > 0.6
        assert values.max() < 1.3
    first, second, other = (torch.nn.Parameter(torch.zeros(32, 8)) for _ in range(3))
    optimiser = Muon([first, second], weight_decay=0.1)
    gradients = torch.randn(2, 32, 8)
    for p, gradient in zip((first, second, other), (*gradients, gradients[1]), strict=True):
        p.grad = gradient.clone()
    optimiser.step(0.5)
    Muon([other], weight_decay=0.1).step(0.5)
    torch.testing.assert_close(second, other)  # its neighbour does not matter
    assert first.grad is None
    rms = float(first.detach().pow(2).mean().sqrt()) / 0.5
    assert 0.1 < rms < 0.3
    assert (first.detach() * gradients[0]).sum() < 0
    with pytest.raises(ValueError, match="go backwards"):
        optimiser.step(0.5)


def test_it_minimises() -> None:
    """And goes on as it was, from its state."""
    torch.manual_seed(2)
    wanted = torch.randn(16, 8)

    def run(steps: int, p: torch.nn.Parameter, optimiser: muon.Muon) -> float:
        for _ in range(steps):
            (p - wanted).pow(2).sum().backward()
            optimiser.step(0.05)
        return float((p.detach() - wanted).pow(2).mean())

    p = torch.nn.Parameter(torch.zeros(16, 8))
    optimiser = Muon([p], weight_decay=0.0)
    assert run(150, p, optimiser) < 0.1
    copy = torch.nn.Parameter(p.detach().clone())
    again = Muon([copy], weight_decay=0.0)
    again.load_state_dict(optimiser.state_dict())
    assert run(5, p, optimiser) == run(5, copy, again)


def test_it_begins_as_the_duplex_transformer_whose_layers_it_has() -> None:
    _, extra = load_config(SHIPPED / "config.json")
    duplex = load_shipped(SHIPPED)
    model = train_words.begun(duplex, extra["silence"], WordConfig(weight=0.5))
    assert model.config.weight == 0.5
    text, user_text = torch.tensor([[PAD, PAD, START]]), torch.tensor([[PAD, 40, PAD]])
    still = torch.tensor(extra["silence"])[None, :, None].expand(1, -1, 8 + 1)
    with torch.no_grad():
        wanted = duplex.embed(still, still[..., :2], text[:, 1:], user_text[:, 1:])
        torch.testing.assert_close(model.embed(text, user_text), wanted, atol=1e-4, rtol=1e-4)


def test_answers_are_written_one_word_after_the_other(vocabulary: Vocabulary) -> None:
    """Rows of other lengths beside it change nothing."""
    torch.manual_seed(3)
    config, _ = load_config(SHIPPED / "config.json")
    small = WordConfig(width=32, layers=1, heads=2, kv_heads=1, head_dim=16, hidden=32)
    model = WordTransformer(train_words.dataclasses.replace(config, words=small)).eval()
    requests = [vocabulary.encode(text) for text in ("hello", "what is the capital of france")]
    both = train_words.answers(model, requests)
    assert both == [train_words.answers(model, [request])[0] for request in requests]
    text, user = [PAD, *[PAD] * len(requests[0]), START], [PAD, *requests[0], PAD]
    for word in both[0][:5]:
        with torch.no_grad():
            logits = model.head(model(torch.tensor([text]), torch.tensor([user])))[0, -1]
        assert word == int(logits[END:].argmax()) + END
        text, user = [*text, word], [*user, PAD]


def test_a_run_goes_on_where_it_stopped_and_is_exported(corpus: Path, tmp_path: Path) -> None:
    command = [sys.executable, "scripts/train_words.py", "--begin", str(SHIPPED), "--out", str(tmp_path),
               "--corpus", str(corpus), "--rows", "2", "--length", "40", "--threads", "1",
               "--examined", "6"]  # fmt: skip
    for steps in (2, 4):
        done = subprocess.run(
            [*command, "--steps", str(steps)], cwd=ROOT, check=True, timeout=300, capture_output=True
        )
        assert 0.0 <= json.loads(done.stdout.splitlines()[-1])["held_out"] <= 1.0
        assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == steps
    config, _ = load_config(SHIPPED / "config.json")
    model = load_words(tmp_path, config)
    assert model.config.layers == config.layers
