"""The shipped step's weights in PyTorch again: what training goes on from where its checkpoint is gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from nano import lessons
from nano.lessons import unknown
from nano.weights import load_shipped
from voicert_codecs.nano.runtime import open_session

import voicert.models
from voicert.models.config import load_config
from voicert.models.next_words import NextWords
from voicert.models.onnx_runner import OnnxRunner, OnnxWords
from voicert.models.slots import StepInputs
from voicert.models.vocabulary import PAD, Vocabulary

SHIPPED = Path(voicert.models.__file__).parent / "weights/nano"
STEPS = 40


def test_the_shipped_weights_do_the_same_in_pytorch() -> None:
    config, _ = load_config(SHIPPED / "config.json")
    rng = np.random.default_rng(1)
    user = rng.integers(config.codebook_size, size=(1, config.codebooks, config.user_frames - 1 + STEPS))
    own = rng.integers(config.codebook_size, size=(1, config.codebooks, STEPS))
    written = rng.random((2, 1, STEPS)) < 0.3
    text, user_text = np.where(written, rng.integers(config.text_size, size=(2, 1, STEPS)), PAD)
    graph = OnnxRunner(open_session(SHIPPED / "step.onnx", 1), config, 1, STEPS)
    none, slot = np.zeros(1, np.int64), np.zeros(1, np.int64)
    stepped = graph.run(StepInputs(user, own, text, user_text, none), slot, none)
    model = load_shipped(SHIPPED)
    with torch.inference_mode():
        hidden = model(*(torch.from_numpy(x) for x in (user, own, text, user_text)))
        whole = model.text_head(hidden), model.user_text_head(hidden), model.code_logits(hidden)
    for name, reference in zip(("text", "user_text", "codes"), whole, strict=True):
        same = np.corrcoef(getattr(stepped, name).ravel(), reference.numpy().ravel())[0, 1]
        assert same > 0.995, name  # the step multiplies in 8 bits


def test_it_abstains_with_a_word_that_begins_no_other_answer() -> None:
    """Which becomes likelier where an answer begins: another answer would come in the wrong place."""
    config, _ = load_config(SHIPPED / "config.json")
    vocabulary = Vocabulary.load(SHIPPED / "vocabulary.json")
    begin = {text for text in lessons.answers() if vocabulary.encode(text)[0] == config.abstain_token}
    assert begin == {unknown.ANSWER}


def test_it_knows_which_requests_are_complete() -> None:
    config, _ = load_config(SHIPPED / "config.json")
    vocabulary = Vocabulary.load(SHIPPED / "vocabulary.json")
    runner, slot = OnnxWords(open_session(SHIPPED / "words.onnx", 1), config, 1), np.zeros(1, np.int64)
    told = NextWords(runner, 1, config.text_size)

    def goes_on(text: str) -> float:
        told.reset(0)
        tokens = vocabulary.encode(text)
        for n, token in enumerate(tokens):
            told.note(slot, np.array([n]), np.array([PAD]), np.array([token]))
        return float(told.goes_on(slot, np.array([len(tokens)]))[0])

    for text in ("what is the capital of france", "count to twenty", "tell me a joke", "tell me a story"):
        assert goes_on(text) == 0.0, text
    for text in ("what is five plus", "tell me a", "if it is january which"):
        assert goes_on(text) > 1.0, text


def test_a_step_of_another_shape_is_refused(tmp_path: Path) -> None:
    shutil.copy(SHIPPED / "config.json", tmp_path)
    proto = onnx.load(SHIPPED / "step.onnx")
    kept = [i for i in proto.graph.initializer if not i.name.startswith("model.text_embedding")]
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(kept)
    onnx.save(proto, tmp_path / "step.onnx")
    with pytest.raises(ValueError, match=r"has no text_embedding\.weight"):
        load_shipped(tmp_path)
