"""Builds a network from weight files: at any time there is the model and one tensor more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from voicert_codecs.blocks.linear import Linear
from voicert_codecs.blocks.rotary import RotaryTable, pairs_apart

from voicert.errors import ModelError
from voicert.models.layers import RmsNorm
from voicert.models.moshi.config import MoshiConfig
from voicert.models.moshi.headers import Header, describe, read_headers
from voicert.models.moshi.layout import Place, locate, tensors
from voicert.models.moshi.memory import check, need
from voicert.models.moshi.network import MoshiNetwork
from voicert.models.parts import Int8Linear

END = 2  # the text token that ends a text
_LORA = (".lora_A.weight", ".lora_B.weight")


@dataclass(frozen=True)
class Form:
    """How the weights are held."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    int8: bool = False  # products have weights of 8 bits; all else is ``dtype``
    packed: bool = True  # rearranged for speed where possible; see ``voicert_codecs.blocks.linear.pack``


class Reader:
    """Reads tensors by name, LoRA products added. A context manager; files are mapped while it is open."""

    def __init__(self, config: MoshiConfig, weights: Path, lora: Path | None = None) -> None:
        """
        Raises:
            ModelError: the files do not hold what ``config`` says.
        """
        self.config = config
        self._places = locate(config, read_headers(weights), f"the weights {weights}")
        self._lora: dict[str, tuple[Place, Place]] = {}
        if (lora is not None) != (config.lora_rank > 0):
            raise ModelError("lora and lora_name must both be given, or neither")
        if lora is not None:
            self._add_lora(lora)
        self._files: dict[Path, Any] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._files.clear()

    def read(self, name: str) -> Tensor:
        """In float32 if a product was added, else as it is stored.

        Raises:
            ModelError: the file cannot be read.
        """
        place = self._places[name]
        tensor = self._tensor(place.header).chunk(place.parts)[place.part]
        if place.scales is not None:
            scales = self._tensor(place.scales).chunk(place.parts)[place.part]
            tensor = tensor.float() * (scales.float() / 127)[:, None]
        elif not tensor.is_floating_point():
            raise ModelError(f"{name} is of type {place.header.dtype} and no scales are given")
        if name in self._lora:
            down, up = (self._tensor(p.header).chunk(p.parts)[p.part].float() for p in self._lora[name])
            tensor = tensor.float() + self.config.lora_scaling * (up @ down)
        return tensor

    def _tensor(self, header: Header) -> Tensor:
        try:
            if header.file not in self._files:
                self._files[header.file] = self._stack.enter_context(safe_open(header.file, "pt"))
            return self._files[header.file].get_tensor(header.name)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"cannot read the weights {header.file}: {error}") from error

    def _add_lora(self, path: Path) -> None:
        """Products for the weights they are named after; whole tensors take the place of the base's."""
        headers, rank = read_headers(path), self.config.lora_rank
        used: set[str] = set()
        for name, shape in tensors(self.config):
            if name in headers:
                if headers[name].shape != shape:
                    raise ModelError(f"{name} of {path} has the shape {list(headers[name].shape)}")
                self._places[name] = Place(headers[name])
                used.add(name)
            stem = name.removesuffix(".weight")
            pair = [stem + end for end in _LORA]
            if pair[0] not in headers or pair[1] not in headers:
                continue
            down, up = headers[pair[0]], headers[pair[1]]
            if down.shape != (rank, shape[1]) or up.shape != (shape[0], rank):
                raise ModelError(f"{stem} of {path} has shapes that do not fit lora_rank {rank}")
            self._lora[name] = Place(down), Place(up)
            used.update(pair)
        surplus = sorted(set(headers) - used)
        if surplus:
            raise ModelError(
                f"{path} holds tensors that the configuration does not speak of: {describe(surplus)}"
            )


class Source(Protocol):
    """Where weights come from: a `Reader`, or what makes them up."""

    config: MoshiConfig

    def read(self, name: str) -> Tensor:
        """The tensor of that name and shape in ``layout.tensors(config)``; it may be changed in place."""
        ...


def build(
    reader: Source, form: Form, rewind: int = 0, on_part: Callable[[], None] | None = None
) -> MoshiNetwork:
    """The network with the weights in it, ready to run.

    Args:
        rewind: steps that its cache may be set back by.
        on_part: called after each of the tensors, to show how far it is.

    Raises:
        ModelError: there is not enough memory, or a file cannot be read.
    """
    config = reader.config
    with torch.device("meta"):
        network = MoshiNetwork(config, rewind)
    capacity = network.temporal.window.capacity
    check(need(config, capacity, form.dtype, form.int8), form.device, "the model")
    _Filler(reader, form, on_part or (lambda: None)).fill(network)
    return network.eval()


