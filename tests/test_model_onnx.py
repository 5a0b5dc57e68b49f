"""The exported step against the PyTorch one, and its keys and values in place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from voicert_codecs.nano.runtime import open_session

from tests.support.tiny import DEPTH, MODEL, transformer
from voicert.errors import ModelError
from voicert.models.config import ModelConfig
from voicert.models.duplex import Logits
from voicert.models.export import export
from voicert.models.onnx_runner import OnnxRunner
from voicert.models.slots import StepInputs
from voicert.models.transformer import DuplexTransformer

CAPACITY = MODEL.window + 5
STEPS = 3 * CAPACITY
HEADS = ("text", "user_text", "codes")


def inputs(rows: int, steps: int = STEPS) -> StepInputs:
    """[B, ...] of T steps in a row."""
    rng = np.random.default_rng(4)
    k, n, words = MODEL.codebooks, MODEL.codebook_size, MODEL.text_size
    return StepInputs(
        rng.integers(n, size=(rows, k, MODEL.user_frames - 1 + steps)),
        rng.integers(n, size=(rows, k, steps)),
        rng.integers(words, size=(rows, steps)),
        rng.integers(words, size=(rows, steps)),
    )


def piece(some: StepInputs, first: int, count: int, rows: slice = slice(None)) -> StepInputs:
    """``count`` steps from the ``first`` on."""
    end = first + count
    user = some.user[rows, :, first : end + MODEL.user_frames - 1]
    steps = rows, slice(first, end)
    return StepInputs(user, some.own[rows, :, first:end], some.text[steps], some.user_text[steps])


def runner(step: Path, slots: int, config: ModelConfig = MODEL) -> OnnxRunner:
    return OnnxRunner(open_session(step, 1), config, slots, CAPACITY)


def run(
    graph: OnnxRunner, some: StepInputs, slots: list[int], first: int = 0, at_once: int = 1
) -> list[Logits]:
    """All steps, ``at_once`` of them in a run, row i in slots[i]; ``first`` is their first position."""
    where, steps = np.array(slots), some.text.shape[1]
    starts = range(0, steps, at_once)
    counts = [min(at_once, steps - t) for t in starts]
    return [
        graph.run(piece(some, t, n), where, np.full(len(slots), first + t))
        for t, n in zip(starts, counts, strict=True)
    ]


def heads(some: list[Logits]) -> list[NDArray[np.float32]]:
    """Logits of each head, [B, T, ...]."""
    return [np.concatenate([getattr(logits, name) for logits in some], 1) for name in HEADS]


@torch.inference_mode()
def reference(model: DuplexTransformer, some: StepInputs) -> list[NDArray[np.float32]]:
    """As ``heads``, by PyTorch in one uncached pass."""
    streams = (some.user, some.own, some.text, some.user_text)
    hidden = model(*(torch.from_numpy(x) for x in streams))
    return [
        h.numpy() for h in (model.text_head(hidden), model.user_text_head(hidden), model.code_logits(hidden))
    ]


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
        few = piece(some, 0, 40, slice(count))
        part = heads(run(runner(step, count), few, list(range(count))))
        for ours, theirs in zip(part, whole, strict=True):
            assert np.array_equal(ours.argmax(-1), theirs[:count].argmax(-1))
            np.testing.assert_allclose(ours, theirs[:count], atol=1e-5)


@pytest.mark.parametrize("precision", ["tiny_step", "tiny_step_int8"])
@pytest.mark.parametrize("at_once", [2, 3, 5])
def test_several_steps_at_once_are_those_steps(
    precision: str, at_once: int, request: pytest.FixtureRequest
) -> None:
    """Logits, keys and values, for one row and for two, three times around the ring."""
    step: Path = request.getfixturevalue(precision)
    for rows in (1, 2):
        some, single, several = inputs(rows), runner(step, 3), runner(step, 3)
        one_by_one = heads(run(single, some, [2, 0][:rows]))
        made = heads(run(several, some, [2, 0][:rows], at_once=at_once))
        for ours, theirs in zip(made, one_by_one, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)
        for ours, theirs in zip(several.read(2), single.read(2), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


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
        np.testing.assert_allclose(b[:, settled:], a[:, settled:], atol=1e-5)


def test_a_depth_transformer_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="parallel heads"):
        export(transformer(depth=DEPTH), tmp_path / "step.onnx")
    assert not (tmp_path / "step.onnx").exists()
