"""Reads Mimi weights: Kyutai's own files and Hugging Face's layout, by one set of names.

Both count the layers of the convolutional parts with the activations between them. Kyutai keeps query, key
and value in one projection and rotates neighbouring channels; Hugging Face has three, already in the order
that we rotate in. Codebooks are stored as sums and counts of what was nearest to each vector in training.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from voicert_codecs.base import CodecError
from voicert_codecs.blocks.conv import CausalConv, CausalTransposedConv, copy, load_linear
from voicert_codecs.blocks.rotary import pairs_apart
from voicert_codecs.blocks.seanet import ResidualBlock, SeanetDecoder, SeanetEncoder
from voicert_codecs.blocks.transformer import Transformer
from voicert_codecs.mimi.config import MimiConfig
from voicert_codecs.mimi.networks import MimiDecoder, MimiEncoder
from voicert_codecs.mimi.quantizer import SplitQuantizer

Tensors = Mapping[str, Tensor]
MIN_USAGE = 1e-5  # a vector that hardly anything was nearest to is divided by this at least

# What either layout says, and what we call it; newer versions of transformers nest the halves.
_RENAMED = (
    (r"^(encoder|decoder)\.\1_seanet\.", r"\1."),
    (r"^(?:encoder|decoder)\.((?:encoder|decoder)_transformer|downsample|upsample)\.", r"\1."),
    (r"^(encoder|decoder)\.(?:model|layers)\.", r"\1."),
    (r"^(encoder|decoder)_transformer\.(?:transformer\.)?layers\.", r"\1_transformer."),
    (r"\.(?:conv|convtr)\.(?:conv|convtr)\.(?:conv\.|convtr\.)?", ".conv."),
    (r"^quantizer\.(?:rvq_first|semantic_residual_vector_quantizer)\.", "semantic."),
    (r"^quantizer\.(?:rvq_rest|acoustic_residual_vector_quantizer)\.", "acoustic."),
    (r"\.(?:vq\.)?layers\.(\d+)\._?codebook\.(?:embedding_sum|embed_sum|embed_avg)$", r".\1.sum"),
    (r"\.(?:vq\.)?layers\.(\d+)\._?codebook\.(?:cluster_usage|cluster_size)$", r".\1.usage"),
    (r"\.self_attn\.(?:in_proj_weight|in_proj\.weight|in_projs\.0\.weight)$", ".together"),
    (r"\.self_attn\.(?:out_proj|out_projs\.0|o_proj)\.weight$", ".out"),
    (r"\.self_attn\.([qkv])_proj\.weight$", r".\1"),
    (r"\.(?:linear1|mlp\.fc1)\.weight$", ".up"),
    (r"\.(?:linear2|mlp\.fc2)\.weight$", ".down"),
    (r"\.input_layernorm\.", ".norm1."),
    (r"\.post_attention_layernorm\.", ".norm2."),
    (r"\.(?:layer_scale_1|self_attn_layer_scale)\.scale$", ".scale1"),
    (r"\.(?:layer_scale_2|mlp_layer_scale)\.scale$", ".scale2"),
)


@dataclass(frozen=True)
class Weights:
    """A checkpoint by our names, such as ``encoder.0.conv.weight``, ``decoder_transformer.3.up``."""

    tensors: Tensors

    @classmethod
    def of(cls, state_dict: Tensors) -> Weights:
        """Takes either layout.

        Raises:
            CodecError: it is none of Mimi's.
        """
        tensors: dict[str, Tensor] = {}
        for name, tensor in state_dict.items():
            for pattern, ours in _RENAMED:
                name = re.sub(pattern, ours, name)
            tensors[name] = tensor.detach().float()
        if not {"semantic.0.sum", "encoder.0.conv.weight", "downsample.conv.weight"} <= tensors.keys():
            raise CodecError("these are not the weights of a Mimi codec")
        return cls(tensors)

    def get(self, name: str) -> Tensor:
        """
        Raises:
            CodecError: there is none of that name.
        """
        try:
            return self.tensors[name]
        except KeyError:
            raise CodecError(f"the Mimi weights lack {name}") from None

    def convolution(self, name: str) -> tuple[Tensor, Tensor]:
        """Weight and bias as torch.nn.Conv1d and ConvTranspose1d have them."""
        return self.get(f"{name}.conv.weight"), self.get(f"{name}.conv.bias")

    def codebooks(self, config: MimiConfig) -> Tensor:
        """All vectors [books, size, dimension], the semantic codebook first.

        Raises:
            CodecError: one is missing or has another shape than ``config`` says.
        """
        shape, books = (config.codebook_size, config.codebook_width), list[Tensor]()
        for name in ["semantic.0"] + [f"acoustic.{k}" for k in range(config.codebooks - 1)]:
            total, usage = self.get(f"{name}.sum"), self.get(f"{name}.usage")
            if total.shape != shape or usage.shape != shape[:1]:
                raise CodecError(f"codebook {name} of the Mimi weights is {tuple(total.shape)}, not {shape}")
            books.append(total / usage.clamp(min=MIN_USAGE)[:, None])
        return torch.stack(books)

    def projection(self, layer: str, heads: tuple[int, int, int]) -> Tensor:
        """Query, key and value of a transformer layer in one, in our rotary order.

        ``heads``: how many of queries, how many of keys, and the width of one.

        Raises:
            CodecError: it is missing or has another number of rows.
        """
        queries, keys, width = heads
        if f"{layer}.together" not in self.tensors:
            return torch.cat([self.get(f"{layer}.{part}") for part in "qkv"])
        together = self.get(f"{layer}.together")
        turned = (queries + keys) * width
        if len(together) != turned + keys * width:
            raise CodecError(f"the projection has {len(together)} rows, not {turned + keys * width}")
        return torch.cat([pairs_apart(together[:turned], width), together[turned:]])


def build(
    weights: Weights, config: MimiConfig, codebooks: int, growing: bool = True
) -> tuple[MimiEncoder, MimiDecoder]:
    """The networks for the first ``codebooks``, with the weights in them.

    Raises:
        CodecError: a weight is missing or has another shape than ``config`` says.
    """
    quantizer = SplitQuantizer(codebooks, config.codebook_size, config.codebook_width, config.width)
    books = weights.codebooks(config)[:codebooks]
    with _place("quantizer"):
        quantizer.load(books, _projections(weights, "input_proj"), _projections(weights, "output_proj"))
    encoder, decoder = MimiEncoder(config, quantizer, growing), MimiDecoder(config, quantizer, growing)
    for side, network in (("encoder", encoder), ("decoder", decoder)):
        _load_seanet(network.seanet, weights, side)
        _load_transformer(network.transformer, weights, f"{side}_transformer")
    with _place("downsample"):
        encoder.downsample.load(weights.get("downsample.conv.weight"))
    with _place("upsample"):
        decoder.upsample.load(weights.get("upsample.conv.weight"))
    return encoder, decoder


@contextmanager
def _place(name: str) -> Generator[None]:
    """Says where in the weights something did not fit."""
    try:
        yield
    except CodecError as error:
        raise CodecError(f"{name} of the Mimi weights: {error}") from error


def _projections(weights: Weights, name: str) -> tuple[Tensor, Tensor]:
    """A projection of the semantic and of the acoustic part, stored as convolutions over a single step."""
    return weights.get(f"semantic.{name}.weight").flatten(1), weights.get(f"acoustic.{name}.weight").flatten(
        1
    )


def _load_seanet(seanet: SeanetEncoder | SeanetDecoder, weights: Weights, side: str) -> None:
    """The checkpoint counts the activations too: [ELU, resampling] take two places each, a block one."""
    number = 0
    for layer in seanet.in_order():
        number += isinstance(layer, CausalTransposedConv) or (number > 0 and isinstance(layer, CausalConv))
        place = f"{side}.{number}"
        with _place(place):
            match layer:
                case CausalConv() | CausalTransposedConv():
                    layer.load(*weights.convolution(place))
                case ResidualBlock():
                    layer.wide.load(*weights.convolution(f"{place}.block.1"))
                    weight, bias = weights.convolution(f"{place}.block.3")
                    load_linear(layer.narrow, weight.flatten(1), bias)
                case _:
                    raise TypeError(f"a layer of Mimi cannot be a {type(layer).__name__}")
        number += 1


def _load_transformer(transformer: Transformer, weights: Weights, side: str) -> None:
    c = transformer.config
    for i, layer in enumerate(transformer.layers):
        place = f"{side}.{i}"
        with _place(place):
            together = weights.projection(place, (c.heads, c.keys, c.head_width))
            load_linear(layer.attention.project, together, None)
            for linear, name, scale in (
                (layer.attention.out, "out", "scale1"),
                (layer.down, "down", "scale2"),
            ):
                folded = weights.get(f"{place}.{scale}")[:, None] * weights.get(f"{place}.{name}")
                load_linear(linear, folded, None)
            load_linear(layer.up, weights.get(f"{place}.up"), None)
            for norm, name in ((layer.norm1, "norm1"), (layer.norm2, "norm2")):
                for key, parameter in norm.named_parameters():
                    with torch.no_grad():
                        copy(parameter, weights.get(f"{place}.{name}.{key}"), f"{name}.{key}")
