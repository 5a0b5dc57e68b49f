"""Typed conversations that the model learns from: what is typed, what answers it, and where one breaks in."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from nano import lessons
from nano.answers import LEAD_FRAMES, Answer
from nano.batches import LONG, Batch, answers_in
from nano.compose import AnswerComposer, Tokens
from nano.corpus import save_answers
from nano.lessons import Exchange
from nano.timeline import GAP_FRAMES
from nano.typed import LONG_FRAMES, TYPED_FRAMES, TypedTalks, reworded

from tests.support.tiny import MODEL, SILENCE
from voicert.models.vocabulary import END, PAD, START, Vocabulary

Turn = tuple[Exchange, str, Tokens]
ROWS = 40
(DIGITS,) = (family for family in lessons.WORDS if family.name == "digits")
RECORDED = sorted({DIGITS.draw(np.random.default_rng(seed)).answer for seed in range(60)})
# Frames of the last word's first token, after its last one, of start and end token (the row's end if there is
# none), and what was to be said.
Part = tuple[int, int, int, int, Tokens]


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.build(lessons.sample_texts(300), 300)


@pytest.fixture(scope="module")
def spoken(vocabulary: Vocabulary) -> dict[str, Answer]:
    """Every answer that is not made from its request; each has codes of its own."""
    rng = np.random.default_rng(0)
    made: dict[str, Answer] = {}
    for answer in dict.fromkeys([*lessons.answers(), *RECORDED]):
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

    def noted(rng: np.random.Generator, before: Exchange | None, answer: str, least: int) -> Turn:
        turns[-1].append(following(rng, before, answer, least))
        return turns[-1][-1]

    def begun(rng: np.random.Generator, frames: int) -> object:
        turns.append([])
        return row(rng, frames)

    patch.setattr("nano.batches.LATE", (1.0,))
    patch.setattr(talks, "_next", noted)
    patch.setattr(talks, "_row", begun)
    batch = talks.batch(np.random.default_rng(2), ROWS)
    patch.undo()
    return batch, turns


def parts(batch: Batch, i: int, wanted: list[Turn], vocabulary: Vocabulary) -> list[Part]:
    """Of each answered turn of row i."""
    text, frames = batch.text[i].numpy(), np.flatnonzero(batch.user_text[i].numpy() != PAD)
    lengths = [[len(vocabulary.encode_word(w)) for w in turn[0].request.split()] for turn in wanted]
    stops = np.cumsum([sum(words) for words in lengths])
    found: list[Part] = []
    for start, stop, words, (_, _, said) in zip(
        np.flatnonzero(text == START), stops, lengths, wanted, strict=False
    ):
        ends = np.flatnonzero(text[start:] == END)
        end = start + int(ends[0]) if len(ends) else TYPED_FRAMES
        typed = frames[:stop]
        first = typed[-1] + 1 + (stop - len(typed)) - words[-1]  # the row may end within the last word
        found.append((int(first), int(typed[-1]) + 1, int(start), end, said))
    return found


def test_every_request_is_given_and_answered_after_the_gap(
    drawn: tuple[Batch, list[list[Turn]]], talks: TypedTalks
) -> None:
    """Half of them as if they were heard: as soon after the last word, and where they begin is not asked."""
    batch, turns = drawn
    assert batch.text.shape == (ROWS, TYPED_FRAMES)
    heard = typed = 0
    for i, wanted in enumerate(turns):
        codes, user_text, unasked = (getattr(batch, n)[i].numpy() for n in ("codes", "user_text", "unasked"))
        assert np.array_equal(batch.given[i].numpy() == 1, user_text != PAD)
        tokens = [token for e, _, _ in wanted for token in talks.vocabulary.encode(e.request)]
        written = user_text[user_text != PAD].tolist()
        assert written == tokens[: len(written)]
        marked = set(np.flatnonzero(unasked).tolist())
        for word, stop, start, end, said in parts(batch, i, wanted, talks.vocabulary):
            if start in marked:
                heard += 1
                marked.remove(start)
                # The last word of a request is written a frame after its sound at the latest.
                assert start == word - 1 + GAP_FRAMES - LEAD_FRAMES
            else:
                typed += 1
                assert start == stop + GAP_FRAMES - LEAD_FRAMES
            assert np.array_equal(codes[:, start:end], said[1][:, : end - start])
        assert not marked
    assert heard > ROWS
    assert typed > ROWS


def test_an_answer_breaks_off_where_the_next_request_begins(
    drawn: tuple[Batch, list[list[Turn]]], talks: TypedTalks
) -> None:
    batch, turns = drawn
    cut = whole = 0
    for i, wanted in enumerate(turns):
        codes, given = batch.codes[i].numpy(), batch.given[i].numpy()
        for _, stop, start, end, said in parts(batch, i, wanted, talks.vocabulary):
            if end == TYPED_FRAMES:  # the row was over before
                continue
            if end - start == len(said[0]) - 1:
                whole += 1
                continue
            cut += 1
            assert given[end - 1]
            assert not given[max(start, stop) : end - 1].any()
            assert np.array_equal(codes[:, end], SILENCE)  # a short request may be answered in the next frame
    assert min(cut, whole) > 20


def test_requests_that_need_the_turn_before_come_after_a_whole_answer(
    drawn: tuple[Batch, list[list[Turn]]],
) -> None:
    _, turns = drawn
    follows = again = 0
    for row in turns:
        assert not row[0][0].after
        for (before, said, _), (exchange, answer, _) in pairwise(row):
            if exchange.after == "*":
                again += 1
                assert answer == said
            elif exchange.after:
                follows += 1
                assert exchange.after == before.family
                assert exchange.topic != before.topic
    assert follows
    assert again


def test_any_digits_are_said_back_though_few_were_recorded(
    drawn: tuple[Batch, list[list[Turn]]], spoken: dict[str, Answer]
) -> None:
    _, turns = drawn
    made = [turn for row in turns for turn in row if turn[1] not in spoken]
    assert len(made) > 5
    assert all(exchange.family == "digits" for exchange, _, _ in made)


def test_an_answer_is_made_of_words_of_others(spoken: dict[str, Answer], vocabulary: Vocabulary) -> None:
    """Each as it stood in its place, from where its first piece is written until the next word's is."""
    recorded = {said: (a.text, a.codes) for said, a in spoken.items() if said.startswith(tuple(RECORDED))}
    composer, rng = AnswerComposer(recorded, vocabulary), np.random.default_rng(4)
    said = "Five, two, six, two."
    text, codes = composer.answer(rng, said) or pytest.fail("it was not made")
    assert vocabulary.decode(text[text > END]) == said
    assert (text[0], text[-1]) == (START, END)
    assert codes.shape == (MODEL.codebooks, len(text))
    sources = [np.concatenate([t[None], c]) for t, c in recorded.values()]
    own = np.concatenate([text[None], codes])
    cuts = [0, *(i for i, t in enumerate(text) if vocabulary.piece(int(t)).startswith(" "))][2:]
    for part in np.split(own, cuts, axis=1):
        spans = [s[:, i : i + part.shape[1]] for s in sources for i in range(s.shape[1])]
        assert any(np.array_equal(part, span) for span in spans)
    assert composer.answer(rng, "Five, eleven.") is None  # nobody said so
    assert composer.answer(rng, "Five.") is None


