"""When an answer begins: after a word, when the model is sure of it or it is overdue, or when asked for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from voicert_codecs.nano.runtime import open_session

from tests.support.tiny import GREEDY, MODEL, SILENCE, VOCABULARY, converse, speech_model, user_codes
from voicert.models.base import Control, Ints, Sampling
from voicert.models.config import WordConfig
from voicert.models.duplex import DuplexModel
from voicert.models.next_words import COMPLETE
from voicert.models.onnx_runner import OnnxRunner
from voicert.models.runner import Logits
from voicert.models.slots import StepInputs
from voicert.models.vocabulary import END, PAD, START


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


class Grammar:
    """In place of the graph over words: a request goes on after any word but the last one it knows of."""

    LAST = 6

    def run(self, text: Ints, user_text: Ints, slots: Ints, position: Ints) -> NDArray[np.float32]:
        made = np.zeros((*user_text[:, 1:].shape, len(VOCABULARY)), np.float32)
        made[..., PAD] = COMPLETE + np.where(user_text[:, 1:] == self.LAST, -0.1, 3.0)
        return made

    def read(self, slot: int) -> list[NDArray[np.float32]]:
        return []


@pytest.mark.parametrize("how", [GREEDY, Sampling(text_temperature=1e-3, text_top_k=2, seed=1)])
@pytest.mark.parametrize(
    ("end_weight", "wanted"),
    [
        (0.0, [0, 1, 2, 3, 6, 7, 8, 9, 11, 12, 13, 14]),
        (1.0, [0, 7, 8, 9, 11]),  # the step that writes a word was decided on without it
        (0.3, [0, 1, 2, 3, 6, 7, 8, 9, 11, 12, 13, 14]),  # e to 1 is more than e³ to the 0.3
    ],
)
def test_a_request_that_is_not_complete_holds_an_answer_back(
    tiny_step: Path, monkeypatch: pytest.MonkeyPatch, how: Sampling, end_weight: float, wanted: list[int]
) -> None:
    """It would begin at odds of e to 1. After the words at 0 and 11 more is to come, at odds of e³ to 1."""
    words = WordConfig(end_weight=end_weight)
    config = dataclasses.replace(
        MODEL, longest_thought=3, start_bias=0.0, pad_bias=0.0, words=words, patience=0
    )
    runner, given = OnnxRunner(open_session(tiny_step, 1), config, 1), {0: 5, 6: 6, 11: 7}
    model = DuplexModel("tiny", runner, config, VOCABULARY, SILENCE, Grammar())  # pyright: ignore
    monkeypatch.setattr(model, "_runner", Deaf())
    model.reset(0, how)
    user, hush, wants = user_codes(1, 20), np.array([True]), np.zeros(20, np.bool_)
    for t in range(20):
        control = Control(hush, np.array([False]), np.array([given.get(t, -1)]))
        wants[t] = model.step(np.array([0]), user[t : t + 1], control).wants[0]
    assert np.flatnonzero(wants).tolist() == wanted
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


def test_a_hush_outside_of_an_answer_keeps_it_from_starting(tiny_step: Path) -> None:
    out = converse(speech_model(tiny_step, 1), 0, user_codes(3, 40), set(range(40)))
    assert (out.text == PAD).all()
    assert (out.codes == SILENCE).all()
