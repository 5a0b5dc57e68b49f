"""The numbers of a Moshi model.

A step has ``1 + streams`` streams, in this order: the text, the assistant's codebooks, the user's. The depth
transformer writes the first ``depth.codebooks`` of the audio streams; those of them that are the user's need
not be written, for what the user really said takes their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from voicert.errors import ModelError
from voicert.models.config import DepthSizes


@dataclass(frozen=True)
class MoshiConfig:
    """Sizes of all parts; the defaults are those of the published models.

    Raises:
        ModelError: they do not fit each other.
    """

    width: int = 4096
    layers: int = 32
    heads: int = 32
    kv_heads: int = 32
    hidden: int = 11264  # inner width of the gated perceptrons
    context: int = 3000  # steps that are seen, the own one included
    sinks: int = 0  # first steps that stay in sight when they are older than ``context``; 0: as published
    rope_period: float = 10_000.0
    neighbours: bool = True  # channels 2i and 2i + 1 are rotated together, else i and i + d/2
    norm: str = "rms_norm_f32"
    streams: int = 16  # of audio
    card: int = 2048  # values of an audio code; ``card`` itself stands before the first
    text_card: int = 32_000  # likewise of the text
    text_out: int = 32_000  # text tokens that can be written
    pad: int = 3  # text: nothing to write
    end_pad: int = 0  # text: the padding before a word is over
    end_is_pad: bool = False  # the end of the text is read as a pad: the model may write it too early
    delays: tuple[int, ...] = (0, 0, *([1] * 7), 0, *([1] * 7))  # steps by which each stream lags; text first
    depth: DepthSizes = field(default_factory=DepthSizes)
    lora_rank: int = 0  # 0: the weights are complete
    lora_scaling: float = 2.0

    def __post_init__(self) -> None:
        d = self.depth
        _positive(self, "width", "layers", "heads", "kv_heads", "hidden", "context", "streams", "card",
                  "text_card", "text_out")  # fmt: skip
        _positive(d, "codebooks", "width", "layers", "heads", "kv_heads")
        for width, heads, keys in ((self.width, self.heads, self.kv_heads), (d.width, d.heads, d.kv_heads)):
            if width % heads or heads % keys or width // heads % 2:
                raise ModelError(f"{width} channels do not divide into {heads} heads of {keys} keys")
        if not 0 <= self.sinks < self.context:
            raise ModelError(f"sinks is {self.sinks}, not from 0 to below the context of {self.context}")
        if len(self.delays) != self.streams + 1 or min(self.delays) < 0:
            raise ModelError(f"delays must be {self.streams + 1} numbers from 0, not {list(self.delays)}")
        if self.delays[0]:
            raise ModelError("delays: the text must not lag")
        if d.codebooks > self.streams:
            raise ModelError(f"dep_q {d.codebooks} is more than the {self.streams} streams of n_q")
        if len(d.weights) != d.codebooks or len(d.inputs) != d.codebooks:
            raise ModelError(f"the schedule of the depth transformer is not of {d.codebooks} codebooks")
        if min(d.weights) < 0 or max(d.weights) >= d.sets or min(d.hidden) < 1:
            raise ModelError("the schedule of the depth transformer names weights that it does not have")

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    @property
    def spoken(self) -> int:
        """Audio streams that are the assistant's own in a conversation."""
        return self.streams // 2 if self.depth.codebooks == self.streams else self.depth.codebooks

    @property
    def max_delay(self) -> int:
        return max(self.delays)


@dataclass(frozen=True)
class Folder:
    """What the ``config.json`` of a published model says besides the sizes; the names of its files."""

    config: MoshiConfig
    model_type: str = "moshi"
    weights: str = "model.safetensors"
    codec: str = "tokenizer-e351c8d8-checkpoint125.safetensors"
    codec_config: str = ""  # "": the published sizes
    tokenizer: str = "tokenizer_spm_32k_3.model"
    lora: str = ""  # "": there is none
    sampling: Mapping[str, Any] = field(default_factory=dict[str, Any])  # temp, temp_text, top_k, top_k_text


def _positive(sizes: object, *names: str) -> None:
    for name in names:
        if getattr(sizes, name) < 1:
            raise ModelError(f"{name} is {getattr(sizes, name)}; it must be positive")
