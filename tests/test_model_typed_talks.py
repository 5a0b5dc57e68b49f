"""Typed conversations that the model learns from: what is typed, what answers it, and where one breaks in."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from nano import lessons
from nano.answers import LEAD_FRAMES, Answer
from nano.batches import Batch
from nano.corpus import save_answers
from nano.lessons import Exchange
from nano.timeline import GAP_FRAMES
from nano.typed import TYPED_FRAMES, TypedTalks

from tests.support.tiny import MODEL, SILENCE
from voicert.models.vocabulary import END, PAD, START, Vocabulary

Turn = tuple[Exchange, str]
ROWS = 40


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.build(lessons.sample_texts(300), 300)


@pytest.fixture(scope="module")
def spoken(vocabulary: Vocabulary) -> dict[str, Answer]:
    """Every answer that is not made from its request; each has codes of its own."""
    rng = np.random.default_rng(0)
    made: dict[str, Answer] = {}
    for answer in dict.fromkeys(lessons.answers()):
        pieces = vocabulary.encode(answer)
        text = np.full(2 * len(pieces), PAD)
        text[::2] = pieces
        text = np.array([START, *text, END])
        codes = rng.integers(MODEL.codebook_size, size=(MODEL.codebooks, len(text)))
        made[answer] = Answer(text, codes, np.zeros(0, np.float32))
    return made


@pytest.fixture(scope="module")
def talks(
    vocabulary: Vocabulary, spoken: dict[str, Answer], tmp_path_factory: pytest.TempPathFactory
) -> TypedTalks:
    folder = tmp_path_factory.mktemp("corpus")
    vocabulary.save(folder / "vocabulary.json")
    quiet = np.random.default_rng(1).integers(MODEL.codebook_size, size=(3, MODEL.codebooks, 300))
    save_answers(folder / "answers.npz", spoken, silence=SILENCE, quiet=quiet)
    return TypedTalks(folder, MODEL.user_frames)


@pytest.fixture(scope="module")
def drawn(talks: TypedTalks) -> tuple[Batch, list[list[Turn]]]:
    """Rows, and the turns that were drawn for each."""
    turns: list[list[Turn]] = []
    following, row = talks._next, talks._row
    patch = pytest.MonkeyPatch()

    def noted(rng: np.random.Generator, before: Exchange | None, answer: str) -> Turn:
        turns[-1].append(following(rng, before, answer))
        return turns[-1][-1]

    def begun(rng: np.random.Generator) -> object:
        turns.append([])
        return row(rng)

    patch.setattr(talks, "_next", noted)
    patch.setattr(talks, "_row", begun)
    batch = talks.batch(np.random.default_rng(2), ROWS)
    patch.undo()
    return batch, turns


def test_every_request_is_given_and_answered_after_the_gap(
    drawn: tuple[Batch, list[list[Turn]]], talks: TypedTalks, spoken: dict[str, Answer]
) -> None:
    batch, turns = drawn
    assert batch.text.shape == (ROWS, TYPED_FRAMES)
    answered = 0
    for i, wanted in enumerate(turns):
        text, codes, user_text = batch.text[i].numpy(), batch.codes[i].numpy(), batch.user_text[i].numpy()
        assert np.array_equal(batch.given[i].numpy() == 1, user_text != PAD)
        typed = [token for token in user_text if token != PAD]
        requests = [talks.vocabulary.encode(exchange.request) for exchange, _ in wanted]
        assert typed == [token for request in requests for token in request][: len(typed)]
        starts = np.flatnonzero(text == START)
        ends = np.cumsum([len(r) for r in requests])
        frames = np.flatnonzero(user_text != PAD)
        for start, end, (_, answer) in zip(starts, ends, wanted, strict=False):
            assert start == frames[end - 1] + 1 + GAP_FRAMES - LEAD_FRAMES
            over = [f for f in np.flatnonzero(text == END) if f > start]
            stop = over[0] if over else TYPED_FRAMES
            assert np.array_equal(codes[:, start:stop], spoken[answer].codes[:, : stop - start])
            answered += 1
    assert answered > 2 * ROWS


def test_an_answer_breaks_off_where_the_next_request_begins(
    drawn: tuple[Batch, list[list[Turn]]], spoken: dict[str, Answer]
) -> None:
    batch, turns = drawn
    cut = whole = 0
    for i, wanted in enumerate(turns):
        text, codes, given = batch.text[i].numpy(), batch.codes[i].numpy(), batch.given[i].numpy()
        for start, (_, answer) in zip(np.flatnonzero(text == START), wanted, strict=False):
            end = start + int(np.argmax(text[start:] == END))
            if end == start:  # the row was over before
                continue
            if end - start == len(spoken[answer].text) - 1:
                whole += 1
                continue
            cut += 1
            assert given[end - 1]
            assert not given[start : end - 1].any()
            assert np.array_equal(codes[:, end : end + 2].T, [SILENCE] * len(codes[0, end : end + 2]))
    assert cut > whole > 5


def test_requests_that_need_the_turn_before_come_after_a_whole_answer(
    drawn: tuple[Batch, list[list[Turn]]],
) -> None:
    _, turns = drawn
    follows = again = 0
    for row in turns:
        assert not row[0][0].after
        for (before, said), (exchange, answer) in pairwise(row):
            if exchange.after == "*":
                again += 1
                assert answer == said
            elif exchange.after:
                follows += 1
                assert exchange.after == before.family
                assert exchange.topic != before.topic
    assert follows
    assert again
