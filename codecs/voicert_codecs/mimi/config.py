"""The numbers of a Mimi, and how the published configurations say them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from voicert_codecs.base import CodecError
from voicert_codecs.blocks.seanet import SeanetConfig
from voicert_codecs.blocks.transformer import TransformerConfig

USUAL_CODEBOOKS = 8  # that speech models use of the 32


def _published_seanet() -> SeanetConfig:
    return SeanetConfig(width=64, dimension=512, ratios=(8, 6, 5, 4), last_kernel=3, lstm_layers=0,
                        shortcut_conv=False, start="zeros")  # fmt: skip


def _published_transformer() -> TransformerConfig:
    return TransformerConfig(width=512, layers=8, heads=8, hidden=2048, context=250)


@dataclass(frozen=True)
class MimiConfig:
    """Sizes of all parts; the defaults are those of the published weights.

    Raises:
        CodecError: they do not fit each other.
    """

    seanet: SeanetConfig = field(default_factory=_published_seanet)
    transformer: TransformerConfig = field(default_factory=_published_transformer)  # of encoder and decoder
    sample_rate: int = 24_000  # Hz
    stride: int = 2  # latents of the convolutional encoder per frame
    codebooks: int = 32  # that the weights have; the first one is the semantic one
    codebook_size: int = 2048
    codebook_width: int = 256

    def __post_init__(self) -> None:
        latent, width = self.seanet.dimension, self.transformer.width
        if latent != width:
            raise CodecError(f"the encoder gives {latent} channels to a transformer of {width}")
        if (
            min(self.sample_rate, self.stride, self.codebook_size, self.codebook_width, self.codebooks - 1)
            < 1
        ):
            raise CodecError(f"the sizes of the codec do not fit: {self}")

    @property
    def width(self) -> int:
        """Channels of the latent."""
        return self.seanet.dimension

    @property
    def frame_size(self) -> int:
        """Samples per frame."""
        return self.seanet.frame_size * self.stride


# What this implementation takes for granted, by section and name in Kyutai's configuration.
_KYUTAI_FIXED: dict[str, dict[str, Any]] = {
    "": {"channels": 1},
    "seanet": {
        "channels": 1, "causal": True, "n_residual_layers": 1, "activation": "ELU", "norm": "none",
        "pad_mode": "constant", "true_skip": True,
    },
    "transformer": {
        "causal": True, "conv_layout": True, "gating": "none", "norm": "layer_norm",
        "positional_embedding": "rope",
    },
    "quantizer": {"n_q_semantic": 1},
}  # fmt: skip

_HUGGING_FACE_FIXED: dict[str, Any] = {
    "audio_channels": 1, "attention_bias": False, "hidden_act": "gelu", "num_residual_layers": 1,
    "num_semantic_quantizers": 1, "pad_mode": "constant", "trim_right_ratio": 1.0, "use_causal_conv": True,
    "use_conv_shortcut": False,
}  # fmt: skip


def from_kyutai(given: Mapping[str, Any]) -> MimiConfig:
    """Of the file that ``mimi_config_name`` names in a Kyutai ``config.json``.

    Raises:
        CodecError: a field is missing, or has a value that is not understood; it is named.
    """
    for section, fixed in _KYUTAI_FIXED.items():
        _check(given if not section else _get(given, section), fixed, section)
    seanet, transformer, quantizer = (_get(given, name) for name in ("seanet", "transformer", "quantizer"))
    config = _seanet(seanet, width="n_filters", dimension="dimension", ratios="ratios")
    rate, frame_rate = _get(given, "sample_rate"), _get(given, "frame_rate")
    return MimiConfig(
        seanet=config,
        transformer=_transformer(
            width=_get(transformer, "d_model"),
            layers=_get(transformer, "num_layers"),
            heads=_get(transformer, "num_heads"),
            hidden=_get(transformer, "dim_feedforward"),
            context=_get(transformer, "context"),
            rope_period=float(_get(transformer, "max_period")),
        ),
        sample_rate=rate,
        stride=_whole(rate / (frame_rate * config.frame_size), "frame_rate"),
        codebooks=_get(quantizer, "n_q"),
        codebook_size=_get(quantizer, "bins"),
        codebook_width=_get(quantizer, "dimension"),
    )


def from_hugging_face(given: Mapping[str, Any]) -> MimiConfig:
    """Of the ``config.json`` of a ``MimiModel``.

    Raises:
        CodecError: a field is missing, or has a value that is not understood; it is named.
    """
    _check(given, _HUGGING_FACE_FIXED, "")
    rope = cast("Mapping[str, Any]", given.get("rope_parameters") or given)
    config = _seanet(given, width="num_filters", dimension="hidden_size", ratios="upsampling_ratios")
    return MimiConfig(
        seanet=config,
        transformer=_transformer(
            width=config.dimension,
            layers=_get(given, "num_hidden_layers"),
            heads=_get(given, "num_attention_heads"),
            kv_heads=_get(given, "num_key_value_heads"),
            hidden=_get(given, "intermediate_size"),
            context=_get(given, "sliding_window"),
            rope_period=float(_get(rope, "rope_theta")),
            norm_epsilon=_get(given, "norm_eps"),
        ),
        sample_rate=_get(given, "sampling_rate"),
        codebooks=_get(given, "num_quantizers"),
        codebook_size=_get(given, "codebook_size"),
        codebook_width=_get(given, "vector_quantization_hidden_dimension"),
    )


def _seanet(section: Mapping[str, Any], *, width: str, dimension: str, ratios: str) -> SeanetConfig:
    """The convolutional part; these three fields have a name of their own in either configuration."""
    return SeanetConfig(
        width=_get(section, width),
        dimension=_get(section, dimension),
        ratios=tuple(_get(section, ratios)),
        kernel=_get(section, "kernel_size"),
        last_kernel=_get(section, "last_kernel_size"),
        residual_kernel=_get(section, "residual_kernel_size"),
        compress=_get(section, "compress"),
        lstm_layers=0, shortcut_conv=False, start="zeros",
    )  # fmt: skip


def _transformer(**sizes: Any) -> TransformerConfig:
    try:
        return TransformerConfig(**sizes)
    except ValueError as error:
        raise CodecError(str(error)) from error


def _get(section: Mapping[str, Any], name: str) -> Any:
    if name not in section:
        raise CodecError(f"the configuration of Mimi lacks {name}")
    return section[name]


def _check(section: Mapping[str, Any], fixed: Mapping[str, Any], where: str) -> None:
    """Refuses values that would mean another network; what is not said is as published."""
    for name, wanted in fixed.items():
        if section.get(name, wanted) != wanted:
            full = f"{where}.{name}" if where else name
            raise CodecError(f"a Mimi with {full} = {section[name]!r} is not supported, only {wanted!r}")


def _whole(value: float, name: str) -> int:
    if value < 1 or value != int(value):
        raise CodecError(f"the configuration of Mimi has a {name} that does not divide the encoder's rate")
    return int(value)
