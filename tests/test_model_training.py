"""Losses and masks of the model's training, and what it tells of its progress."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from nano import people, timeline
from nano.batches import Batch, Shards, stacked
from nano.learning import (
    Objective,
    answering,
    answers_right,
    cross_entropy,
    weighted,
)
from nano.timeline import Composer
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from tests.support.conversations import (
    FRAMES,
    VOCABULARY,
    conversation,
    inside_of,
    make_shards,
    talkative,
    with_habits,
)
from tests.support.tiny import DEPTH, transformer
from voicert.models.config import DepthConfig
from voicert.models.vocabulary import END, PAD, START


@pytest.fixture(autouse=True)
def in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nano.batches.LATE", (1.0,))
    monkeypatch.setattr("nano.batches.OVERDUE", 0.0)


@pytest.fixture(scope="module")
def composer(tmp_path_factory: pytest.TempPathFactory) -> Composer:
    return talkative(tmp_path_factory.mktemp("bank"))


@pytest.fixture(scope="module")
def shards(composer: Composer, tmp_path_factory: pytest.TempPathFactory) -> Shards:
    return make_shards(composer, tmp_path_factory.mktemp("corpus"))


def test_a_crop_knows_where_answers_are(composer: Composer) -> None:
    """Every crop with a start or an end in it; in one without, no frame counts as an answer's."""
    for seed in range(6):
        text = conversation(composer, seed).text
        inside = inside_of(text)
        starts = range(0, len(text) - 60, 7)
        crops = torch.from_numpy(np.stack([text[s : s + 60] for s in starts]))
        for s, crop, found in zip(starts, crops, answering(crops), strict=True):
            marked = bool(((crop == START) | (crop == END)).any())
            assert found.tolist() == (inside[s : s + 60] & marked).tolist()


def test_frames_with_text_weigh_more() -> None:
    target = torch.tensor([PAD, 4, PAD, PAD, 8, PAD, PAD, PAD, 3, PAD])
    loss = torch.rand(10, generator=torch.Generator().manual_seed(1))
    weight = torch.where(target == PAD, 1.0, 5.0)
    given = torch.zeros_like(target)
    torch.testing.assert_close(weighted(loss, target, 5.0, given), (loss * weight).sum() / weight.sum())
    given[1] = 1
    weight[1] = 0.0
    torch.testing.assert_close(weighted(loss, target, 5.0, given), (loss * weight).sum() / weight.sum())


@pytest.mark.parametrize("books", [(), (3,)], ids=["text", "codes"])
def test_cross_entropy_of_one_head_or_one_for_each_codebook(books: tuple[int, ...]) -> None:
    make = torch.Generator().manual_seed(1)
    head, hidden = torch.randn(*books, 9, 4, generator=make), torch.randn(5, 4, generator=make)
    target = torch.randint(9, (5, *books), generator=make)
    logits = torch.einsum("...nd,md->m...n", head, hidden)
    wanted = -torch.log_softmax(logits, -1).gather(-1, target[..., None])[..., 0]
    torch.testing.assert_close(cross_entropy(head.flatten(0, -2), hidden, target), wanted)


@pytest.mark.parametrize("depth", [None, DEPTH], ids=["parallel", "depth"])
def test_losses_are_finite_and_train_every_weight(shards: Shards, depth: DepthConfig | None) -> None:
    model = transformer(depth=depth, text_size=len(VOCABULARY)).train()
    objective = Objective(model)
    losses = objective(model, stacked(shards.rows(np.random.default_rng(5), 4, 120, 1.0)), heavy=5.0)
    torch.stack(list(losses.values())).sum().backward()
    assert all(torch.isfinite(x) for x in losses.values())
    assert all(p.grad is not None and p.grad.any() for p in (*model.parameters(), *objective.parameters()))


def test_layers_that_hear_learn_nothing_from_a_new_head_for_phones(shards: Shards) -> None:
    """Which says nothing yet, but would move them."""
    batch = stacked(shards.rows(np.random.default_rng(0), 2, FRAMES))
    model = transformer(text_size=len(VOCABULARY))
    objective = Objective(model)
    for told in (True, False):
        objective.phones_only_told = told
        objective(model, batch, 3.0)["phones"].backward()
        assert objective.phone_head.weight.grad is not None
        assert all(p.grad is None for p in model.parameters()) is told


def test_a_batch_without_answers_has_no_loss_of_codes(shards: Shards) -> None:
    batch = stacked(shards.rows(np.random.default_rng(5), 2, 50))
    batch.text[:] = PAD
    model = transformer(text_size=len(VOCABULARY))
    assert Objective(model)(model, batch, heavy=5.0)["codes"] == 0


def test_phones_stand_where_the_voice_is(composer: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when a voice is slower or hesitates: as many frames of phones as the sound has, at its place."""
    monkeypatch.setattr(composer.speakers.bank, "phones", lambda item: np.full(-(-item.length // 480), 7))
    monkeypatch.setattr(timeline, "dither", lambda rng, samples, *levels: np.zeros(samples, np.float32))
    monkeypatch.setattr(people, "colour", lambda rng, pcm: pcm)
    calm = with_habits(composer, pauses=1.0)
    for seed in range(6):
        made = calm.compose(np.random.default_rng(seed), FRAMES)
        loud = np.abs(made.user).reshape(-1, 480).max(1) > 1e-4
        spoken = made.phones == 7
        assert spoken.any()
        assert not (spoken & ~wider(loud)).any()  # they begin at the nearest frame, twice if there is a pause
        assert not (loud & ~wider(spoken)).any()


def wider(marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """True also two frames before and after."""
    return np.convolve(marked, np.ones(5), "same") > 0


class Parrot(nn.Module):
    """Stands for a model whose heads know every target (sign 1), or are sure of none (-1)."""

    def __init__(self, batch: Batch, sign: float) -> None:
        super().__init__()
        self.batch = batch
        self.sign = sign

    def forward(self, *inputs: Tensor) -> Tensor:
        return inputs[0]

    def text_head(self, hidden: Tensor) -> Tensor:
        return self.sign * F.one_hot(self.batch.text, len(VOCABULARY))

    def user_text_head(self, hidden: Tensor) -> Tensor:
        return self.sign * F.one_hot(self.batch.user_text, len(VOCABULARY))


def test_the_examination_counts_answers_and_words(shards: Shards) -> None:
    """A model that is sure of every target gets all of them right, one that is sure of none nothing."""
    batch = stacked(shards.rows(np.random.default_rng(5), 2, FRAMES))
    right, answers, heard, words = answers_right(Parrot(batch, 1.0), batch)  # pyright: ignore[reportArgumentType]
    assert right == answers > 0
    assert heard == words > 0
    wrong = answers_right(Parrot(batch, -1.0), batch)  # pyright: ignore[reportArgumentType]
    assert (wrong[0], wrong[2]) == (0, 0)
