"""The exported step against the PyTorch one, and its keys and values in place."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from voicert_codecs.nano.runtime import open_session

from tests.support.tiny import DEPTH, MODEL, transformer
from voicert.errors import ModelError
from voicert.models.config import ModelConfig
from voicert.models.export import export
from voicert.models.onnx_model import Logits, StepRunner
from voicert.models.transformer import DuplexTransformer

CAPACITY = MODEL.window + 5
STEPS = 3 * CAPACITY
HEADS = ("text", "user_text", "codes")


@dataclasses.dataclass
class Inputs:
    """Of all steps: user [T, B, K, F], own [T, B, K], text and user text [T, B]."""

    user: NDArray[np.int64]
    own: NDArray[np.int64]
    text: NDArray[np.int64]
    user_text: NDArray[np.int64]

    def at(self, t: int, rows: slice = slice(None)) -> tuple[NDArray[np.int64], ...]:
        return self.user[t, rows], self.own[t, rows], self.text[t, rows], self.user_text[t, rows]


def inputs(rows: int, steps: int = STEPS) -> Inputs:
    rng = np.random.default_rng(4)
    k, n, words = MODEL.codebooks, MODEL.codebook_size, MODEL.text_size
    user = rng.integers(n, size=(steps, rows, k, MODEL.user_frames))
    own = rng.integers(n, size=(steps, rows, k))
    return Inputs(user, own, rng.integers(words, size=(steps, rows)), rng.integers(words, size=(steps, rows)))


def runner(step: Path, slots: int, config: ModelConfig = MODEL) -> StepRunner:
    return StepRunner(open_session(step, 1), config, slots, CAPACITY)


def run(graph: StepRunner, some: Inputs, slots: list[int], first: int = 0) -> list[Logits]:
    """All steps, row i in slots[i]; ``first`` is the position of the first step."""
    where, steps = np.array(slots), range(len(some.text))
    return [graph.run(*some.at(t), where, np.full(len(slots), first + t)) for t in steps]


def heads(some: list[Logits]) -> list[NDArray[np.float32]]:
    """Logits of each head, [T, B, ...]."""
    return [np.stack([getattr(logits, name) for logits in some]) for name in HEADS]


@torch.inference_mode()
def reference(model: DuplexTransformer, some: Inputs) -> list[NDArray[np.float32]]:
    """As ``heads``, by PyTorch."""
    cache, slots = model.init_cache(some.text.shape[1], CAPACITY), torch.arange(some.text.shape[1])
    rows: list[tuple[torch.Tensor, ...]] = []
    for t in range(len(some.text)):
        hidden = model.step(*(torch.from_numpy(x) for x in some.at(t)), cache, slots)
        rows.append((model.text_head(hidden), model.user_text_head(hidden), model.code_logits(hidden)))
    return [torch.stack([row[i] for row in rows]).numpy() for i in range(len(HEADS))]


@pytest.fixture(scope="module")
def model() -> DuplexTransformer:
    return transformer()


def test_onnx_equals_torch(model: DuplexTransformer, tiny_step: Path) -> None:
    """Also after the ring of keys and values has been written around three times."""
    some = inputs(3)
    made = heads(run(runner(tiny_step, 5), some, [4, 0, 2]))
    for ours, theirs in zip(made, reference(model, some), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_eight_bits_stay_close(model: DuplexTransformer, tiny_step_int8: Path) -> None:
    """Within 5 % of the logits' size; the likeliest token is the same nine times of ten."""
    some = inputs(3)
    made = heads(run(runner(tiny_step_int8, 3), some, [0, 1, 2]))
    for ours, theirs in zip(made, reference(model, some), strict=True):
        error = float(np.sqrt(np.mean((ours - theirs) ** 2) / np.mean(theirs**2)))
        assert 1e-5 < error < 0.05
        assert np.mean(ours.argmax(-1) == theirs.argmax(-1)) > 0.9


@pytest.mark.parametrize("precision", ["tiny_step", "tiny_step_int8"])
def test_a_row_is_the_same_alone_and_among_others(precision: str, request: pytest.FixtureRequest) -> None:
    step: Path = request.getfixturevalue(precision)
    some = inputs(9, 40)
    whole = heads(run(runner(step, 9), some, list(range(9))))
    for count in (1, 2, 5):
        few = Inputs(
            some.user[:, :count], some.own[:, :count], some.text[:, :count], some.user_text[:, :count]
        )
        part = heads(run(runner(step, count), few, list(range(count))))
        for ours, theirs in zip(part, whole, strict=True):
            assert np.array_equal(ours.argmax(-1), theirs[:, :count].argmax(-1))
            np.testing.assert_allclose(ours, theirs[:, :count], atol=1e-5)


def test_keys_and_values_stay_where_they_are(tiny_step: Path) -> None:
    """Other slots are untouched, and no cache is ever copied to another place."""
    some, graph = inputs(2), runner(tiny_step, 4)
    before = graph.read(1)
    views = graph._arrays
    places = [a.ctypes.data for a in views]
    run(graph, some, [0, 3])
    assert all(np.array_equal(a, b) for a, b in zip(before, graph.read(1), strict=True))
    assert all(np.abs(a).min(axis=(0, 2)).all() for a in graph.read(3))  # every position has been written
    assert [c.numpy().ctypes.data for c in graph._caches] == places
    assert {a.shape for a in graph.read(0)} == {(MODEL.kv_heads, CAPACITY, MODEL.head_dim)}


def test_late_positions_give_what_early_ones_give(tiny_step: Path) -> None:
    """After a month of steps the angles are still exact, and only distances count."""
    some = inputs(1)
    early = heads(run(runner(tiny_step, 1), some, [0]))
    late = heads(run(runner(tiny_step, 1), some, [0], first=130_000_000))
    settled = MODEL.layers * MODEL.window
    for a, b in zip(early, late, strict=True):
        np.testing.assert_allclose(b[settled:], a[settled:], atol=1e-5)


def test_a_depth_transformer_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="parallel heads"):
        export(transformer(depth=DEPTH), tmp_path / "step.onnx")
    assert not (tmp_path / "step.onnx").exists()
