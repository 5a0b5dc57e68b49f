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
from nano.mishearings import Heard, Mishearings, load_heard
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


def heard(vocabulary: Vocabulary, said: str, written: str, answer: str = "Yes.", after: str = "") -> Heard:
    return Heard(lessons.Exchange(said, answer, "some", said, after=after), vocabulary.encode(written))


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
    mistakes = [heard(vocabulary, word, "zebra") for word in ("what", "is", "the", "you", "please", "do")]

    def row() -> tuple[list[int], list[bool]]:
        made = WrittenTalks(vocabulary, mistakes).batch(np.random.default_rng(3), 20, 200)
        ends = made.text == END
        return made.user_text.flatten().tolist(), made.sure[ends].tolist()

    monkeypatch.setattr("nano.talks.HEARD", 0.0)
    zebra = vocabulary.encode("zebra")[0]
    tokens, ends = row()
    assert 0.1 < 1 - np.mean(ends) < 0.4
    assert tokens.count(zebra) > 30
    monkeypatch.setattr("nano.talks.CLEAR", 1.0)
    assert row()[0].count(zebra) < 10
    monkeypatch.setattr("nano.talks.CUT", 0.0)
    assert all(row()[1])


def test_requests_as_they_were_heard_come_with_their_answers(
    vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not those that only make sense after another turn, nor those of which nothing was heard."""
    monkeypatch.setattr("nano.talks.CLEAR", 0.0)
    monkeypatch.setattr("nano.talks.HEARD", 1.0)
    monkeypatch.setattr("nano.talks.CUT", 0.0)
    some = heard(vocabulary, "is it", "ease eat", "Perhaps.")
    others = heard(vocabulary, "and you", "and", after="facts"), heard(vocabulary, "who", "")
    made = WrittenTalks(vocabulary, [some, *others]).batch(np.random.default_rng(3), 4, 100)
    row = made.user_text[0].tolist()
    request = vocabulary.encode("ease eat")
    assert row[1 : 1 + len(request)] == request
    assert set(row) == {PAD, *request}
    assert vocabulary.decode(t for t in made.text[0].tolist() if t > END).startswith("Perhaps. Perhaps.")


def test_a_word_is_taken_for_what_it_was_taken_for(vocabulary: Vocabulary) -> None:
    """As often as it was; together with its neighbours where they were; others stay as they are."""
    said = [("four and five", "fool and five")] * 3 + [("four and five", "four five")] * 1
    said += [("seven times eight", "seven eight")] * 2 + [("four times eight", "four tame ate")] * 4
    said += [("is it", "is it the")]
    mishearings = Mishearings(vocabulary, [heard(vocabulary, *pair) for pair in said])
    rng = np.random.default_rng(1)

    def often(text: str, times: float = 1.0) -> dict[str, float]:
        made = [vocabulary.decode(mishearings.hear(rng, text, times)) for _ in range(2_000)]
        return {heard: made.count(heard) / len(made) for heard in set(made)}

    four = often("four")
    assert set(four) == {"four", "fool"}
    assert four["fool"] == pytest.approx(3 / 8, abs=0.05)
    assert often("four", 0.5)["fool"] == pytest.approx(3 / 16, abs=0.04)
    assert often("four", 9.0)["fool"] == pytest.approx(0.6, abs=0.05)  # no word is always misheard
    both = often("times eight")
    assert set(both) == {"times eight", "tame ate", "eight"}
    assert both["tame ate"] == pytest.approx(0.6 * 4 / 6, abs=0.05)
    assert set(often("times nine")) == {"times nine", "nine"}  # "times" was lost alone
    assert set(often("and five")) == {"and five", "five"}
    assert set(often("it")) == {"it", "it the"}
    assert often("zebra") == {"zebra": 1.0}
    assert often("four times", 0.0) == {"four times": 1.0}


def test_a_lost_word_with_no_piece_left_is_none(vocabulary: Vocabulary) -> None:
    mishearings = Mishearings(vocabulary, [heard(vocabulary, "hello", "")])
    made = [mishearings.hear(np.random.default_rng(n), "hello", 9.0) for n in range(20)]
    assert [] in made
    talks = WrittenTalks(vocabulary, [heard(vocabulary, "hello", "")])
    assert all(talks.batch(np.random.default_rng(n), 2, 60).user_text[:, 1].all() for n in range(3))


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


def test_a_run_goes_on_where_it_stopped_and_is_exported(vocabulary: Vocabulary, tmp_path: Path) -> None:
    lines = tmp_path / "heard.jsonl"
    row = {"said": "hello", "answer": "Hello!", "family": "greetings", "topic": "", "after": ""}
    lines.write_text(json.dumps(row | {"heard": vocabulary.encode("hollow")}) + "\n")
    assert load_heard(lines) == [
        Heard(lessons.Exchange("hello", "Hello!", "greetings", ""), vocabulary.encode("hollow"))
    ]
    command = [sys.executable, "scripts/train_words.py", "--begin", str(SHIPPED), "--out", str(tmp_path),
               "--heard", str(lines), "--rows", "2", "--length", "40", "--threads", "1",
               "--examined", "6"]  # fmt: skip
    for steps in (2, 4):
        done = subprocess.run(
            [*command, "--steps", str(steps)], cwd=ROOT, check=True, timeout=300, capture_output=True
        )
        assert 0.0 <= json.loads(done.stdout.splitlines()[-1])["held_out"] <= 1.0
        assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == steps
    config, _ = load_config(SHIPPED / "config.json")
    model = load_words(tmp_path, config)
    assert (model.config.layers, model.config.end_weight) == (config.layers, 1.5)


def test_weights_between_those_it_began_with_and_those_it_trained_are_exported(
    vocabulary: Vocabulary, tmp_path: Path
) -> None:
    """And the ends of requests are fitted to them; training goes on from its own."""
    folders, nothing_heard = [tmp_path / name for name in ("old", "new")], tmp_path / "heard.jsonl"
    nothing_heard.touch()
    for folder, also in zip(folders, ([], ["--since", str(folders[0]), "--keep", "0.25"]), strict=True):
        folder.mkdir()
        command = [sys.executable, "scripts/train_words.py", "--begin", str(SHIPPED), "--out", str(folder),
                   "--heard", str(nothing_heard), "--rows", "2", "--length", "40", "--threads", "1",
                   "--examined", "3", "--steps", "2", *also]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=True, timeout=300, capture_output=True)
    old, new = (torch.load(folder / "checkpoint.pt", weights_only=True) for folder in folders)
    assert "exported" not in old
    config, _ = load_config(SHIPPED / "config.json")
    kept = load_words(folders[1], config).state_dict()
    for name, weight in new["model"].items():
        between = torch.lerp(weight, old["model"][name], 0.25)
        if name == "head.weight":
            assert not torch.allclose(kept[name][PAD], between[PAD], atol=1e-3)
            between, kept[name] = between[END:], kept[name][END:]
        torch.testing.assert_close(kept[name], between, msg=name)
    refused = subprocess.run([*command, "--keep", "1.5"], cwd=ROOT, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "--keep takes a share" in refused.stderr
