"""Storing weights as float16 makes files smaller and changes no number."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from voicert_codecs.nano.export import store_float16


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
