"""The exported step against the PyTorch one, and its keys and values in place."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray
from voicert_codecs.nano.runtime import open_session

from tests.support.tiny import DEPTH, MODEL, transformer
from voicert.errors import ModelError
from voicert.models.config import ModelConfig
from voicert.models.export import export
from voicert.models.onnx_graph import Ring
from voicert.models.onnx_runner import OnnxRunner
from voicert.models.runner import Logits
from voicert.models.slots import StepInputs
from voicert.models.transformer import DuplexTransformer
from voicert.models.vocabulary import PAD

ROOM, PAGE = 5, 4
CAPACITY = {window: -(-(window + ROOM) // PAGE) * PAGE for window in MODEL.windows}
STEPS = 3 * max(CAPACITY.values())
HEADS = ("text", "user_text", "codes")


def inputs(rows: int, steps: int = STEPS) -> StepInputs:
    """[B, ...] of T steps in a row."""
    rng = np.random.default_rng(4)
    k, n, words = MODEL.codebooks, MODEL.codebook_size, MODEL.text_size
    user = rng.integers(n, size=(rows, k, MODEL.user_frames - 1 + steps))
    own = rng.integers(n, size=(rows, k, steps))
    written = rng.random((2, rows, steps)) < 0.3
    text, user_text = np.where(written, rng.integers(words, size=(2, rows, steps)), PAD)
    return StepInputs(user, own, text, user_text, np.zeros(rows, np.int64))


def piece(some: StepInputs, first: int, count: int, rows: slice = slice(None)) -> StepInputs:
    """``count`` steps from the ``first`` on."""
    part = some.part(first, count)
    return StepInputs(*(getattr(part, f.name)[rows] for f in dataclasses.fields(part)))


def runner(step: Path, slots: int, config: ModelConfig = MODEL) -> OnnxRunner:
    return OnnxRunner(open_session(step, 1), config, slots, ROOM, PAGE)


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
    """Also after the longest ring of keys and values has been written around three times."""
    some = inputs(3)
    made = heads(run(runner(tiny_step, 5), some, [4, 0, 2]))
    for ours, theirs in zip(made, reference(model, some), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_the_graph_has_no_loop(tiny_step: Path) -> None:
    """It would take more time than any other node: what training calls for the sum of embeddings is one."""
    assert not {node.op_type for node in onnx.load(tiny_step).graph.node} & {"Loop", "If", "Scan"}


def test_the_graph_has_few_operations(tiny_step: Path, tmp_path: Path) -> None:
    """A step of one row takes as long as they are many: a sum and its norm are one, as are products of one
    input, all turns of a layer and all heads of the model; and no size is computed on the way."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    ort.InferenceSession(tiny_step, options, providers=["CPUExecutionProvider"])
    nodes = Counter(node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node)
    assert nodes["SimplifiedLayerNormalization"] == 1
    assert nodes["SkipSimplifiedLayerNormalization"] == 2 * MODEL.layers
    assert nodes["RotaryEmbedding"] == MODEL.layers
    products = 4 * MODEL.layers + 3  # of a layer: heads, their output, gate and up, down
    attention = 2 * MODEL.layers
    assert nodes["MatMul"] + nodes["FusedMatMul"] == products + attention
    assert nodes["Pow"] + nodes["ReduceMean"] + nodes["Shape"] == 0
    assert nodes.total() <= 31 * MODEL.layers + 16


