"""Reads EnCodec weights: the ``encodec`` package's state dict and Hugging Face's layout, by one set of names.

Both name the layers by their place in a list of all layers, with the activations counted, and store a
convolution's weight as direction and length (weight normalisation; Salimans and Kingma, 2016). What is needed
to rebuild the model is read off the shapes, so a bare weight file is enough.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from voicert_codecs.base import CodecError
from voicert_codecs.blocks.conv import CausalConv, CausalTransposedConv, Start, load_linear
from voicert_codecs.blocks.linear import Linear
from voicert_codecs.blocks.lstm import StreamingLstm
from voicert_codecs.blocks.rvq import ResidualQuantizer
from voicert_codecs.blocks.seanet import ResidualBlock, SeanetConfig, SeanetDecoder, SeanetEncoder
from voicert_codecs.encodec.config import EncodecConfig

Tensors = Mapping[str, Tensor]

# What either layout says, and what we call it.
_RENAMED = (
    (r"^(encoder|decoder)\.(model|layers)\.", r"\1."),
    (r"\.(conv|convtr)\.(conv|convtr)\.", ".conv."),
    (r"\.parametrizations\.weight\.original0$", ".weight_g"),
    (r"\.parametrizations\.weight\.original1$", ".weight_v"),
    (r"^quantizer\.(vq\.)?layers\.(\d+)\._?codebook\.embed$", r"codebooks.\2"),
)


@dataclass(frozen=True)
class Weights:
    """A checkpoint by our names: ``encoder.0.conv.bias``, ``decoder.1.lstm.bias_ih_l0``, ``codebooks.0``."""

    tensors: Tensors

    @classmethod
    def of(cls, state_dict: Tensors) -> Weights:
        """Takes either layout.

        Raises:
            CodecError: it is none of EnCodec's, or of the one for 48 kHz.
        """
        tensors: dict[str, Tensor] = {}
        for name, tensor in state_dict.items():
            for pattern, ours in _RENAMED:
                name = re.sub(pattern, ours, name)
            tensors[name] = tensor
        if not any(name.startswith("codebooks.") for name in tensors) or "encoder.0.conv.bias" not in tensors:
            raise CodecError("these are not the weights of an EnCodec model")
        if any(".norm." in name for name in tensors):
            raise CodecError("this EnCodec model is not causal (48 kHz); only the one for 24 kHz can stream")
        return cls({name: tensor.detach().float() for name, tensor in _folded(tensors).items()})

    def get(self, name: str) -> Tensor:
        """
        Raises:
            CodecError: there is none of that name.
        """
        try:
            return self.tensors[name]
        except KeyError:
            raise CodecError(f"the EnCodec weights lack {name}") from None

    def convolution(self, name: str) -> tuple[Tensor, Tensor | None]:
        """Weight and bias as torch.nn.Conv1d and ConvTranspose1d have them."""
        return self.get(f"{name}.conv.weight"), self.tensors.get(f"{name}.conv.bias")

    def places(self, side: str) -> list[str]:
        """The layers with weights of "encoder" or "decoder" in their order, such as ``encoder.3``."""
        numbers = {int(name.split(".")[1]) for name in self.tensors if name.startswith(f"{side}.")}
        return [f"{side}.{number}" for number in sorted(numbers)]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors below ``prefix``, by the rest of their names."""
        dot = f"{prefix}."
        return {name.removeprefix(dot): t for name, t in self.tensors.items() if name.startswith(dot)}

    def codebooks(self) -> Tensor:
        """[books, size, dimension].

        Raises:
            CodecError: they differ in shape.
        """
        books = self.part("codebooks")
        if len({book.shape for book in books.values()}) != 1:
            raise CodecError("the codebooks of the EnCodec weights differ in shape")
        return torch.stack([self.get(f"codebooks.{k}") for k in range(len(books))])