class _Filler:
    """Puts tensors into a network whose parts have no memory yet."""

    def __init__(self, reader: Source, form: Form, on_part: Callable[[], None]) -> None:
        self._reader, self._form, self._on_part = reader, form, on_part

    def fill(self, network: MoshiNetwork) -> None:
        self._tables(network)
        self._temporal(network)
        self._depth(network.depth, network.config)

    def _tables(self, network: MoshiNetwork) -> None:
        c, tables = network.config, network.depth.tables
        for table in (network.table, *tables):
            table.allocate(self._form.device, self._form.dtype)
        for stream, name in enumerate(["text_emb", *(f"emb.{i}" for i in range(c.streams))]):
            table = self._read(f"{name}.weight")
            if stream == 0 and c.end_is_pad:
                table[END] = table[c.pad]
            network.table.load(stream, table)
        for k, name in enumerate(
            ["depformer_text_emb", *(f"depformer_emb.{i}" for i in range(len(tables) - 1))]
        ):
            table = self._read(f"{name}.weight")
            if c.depth.low_rank:
                table = table.float() @ self._read(f"{name}.low_rank.weight").float().T
            tables[k].load(0, table)

    def _temporal(self, network: Any) -> None:
        c: MoshiConfig = network.config
        network.temporal.table = RotaryTable(c.head_width, c.rope_period).to(self._form.device)
        turned = (c.heads + c.kv_heads) * c.head_width
        for i, layer in enumerate(network.temporal.layers):
            name = f"transformer.layers.{i}"
            project = self._read(f"{name}.self_attn.in_projs.0.weight")
            if c.neighbours:
                project = torch.cat([pairs_apart(project[:turned], c.head_width), project[turned:]])
            layer.attention.project = self._product(project)
            layer.attention.out = self._read_product(f"{name}.self_attn.out_projs.0.weight")
            layer.up = self._read_product(f"{name}.gating.linear_in.weight")
            layer.down = self._read_product(f"{name}.gating.linear_out.weight")
            self._norm(layer.norm1, f"{name}.norm1.alpha")
            self._norm(layer.norm2, f"{name}.norm2.alpha")
        self._norm(network.norm, "out_norm.alpha")
        network.text_head = self._read_product("text_linear.weight")

    def _depth(self, depth: Any, config: MoshiConfig) -> None:
        sizes = config.depth
        rows = [self._read(f"depformer_in.{j}.weight") for j in range(max(sizes.inputs) + 1)]
        depth.inputs = self._product(torch.cat(rows))
        for i in range(sizes.layers):
            name, first = f"depformer.layers.{i}", depth.sets[0][i]
            self._norm(first.norm1, f"{name}.norm1.alpha")
            self._norm(first.norm2, f"{name}.norm2.alpha")
            for j in range(sizes.sets):
                layer, gate = depth.sets[j][i], f"{name}.gating.{j}"
                layer.attention.project = self._read_product(f"{name}.self_attn.in_projs.{j}.weight")
                layer.attention.out = self._read_product(f"{name}.self_attn.out_projs.{j}.weight")
                layer.up = self._read_product(f"{gate}.linear_in.weight")
                layer.down = self._read_product(f"{gate}.linear_out.weight")
                layer.norm1, layer.norm2 = first.norm1, first.norm2
        for k in range(sizes.codebooks):
            if sizes.norm:
                self._norm(depth.norms[k], f"depformer_norms.{k}.alpha")
            depth.heads[k] = self._read_product(f"linears.{k}.weight")

    def _read(self, name: str) -> Tensor:
        tensor = self._reader.read(name)
        self._on_part()
        return tensor

    def _norm(self, norm: RmsNorm, name: str) -> None:
        scale = self._read(name).flatten().to(self._form.device, self._form.dtype)
        norm.weight = nn.Parameter(scale, requires_grad=False)
        if self._form.packed:
            norm.pack()

    def _read_product(self, name: str) -> nn.Module:
        return self._product(self._read(name))

    def _product(self, weight: Tensor) -> nn.Module:
        f = self._form
        weight = weight.to(f.device, f.dtype)
        if f.int8:
            return Int8Linear(weight)
        linear = Linear(1, 1, bias=False).to(f.device, f.dtype)
        linear.outputs, linear.inputs = weight.shape
        linear.weight = nn.Parameter(weight, requires_grad=False)
        if f.packed:
            linear.pack()
        return linear