def test_a_model_without_its_own_codes_is_not_given_them(tmp_path: Path) -> None:
    model, some = transformer(own_codes=False), inputs(2, 30)
    assert not hasattr(model, "own_embedding")
    export(model, tmp_path / "step.onnx", bits=None)
    config = dataclasses.replace(MODEL, own_codes=False)
    made = heads(run(runner(tmp_path / "step.onnx", 2, config), some, [0, 1]))
    other = dataclasses.replace(some, own=(some.own + 1) % MODEL.codebook_size)
    for got, wanted, same in zip(made, reference(model, some), reference(model, other), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-4)
        assert np.array_equal(wanted, same)


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
    """Logits, keys and values, for one row and for two, three times around the longest ring."""
    step: Path = request.getfixturevalue(precision)
    for rows in (1, 2):
        some, single, several = inputs(rows), runner(step, 3), runner(step, 3)
        one_by_one = heads(run(single, some, [2, 0][:rows]))
        made = heads(run(several, some, [2, 0][:rows], at_once=at_once))
        for ours, theirs in zip(made, one_by_one, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)
        for ours, theirs in zip(several.read(2), single.read(2), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_many_steps_at_once_are_those_steps(tiny_step: Path) -> None:
    """More than one run of the graph takes, in rings that have room for them, at positions far from 0."""
    some, slots = inputs(2, 150), np.array([1, 0])
    single, several = (OnnxRunner(open_session(tiny_step, 1), MODEL, 2, 150, 8) for _ in range(2))
    one_by_one = heads(run(single, some, [1, 0], first=5000))
    made = heads([several.run(some, slots, np.array([5000, 5000]))])
    for ours, theirs in zip(made, one_by_one, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("precision", ["tiny_step", "tiny_step_int8"])
def test_a_row_has_the_same_bits_beside_one_that_reads_more_pages(
    precision: str, request: pytest.FixtureRequest
) -> None:
    step: Path = request.getfixturevalue(precision)
    config, some = dataclasses.replace(MODEL, windows=(1200, 100)), inputs(2, 300)
    alone, beside = (OnnxRunner(open_session(step, 1), config, 2) for _ in range(2))
    for t in range(300):
        alone.run(piece(some, t, 1, slice(1)), np.array([0]), np.array([t]))
        beside.run(piece(some, t, 1), np.array([0, 1]), np.array([t, 5000 + t]))
    for ours, theirs in zip(alone.read(0), beside.read(0), strict=True):
        assert np.array_equal(ours, theirs)


def test_a_run_reads_the_pages_of_the_window_and_no_others() -> None:
    """A minute's window: little at first, and never more than the window and two pages' rest."""
    ring = Ring(window=3000, room=500, page=64)
    assert ring.pages == 55
    read: dict[int, int] = {}
    for position in (0, 63, 64, 2999, 3000, 3519, 3520, 10**8 + 5):
        at = np.array([[position]])
        pages, mask = ring.look(at)
        read[position] = pages.size
        entries = (pages[0, :, None] * 64 + np.arange(64))[mask[0, 0] == 0]
        wanted = np.arange(max(0, position - 2999), position + 1)
        assert sorted(entries) == sorted(wanted % (55 * 64))
        page, offset = ring.place(at)
        assert (page[0, 0], offset[0, 0]) == (pages[0, 0], position % 64)
    assert read == {0: 1, 63: 1, 64: 2, 2999: 47, 3000: 47, 3519: 47, 3520: 48, 10**8 + 5: 48}


def test_a_graph_of_other_windows_is_refused(tiny_step: Path) -> None:
    config = dataclasses.replace(MODEL, windows=(20, 20))
    with pytest.raises(ModelError, match="with 2 kinds of windows"):
        OnnxRunner(open_session(tiny_step, 1), config, 1)


def test_a_graph_of_another_version_is_refused(tiny_step: Path, tmp_path: Path) -> None:
    """Its inputs had other names and meanings."""
    proto = onnx.load(tiny_step)
    for node in proto.graph.node:
        node.input[:] = ["place" if name == "row" else name for name in node.input]
    next(given for given in proto.graph.input if given.name == "row").name = "place"
    onnx.save(proto, tmp_path / "step.onnx")
    with pytest.raises(ModelError, match="export the model again"):
        runner(tmp_path / "step.onnx", 1)


def test_keys_and_values_stay_where_they_are(tiny_step: Path) -> None:
    """Other slots are untouched, and no cache is ever copied to another place."""
    some, graph = inputs(2), runner(tiny_step, 4)
    before = graph.read(1)
    views = graph._graph._arrays
    places = [a.ctypes.data for a in views]
    run(graph, some, [0, 3])
    assert all(np.array_equal(a, b) for a, b in zip(before, graph.read(1), strict=True))
    assert all(np.abs(a).max(axis=(0, 2)).all() for a in graph.read(3))  # every position has been written
    assert [c.numpy().ctypes.data for c in graph._graph._caches] == places
    wanted = [(MODEL.kv_heads, CAPACITY[w], MODEL.head_dim) for w in MODEL.windows for _ in range(2)]
    assert [a.shape for a in graph.read(0)] == wanted


def test_late_positions_give_what_early_ones_give(tiny_step: Path) -> None:
    """After a month of steps the angles are still exact, and only distances count."""
    some = inputs(1)
    early = heads(run(runner(tiny_step, 1), some, [0]))
    late = heads(run(runner(tiny_step, 1), some, [0], first=130_000_000))
    settled = sum(MODEL.windows)
    for a, b in zip(early, late, strict=True):
        np.testing.assert_allclose(b[:, settled:], a[:, settled:], atol=1e-5)


def test_a_depth_transformer_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="parallel heads"):
        export(transformer(depth=DEPTH), tmp_path / "step.onnx")
    assert not (tmp_path / "step.onnx").exists()


def test_a_depth_transformer_is_not_looked_for_in_a_graph(tiny_step: Path) -> None:
    """Its codes would be those of heads that were never trained."""
    with pytest.raises(ModelError, match=r"depth in config\.json must be null"):
        runner(tiny_step, 1, dataclasses.replace(MODEL, depth=DEPTH))
