"""The duplex model as the engine drives it: the rules of an answer, hush and delays, against plain passes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import naive
from tests.support.tiny import (
    MODEL,
    SILENCE,
    VOCABULARY,
    speech_model,
    transformer,
    user_codes,
    word_transformer,
)
from voicert.models.base import Control, Sampling, StepOutput
from voicert.models.duplex import DuplexModel
from voicert.models.runner import Logits
from voicert.models.slots import StepInputs
from voicert.models.vocabulary import END, PAD, START

STEPS = 4 * MODEL.window
GREEDY = Sampling()


def converse(
    model: DuplexModel, slot: int, user: NDArray[np.int64], hush: set[int] = frozenset()
) -> StepOutput:
    """Steps one slot through user [T, K] → all its outputs: text [T], user text [T], codes [T, K]."""
    free = Control.free(1)
    made = [
        model.step(np.array([slot]), u[None], dataclasses.replace(free, hush=np.array([t in hush])))
        for t, u in enumerate(user)
    ]
    fields = ("text", "user_text", "codes", "wants")
    return StepOutput(*(np.concatenate([getattr(out, name) for out in made]) for name in fields))


def inside(text: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[T] true from each start to its end; refuses what the grammar of an answer forbids."""
    within, answering = np.zeros(len(text), np.bool_), False
    for t, token in enumerate(text.tolist()):
        assert token != START or not answering, "an answer started inside of one"
        within[t] = answering or token == START
        assert token == PAD or within[t], f"token {token} outside of an answer"
        answering = within[t] and token != END
    return within


@pytest.mark.parametrize(
    ("delays", "start_steps", "pad_bias", "start_bias", "worded"),
    [
        ((0, 0, 1, 1), 1, 0.0, 0.0, False),
        ((0, 0, 0, 0), 1, 0.0, 0.0, False),
        ((0, 2, 1, 3), 1, 0.0, 0.0, False),
        ((0, 0, 1, 1), 2, 0.0, 0.0, False),
        ((0, 0, 1, 1), 1, 0.5, 0.0, False),
        ((0, 0, 1, 1), 1, 0.0, 0.4, False),
        ((0, 0, 1, 1), 1, 0.0, 0.0, True),
    ],
)
def test_it_writes_what_uncached_passes_write(
    tiny_step: Path,
    tiny_words: Path,
    delays: tuple[int, ...],
    start_steps: int,
    pad_bias: float,
    start_bias: float,
    worded: bool,
) -> None:
    """Text, transcript and frames, over four windows, with hushes inside of answers and outside."""
    user, hush = user_codes(2, STEPS), {5, 6, 30, 31, 52, 71}
    flags = np.array([t in hush for t in range(STEPS)])
    words = word_transformer() if worded else None
    wanted = naive.write(transformer(), SILENCE, user, flags, start_steps, pad_bias, words, start_bias)
    biases = {"pad_bias": pad_bias, "start_bias": start_bias}
    config = dataclasses.replace(MODEL, delays=delays, start_steps=start_steps, **biases)
    model = speech_model(tiny_step, 2, config, tiny_words if worded else None)
    model.reset(1, GREEDY)
    out = converse(model, 1, user, hush)
    assert np.array_equal(out.text, wanted.text)
    assert np.array_equal(out.user_text, wanted.user_text)
    assert np.array_equal(out.codes, naive.frames_of(wanted.rows, flags, delays, SILENCE))
    assert np.array_equal(inside(out.text), wanted.inside)
    plain = naive.write(transformer(), SILENCE, user, flags, start_steps)
    assert np.array_equal(plain.text, wanted.text) == (not any(biases.values()) and not worded)
    assert (wanted.text == START).sum() >= 3  # the conversation had answers,
    assert (wanted.text[~flags] == END).sum() >= 2  # some of which ended by themselves
    assert any(wanted.text[t] == END for t in hush)  # and some of which were cut


class Speechless:
    """In place of the graph: would start an answer at any time, and never writes or ends one."""

    def run(self, inputs: StepInputs, *_: object) -> Logits:
        text = np.zeros((*inputs.text.shape, len(VOCABULARY)), np.float32)
        text[..., START], text[..., PAD] = 2.0, 1.0
        codes = np.zeros((*inputs.text.shape, MODEL.codebooks, MODEL.codebook_size), np.float32)
        return Logits(text, text.copy(), codes)


