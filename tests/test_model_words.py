"""The transformer over words: its graph against whole passes, what it is told, and how its opinion counts."""

from __future__ import annotations

import dataclasses
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from voicert_codecs.nano.runtime import open_session

from tests.support.tiny import MODEL, VOCABULARY, WORDS, speech_model, user_codes, word_transformer
from voicert.errors import ModelError
from voicert.models.base import Control, Sampling
from voicert.models.config import ModelConfig, WordConfig, load_config, save_config
from voicert.models.export import export_words
from voicert.models.next_words import COMPLETE, NextWords, agreed
from voicert.models.onnx_runner import OnnxWords
from voicert.models.runner import WAITING
from voicert.models.vocabulary import END, PAD, START
from voicert.models.words import WordTransformer

CONFIG = dataclasses.replace(MODEL, words=WORDS)
SIZE = len(VOCABULARY)
STEPS = 5 * WORDS.window
Ints = NDArray[np.int64]


def texts(rows: int = 2, steps: int = STEPS) -> Ints:
    """[2, B, 1 + T] of written steps after nothing."""
    rng = np.random.default_rng(3)
    made = np.where(rng.random((2, rows, 1 + steps)) < 0.5, rng.integers(3, SIZE, (2, rows, 1 + steps)), PAD)
    made[1] = np.where((made == PAD).all(0), 5, made[1])  # something in each of them
    made[:, :, 0] = PAD
    return made


@torch.inference_mode()
def whole(made: Ints) -> NDArray[np.float32]:
    """Logits [B, T, V] in one pass."""
    model = word_transformer()
    return model.head(model(*torch.from_numpy(made))).numpy()


def runner(words: Path, slots: int = 3) -> OnnxWords:
    return OnnxWords(open_session(words, 1), CONFIG, slots, page=4)


@pytest.mark.parametrize("at_once", [1, 7, STEPS])
def test_the_graph_does_what_a_whole_pass_does(tiny_words: Path, at_once: int) -> None:
    """Over several windows, in pieces of any size; rows in slots of any order."""
    made, graph, slots = texts(), runner(tiny_words), np.array([2, 0])
    logits = [
        graph.run(*made[:, :, t : t + at_once + 1], slots, np.full(2, t)) for t in range(0, STEPS, at_once)
    ]
    np.testing.assert_allclose(np.concatenate(logits, 1), whole(made), atol=2e-4)


def test_in_8_bits_it_says_nearly_the_same(tiny_words: Path, tmp_path: Path) -> None:
    """Tables and products; the tables are float32 again once the graph is loaded."""
    path = tmp_path / "words.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        export_words(word_transformer(), path)
    assert path.stat().st_size < 0.7 * tiny_words.stat().st_size  # the graph itself is a good part
    tables = [i for i in onnx.load(path).graph.initializer if i.name.endswith(".int8")]
    assert [i.data_type for i in tables] == 4 * [onnx.TensorProto.INT8]
    made, slots, first = texts(), np.arange(2), np.zeros(2, np.int64)
    exact, rough = (runner(each).run(*made, slots, first) for each in (tiny_words, path))
    assert np.corrcoef(exact.ravel(), rough.ravel())[0, 1] > 0.995


def test_what_is_out_of_every_window_is_forgotten() -> None:
    """Two layers look back on a window each, and the first on the written step before that."""
    far, near = texts(1), texts(1)
    reach = 2 * (WORDS.window - 1) + 1
    far[1, 0, STEPS - reach - 1], near[1, 0, STEPS - reach] = 9, 9
    last = [whole(made)[0, -1] for made in (texts(1), far, near)]
    np.testing.assert_allclose(last[0], last[1], atol=1e-5)
    assert np.abs(last[0] - last[2]).max() > 1e-4


class Counting:
    """Tells of each row how many written steps it was given so far, and their sum."""

    def __init__(self, slots: int) -> None:
        self.sums = [dict[int, int]() for _ in range(slots)]
        self.runs: list[tuple[list[int], int]] = []

    def run(self, text: Ints, user_text: Ints, slots: Ints, position: Ints) -> NDArray[np.float32]:
        count = text.shape[1] - 1
        assert count <= WAITING
        self.runs.append((slots.tolist(), count))
        made = np.zeros((len(slots), count, SIZE), np.float32)
        for row, (slot, at) in enumerate(zip(slots.tolist(), position.tolist(), strict=True)):
            for t in range(count):
                pair = int(text[row, t + 1]) + 100 * int(user_text[row, t + 1])
                self.sums[slot][at + t] = pair
                before = int(text[row, t]) + 100 * int(user_text[row, t])
                assert before == self.sums[slot].get(at + t - 1, 0), "the step before is another one"
                made[row, t, 0] = sum(self.sums[slot][i] for i in range(at + t + 1))
        return made

    def read(self, slot: int) -> list[Any]:
        return [dict(self.sums[slot])]

    def write(self, slot: int, saved: list[Any]) -> None:
        self.sums[slot] = dict(saved[0])


