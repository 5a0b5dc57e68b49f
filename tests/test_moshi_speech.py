"""The Moshi that a server runs: where answers begin and end, what silence does, going back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.moshi_served import Ints, frames, open_tiny, steered, talk, tiny_folder, tokens
from voicert.errors import ModelError
from voicert.models import Bundle, Options
from voicert.models.moshi.speech import MoshiSpeech
from voicert.models.moshi.spelling import Spelling

QUIET = 5  # frames of 80 ms: answer_end_ms of tests.support.moshi_served


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return open_tiny(tiny_folder(tmp_path_factory.getbasetemp()), slots=3)


@pytest.fixture
def model(bundle: Bundle) -> MoshiSpeech:
    """With every slot at the beginning of a conversation."""
    assert isinstance(bundle.model, MoshiSpeech)
    for slot in range(3):
        bundle.model.reset(slot, replace(bundle.sampling, seed=slot))
    return bundle.model


def written(model: MoshiSpeech, slot: int, steps: int) -> list[int]:
    """The text that the language model remembers of its last steps."""
    held = model._lm.tokens  # pyright: ignore[reportPrivateUsage]
    return [
        int(held.own[slot, p % held.ring, 0])
        for p in range(int(held.position[slot]) - steps, int(held.position[slot]))
    ]


def silence(model: MoshiSpeech) -> list[int]:
    return talk(model, 2, frames(9, 1), hush=True)[0].codes[0].tolist()


def test_what_it_says_of_itself(bundle: Bundle, model: MoshiSpeech) -> None:
    assert (model.frame_rate, model.num_codebooks, model.max_slots) == (12.5, 8, 3)
    assert (model.rewind_frames, model.answer_lead_frames) == (125, 1)
    assert bundle.codec.frame_size == 1920
    assert bundle.capabilities == frozenset()
    assert model.tokens("hello") == []
    assert {model.piece(token) for token in (model.pad_id, model.start_id, model.end_id)} == {""}


def test_answers_begin_end_and_are_silent_between(model: MoshiSpeech) -> None:
    still, out = silence(model), talk(model, 0, frames(0, 200))
    answering, quiet, answers = False, 0, 0
    for t, step in enumerate(out):
        text, wants = int(step.text[0]), bool(step.wants[0])
        assert int(step.user_text[0]) == model.pad_id
        assert wants == (text == model.start_id)  # it begins when it likes, and only then
        if text == model.start_id:
            assert not answering
            answering, quiet, answers = True, 0, answers + 1
            continue
        if not answering:
            assert text == model.pad_id
            if t and int(out[t - 1].text[0]) == model.pad_id:  # the frame is complete a step later
                assert step.codes[0].tolist() == still
            continue
        quiet = 0 if model.piece(text) else quiet + 1
        assert (text == model.end_id) == (quiet == QUIET) or text == model.pad_id
        answering = text != model.end_id
    assert answers > 4
    assert len({tuple(step.codes[0]) for step in out}) > 50


def test_it_remembers_pads_where_nobody_heard_it(model: MoshiSpeech) -> None:
    out = talk(model, 0, frames(0, 100))
    told = [int(step.text[0]) for step in out]
    remembered = written(model, 0, 100)
    answering = False
    for text, own in zip(told, remembered, strict=True):
        answering = answering or text == model.start_id
        if not answering:
            assert own == model.pad_id
        elif model.piece(text):
            assert own == text
        answering = answering and text != model.end_id


def test_a_hushed_model_is_silent_and_tells_when_it_would_have_begun(model: MoshiSpeech) -> None:
    saved = model.snapshot(0)
    free = talk(model, 0, frames(1, 60))
    first = next(t for t, step in enumerate(free) if step.text[0] == model.start_id)
    model.restore(0, saved)
    hushed = talk(model, 0, frames(1, 60), hush=True)
    assert [bool(step.wants[0]) for step in hushed[: first + 1]] == [False] * first + [True]
    assert {int(step.text[0]) for step in hushed} == {model.pad_id}
    assert len({tuple(step.codes[0]) for step in hushed}) == 1
    assert written(model, 0, 60) == [model.pad_id] * 60


def test_a_hush_ends_an_answer_and_a_start_begins_one(model: MoshiSpeech) -> None:
    started = talk(model, 0, frames(1, 1), start=True)[0]
    assert int(started.text[0]) == model.start_id
    talk(model, 0, frames(2, 2))
    ended, after = talk(model, 0, frames(3, 2), hush=True)
    assert (int(ended.text[0]), int(after.text[0])) == (model.end_id, model.pad_id)
    assert ended.codes.tolist() == after.codes.tolist() == [silence(model)]
    both = model.step(np.array([0]), frames(4, 1), steered(1, hush=True, start=True))
    assert int(both.text[0]) == model.pad_id


def test_batched_is_alone(bundle: Bundle, model: MoshiSpeech) -> None:
    spoken = {slot: frames(slot, 60) for slot in range(3)}
    together: dict[int, list[list[int]]] = {slot: [] for slot in range(3)}
    random = np.random.default_rng(0)
    at = [0, 0, 0]
    while min(at) < 60:
        ready = [slot for slot in range(3) if at[slot] < 60 and random.random() < 0.7]
        random.shuffle(ready)
        if ready:
            rows = np.stack([spoken[slot][at[slot]] for slot in ready])
            hush = np.array([20 <= at[slot] < 30 for slot in ready])
            out = model.step(np.array(ready), rows, replace(steered(len(ready)), hush=hush))
            for row, slot in enumerate(ready):
                together[slot].append([int(out.text[row]), *out.codes[row].tolist()])
                at[slot] += 1
    for slot in range(3):
        model.reset(0, replace(bundle.sampling, seed=slot))
        parts = [spoken[slot][:20], spoken[slot][20:30], spoken[slot][30:]]
        alone = [step for i, part in enumerate(parts) for step in talk(model, 0, part, hush=i == 1)]
        assert tokens(alone).tolist() == together[slot]


@pytest.mark.parametrize("first", [40, 41, 44])
def test_a_retake_is_as_if_it_had_been_hushed(model: MoshiSpeech, first: int) -> None:
    user = frames(5, 110)
    saved = model.snapshot(0)
    talk(model, 0, user[:first])
    wanted = [*talk(model, 0, user[first:90], hush=True), *talk(model, 0, user[90:])]
    model.restore(0, saved)
    talk(model, 0, user[:90])
    model.rewind(0, 90 - first)
    retaken = [model.retake(0, 1), model.retake(0, 30), model.retake(0, 90 - first - 31)]
    assert np.concatenate([out.wants for out in retaken]).tolist() == [
        bool(out.wants[0]) for out in wanted[: 90 - first]
    ]
    after = talk(model, 0, user[90:])
    assert np.array_equal(tokens([*retaken, *after]), tokens(wanted))
    with pytest.raises(ModelError, match="0 of this slot are undone"):
        model.retake(0, 1)


@pytest.mark.parametrize("steps", [1, 17, 60])
def test_what_was_undone_never_was(model: MoshiSpeech, steps: int) -> None:
    user = frames(6, 100)
    before, after = talk(model, 0, user[:70]), talk(model, 0, user[70:])
    model.restore(1, model.snapshot(0))
    model.rewind(1, 30)
    talk(model, 1, frames(7, steps))
    model.rewind(1, steps)
    assert np.array_equal(tokens(talk(model, 1, user[70:])), tokens(after))
    with pytest.raises(ModelError, match="cannot go back"):
        model.rewind(1, 126)
    assert len(before) == 70


def test_another_seed_says_something_else_and_a_reset_the_same(bundle: Bundle, model: MoshiSpeech) -> None:
    first = tokens(talk(model, 0, frames(8, 40)))
    assert not np.array_equal(tokens(talk(model, 1, frames(8, 40))), first)
    model.reset(1, replace(bundle.sampling, seed=0))
    assert np.array_equal(tokens(talk(model, 1, frames(8, 40))), first)


def test_an_answer_is_over_when_the_settings_say(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tiny_folder(tmp_path_factory.getbasetemp())
    ends: list[int] = []
    for answer_end_ms in (2000, 80):
        bundle = open_tiny(folder, options=Options(answer_end_ms=answer_end_ms))
        bundle.model.reset(0, bundle.sampling)
        out = talk(bundle.model, 0, frames(0, 150))
        ends.append(sum(int(step.text[0]) == bundle.model.end_id for step in out))
    assert ends[0] < ends[1]


def test_pieces_are_joined_and_bytes_make_characters() -> None:
    spelling = Spelling(
        ["", "", "", "", " hel", "lo", "", "", "", "", ""], {6: 0xE2, 7: 0x82, 8: 0xAC, 9: 0x21}
    )
    told = [spelling.told(tail) for tail in ([4], [4, 5], [4, 5, 6], [5, 6, 7], [5, 6, 7, 8], [7, 8, 9])]
    assert [None if token is None else spelling.piece(token) for token in told] == [
        " hel",
        "lo",
        None,
        None,
        "€",
        "!",
    ]
    assert [spelling.piece(spelling.told(tail) or 0) for tail in ([5, 7], [3, 3, 7, 8])] == [
        "\ufffd",
        "\ufffd",
    ]
    assert [spelling.is_word(token) for token in (3, 4, 6, 99)] == [False, True, True, False]


def test_what_a_prompt_leaves_stands_in_every_slot(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tiny_folder(tmp_path_factory.getbasetemp(), "personaplex")
    plain = open_tiny(folder).model
    prompted = open_tiny(
        folder, 2, Options(answer_end_ms=400, text_prompt="Today you describe blue flowers.")
    )
    model = prompted.model
    plain.reset(0, prompted.sampling)
    first = tokens(talk(plain, 0, frames(0, 50)))
    outs: list[Ints] = []
    for slot in range(2):
        model.reset(slot, prompted.sampling)
        outs.append(tokens(talk(model, slot, frames(0, 50))))
    assert np.array_equal(outs[0], outs[1])
    assert not np.array_equal(outs[0], first)
