"""Typed talk of which most empty steps are left out: the same words, places and targets in fewer steps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from nano import thinned as module
from nano.batches import Batch
from nano.thinned import Thinned, thinned

from tests.support.tiny import MODEL, transformer
from voicert.models.vocabulary import PAD

ROWS, FRAMES, STEPS = 3, 120, 60


def batch(density: float = 0.1) -> Batch:
    """Typed talk at random: nothing but tokens."""
    rng = np.random.default_rng(5)
    shape = ROWS, FRAMES
    text, user_text = (
        np.where(rng.random(shape) < density, rng.integers(3, MODEL.text_size, shape), PAD) for _ in range(2)
    )
    lag = [np.concatenate([np.full((ROWS, 1), PAD), t[:, :-1]], 1) for t in (text, user_text)]
    codes = rng.integers(MODEL.codebook_size, size=(ROWS, MODEL.codebooks, FRAMES))
    user = rng.integers(MODEL.codebook_size, size=(ROWS, MODEL.codebooks, MODEL.user_frames - 1 + FRAMES))
    none = np.zeros(shape, np.int64)
    unasked = (rng.random(shape) < 0.05).astype(np.int64)
    parts = user, codes, *lag, codes, text, user_text, none + 1, none, unasked
    return Batch(*(torch.from_numpy(np.asarray(part, np.int64)) for part in parts))


def made(share: float, b: Batch, steps: int, monkeypatch: pytest.MonkeyPatch) -> Thinned:
    monkeypatch.setattr(module, "EMPTY", (share,))
    return thinned(np.random.default_rng(1), b, steps)


def test_if_nothing_is_left_out_it_is_the_whole_row(monkeypatch: pytest.MonkeyPatch) -> None:
    model, b = transformer(own_codes=False).eval(), batch()
    t = made(1.0, b, FRAMES, monkeypatch)
    with torch.inference_mode():
        whole = model(b.user, b.own_in, b.text_in, b.user_text_in)
        torch.testing.assert_close(t.hidden(model), whole, atol=1e-5, rtol=1e-5)
    assert torch.equal(t.text, b.text)
    assert torch.equal(t.weight, 1.0 - b.unasked)


def test_a_step_sees_of_those_that_stay_what_it_would_see(monkeypatch: pytest.MonkeyPatch) -> None:
    """At their own places: another gap between two of them changes the result, and none sees a later one."""
    model, t = transformer(own_codes=False).eval(), made(0.2, batch(), STEPS, monkeypatch)
    with torch.inference_mode():
        hidden = t.hidden(model)
        moved = dataclasses.replace(t, position=t.position + (torch.arange(STEPS) >= 30))
        later = t.text_in.clone()
        later[:, 40] = (later[:, 40] + 1) % MODEL.text_size
        told = dataclasses.replace(t, text_in=later)
        assert torch.equal(moved.hidden(model)[:, :30], hidden[:, :30])
        assert not torch.allclose(moved.hidden(model)[:, 30:], hidden[:, 30:], atol=1e-4)
        assert torch.equal(told.hidden(model)[:, :40], hidden[:, :40])


def test_all_that_is_written_stays_and_the_step_that_foresees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    b = batch()
    t = made(0.05, b, STEPS, monkeypatch)
    for row in range(ROWS):
        kept, last = set(t.position[row].tolist()), int(t.position[row, -1])
        needed = (b.text_in[row] != PAD) | (b.user_text_in[row] != PAD) | (b.text[row] != PAD)
        assert set(needed[: last + 1].nonzero().flatten().tolist()) <= kept
        assert (t.position[row].diff() > 0).all()
        at = t.position[row]
        for name in ("text_in", "user_text_in", "text"):
            assert torch.equal(getattr(t, name)[row], getattr(b, name)[row][at])
        for step, frame in enumerate(at.tolist()):
            assert torch.equal(t.heard[row, :, step], b.user[row, :, frame : frame + MODEL.user_frames])


def test_what_is_left_out_is_stood_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a word would seem likelier than it is. Where nothing could tell what comes, nothing counts."""
    b = batch()
    b.unasked[:] = 0
    t = made(0.2, b, STEPS, monkeypatch)
    for row in range(ROWS):
        assert t.weight[row].sum().item() == pytest.approx(int(t.position[row, -1]) + 1, rel=1e-4)
    b.unasked[:] = 1
    assert not made(0.2, b, STEPS, monkeypatch).weight.any()


def test_a_row_of_few_words_is_filled_up(monkeypatch: pytest.MonkeyPatch) -> None:
    t = made(0.01, batch(0.01), STEPS, monkeypatch)
    assert t.position.shape == (ROWS, STEPS)
    assert (t.position.diff() > 0).all()
    with pytest.raises(ValueError, match="cannot keep 200 steps of rows of 120"):
        thinned(np.random.default_rng(1), batch(), 200)