def test_rows_with_as_much_to_read_are_one_run() -> None:
    counting = Counting(3)
    told, slots = NextWords(counting, 3, SIZE), np.arange(3)
    for slot, words in ((0, 2), (1, 3), (2, 2)):
        for n in range(words):
            told.note(slots[slot : slot + 1], np.array([n]), np.array([PAD]), np.array([4 + n]))
    counts = np.array([2, 3, 2])
    assert told.logits(slots, counts)[:, 0].tolist() == [900, 1500, 900]
    assert counting.runs == [([0, 2], 2), ([1], 3)]
    assert told.logits(slots, counts)[:, 0].tolist() == [900, 1500, 900]  # nothing new to read
    assert len(counting.runs) == 2


def test_a_long_monologue_is_read_as_it_comes() -> None:
    """However much was said before it is asked, a run is bounded and nothing is left out."""
    counting = Counting(1)
    told, slot = NextWords(counting, 1, SIZE), np.zeros(1, np.int64)
    for n in range(10 * WAITING + 5):
        told.note(slot, np.array([n]), np.array([PAD]), np.array([1]))
    assert told.logits(slot, np.array([10 * WAITING + 5]))[0, 0] == 100 * (10 * WAITING + 5)
    assert [count for _, count in counting.runs] == [*[WAITING] * 10, 5]


@pytest.mark.parametrize("back", [0, 1, 3, 5, 6, 9])
def test_what_was_undone_is_not_read(back: int) -> None:
    """Of what was read already, and of what still waited: nine were written, and six of them read."""
    counting = Counting(1)
    told, slot = NextWords(counting, 1, SIZE), np.zeros(1, np.int64)
    for n in range(9):
        if n == 6:
            told.logits(slot, np.array([6]))
        told.note(slot, np.array([n]), np.array([PAD]), np.array([1]))
    told.rewind(0, 9 - back)
    for n in range(9 - back, 12):
        told.note(slot, np.array([n]), np.array([PAD]), np.array([2]))
    assert told.logits(slot, np.array([12]))[0, 0] == 100 * ((9 - back) + 2 * (3 + back))


def test_after_going_back_the_last_word_is_asked_about_again() -> None:
    counting = Counting(1)
    told, slot = NextWords(counting, 1, SIZE), np.zeros(1, np.int64)
    for n in range(5):
        told.note(slot, np.array([n]), np.array([PAD]), np.array([1]))
    told.logits(slot, np.array([5]))
    told.rewind(0, 3)
    assert told.logits(slot, np.array([3]))[0, 0] == 300


def test_where_all_was_undone_it_expects_nothing() -> None:
    counting = Counting(1)
    told, slot = NextWords(counting, 1, SIZE), np.zeros(1, np.int64)
    told.note(slot, np.array([0]), np.array([PAD]), np.array([1]))
    np.testing.assert_allclose(told.goes_on(slot, np.array([1])), 100 - COMPLETE, rtol=1e-6)
    told.rewind(0, 0)
    assert told.goes_on(slot, np.array([0])).tolist() == [0]


def test_a_slot_is_reset_and_restored_whole() -> None:
    counting = Counting(2)
    told, slot = NextWords(counting, 2, SIZE), np.zeros(1, np.int64)
    for n in range(4):
        told.note(slot, np.array([n]), np.array([PAD]), np.array([1]))
        if n == 2:
            told.logits(slot, np.array([3]))
    saved = told.read(0)
    told.reset(0)
    counting.sums[0].clear()
    told.note(slot, np.array([0]), np.array([PAD]), np.array([7]))
    assert told.logits(slot, np.array([1]))[0, 0] == 700
    told.restore(1, saved)
    assert told.logits(np.ones(1, np.int64), np.array([4]))[0, 0] == 400


