"""Mimi's files and configurations: what is opened, and what is said about those that do not fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from make_tiny_mimi import TINY, kyutai_config, random_weights, write_mimi
from voicert_codecs.base import CodecError
from voicert_codecs.mimi.checkpoint import Weights
from voicert_codecs.mimi.config import MimiConfig, from_kyutai
from voicert_codecs.mimi.load import find, make_codec, open_codec


def test_folders_and_files(tmp_path: Path) -> None:
    file = write_mimi(tmp_path)
    assert find(tmp_path) == find(file) == (file, TINY)
    assert open_codec(tmp_path).num_codebooks == 8
    (tmp_path / "config.json").write_text(json.dumps({"mimi_name": file.name, "dep_q": 8}))
    assert find(tmp_path) == (file, MimiConfig())  # a Moshi model's, which says nothing of its Mimi
    (tmp_path / "config.json").unlink()
    assert find(tmp_path) == (file, MimiConfig())


Spoil = Callable[[dict[str, torch.Tensor]], None]


def drop(name: str) -> Spoil:
    def spoil(weights: dict[str, torch.Tensor]) -> None:
        del weights[name]

    return spoil


def widen(name: str) -> Spoil:
    def spoil(weights: dict[str, torch.Tensor]) -> None:
        weights[name] = weights[name].repeat_interleave(2, dim=0)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (drop("decoder.model.0.conv.conv.bias"), "lack decoder.0.conv.bias"),
        (drop("encoder_transformer.transformer.layers.1.linear1.weight"), "lack encoder_transformer.1.up"),
        (drop("quantizer.rvq_rest.vq.layers.6._codebook.embedding_sum"), "lack acoustic.6.sum"),
        (drop("upsample.convtr.convtr.convtr.weight"), "lack upsample.conv.weight"),
        (drop("downsample.conv.conv.conv.weight"), "not the weights of a Mimi"),
        (widen("encoder.model.3.conv.conv.weight"), "encoder.3 of the Mimi weights: weight has shape"),
        (widen("decoder.model.2.convtr.convtr.bias"), "decoder.2 of the Mimi weights: bias has shape"),
        (widen("decoder_transformer.transformer.layers.0.norm2.bias"), "decoder_transformer.0 .* norm2.bias"),
        (widen("encoder_transformer.transformer.layers.0.self_attn.in_projs.0.weight"), "192 rows, not 96"),
        (widen("quantizer.rvq_first.input_proj.weight"), "quantizer of the Mimi weights: weight has shape"),
        (widen("quantizer.rvq_rest.vq.layers.0._codebook.embedding_sum"), "codebook acoustic.0 "),
    ],
)
def test_weights_that_do_not_fit_are_refused(spoil: Spoil, message: str) -> None:
    weights = random_weights(TINY)
    spoil(weights)
    with pytest.raises(CodecError, match=message):
        make_codec(Weights.of(weights), TINY)


@pytest.mark.parametrize(
    ("section", "name", "value", "message"),
    [
        ("", "frame_rate", None, "lacks frame_rate"),
        ("", "frame_rate", 11.0, "frame_rate that does not divide"),
        ("", "seanet", None, "lacks seanet"),
        ("", "channels", 2, "channels = 2 is not supported"),
        ("seanet", "n_residual_layers", 3, "seanet.n_residual_layers = 3 is not supported"),
        ("seanet", "ratios", None, "lacks ratios"),
        ("seanet", "n_filters", 0, "sizes of the encoder"),
        ("transformer", "gating", "silu", "transformer.gating = 'silu' is not supported"),
        ("transformer", "num_heads", 5, "do not divide"),
        ("quantizer", "n_q", 1, "sizes of the codec"),
    ],
)
def test_configurations_that_are_not_understood_are_refused(
    section: str, name: str, value: object, message: str
) -> None:
    given = kyutai_config(TINY)
    assert from_kyutai(given) == TINY
    part = given[section] if section else given
    if value is None:
        del part[name]
    else:
        part[name] = value
    with pytest.raises(CodecError, match=message):
        from_kyutai(given)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(CodecError, match="holds no tokenizer-"):
        open_codec(tmp_path)
    with pytest.raises(CodecError, match="is not there"):
        open_codec(tmp_path / "other.safetensors")
    file = write_mimi(tmp_path)
    with pytest.raises(CodecError, match="2 to 8 codebooks, 9 were asked for"):
        open_codec(file, 9)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(CodecError, match="cannot read the weights"):
        open_codec(file)
    for text in ("[1]", "{"):
        (tmp_path / "mimi_config.json").write_text(text)
        with pytest.raises(CodecError, match="cannot read the configuration"):
            open_codec(file)
