"""Moshi's files: what is understood, what is refused and how, and the forms that weights are held in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.support.moshi_original import SMALL, open_lm, write_moshi
from voicert.errors import ModelError
from voicert.models.moshi.config import MoshiConfig
from voicert.models.moshi.kyutai import from_kyutai, parse, read_folder
from voicert.models.moshi.lm import MoshiLm
from voicert.models.moshi.loader import Form, Reader
from voicert.models.parts import Int8Linear


def spoken_by(lm: MoshiLm, steps: int = 30) -> list[list[int]]:
    random = np.random.default_rng(2)
    return [lm.step(np.array([0]), random.integers(0, 32, (1, 8)))[0].tolist() for _ in range(steps)]


def logits_of(lm: MoshiLm, steps: int = 20) -> Tensor:
    """[steps, V] of the text, with everything given that could depend on them."""
    random = np.random.default_rng(2)
    own, user = random.integers(0, 32, (steps, 9)), random.integers(0, 32, (steps, 8))
    return lm.feed(0, own, user).float()


def test_a_folder_without_configuration_holds_the_published_model(tmp_path: Path) -> None:
    folder = read_folder(tmp_path)
    assert folder.config == MoshiConfig()
    assert (folder.weights, folder.model_type) == ("model.safetensors", "moshi")


def test_personaplex_is_the_published_model_with_all_codebooks() -> None:
    config = parse({"model_type": "personaplex", "version": "7b-v1"}).config
    assert (config.depth.codebooks, config.spoken, config.layers) == (16, 8, 32)


def test_names_of_files_and_sampling() -> None:
    names = {"moshi_name": "m.safetensors", "mimi_name": "c", "tokenizer_name": "t", "lora_name": "l"}
    folder = parse({**SMALL, **names, "lora": True, "lm_gen_config": {"temp": 0.8}, "model_type": "moshi"})
    assert (folder.weights, folder.codec, folder.tokenizer, folder.lora) == ("m.safetensors", "c", "t", "l")
    assert folder.sampling == {"temp": 0.8}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"surprise": 1}, "surprise"),
        ({"dim": "wide"}, "dim is 'wide'"),
        ({"dim": True}, "dim is True"),
        ({"norm": "layer_norm"}, "norm is 'layer_norm'"),
        ({"gating": "relu"}, "gating is 'relu'"),
        ({"depformer_pos_emb": "sin"}, "depformer_pos_emb"),
        ({"depformer_weights_per_step": False}, "depformer_weights_per_step"),
        ({"cross_attention": True}, "cross_attention"),
        ({"conditioners": {"speaker": {}}}, "conditioners"),
        ({"demux_second_stream": True}, "demux_second_stream"),
        ({"extra_heads_num_heads": 4}, "extra_heads_num_heads"),
        ({"dep_q": 0}, "dep_q"),
        ({"dep_q": 17}, "dep_q 17"),
        ({"num_heads": 5}, "5 heads"),
        ({"kv_repeat": 3}, "kv_repeat"),
        ({"delays": [0, 1]}, "delays"),
        ({"delays": [1] * 17}, "delays"),
        ({"context": -1}, "context"),
        ({"depformer_weights_per_step_schedule": [0, 1]}, "depformer_weights_per_step_schedule"),
        ({"depformer_dim_feedforward": [8, 8]}, "depformer_dim_feedforward"),
        ({"model_type": "whisper"}, "model_type"),
    ],
)
def test_what_is_not_understood_is_named(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**SMALL, **changed}))
    with pytest.raises(ModelError, match=r"config\.json") as refused:
        read_folder(tmp_path)
    assert said in str(refused.value)


@pytest.mark.parametrize("name", ["dim", "norm", "gating", "positional_embedding", "delays", "context"])
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(ModelError, match=name):
        from_kyutai({key: value for key, value in SMALL.items() if key != name})


@pytest.mark.parametrize("text", ["{", "[1]", "\x00"])
def test_a_configuration_that_is_no_object(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelError, match="cannot read"):
        read_folder(tmp_path)


def broken(weights: dict[str, Tensor], how: str) -> dict[str, Tensor]:
    first = "transformer.layers.1.gating.linear_in.weight"
    match how:
        case "missing":
            del weights[first], weights["linears.3.weight"]
        case "shape":
            weights[first] = weights[first][:-1].contiguous()
        case "surplus":
            weights["transformer.layers.3.norm1.alpha"] = torch.ones(1, 1, 48)
        case _:
            weights[first] = weights[first].round().to(torch.int8)
    return weights


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("missing", "lack .*linear_in.weight.*linears.3.weight|lack linears.3"),
        ("shape", r"linear_in.weight of .* \[263, 48\], the configuration says \[264, 48\]"),
        ("surplus", "transformer.layers.3.norm1.alpha"),
        ("type", "linear_in.weight is of type I8"),
    ],
)
def test_weights_that_do_not_fit(tmp_path: Path, how: str, said: str) -> None:
    file = write_moshi(tmp_path, SMALL) / "model.safetensors"
    save_file(broken(load_file(file), how), file)
    with pytest.raises(ModelError, match=said):
        open_lm(tmp_path)


@pytest.mark.parametrize("kept", [0, 5, 100, -10])
def test_weights_that_are_cut_off(tmp_path: Path, kept: int) -> None:
    file = write_moshi(tmp_path, SMALL) / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(ModelError, match="cannot read the weights"):
        open_lm(tmp_path)


def test_weights_in_another_format_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not there"):
        Reader(from_kyutai(SMALL), tmp_path / "model.safetensors")
    (tmp_path / "model.pt").write_bytes(b"PK")
    with pytest.raises(ModelError, match="not in the safetensors format"):
        Reader(from_kyutai(SMALL), tmp_path / "model.pt")


def test_in_several_files(tmp_path: Path) -> None:
    folder = write_moshi(tmp_path, SMALL)
    whole = spoken_by(open_lm(folder))
    file = folder / "model.safetensors"
    weights, places = load_file(file), dict[str, str]()
    for part in range(2):
        chosen = {name: weights[name] for name in sorted(weights)[part::2]}
        save_file(chosen, folder / f"model-{part}.safetensors")
        places |= dict.fromkeys(chosen, f"model-{part}.safetensors")
    file.unlink()
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    assert spoken_by(open_lm(folder)) == whole
    index.write_text(json.dumps({"weight_map": {**places, "more": "model-0.safetensors"}}))
    with pytest.raises(ModelError, match=r"do not hold: more"):
        open_lm(folder)


def test_fewer_sets_of_weights_than_codebooks_serve_twice(tmp_path: Path) -> None:
    """As the weights that PersonaPlex began with: of 16 codebooks the last 8 have those of the first."""
    lm = {**SMALL, "dep_q": 16}
    weights = load_file(write_moshi(tmp_path / "twice", lm) / "model.safetensors")
    for name in list(weights):
        for k in range(8, 16):
            if f".{k}." in name and name.startswith(("depformer", "linears")):
                weights[name] = weights[name.replace(f".{k}.", f".{k - 8}.")].clone()
    save_file(weights, tmp_path / "twice" / "model.safetensors")
    once = write_moshi(tmp_path / "once", lm)
    for layer in range(2):
        stem = f"depformer.layers.{layer}.self_attn"
        for side in ("in", "out"):
            parts = [weights.pop(f"{stem}.{side}_projs.{k}.weight") for k in range(16)]
            weights[f"{stem}.{side}_proj_weight"] = torch.cat(parts[:8])
    few = {name: w for name, w in weights.items() if not any(f".{k}." in name for k in range(8, 16))}
    few |= {f"emb.{k}.weight": weights[f"emb.{k}.weight"] for k in range(8, 16)}
    save_file(few, once / "model.safetensors")
    both = [open_lm(folder, spoken=16) for folder in (tmp_path / "twice", once)]
    random = np.zeros((1, 0), np.int64)
    for _ in range(20):
        one, other = (lm.step(np.array([0]), random) for lm in both)
        assert np.array_equal(one, other)


def test_8_bits_are_near(tmp_path: Path) -> None:
    folder = write_moshi(tmp_path, SMALL)
    exact, rounded = logits_of(open_lm(folder)), logits_of(open_lm(folder, form=Form(int8=True)))
    assert 0 < (exact - rounded).abs().mean() < 0.05 * exact.abs().mean()


def test_8_bits_of_a_row_are_within_half_a_step() -> None:
    weight = (
        torch.randn(40, 24, generator=torch.Generator().manual_seed(0)) * torch.logspace(-3, 2, 40)[:, None]
    )
    linear = Int8Linear(weight)
    held = linear(torch.eye(24)).T
    step = weight.abs().amax(1, keepdim=True) / 127
    assert ((held - weight).abs() <= 0.5 * step + weight.abs() * 2**-7).all()


def test_stored_in_8_bits(tmp_path: Path) -> None:
    """With the scales beside them, as bitsandbytes has it."""
    folder = write_moshi(tmp_path, SMALL)
    file = folder / "model.safetensors"
    weights = load_file(file)
    for name in [name for name in weights if "proj" in name]:
        most = weights[name].abs().amax(1)
        rounded = (weights[name] / most[:, None] * 127).round()
        weights[name] = rounded * most[:, None] / 127
    save_file(weights, file)
    before = logits_of(open_lm(folder))
    for name in [name for name in weights if "proj" in name]:
        most = weights[name].abs().amax(1)
        weights[name], weights[f"{name}_scb"] = (
            (weights[name] / most[:, None] * 127).round().to(torch.int8),
            most,
        )
    save_file(weights, file)
    assert torch.allclose(logits_of(open_lm(folder)), before, atol=1e-4)


def test_half_precision_is_near(tmp_path: Path) -> None:
    folder = write_moshi(tmp_path, SMALL)
    exact = logits_of(open_lm(folder))
    half = open_lm(folder, form=Form(dtype=torch.bfloat16))
    assert (exact - logits_of(half)).abs().mean() < 0.05 * exact.abs().mean()
    assert len(spoken_by(half)) == 30


def test_a_fine_tune_s_product_is_found_under_its_usual_name() -> None:
    """What moshi-finetune writes says that there is one, but not where."""
    assert parse({**SMALL, "lora": True}).lora == "lora.safetensors"
    assert parse({**SMALL, "lora": True, "lora_name": "mine"}).lora == "mine"
    assert parse(SMALL).lora == ""


def test_a_product_that_is_not_asked_for_is_refused(tmp_path: Path) -> None:
    folder = write_moshi(tmp_path, {**SMALL, "lora": True, "lora_rank": 2})
    with pytest.raises(ModelError, match=r"lora_name"):
        open_lm(folder)
    save_file({"text_linear.lora_A.weight": torch.ones(3, 48)}, folder / "l.safetensors")
    with pytest.raises(ModelError, match=r"text_linear\.lora_A"):
        open_lm(folder, lora="l.safetensors")