def test_only_which_word_it_is_changes() -> None:
    """Not how likely it is that anything is written; and the two opinions on a word multiply."""
    rng = np.random.default_rng(1)
    own, expected = rng.normal(size=(2, 5, SIZE)).astype(np.float32)
    made = agreed(own, expected, 0.7)
    assert np.array_equal(made[:, [PAD, START]], own[:, [PAD, START]])
    np.testing.assert_allclose(np.exp(made[:, END:]).sum(1), np.exp(own[:, END:]).sum(1), rtol=1e-5)
    odds = (made - own)[:, END + 1 :]
    np.testing.assert_allclose(np.diff(odds), 0.7 * np.diff(expected[:, END + 1 :]), atol=1e-4)
    np.testing.assert_allclose(agreed(own, expected, 0.0), own, atol=1e-5)
    certain = np.where(np.arange(SIZE) == 7, 0.0, -200.0).astype(np.float32)[None].repeat(5, 0)
    assert (agreed(own, certain, 1.0)[:, END + 1 :].argmax(1) == 7 - END - 1).all()


def test_an_end_can_become_likelier_and_no_less_likely() -> None:
    """The user talks over the answer: the model hears it, and nothing that is written tells it yet."""
    own = np.zeros((1, SIZE), np.float32)
    own[0, END], own[0, 8] = 9.0, 5.0
    goes_on = np.where(np.arange(SIZE) == 8, 0.0, -60.0).astype(np.float32)[None]
    made = agreed(own, goes_on, 1.5)
    np.testing.assert_allclose(made[0, END], 9.0, atol=1e-4)
    assert made[0].argmax() == END
    is_over = np.where(np.arange(SIZE) == END, 0.0, -60.0).astype(np.float32)[None]
    own[0, END], own[0, 8] = 5.0, 9.0
    made = agreed(own, is_over, 1.5)
    assert made[0].argmax() == END
    assert np.isfinite(made).all()


def test_batched_is_alone(tiny_step: Path, tiny_words: Path) -> None:
    """Neighbours that write at other times, begin later, and go back."""
    alone, beside = (speech_model(tiny_step, 4, words=tiny_words) for _ in range(2))
    user = [user_codes(seed, 120) for seed in range(4)]
    told = {slot: [[], []] for slot in range(4)}
    for t in range(120):
        some = np.array([s for s in range(4) if t >= 10 * s])
        out = beside.step(some, np.stack([user[s][t] for s in some]), Control.free(len(some)))
        for row, slot in enumerate(some.tolist()):
            told[slot][0].append((out.text[row], out.user_text[row], *out.codes[row]))
    for slot in range(4):
        alone.reset(slot, Sampling())
        for t in range(10 * slot, 120):
            out = alone.step(np.array([slot]), user[slot][t : t + 1], Control.free(1))
            told[slot][1].append((out.text[0], out.user_text[0], *out.codes[0]))
        assert told[slot][0] == told[slot][1]
        assert sum(row[0] > END for row in told[slot][0]) > 5


def test_a_snapshot_goes_on_as_the_slot_does(tiny_step: Path, tiny_words: Path) -> None:
    user, free, slot = user_codes(1, 90), Control.free(1), np.zeros(1, np.int64)
    model, other = (speech_model(tiny_step, 1, words=tiny_words) for _ in range(2))
    for t in range(50):
        model.step(slot, user[t : t + 1], free)
    other.restore(0, model.snapshot(0))
    for t in range(50, 90):
        ours, theirs = (m.step(slot, user[t : t + 1], free) for m in (model, other))
        assert (ours.text[0], *ours.codes[0]) == (theirs.text[0], *theirs.codes[0])


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("layers", 0, "layers of words must be positive"),
        ("window", 0, "window of words must be positive"),
        ("kv_heads", 3, "is not a multiple"),
        ("head_dim", 7, "must be even"),
        ("weight", -0.1, "weight of words"),
        ("weight", math.nan, "weight of words"),
        ("end_weight", -0.1, "end_weight of words"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(field: str, value: float, named: str) -> None:
    with pytest.raises(ModelError, match=named):
        dataclasses.replace(WordConfig(), **{field: value})


def test_the_configuration_is_read_as_it_was_written(tmp_path: Path) -> None:
    for config in (CONFIG, MODEL):
        save_config(config, tmp_path / "config.json")
        assert load_config(tmp_path / "config.json")[0] == config


def test_a_graph_of_other_layers_is_refused(tiny_words: Path) -> None:
    deeper = dataclasses.replace(MODEL, words=dataclasses.replace(WORDS, layers=3))
    with pytest.raises(ModelError, match=r"words\.onnx has 2 layers"):
        OnnxWords(open_session(tiny_words, 1), deeper, 1)


@pytest.mark.parametrize("made", [WordTransformer, lambda config: OnnxWords(None, config, 1)])
def test_a_model_without_one_has_none(made: Any) -> None:
    with pytest.raises(ModelError, match="null"):
        made(ModelConfig())
