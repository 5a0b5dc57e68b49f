"""Batches, losses and masks of the model's training, against the streams as the runtime has them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from nano.timeline import Composer
from numpy.typing import NDArray
from train_model import Shards, answering, corrupt, forget, longest, losses, weighted_text_loss

from tests.support.conversations import (
    FRAMES,
    VOCABULARY,
    conversation,
    inside_of,
    make_bank,
    make_composer,
    with_habits,
)
from tests.support.tiny import DEPTH, MODEL, SILENCE, transformer
from voicert.models.config import DepthConfig
from voicert.models.vocabulary import END, PAD, START


@pytest.fixture(scope="module")
def composer(tmp_path_factory: pytest.TempPathFactory) -> Composer:
    composer = make_composer(make_bank(tmp_path_factory.mktemp("bank")))
    return with_habits(composer, interruptions=0.4, typed=0.3)


@pytest.fixture(scope="module")
def shards(composer: Composer, tmp_path_factory: pytest.TempPathFactory) -> Shards:
    """Two conversations as scripts/make_corpus.py writes them, with random codes of the user."""
    folder = tmp_path_factory.mktemp("corpus")
    made = [conversation(composer, seed) for seed in (1, 2)]
    user = np.random.default_rng(1).integers(MODEL.codebook_size, size=(2, MODEL.codebooks, FRAMES))
    np.savez(folder / "shard0000.npz", user=user.astype(np.int16),
             codes=np.stack([c.codes for c in made]).astype(np.int16),
             text=np.stack([c.text for c in made]).astype(np.int16),
             user_text=np.stack([c.user_text for c in made]).astype(np.int16),
             given=np.stack([c.given for c in made]).astype(np.int16))  # fmt: skip
    np.savez(folder / "answers.npz", silence=SILENCE)
    return Shards(folder, MODEL.user_frames)


def whole_streams(shards: Shards, n: int) -> dict[str, NDArray[np.int64]]:
    """A conversation's streams as the runtime would have them, what precedes the first frame included."""
    data = shards.files["shard0000.npz"]
    quiet = np.tile(SILENCE[:, None], MODEL.user_frames)
    return {
        "codes": np.concatenate([quiet, data["codes"][n]], 1),
        "user": np.concatenate([quiet, data["user"][n]], 1),
        "text": np.concatenate([[PAD] * MODEL.user_frames, data["text"][n]]),
        "user_text": np.concatenate([[PAD] * MODEL.user_frames, data["user_text"][n]]),
        "given": np.concatenate([[0] * MODEL.user_frames, data["given"][n]]),
    }


@pytest.mark.parametrize("frames", [100, FRAMES, 900])
@pytest.mark.parametrize("focus", [0.0, 1.0])
def test_own_inputs_are_the_targets_of_the_step_before(shards: Shards, frames: int, focus: float) -> None:
    """Also at the first step of a crop, which is somewhere in a conversation, or at its beginning."""
    before = MODEL.user_frames  # entries of whole_streams ahead of the first frame
    wholes = [whole_streams(shards, n) for n in (0, 1)]
    batch = shards.batch(np.random.default_rng(3), 24, frames, focus)
    steps = min(frames, FRAMES)
    assert batch.text.shape == (24, steps)
    firsts: set[int] = set()
    for i in range(24):
        candidates = [
            (n, start)
            for n, whole in enumerate(wholes)
            for start in range(FRAMES - steps + 1)
            if np.array_equal(whole["codes"][:, before + start : before + start + steps], batch.codes[i])
            and np.array_equal(whole["user"][:, before + start], batch.user[i, :, before - 1])
        ]
        ((n, start),) = candidates
        whole, at = wholes[n], before + start
        firsts.add(start)
        assert np.array_equal(batch.text[i], whole["text"][at : at + steps])
        assert np.array_equal(batch.user_text[i], whole["user_text"][at : at + steps])
        assert np.array_equal(batch.given[i], whole["given"][at : at + steps])
        assert np.array_equal(batch.own_in[i], whole["codes"][:, at - 1 : at + steps - 1])
        assert np.array_equal(batch.text_in[i], whole["text"][at - 1 : at + steps - 1])
        assert np.array_equal(batch.user_text_in[i], whole["user_text"][at - 1 : at + steps - 1])
        assert np.array_equal(batch.user[i], whole["user"][:, at - before + 1 : at + steps])
    assert firsts == {0} if steps == FRAMES else len(firsts) > 3


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


