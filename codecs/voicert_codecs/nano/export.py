"""Makes the graphs of :mod:`voicert_codecs.nano.runtime` from the PyTorch modules; needs torch and onnx."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.onnx.ops import symbolic

from voicert_codecs.nano.modules import CausalBlock, NanoCodecModules, Trunk
from voicert_codecs.nano.runtime import write_config
from voicert_codecs.onnx_export import quantise, trace


class _Trunk(nn.Module):
    """The same trunk of few operations: in a frame of one row more time passes between them than in them.

    What the taps of a block see is gathered at once, and the states of all blocks are written at once.
    """

    taps: Tensor

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.blocks = trunk.blocks
        self.register_buffer("taps", torch.arange(trunk.kernel), persistent=False)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        rows, frames, width = x.shape
        seen = torch.arange(frames)[:, None] + self.taps
        heard = list[Tensor]()
        for i, part in enumerate(self.blocks):
            block = cast(CausalBlock, part)
            heard.append(x[:, None])
            whole = torch.cat([state[:, i], x], dim=1)
            taken = symbolic(
                "Gather", (whole, seen), {"axis": 1}, dtype=x.dtype, shape=[rows, frames, block.kernel, width]
            )
            mixed = block.norm((taken * block.taps).sum(2))
            x = x + block.scale * block.down(F.gelu(block.up(mixed), approximate="tanh"))
        return x, torch.cat([state, torch.cat(heard, dim=1)], dim=2)[:, :, frames:]


class _Encode(nn.Module):
    def __init__(self, modules: NanoCodecModules) -> None:
        super().__init__()
        self.encoder, self.quantizer = copy.copy(modules.encoder), modules.quantizer
        self.encoder._modules = self.encoder._modules | {"trunk": _Trunk(modules.encoder.trunk)}

    def forward(self, pcm: Tensor, tail: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        latent, tail, state = self.encoder(pcm, tail, state)
        return self.quantizer.encode(latent), tail, state


class _Decode(nn.Module):
    def __init__(self, modules: NanoCodecModules) -> None:
        super().__init__()
        self.decoder, self.quantizer = copy.copy(modules.decoder), modules.quantizer
        self.decoder._modules = self.decoder._modules | {"trunk": _Trunk(modules.decoder.trunk)}

    def forward(self, codes: Tensor, overlap: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.decoder(self.quantizer.decode(codes), overlap, state)


def export(modules: NanoCodecModules, folder: Path, bits: int | None = 8) -> None:
    """Writes ``encoder.onnx``, ``decoder.onnx`` and ``config.json``.

    Args:
        bits: of the weights of matrix products that are float16-exact: those that were trained, and not the
            transform's. None: they are stored as float16, and the graphs equal ``modules``.
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
        bits,
    )
    _write(
        _Decode(modules),
        (codes, overlap, decoder),
        ["codes", "overlap", "state"],
        ["pcm", "new_overlap", "new_state"],
        ({0: batch, 2: frames}, rows, rows),
        folder / "decoder.onnx",
        bits,
    )
    write_config(c, folder / "config.json")


def _write(module: nn.Module, args: tuple[Tensor, ...], inputs: list[str], outputs: list[str],
           shapes: tuple[dict[int, Any], ...], path: Path, bits: int | None) -> None:  # fmt: skip
    model = trace(module, args, inputs, outputs, shapes)
    if bits is not None:
        model = quantise(model, bits, [t.name for t in model.graph.initializer if not _fits(t)])
    store_float16(model)
    path.write_bytes(model.SerializeToString())


def store_float16(model: onnx.ModelProto, at_least: int = 1024) -> None:
    """Stores large float32 weights that float16 holds exactly as float16 with a cast behind them.

    ONNX Runtime folds the casts when it loads the graph, so only the file is smaller.
    """
    graph = model.graph
    casts: list[onnx.NodeProto] = []
    for tensor in graph.initializer:
        if not _fits(tensor):
            continue
        half = numpy_helper.to_array(tensor).astype(np.float16)
        if half.size < at_least:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _fits(tensor: onnx.TensorProto) -> bool:
    """Whether these are float32 numbers that float16 holds exactly."""
    if tensor.data_type != onnx.TensorProto.FLOAT:
        return False
    value = numpy_helper.to_array(tensor)
    with np.errstate(over="ignore"):
        return np.array_equal(value.astype(np.float16).astype(np.float32), value)
