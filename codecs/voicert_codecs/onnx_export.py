"""Writes a codec that PyTorch runs as two ONNX graphs of one frame each; needs torch and onnx.

The state is explicit: every part of it is an input and an output of the graph, batch first. The folder is
read by :class:`voicert_codecs.onnx_codec.OnnxCodec`, which needs neither.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import logging
import warnings
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import QuantFormat
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer
from torch import Tensor, nn

from voicert_codecs.base import Codec, CodecError
from voicert_codecs.blocks.linear import Linear
from voicert_codecs.blocks.state import named_leaves, rebuild
from voicert_codecs.blocks.torch_codec import Network, TorchCodec
from voicert_codecs.onnx_codec import CARD, FORMAT, IN_PLACE, INPUT, NEW, OLD, OUTPUT, Card

OPSET = 20


class OneFrame(nn.Module):
    """A network whose state is so many tensors; those that hold nothing are left out.

    Args:
        network: one direction of a codec.
        fresh: its state of one row.
    """

    def __init__(self, network: Network[Any], fresh: Any) -> None:
        super().__init__()
        self.network = network
        self._fresh = fresh
        self.parts = {name: leaf for name, leaf in named_leaves(fresh) if leaf.numel()}  # [1, ...]

    def forward(self, x: Tensor, *parts: Tensor) -> tuple[Tensor, ...]:
        given = iter(parts)
        state = rebuild(
            self._fresh,
            [
                next(given) if leaf.numel() else leaf.new_zeros(x.shape[0], *leaf.shape[1:])
                for _, leaf in named_leaves(self._fresh)
            ],
        )
        y, new = self.network(x, state)
        return y, *(leaf for name, leaf in named_leaves(new) if name in self.parts)


def export(codec: Codec[Any], folder: Path) -> None:
    """Writes the graphs, the fresh states and the card of a codec; the card comes last.

    Raises:
        CodecError: it is not run by PyTorch, its weights are packed, or the folder cannot be written.
    """
    if not isinstance(codec, TorchCodec):
        raise CodecError(f"{codec.name} is not run by PyTorch, so there is nothing to export")
    networks = (cast(nn.Module, codec.encoder), cast(nn.Module, codec.decoder))
    if any(isinstance(part, Linear) and part.weight is None for net in networks for part in net.modules()):
        raise CodecError("packed weights cannot be exported; open the codec with packed=False")
    state = codec.init_state(1)
    pcm = torch.zeros(2, codec.frame_size)
    codes = torch.zeros(2, codec.num_codebooks, 1, dtype=torch.int64)
    told = {field.name: getattr(codec, field.name) for field in dataclasses.fields(Card)[1:]}
    card = json.dumps(dataclasses.asdict(Card(FORMAT, **told)), indent=1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CARD).unlink(missing_ok=True)
        _write(OneFrame(codec.encoder, state.encoder), pcm, folder / "encoder.onnx")
        _write(OneFrame(codec.decoder, state.decoder), codes, folder / "decoder.onnx")
        (folder / CARD).write_text(card + "\n", encoding="utf-8")
    except OSError as error:
        raise CodecError(f"cannot write {error.filename or folder} ({error.strerror})") from error


def _write(frame: OneFrame, x: Tensor, path: Path) -> None:
    """Traces with two rows, so that no size of 1 becomes a constant."""
    parts = tuple(part.repeat(2, *[1] * (part.ndim - 1)) for part in frame.parts.values())
    batch = torch.export.Dim("batch")
    model = trace(
        frame,
        (x, *parts),
        [INPUT, *(OLD + name for name in frame.parts)],
        [OUTPUT, *(NEW + name for name in frame.parts)],
        ({0: batch}, tuple({0: batch} for _ in parts)),
    )
    onnx.helper.set_model_props(model, {IN_PLACE: json.dumps(written_in_place(model.graph))})
    path.write_bytes(model.SerializeToString())
    fresh: dict[str, NDArray[Any]] = {name: part.numpy() for name, part in frame.parts.items()}
    np.savez_compressed(path.with_suffix(".npz"), **fresh)  # pyright: ignore[reportArgumentType]


def written_in_place(graph: onnx.GraphProto) -> list[str]:
    """The parts of the state whose next value is the present one with some elements written into it.

    ONNX Runtime does not copy such a part, a transformer's keys say, when input and output are one buffer;
    nothing else in the graph may read it then, because it could read it before or after the writing.
    """
    readers = {part.name: list[onnx.NodeProto]() for part in graph.input}
    for node in graph.node:
        for name in node.input:
            if name in readers and node.op_type != "Shape":
                readers[name].append(node)
    names = [part.name.removeprefix(OLD) for part in graph.input if part.name.startswith(OLD)]
    return [
        name
        for name in names
        if [(node.op_type, node.input[0], node.output[0]) for node in readers[OLD + name]]
        == [("ScatterElements", OLD + name, NEW + name)]
    ]


def trace(module: nn.Module, args: tuple[Any, ...], inputs: list[str], outputs: list[str],
          shapes: tuple[Any, ...]) -> onnx.ModelProto:  # fmt: skip
    """The graph of ``module`` called with ``args``; ``shapes`` names the sizes of each that may differ."""
    with _quiet():
        program = cast(Any, torch.onnx).export(
            module.eval(),
            args,
            input_names=inputs,
            output_names=outputs,
            dynamic_shapes=shapes,
            dynamo=True,
            opset_version=OPSET,
            verbose=False,
        )
    model: onnx.ModelProto = program.model_proto
    strip(model)
    return model


def quantise(model: onnx.ModelProto, bits: int, exact: Iterable[str] = ()) -> onnx.ModelProto:
    """Stores the weights of matrix products in ``bits``, a scale for each 32; what it multiplies, in 8 bits.

    At level 4 ONNX Runtime multiplies in integers, which makes it fast where the weights come from memory.

    Args:
        exact: names of weights that stay as they are.
    """
    config = DefaultWeightOnlyQuantConfig(
        block_size=32, is_symmetric=True, accuracy_level=4, quant_format=QuantFormat.QOperator, bits=bits
    )
    kept = set(exact)
    left = [n.name for n in model.graph.node if n.op_type == "MatMul" and n.input[1] in kept]
    logging.getLogger("onnxruntime.quantization").setLevel(logging.WARNING)  # it tells of every node
    quantizer = MatMulNBitsQuantizer(model, algo_config=config, nodes_to_exclude=left)
    quantizer.process()
    return quantizer.model.model


def strip(model: onnx.ModelProto) -> None:
    """Takes out what only its maker wants to know: source lines of each operation, and sizes between them."""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.ClearField("doc_string")
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
    del model.graph.value_info[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """Torch's exporter prints, logs and warns about its own insides."""
    disabled = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            yield
    finally:
        logging.disable(disabled)
