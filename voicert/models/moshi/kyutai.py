"""Kyutai's ``config.json``: the sizes of a model and the names of its files.

A field that is not understood is refused by its name, for a model that is built a little wrong still talks,
only badly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from voicert.errors import ModelError
from voicert.models.moshi.config import DepthSizes, Folder, MoshiConfig

USUAL_LORA = "lora.safetensors"  # what moshi-finetune writes; its configurations do not say so
TYPES = ("moshi", "hibiki", "personaplex")
PUBLISHED: Mapping[str, Any] = {
    "dim": 4096, "text_card": 32_000, "existing_text_padding_id": 3, "n_q": 16, "dep_q": 8, "card": 2048,
    "num_heads": 32, "num_layers": 32, "hidden_scale": 4.125, "causal": True, "context": 3000,
    "max_period": 10_000, "gating": "silu", "norm": "rms_norm_f32", "positional_embedding": "rope",
    "depformer_dim": 1024, "depformer_dim_feedforward": 4224, "depformer_num_heads": 16,
    "depformer_num_layers": 6, "depformer_multi_linear": True, "depformer_gating": "silu",
    "depformer_pos_emb": "none", "depformer_weights_per_step": True,
    "delays": [0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1],
}  # fmt: skip
"""What a folder without ``config.json`` holds, as the first published models had none."""

# What this implementation takes for granted: the only values that are understood, by name; the first of them
# is what Kyutai's code means where nothing is said.
_FIXED: Mapping[str, tuple[Any, ...]] = {
    "causal": (True,), "layer_scale": (None,), "depformer_layer_scale": (None,), "norm_emb": (False,),
    "bias_proj": (False,), "cross_attention": (False,), "demux_second_text_stream": (False,),
    "demux_second_stream": (False,), "extra_heads_num_heads": (0,), "conditioners": (None, {}),
    "quantize": (False,), "depformer_gating": ("silu",), "tts_config": (None, {}), "stt_config": (None, {}),
}  # fmt: skip
# Likewise, but Kyutai's code means something else where nothing is said: they must be there.
_MUST: Mapping[str, tuple[Any, ...]] = {
    "gating": ("silu",), "norm": ("rms_norm_f32", "rms_norm"),
    "positional_embedding": ("rope", "rope_concat"),
    "depformer_pos_emb": ("none",), "depformer_weights_per_step": (True,),
}  # fmt: skip
# Says nothing that matters here: how a model was trained, where it comes from, or what cannot take effect.
_WITHOUT_EFFECT = {
    "betas", "checkpointing", "depformer_causal", "depformer_context",
    "depformer_max_period", "extra_heads_dim", "fuser", "gradient_checkpointing", "model_id",
    "positional_scale", "version",
}  # fmt: skip


class _Fields:
    """The fields of a configuration, of which those that nobody asked for are found at the end."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._asked = set(_WITHOUT_EFFECT)

    def get(self, name: str, kind: type, default: Any = None) -> Any:
        """
        Raises:
            ModelError: it is missing or of another kind.
        """
        self._asked.add(name)
        value = self._given.get(name, default)
        if value is None and name not in self._given:
            raise ModelError(f"{name} is missing")
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ModelError(f"{name} is {value!r}, not of type {kind.__name__}")
        return value

    def may(self, name: str, kind: type) -> Any:
        """The same of a field that may be missing or null: None."""
        self._asked.add(name)
        return None if self._given.get(name) is None else self.get(name, kind)

    def one_of(self, name: str, values: tuple[Any, ...]) -> Any:
        """The first value where nothing is given."""
        self._asked.add(name)
        value = self._given.get(name, values[0])
        if value not in values:
            raise ModelError(f"{name} is {value!r}; understood is {' or '.join(map(repr, values))}")
        return value

    def must_be_one_of(self, name: str, values: tuple[Any, ...]) -> Any:
        if name not in self._given:
            raise ModelError(f"{name} is missing")
        return self.one_of(name, values)

    def integers(self, name: str) -> tuple[int, ...]:
        values = cast("list[Any]", self.get(name, list))
        if not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
            raise ModelError(f"{name} is {values!r}, not a list of whole numbers")
        return tuple(values)

    def check_all_asked(self) -> None:
        for name, value in self._given.items():
            if name not in self._asked and value is not None:
                raise ModelError(f"{name} = {value!r} is not understood")


def read_folder(folder: Path) -> Folder:
    """Of a model's folder; one without ``config.json`` holds a model of the published sizes.

    Raises:
        ModelError: the file cannot be read, or a field is not understood; it is named.
    """
    path = folder / "config.json"
    if not path.is_file():
        return Folder(from_kyutai(PUBLISHED))
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it is no object")
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read the configuration {path}: {error}") from error
    try:
        return parse(cast("dict[str, Any]", content))
    except ModelError as error:
        raise ModelError(f"the configuration {path} is not understood: {error}") from error