def test_an_answer_that_writes_nothing_any_more_is_ended(
    tiny_step: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After ``longest_quiet`` steps without a word: a model that lost its thread must not hold the turn."""
    model = speech_model(tiny_step, 1, dataclasses.replace(MODEL, longest_quiet=5))
    monkeypatch.setattr(model, "_runner", Speechless())
    assert converse(model, 0, user_codes(1, 21)).text.tolist() == 3 * [START, *[PAD] * 5, END]


class Deaf(Speechless):
    """It hears no words either."""

    def run(self, inputs: StepInputs, *where: object) -> Logits:
        logits = super().run(inputs, *where)
        logits.user_text[..., PAD] = 3.0
        return logits


def test_an_answer_begins_only_after_a_word(tiny_step: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the latest ``longest_thought`` steps after it, in a retake too: a noise is no request."""
    model = speech_model(tiny_step, 1, dataclasses.replace(MODEL, longest_thought=3))
    monkeypatch.setattr(model, "_runner", Deaf())
    words, user = {0: 5, 8: 6, 10: 5}, user_codes(1, 20)
    wants = np.zeros(20, np.bool_)
    for t in range(20):
        control = Control(np.array([True]), np.array([False]), np.array([words.get(t, -1)]))
        wants[t] = model.step(np.array([0]), user[t : t + 1], control).wants[0]
    assert np.flatnonzero(wants).tolist() == [0, 1, 2, 3, 8, 9, 10, 11, 12, 13]
    model.rewind(0, 18)
    assert np.array_equal(model.retake(0, 18).wants, wants[2:])


class Hesitant(Speechless):
    """Would start an answer in these steps only."""

    WILLING = (2, 5, 6, 9, 10, 11, 12, 15, 16)

    def run(self, inputs: StepInputs, slots: NDArray[np.int64], position: NDArray[np.int64]) -> Logits:
        logits = super().run(inputs)
        steps = position[:, None] + np.arange(inputs.text.shape[1])
        logits.text[~np.isin(steps, self.WILLING), START] = 0.0
        return logits


def test_it_is_sure_before_it_begins(tiny_step: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``start_steps`` in a row; hushed, or taken again from anywhere, it wants to in the same ones."""
    model = speech_model(tiny_step, 1, dataclasses.replace(MODEL, start_steps=3))
    monkeypatch.setattr(model, "_runner", Hesitant())
    assert np.flatnonzero(converse(model, 0, user_codes(1, 20)).text == START).tolist() == [11]
    model.reset(0, GREEDY)
    wants = converse(model, 0, user_codes(1, 20), set(range(20))).wants
    assert np.flatnonzero(wants).tolist() == [11, 12]
    for back in range(1, 20):
        model.rewind(0, back)
        assert np.array_equal(model.retake(0, back).wants, wants[20 - back :])


class Doubtful(Deaf):
    """In these steps the beginning of an answer is as likely as a third to it, in others hardly possible."""

    IN_DOUBT = (2, 3, 12, 21, 22, 24, 33, 34)

    def run(self, inputs: StepInputs, slots: NDArray[np.int64], position: NDArray[np.int64]) -> Logits:
        logits = super().run(inputs)
        steps = position[:, None] + np.arange(inputs.text.shape[1])
        chance = np.where(np.isin(steps, self.IN_DOUBT), 1 / 3, 1e-6)
        logits.text[..., START] = logits.text[..., PAD] + MODEL.pad_bias + np.log(chance / (1 - chance))
        return logits


@pytest.mark.parametrize("hushed", [True, False])
def test_an_answer_that_is_overdue_begins(
    tiny_step: Path, monkeypatch: pytest.MonkeyPatch, hushed: bool
) -> None:
    """If the chances since the last word were enough, and no word came for ``patience`` steps.

    The first word is asked about at 2 and 3; the one at 11 at 12 alone; those at 20 and 23 at 24 alone, since
    who goes on has not asked yet; the one at 32 at 33 and 34.
    """
    config = dataclasses.replace(
        MODEL, start_steps=2, patience=6, overdue=0.6, longest_thought=8, longest_quiet=4
    )
    words, user = {1: 5, 11: 6, 20: 5, 23: 7, 32: 5}, user_codes(1, 50)
    model = speech_model(tiny_step, 1, config)
    monkeypatch.setattr(model, "_runner", Doubtful())
    wants, text = np.zeros(50, np.bool_), np.zeros(50, np.int64)
    for t in range(50):
        control = Control(np.array([hushed]), np.array([False]), np.array([words.get(t, -1)]))
        out = model.step(np.array([0]), user[t : t + 1], control)
        wants[t], text[t] = out.wants[0], out.text[0]
    if not hushed:
        assert np.flatnonzero(text == START).tolist() == [7, 38]
        return
    assert np.flatnonzero(wants).tolist() == [7, 8, 9, 38, 39, 40]
    for back in range(1, 50):
        model.rewind(0, back)
        assert np.array_equal(model.retake(0, back).wants, wants[50 - back :])


def test_an_answer_is_not_overdue_after_one(tiny_step: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it might have begun before was said."""
    config = dataclasses.replace(MODEL, patience=3, overdue=0.6, longest_quiet=2, longest_thought=20)
    model = speech_model(tiny_step, 1, config)
    monkeypatch.setattr(model, "_runner", Doubtful())
    begun: list[int] = []
    for t, user in enumerate(user_codes(1, 20)):
        start = np.array([t == 4])  # somebody asks for an answer
        control = Control(np.array([False]), start, np.array([5 if t == 1 else -1]))
        if model.step(np.array([0]), user[None], control).text[0] == START:
            begun.append(t)
    assert begun == [4]


def test_an_answer_that_is_asked_for_needs_no_word(tiny_step: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = speech_model(tiny_step, 1)
    monkeypatch.setattr(model, "_runner", Deaf())
    control = Control(np.array([False]), np.array([True]), np.array([-1]))
    assert model.step(np.array([0]), user_codes(1, 1), control).text.tolist() == [START]


def test_frames_are_put_together_from_delayed_rows() -> None:
    """A hand-made stream: row k is written delays[k] steps late, and step t completes frame t - 2."""
    delays, silence = (0, 2, 1), np.array([-1, -1, -1])
    frames = np.array([[10, 11, 12], [20, 21, 22], [30, 31, 32]])
    rows = np.array([[10, 20, 30, -1, -1], [-1, -1, 11, 21, 31], [-1, 12, 22, 32, -1]])
    made = naive.frames_of(rows, np.zeros(5, np.bool_), delays, silence)
    assert made.tolist() == [[-1] * 3, [-1] * 3, *frames.tolist()]
    cut = naive.frames_of(rows, np.array([False, False, False, True, False]), delays, silence)
    assert cut.tolist() == [[-1] * 3, [-1] * 3, [10, 11, 12], [-1] * 3, [-1] * 3]


@pytest.mark.parametrize("seed", range(6))
def test_answers_keep_their_grammar_when_drawn(tiny_step: Path, seed: int) -> None:
    """Start only outside, words and end only inside, silence everywhere else, whatever is drawn."""
    model = speech_model(tiny_step, 1, dataclasses.replace(MODEL, delays=(0, 0, 0, 0)))
    sampling = Sampling(temperature=1.0, top_k=8, text_temperature=2.0, text_top_k=150, seed=seed)
    model.reset(0, sampling)
    out = converse(model, 0, user_codes(seed, 200), {17, 18, 90})
    within = inside(out.text)
    assert (out.codes[~within] == SILENCE).all()
    assert (out.codes[within] != SILENCE).any()
    assert (out.text == START).sum() >= 3


def test_a_hush_ends_the_answer_at_once_and_is_remembered(tiny_step: Path) -> None:
    user = user_codes(2, 60)
    free = converse(speech_model(tiny_step, 1), 0, user)
    within = inside(free.text)
    cut = next(
        t for t in range(10, 60) if within[t - 3 : t + 4].all() and END not in free.text[t - 3 : t + 4]
    )
    model = speech_model(tiny_step, 1)
    out = converse(model, 0, user, {cut})
    assert np.array_equal(out.text[:cut], free.text[:cut])
    assert np.array_equal(out.codes[:cut], free.codes[:cut])
    assert out.text[cut] == END
    assert (out.codes[cut] == SILENCE).all()
    assert out.user_text[cut] == free.user_text[cut]  # it goes on listening
    after = slice(cut + 1, None)
    assert not np.array_equal(out.user_text[after], free.user_text[after])  # the later steps know of it


def test_a_hush_outside_of_an_answer_keeps_it_from_starting(tiny_step: Path) -> None:
    out = converse(speech_model(tiny_step, 1), 0, user_codes(3, 40), set(range(40)))
    assert (out.text == PAD).all()
    assert (out.codes == SILENCE).all()


def test_the_same_seed_gives_the_same_tokens(tiny_step: Path) -> None:
    user = user_codes(4, 50)
    warm = Sampling(temperature=1.0, text_temperature=1.0, seed=11)

    def run(sampling: Sampling) -> StepOutput:
        model = speech_model(tiny_step, 1)
        model.reset(0, sampling)
        return converse(model, 0, user)

    first, again, other = run(warm), run(warm), run(dataclasses.replace(warm, seed=12))
    assert np.array_equal(first.text, again.text)
    assert np.array_equal(first.codes, again.codes)
    assert not np.array_equal(first.text, other.text)
    assert not np.array_equal(first.codes, other.codes)
    cold = run(dataclasses.replace(warm, temperature=0.0, text_temperature=0.0))
    assert np.array_equal(cold.codes, run(GREEDY).codes)
    assert not np.array_equal(cold.codes, first.codes)


def test_the_likeliest_of_one_is_the_likeliest(tiny_step: Path) -> None:
    user = user_codes(5, 50)
    model = speech_model(tiny_step, 2)
    model.reset(0, Sampling(temperature=3.0, top_k=1, text_temperature=3.0, text_top_k=1, seed=5))
    narrow, greedy = converse(model, 0, user), converse(model, 1, user)
    assert np.array_equal(narrow.text, greedy.text)
    assert np.array_equal(narrow.codes, greedy.codes)


def test_pieces_are_the_vocabulary_s(tiny_step: Path) -> None:
    model = speech_model(tiny_step, 1)
    assert [model.piece(t) for t in (model.pad_id, model.start_id, model.end_id)] == ["", "", ""]
    assert "".join(model.piece(t) for t in model.vocabulary.encode("what is this")) == " what is this"
    assert (model.num_codebooks, model.frame_rate, model.max_slots) == (4, 50.0, 1)
