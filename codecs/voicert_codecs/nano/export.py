"""Makes the graphs of :mod:`voicert_codecs.nano.runtime` from the PyTorch modules; needs torch and onnx."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from voicert_codecs.nano.modules import NanoCodecModules
from voicert_codecs.nano.runtime import write_config
from voicert_codecs.onnx_export import trace

__all__ = ["export", "store_float16", "trace"]


class _Encode(nn.Module):
    def __init__(self, modules: NanoCodecModules) -> None:
        super().__init__()
        self.encoder, self.quantizer = modules.encoder, modules.quantizer

    def forward(self, pcm: Tensor, tail: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        latent, tail, state = self.encoder(pcm, tail, state)
        return self.quantizer.encode(latent), tail, state


class _Decode(nn.Module):
    def __init__(self, modules: NanoCodecModules) -> None:
        super().__init__()
        self.decoder, self.quantizer = modules.decoder, modules.quantizer

    def forward(self, codes: Tensor, overlap: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.decoder(self.quantizer.decode(codes), overlap, state)


def export(modules: NanoCodecModules, folder: Path) -> None:
    """Writes ``encoder.onnx``, ``decoder.onnx`` and ``config.json``; weights are stored as float16.

    The weights of ``modules`` must already be float16-exact for the graphs to equal them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    c = modules.config
    tail, encoder, overlap, decoder = modules.fresh(2)
    pcm = torch.zeros(2, 3 * c.frame_size)
    codes = torch.zeros(2, c.num_codebooks, 3, dtype=torch.int64)
    batch, frames = torch.export.Dim("batch"), torch.export.Dim("frames")
    rows = {0: batch}
    _write(
        _Encode(modules),
        (pcm, tail, encoder),
        ["pcm", "tail", "state"],
        ["codes", "new_tail", "new_state"],
        ({0: batch, 1: c.frame_size * frames}, rows, rows),
        folder / "encoder.onnx",
    )
    _write(
        _Decode(modules),
        (codes, overlap, decoder),
        ["codes", "overlap", "state"],
        ["pcm", "new_overlap", "new_state"],
        ({0: batch, 2: frames}, rows, rows),
        folder / "decoder.onnx",
    )
    write_config(c, folder / "config.json")


def _write(module: nn.Module, args: tuple[Tensor, ...], inputs: list[str], outputs: list[str],
           shapes: tuple[dict[int, Any], ...], path: Path) -> None:  # fmt: skip
    model = trace(module, args, inputs, outputs, shapes)
    store_float16(model)
    path.write_bytes(model.SerializeToString())


def store_float16(model: onnx.ModelProto, at_least: int = 1024) -> None:
    """Stores large float32 weights that float16 holds exactly as float16 with a cast behind them.

    ONNX Runtime folds the casts when it loads the graph, so only the file is smaller.
    """
    graph = model.graph
    casts: list[onnx.NodeProto] = []
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        value = numpy_helper.to_array(tensor)
        half = value.astype(np.float16)
        if value.size < at_least or not np.array_equal(half.astype(np.float32), value):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
