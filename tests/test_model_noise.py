"""What the model's training does to its inputs: wrong codes, text that is forgotten or misheard."""

from __future__ import annotations

import pytest
import torch
from nano.learning import as_heard, blur, corrupt, forget, mishear

from voicert.models.vocabulary import PAD


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


def test_fine_codes_are_blurred_in_some_rows_and_coarse_ones_never() -> None:
    torch.manual_seed(0)
    tokens = torch.arange(400 * 8 * 30).view(400, 8, 30)  # each code once: it tells where it comes from
    made = blur(tokens, 0.5)
    changed = made != tokens
    assert not changed[:, :2].any()
    assert float(changed.any(2).any(1).float().mean()) == pytest.approx(0.5, abs=0.08)
    books = changed.any(2).float().mean(0)
    assert (books[2:].diff() > 0).all()  # the finer, the more often
    assert torch.equal(made // 30, tokens // 30)  # of the same row and codebook
    assert torch.equal(blur(tokens, 0.0), tokens)


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


def test_text_is_misheard_word_by_word_but_never_made_up() -> None:
    """And what is typed stays; the frame at which the kind changes is of the one before."""
    torch.manual_seed(0)
    tokens = torch.randint(3, 9, (1000, 40)) * (torch.rand(1000, 40) < 0.5) + PAD
    given = torch.zeros_like(tokens)
    given[:, 19:] = 1
    made = mishear(tokens, given, 0.4)
    heard = tokens[:, :20] != PAD
    gone, other = made[:, :20] == PAD, (made != tokens)[:, :20] & (made[:, :20] != PAD)
    assert torch.equal(made[:, 20:], tokens[:, 20:])
    assert not other[~heard].any()
    assert float((gone & heard).sum() / heard.sum()) == pytest.approx(0.1, abs=0.01)
    assert float(other.sum() / heard.sum()) == pytest.approx(0.1 * 5 / 6, abs=0.01)
    assert set(made.unique().tolist()) == set(tokens.unique().tolist())


def test_words_are_put_as_the_model_heard_them_where_they_are() -> None:
    """In whole rows; what was typed stays, and so does what it missed or made up."""
    torch.manual_seed(0)
    written = torch.tensor([[5, PAD, 6, 7, 8, PAD, 9, 4]])  # of each step; 9 and 4 were typed
    heard = torch.tensor([[5, 3, 7, PAD, 3, PAD, 3, 3]])
    given = torch.tensor([[0, 0, 0, 0, 0, 0, 1, 1]])
    inputs = torch.cat([torch.tensor([[6]]), written[:, :-1]], 1)
    wanted = torch.tensor([[6, 5, PAD, 7, 7, 3, PAD, 9]])
    assert torch.equal(as_heard(inputs, heard, given, 1.0), wanted)
    rows = as_heard(*(x.expand(1000, -1) for x in (inputs, heard, given)), 0.3)
    changed = (rows != inputs).any(1)
    assert torch.equal(rows[changed], wanted.expand(int(changed.sum()), -1))
    assert float(changed.float().mean()) == pytest.approx(0.3, abs=0.05)