def parse(content: Mapping[str, Any]) -> Folder:
    """
    Raises:
        ModelError: a field is missing or not understood; it is named.
    """
    fields, rest = _Fields(content), dict(content)
    model_type = fields.one_of("model_type", TYPES)
    texts = {
        "weights": ("moshi_name", Folder.weights), "codec": ("mimi_name", Folder.codec),
        "codec_config": ("mimi_config_name", ""), "tokenizer": ("tokenizer_name", Folder.tokenizer),
        "lora": ("lora_name", ""),
    }  # fmt: skip
    names = {ours: fields.may(theirs, str) or default for ours, (theirs, default) in texts.items()}
    sampling: dict[str, Any] = fields.may("lm_gen_config", dict) or {}
    for name in ("model_type", "lm_gen_config", *(theirs for theirs, _ in texts.values())):
        rest.pop(name, None)
    if model_type == "personaplex":
        rest = {**PUBLISHED, "dep_q": 16, **rest}
    config = replace(from_kyutai(rest), end_is_pad=model_type == "hibiki")
    if config.lora_rank and not names["lora"]:
        names["lora"] = USUAL_LORA
    return Folder(config, model_type, sampling=sampling, **names)


def from_kyutai(given: Mapping[str, Any]) -> MoshiConfig:
    """Of the arguments of Kyutai's language model.

    Raises:
        ModelError: a field is missing or not understood; it is named.
    """
    fields = _Fields(given)
    for name, values in _FIXED.items():
        fields.one_of(name, values)
    for name, values in _MUST.items():
        fields.must_be_one_of(name, values)
    width, scale = fields.get("dim", int), fields.get("hidden_scale", float, 4.0)
    heads, text_card = fields.get("num_heads", int, 8), fields.get("text_card", int, 32_000)
    repeat = fields.get("kv_repeat", int, 1)
    lora = fields.one_of("lora", (False, True))
    rank, scaling = fields.get("lora_rank", int, 128), fields.get("lora_scaling", float, 2.0)
    config = MoshiConfig(
        width=width,
        layers=fields.get("num_layers", int),
        heads=heads,
        kv_heads=_divided(heads, repeat, "kv_repeat"),
        hidden=gated_width(width, int(scale * width)),
        context=fields.get("context", int),
        rope_period=fields.get("max_period", float, 10_000.0),
        neighbours=fields.get("positional_embedding", str) == "rope",
        norm=fields.get("norm", str),
        streams=fields.get("n_q", int, 8),
        card=fields.get("card", int, 1024),
        text_card=text_card,
        text_out=fields.may("text_card_out", int) or text_card,
        pad=fields.get("existing_text_padding_id", int, 3),
        end_pad=fields.get("existing_text_end_padding_id", int, 0),
        delays=fields.integers("delays"),
        depth=_depth(fields, scale),
        lora_rank=rank if lora else 0,
        lora_scaling=scaling,
    )
    fields.check_all_asked()
    return config


def _depth(fields: _Fields, scale: float) -> DepthSizes:
    count, width = fields.get("dep_q", int, 8), fields.get("depformer_dim", int, 256)
    if count < 1:
        raise ModelError(f"dep_q is {count}; models that write no audio are not supported")
    heads = fields.get("depformer_num_heads", int)
    repeat = fields.may("depformer_kv_repeat", int) or fields.get("kv_repeat", int, 1)
    schedule = tuple(range(count))
    if fields.may("depformer_weights_per_step_schedule", list) is not None:
        schedule = fields.integers("depformer_weights_per_step_schedule")
    if len(schedule) != count or min(schedule) < 0:
        raise ModelError(f"depformer_weights_per_step_schedule is not a list of {count} numbers from 0")
    return DepthSizes(
        codebooks=count,
        width=width,
        layers=fields.may("depformer_num_layers", int) or fields.get("num_layers", int),
        heads=heads,
        kv_heads=_divided(heads, repeat, "depformer_kv_repeat"),
        hidden=_depth_hidden(fields, width, scale, max(schedule) + 1),
        weights=schedule,
        inputs=schedule if fields.one_of("depformer_multi_linear", (False, True)) else (0,) * count,
        low_rank=fields.may("depformer_low_rank_embeddings", int) or 0,
        norm=fields.one_of("depformer_norm", (None, *_MUST["norm"])) or "",
    )


def _depth_hidden(fields: _Fields, width: int, scale: float, sets: int) -> tuple[int, ...]:
    """One number for all, or one per set of weights."""
    try:
        given = fields.may("depformer_dim_feedforward", int)
    except ModelError:
        outer = fields.integers("depformer_dim_feedforward")
        if len(outer) != sets:
            raise ModelError(f"depformer_dim_feedforward has {len(outer)} entries for {sets} sets") from None
        return tuple(gated_width(width, each) for each in outer)
    return (gated_width(width, given or int(scale * width)),) * sets


def gated_width(width: int, outer: int) -> int:
    """The inner width of a gated perceptron whose ungated counterpart would be ``outer`` wide."""
    return 21 * width // 8 if outer == 4 * width else 2 * outer // 3


def _divided(heads: int, repeat: int, name: str) -> int:
    if repeat < 1 or heads % repeat:
        raise ModelError(f"{name} is {repeat}, which does not divide {heads} heads")
    return heads // repeat