def test_corruption_keeps_its_share_and_its_range() -> None:
    torch.manual_seed(0)
    tokens = torch.full((200, 4, 100), 7)
    made = corrupt(tokens, 0.3, 16)
    changed = (made != tokens).float().mean((1, 2))
    assert made.min() >= 0
    assert made.max() < 16
    assert changed.max() < 0.4
    assert changed.mean() == pytest.approx(0.15 * 15 / 16, abs=0.02)
    assert torch.equal(corrupt(tokens, 0.0, 16), tokens)


def test_text_is_forgotten_by_whole_rows() -> None:
    torch.manual_seed(0)
    tokens = torch.randint(3, 9, (1000, 20))
    made = forget(tokens, torch.zeros_like(tokens), 0.25)
    gone = (made == PAD).all(1)
    assert torch.equal(made[~gone], tokens[~gone])
    assert float(gone.float().mean()) == pytest.approx(0.25, abs=0.05)


def test_typed_text_is_never_forgotten() -> None:
    """An input is the token of the step before, so it was typed if that step's was."""
    tokens, given = torch.randint(3, 9, (4, 6)), torch.tensor([[0, 1, 1, 0, 0, 0]] * 4)
    made = forget(tokens, given, 1.0)
    assert torch.equal(made[:, 2:4], tokens[:, 2:4])
    assert (made[:, [0, 1, 4, 5]] == PAD).all()


def test_frames_with_text_weigh_more() -> None:
    logits = torch.randn(2, 5, 9, generator=torch.Generator().manual_seed(1))
    target = torch.tensor([[PAD, 4, PAD, PAD, 8], [PAD, PAD, PAD, 3, PAD]])
    loss = -torch.log_softmax(logits, -1).gather(-1, target[..., None])[..., 0]
    weight = torch.where(target == PAD, 1.0, 5.0)
    torch.testing.assert_close(weighted_text_loss(logits, target, 5.0), (loss * weight).sum() / weight.sum())
    given = torch.zeros_like(target)
    given[0, 1] = 1
    weight[0, 1] = 0.0
    torch.testing.assert_close(
        weighted_text_loss(logits, target, 5.0, given), (loss * weight).sum() / weight.sum()
    )


@pytest.mark.parametrize("depth", [None, DEPTH], ids=["parallel", "depth"])
def test_losses_are_finite_and_train_every_weight(shards: Shards, depth: DepthConfig | None) -> None:
    model = transformer(depth=depth, text_size=len(VOCABULARY)).train()
    text, user_text, codes = losses(model, shards.batch(np.random.default_rng(5), 4, 120, 1.0), heavy=5.0)
    (text + user_text + codes).backward()
    assert all(torch.isfinite(x) for x in (text, user_text, codes))
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_a_batch_without_answers_has_no_loss_of_codes(shards: Shards) -> None:
    batch = shards.batch(np.random.default_rng(5), 2, 50, 0.0)
    batch.text[:] = PAD
    assert losses(transformer(text_size=len(VOCABULARY)), batch, heavy=5.0)[2] == 0


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ([PAD, PAD, PAD], 0),
        ([PAD, START, 5, END, PAD], 2),
        ([4, END, START, 5, PAD, END, START, END], 3),
        ([PAD, START, END, PAD, START, 5, 6, 7], 4),  # cut off by the end of the conversation
    ],
)
def test_long_answers_are_found(text: list[int], frames: int) -> None:
    """From the start token to the end token, the latter not counted."""
    assert longest(np.array(text)) == frames
