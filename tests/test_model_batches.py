"""Rows of training against the streams as the runtime has them: shifted, late, overdue, rare, for hearing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from nano.batches import LONG, REQUEST, Hearing, Shards, answers_in, lateness, stacked
from nano.learning import answering
from numpy.typing import NDArray

from tests.support.conversations import (
    FRAMES,
    VOCABULARY,
    inside_of,
    make_shards,
    talkative,
)
from tests.support.tiny import MODEL, SILENCE
from voicert.models.vocabulary import END, PAD, START


@pytest.fixture(autouse=True)
def in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nano.batches.LATE", (1.0,))
    monkeypatch.setattr("nano.batches.OVERDUE", 0.0)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    return make_shards(talkative(tmp_path_factory.mktemp("bank")), tmp_path_factory.mktemp("corpus"))


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
    batch = stacked(shards.rows(np.random.default_rng(3), 24, frames, focus))
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


@pytest.mark.parametrize("late", [1, 2])
@pytest.mark.parametrize("start", [0, 2, 140])
def test_a_late_answer_is_wanted_all_the_while(shards: Shards, late: int, start: int) -> None:
    """The user's side stays where it is; while an answer goes on, the next one cannot begin."""
    frames, starts = FRAMES - start, 0
    for n in (0, 1):
        whole = whole_streams(shards, n)
        at = MODEL.user_frames + start - late
        row, plain = (shards.row("shard0000.npz", n, start, frames, by) for by in (late, 0))
        assert all(np.array_equal(row[k], plain[k]) for k in ("user", "user_text", "user_text_in", "given"))
        assert np.array_equal(row["codes"], whole["codes"][:, at : at + frames])
        assert np.array_equal(row["own_in"], whole["codes"][:, at - 1 : at + frames - 1])
        assert np.array_equal(row["text_in"], whole["text"][at - 1 : at + frames - 1])
        text = whole["text"][at : at + frames]
        inside = inside_of(whole["text"])[at : at + frames]
        near = [START in text[t : t + late + 1] and not inside[t] for t in range(frames)]
        assert np.array_equal(row["text"], np.where(near, START, text))
        if START in text:
            found = answering(torch.from_numpy(row["text"][None]))[0].numpy()
            assert np.array_equal(found, inside)
        starts += int(np.sum(near))
    assert starts > late


def test_late_rows_are_as_many_as_they_shall_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nano.batches.LATE", (0.5, 0.0, 0.5))
    rng = np.random.default_rng(8)
    drawn = Counter(lateness(rng) for _ in range(400))
    assert set(drawn) == {0, 2}
    assert drawn[2] == pytest.approx(200, abs=40)


def test_an_answer_that_is_due_is_wanted_until_it_comes(
    shards: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is said yet; the user is silent, and the conversation itself stays as it was."""
    monkeypatch.setattr("nano.batches.OVERDUE", 1.0)
    monkeypatch.setattr("nano.batches.DUE_FRAMES", (4, 30))
    monkeypatch.setattr("nano.batches.HUSH", 2)
    before = {k: v.copy() for k, v in shards.files["shard0000.npz"].items()}
    batch = stacked(shards.rows(np.random.default_rng(5), 40, 60, focus=1.0))
    waited: set[int] = set()
    for text, text_in, codes, own, heard in zip(
        batch.text, batch.text_in, batch.codes, batch.own_in, batch.user_text, strict=True
    ):
        due = 60 - next(n for n in range(61) if n == 60 or text[59 - n] != START)
        if due > 56:
            continue  # it had no room
        waited.add(60 - due)
        assert torch.all(text_in[due + 1 :] == PAD)
        assert torch.equal(text_in[1 : due + 1], text[:due])
        assert torch.equal(codes[:, due:], torch.from_numpy(SILENCE)[:, None].expand(-1, 60 - due))
        assert torch.equal(own[:, 1:], codes[:, :-1])
        assert torch.all(heard[due:] == PAD)
    assert len(waited) > 5
    assert max(waited) < 30
    assert all(np.array_equal(before[k], v) for k, v in shards.files["shard0000.npz"].items())


def test_crops_of_what_is_rare_are_of_that(shards: Shards, tmp_path: Path) -> None:
    """The others of the conversation, which are most, are left to the other rows."""
    data = shards.files["shard0000.npz"]
    text = np.full_like(data["text"], PAD)
    text[1, 10], text[1, 40], text[1, 300], text[1, 300 + LONG + 1] = START, END, START, END
    np.savez(tmp_path / "shard0000.npz", **(data | {"text": text}))
    np.savez(tmp_path / "answers.npz", silence=SILENCE)
    rare, rng = Shards(tmp_path, MODEL.user_frames), np.random.default_rng(6)
    crops = stacked(rare.rows(rng, 12, 250, focus=1.0, long=1.0))
    assert (crops.text == START).sum(1).tolist() == [1] * 12
    assert all(np.flatnonzero(row == START)[0] >= REQUEST for row in crops.text.numpy())
    idle = stacked(rare.rows(rng, 12, FRAMES, focus=1.0, idle=1.0))
    assert np.array_equal(idle.user_text, np.tile(data["user_text"][0], (12, 1)))


@pytest.mark.parametrize("readings", ["reading????.npz", "shard????.npz"], ids=["none", "some"])
def test_rows_for_hearing_have_words_and_nobody_who_answers(shards: Shards, readings: str) -> None:
    """With readings, or without; what stands for them here has answers, which spliced rows never have."""
    hearing = Hearing(shards, Shards(shards.folder, MODEL.user_frames, readings), VOCABULARY)
    batch = stacked(hearing.rows(np.random.default_rng(5), 4, 120))
    assert batch.user.shape == (4, MODEL.codebooks, MODEL.user_frames - 1 + 120)
    assert (batch.text[2:] == PAD).all()
    assert batch.unasked.all()  # neither a word nor silence is right
    assert ((batch.user_text[2:] != PAD).sum(1) > 3).all()


@pytest.mark.parametrize(
    ("text", "starts", "frames"),
    [
        ([PAD, PAD, PAD], [], []),
        ([PAD, START, 5, END, PAD], [1], [2]),
        ([4, END, START, 5, PAD, END, START, END], [2, 6], [3, 1]),
        ([PAD, START, END, PAD, START, 5, 6, 7], [1, 4], [1, 4]),  # cut off by the end of the conversation
    ],
)
def test_answers_are_found_with_their_lengths(text: list[int], starts: list[int], frames: list[int]) -> None:
    """From the start token to the end token, the latter not counted."""
    found = answers_in(np.array(text))
    assert [list(part) for part in found] == [starts, frames]
