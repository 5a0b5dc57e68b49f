"""The duplex model as the engine drives it: grammar of an answer, hush and delays, against plain passes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import naive
from tests.support.tiny import (
    GREEDY,
    MODEL,
    SILENCE,
    converse,
    speech_model,
    transformer,
    user_codes,
    word_transformer,
)
from voicert.models.base import Sampling, StepOutput
from voicert.models.vocabulary import END, PAD, START

STEPS = 4 * MODEL.window
ABSTAIN = 34  # a word that is likely enough to come for a bias


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
    ("delays", "start_steps", "pad_bias", "start_bias", "abstain", "worded"),
    [
        ((0, 0, 1, 1), 1, 0.0, 0.0, None, False),
        ((0, 0, 0, 0), 1, 0.0, 0.0, None, False),
        ((0, 2, 1, 3), 1, 0.0, 0.0, None, False),
        ((0, 0, 1, 1), 2, 0.0, 0.0, None, False),
        ((0, 0, 1, 1), 1, 0.5, 0.0, None, False),
        ((0, 0, 1, 1), 1, 0.0, 0.4, None, False),
        ((0, 0, 1, 1), 1, 0.0, 0.0, (ABSTAIN, 1.0), False),
        ((0, 0, 1, 1), 1, 0.0, 0.0, None, True),
        ((0, 0, 1, 1), 1, 0.0, 0.0, (ABSTAIN, 1.0), True),
    ],
)
def test_it_writes_what_uncached_passes_write(
    tiny_step: Path,
    tiny_words: Path,
    delays: tuple[int, ...],
    start_steps: int,
    pad_bias: float,
    start_bias: float,
    abstain: tuple[int, float] | None,
    worded: bool,
) -> None:
    """Text, transcript and frames, over four windows, with hushes inside of answers and outside."""
    user, hush = user_codes(2, STEPS), {5, 6, 30, 31, 52, 71}
    flags = np.array([t in hush for t in range(STEPS)])
    words = word_transformer() if worded else None
    wanted = naive.write(
        transformer(), SILENCE, user, flags, start_steps, pad_bias, words, start_bias, abstain
    )
    biases = {"pad_bias": pad_bias, "start_bias": start_bias}
    config = dataclasses.replace(MODEL, delays=delays, start_steps=start_steps, **biases)
    if abstain:
        config = dataclasses.replace(config, abstain_token=abstain[0], abstain_bias=abstain[1])
    model = speech_model(tiny_step, 2, config, tiny_words if worded else None)
    model.reset(1, GREEDY)
    out = converse(model, 1, user, hush)
    assert np.array_equal(out.text, wanted.text)
    assert np.array_equal(out.user_text, wanted.user_text)
    assert np.array_equal(out.codes, naive.frames_of(wanted.rows, flags, delays, SILENCE))
    assert np.array_equal(inside(out.text), wanted.inside)
    plain = naive.write(transformer(), SILENCE, user, flags, start_steps)
    assert np.array_equal(plain.text, wanted.text) == (
        not any(biases.values()) and not worded and not abstain
    )
    assert (wanted.text == START).sum() >= 3  # the conversation had answers,
    assert (wanted.text[~flags] == END).sum() >= 2  # some of which ended by themselves
    assert any(wanted.text[t] == END for t in hush)  # and some of which were cut


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