def _folded(tensors: Tensors) -> dict[str, Tensor]:
    """Each weight as direction times length; there is a length per row of the first dimension."""
    folded: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        stem = name.removesuffix("_v")
        if name.endswith(".weight_v") and f"{stem}_g" in tensors:
            norm = tensor.square().sum(dim=(1, 2), keepdim=True).sqrt()
            folded[stem] = tensor * (tensors[f"{stem}_g"] / norm)
        elif not name.endswith((".weight_v", ".weight_g")):
            folded[name] = tensor
    return folded


def config_of(weights: Weights, start: Start = "reflect") -> EncodecConfig:
    """Reads the sizes off the shapes.

    Raises:
        CodecError: the layers are not those of EnCodec at 24 kHz.
    """
    places = weights.places("encoder")
    lstm = [place for place in places if weights.part(f"{place}.lstm")]
    convs = [place for place in places if place not in lstm]
    stages, last = (len(convs) - 2) // 2, weights.convolution(convs[-1])[0]
    if len(convs) != 2 + 2 * stages or not stages:
        raise CodecError("the EnCodec weights have an unknown number of layers")
    first = weights.convolution(convs[0])[0]
    block = weights.convolution(f"{convs[1]}.block.1")[0]
    if first.shape[1] != 1 or weights.part(f"{convs[1]}.block.4"):
        raise CodecError("only EnCodec models of one channel and one layer per residual block can be used")
    kernels = [weights.convolution(convs[2 + 2 * i])[0].shape[2] for i in range(stages)]
    books = weights.codebooks()
    seanet = SeanetConfig(
        width=first.shape[0],
        dimension=last.shape[0],
        ratios=tuple(kernel // 2 for kernel in reversed(kernels)),
        kernel=first.shape[2],
        last_kernel=last.shape[2],
        residual_kernel=block.shape[2],
        compress=block.shape[1] // block.shape[0],
        lstm_layers=sum("weight_ih" in name for place in lstm for name in weights.part(place)),
        shortcut_conv=bool(weights.part(f"{convs[1]}.shortcut")),
        start=start,
    )
    return EncodecConfig(seanet, codebooks=books.shape[0], codebook_size=books.shape[1])


def build(weights: Weights, config: EncodecConfig) -> tuple[SeanetEncoder, SeanetDecoder, ResidualQuantizer]:
    """The networks with the weights in them.

    Raises:
        CodecError: a weight is missing or has another shape than ``config`` says.
    """
    encoder, decoder = SeanetEncoder(config.seanet), SeanetDecoder(config.seanet)
    quantizer = ResidualQuantizer(config.codebooks, config.codebook_size, config.seanet.dimension)
    quantizer.load(weights.codebooks())
    for side, layers in (("encoder", encoder.in_order()), ("decoder", decoder.in_order())):
        places = weights.places(side)
        if len(places) != len(layers):
            raise CodecError(f"the {side} of the EnCodec weights has {len(places)} layers, not {len(layers)}")
        for place, layer in zip(places, layers, strict=True):
            _load(layer, weights, place)
    return encoder, decoder, quantizer


def _load(layer: nn.Module, weights: Weights, place: str) -> None:
    try:
        match layer:
            case CausalConv() | CausalTransposedConv():
                layer.load(*weights.convolution(place))
            case StreamingLstm():
                layer.load(weights.part(f"{place}.lstm"))
            case ResidualBlock():
                layer.wide.load(*weights.convolution(f"{place}.block.1"))
                _load_narrow(layer.narrow, weights, f"{place}.block.3")
                if layer.shortcut is not None:
                    _load_narrow(layer.shortcut, weights, f"{place}.shortcut")
            case _:
                raise TypeError(f"a layer of EnCodec cannot be a {type(layer).__name__}")
    except CodecError as error:
        raise CodecError(f"{place} of the EnCodec weights: {error}") from error


def _load_narrow(linear: Linear, weights: Weights, place: str) -> None:
    """A convolution over a single sample is a product."""
    weight, bias = weights.convolution(place)
    load_linear(linear, weight.flatten(1), bias)
