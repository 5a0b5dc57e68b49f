"""Storing weights as float16 makes files smaller and changes no number."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from voicert_codecs.nano.export import store_float16
from voicert_codecs.onnx_export import strip


def model_of(weights: dict[str, NDArray[np.float32]]) -> onnx.ModelProto:
    """x [1, 64] → one product with each of the weights [64, n]."""
    nodes = [helper.make_node("MatMul", ["x", name], [f"y_{name}"]) for name in weights]
    outputs = [
        helper.make_tensor_value_info(f"y_{name}", TensorProto.FLOAT, [1, value.shape[1]])
        for name, value in weights.items()
    ]
    graph = helper.make_graph(
        nodes,
        "products",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 64])],
        outputs,
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def outputs(model: onnx.ModelProto, x: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(
        None, {"x": x}
    )


def test_only_large_weights_that_fit_are_stored_as_halves() -> None:
    rng = np.random.default_rng(0)
    fine = rng.standard_normal((64, 32)).astype(np.float32)
    weights = {
        "exact": fine.astype(np.float16).astype(np.float32),
        "inexact": fine,
        "small": np.ones((64, 2), "f4"),
    }
    model = model_of(weights)
    x = rng.standard_normal((1, 64)).astype(np.float32)
    before, size = outputs(model, x), model.ByteSize()
    store_float16(model)
    onnx.checker.check_model(model)
    kinds = {t.name: t.data_type for t in model.graph.initializer}
    assert kinds == {
        "exact.half": TensorProto.FLOAT16,
        "inexact": TensorProto.FLOAT,
        "small": TensorProto.FLOAT,
    }
    assert model.ByteSize() < size - 64 * 32 * 2 + 200
    for a, b in zip(before, outputs(model, x), strict=True):
        assert np.array_equal(a, b)


def test_what_only_the_maker_wants_to_know_is_taken_out() -> None:
    weights = {"w": np.random.default_rng(1).standard_normal((64, 32)).astype(np.float32)}
    plain, told = model_of(weights), model_of(weights)
    told.graph.node[0].metadata_props.add(key="stack", value="a line of source")
    told.graph.node[0].doc_string = "more of it"
    told.graph.initializer[0].metadata_props.add(key="name", value="w")
    told.graph.metadata_props.add(key="made", value="here")
    told.graph.value_info.add().CopyFrom(helper.make_tensor_value_info("y_w", TensorProto.FLOAT, [1, 32]))
    strip(told)
    assert told.SerializeToString() == plain.SerializeToString()


SHIPPED = ("voicert_codecs.nano/weights/encoder.onnx", "voicert_codecs.nano/weights/decoder.onnx",
           "voicert.models/weights/nano/step.onnx", "voicert.models/weights/nano/words.onnx")  # fmt: skip


@pytest.mark.parametrize("shipped", SHIPPED)
def test_no_shipped_graph_has_any_of_it(shipped: str) -> None:
    package, name = shipped.split("/", 1)
    path = Path(str(files(package))) / name
    model = onnx.load(path)
    size = path.stat().st_size
    strip(model)
    assert model.ByteSize() == size