def test_a_long_row_has_long_answers_from_beginning_to_end(
    talks: TypedTalks, spoken: dict[str, Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of the usual length cannot hold one."""
    monkeypatch.setattr("nano.batches.LATE", (1.0,))
    batch = talks.batch(np.random.default_rng(4), 12, LONG_FRAMES)
    whole = 0
    for text, codes in zip(batch.text.numpy(), batch.codes.numpy(), strict=True):
        for start, length in zip(*answers_in(text), strict=True):
            if length >= LONG:
                part = slice(start, start + length + 1)
                whole += any(
                    np.array_equal(answer.text, text[part]) and np.array_equal(answer.codes, codes[:, part])
                    for answer in spoken.values()
                )
    assert whole >= 12


def test_a_request_is_reworded_around_its_subject() -> None:
    """Some words are gone, some are others, some come in; what is asked about and the answer stay."""
    rng = np.random.default_rng(5)
    kept = gone = strange = words = subjects = 0
    for i in range(600):
        exchange = lessons.WORDS[i % len(lessons.WORDS)].draw(rng)
        made = reworded(rng, exchange, 0.4)
        assert replace(made, request=exchange.request) == exchange
        asked = iter(made.request.split())
        assert all(word in asked for word in exchange.topic.split())  # all, and in their order
        before, after = (Counter(e.request.split()) for e in (exchange, made))
        kept += made.request == exchange.request
        subjects += len(exchange.topic.split())
        gone, strange, words = (
            gone + (before - after).total(),
            strange + (after - before).total(),
            words + before.total(),
        )
    assert 0 < kept < 200
    others = 1 - subjects / words
    assert gone / words == pytest.approx(0.2 * others, abs=0.02)
    assert strange / words == pytest.approx(
        0.2 + 0.1 * others, abs=0.02
    )  # half of what is gone has another in its place
    assert reworded(rng, exchange, 0.0) == exchange


def test_a_late_answer_to_typed_text_is_wanted_all_the_while(
    talks: TypedTalks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two steps before it began, and in the one in which it does."""
    monkeypatch.setattr("nano.batches.LATE", (0.0, 0.0, 1.0))
    batch = talks.batch(np.random.default_rng(6), ROWS)
    wants = batch.text.numpy() == START
    begins = np.pad(batch.text_in.numpy()[:, 1:] == START, ((0, 0), (0, 1)))
    near = begins.copy()
    for late in (1, 2):
        near[:, :-late] |= begins[:, late:]
    assert begins.sum() > 2 * ROWS
    assert np.array_equal(wants[:, :-3], near[:, :-3])
    unasked = batch.unasked.numpy()[:, :-3] == 1
    assert unasked.sum() > ROWS
    assert wants[:, :-3][unasked].all()
