"""The same weights and inputs give the same tokens as the ``moshi`` package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.support.moshi_original import SMALL, Original, open_lm, original_lm, write_moshi
from tests.support.oracles import oracle
from voicert.models.base import Sampling
from voicert.models.moshi.lm import MoshiLm

STEPS = 300
FEW = 60  # the ring of SMALL is full after 40
TOLERANCE = 1e-4  # of logits


def follow(lm: MoshiLm, original: Original, card: int, steps: int = FEW) -> None:
    """All rows side by side: tokens, frames and logits of every step."""
    rows = lm.slots
    slots, random = np.arange(rows), np.random.default_rng(1)
    depth = list[Tensor]()
    for head in lm.network.depth.heads:
        head.register_forward_hook(lambda _module, _given, logits: depth.append(logits))
    seen = set[int]()
    for step in range(steps):
        user = random.integers(0, card, (rows, lm.config.streams - lm.spoken))
        written, frame = original.step(user)
        thought = lm.think(slots, user)
        own = lm.write(thought, lm.choose_text(thought))
        assert np.array_equal(own, written), f"step {step}"
        assert (thought.text_logits - original.text_logits.pop()).abs().max() < TOLERANCE
        for ours, theirs in zip(depth, original.code_logits, strict=True):
            assert (ours - theirs).abs().max() < TOLERANCE
        depth.clear()
        original.code_logits.clear()
        completed = lm.completed(thought)
        assert np.array_equal(completed, np.full_like(completed, -1) if frame is None else frame)
        seen.update(own[:, 1].tolist())
    assert len(seen) > 5  # it is not always the same that is said


@pytest.mark.parametrize("temperatures", [(0.0, 0.0), (0.7, 0.8)], ids=["greedy", "drawn"])
@pytest.mark.parametrize("codebooks", [8, 16])
def test_same_tokens(tmp_path: Path, codebooks: int, temperatures: tuple[float, float]) -> None:
    folder = write_moshi(tmp_path, {**SMALL, "dep_q": codebooks})
    original = Original(folder, 1, temperatures, (25, 10), (7,))
    lm = open_lm(folder, spoken=codebooks)
    lm.reset(0, Sampling(temperatures[1], 10, temperatures[0], 25, seed=7))
    follow(lm, original, SMALL["card"], STEPS)


@pytest.mark.parametrize("codebooks", [8, 16])
@torch.inference_mode()
def test_what_a_ring_shows_is_plain_attention_to_the_last_steps(tmp_path: Path, codebooks: int) -> None:
    """The package's model runs a whole call at once, without a ring, as in training.

    PersonaPlex's own package (https://github.com/NVIDIA/personaplex, 3428dfd) writes something else once its
    ring is full, from step ``context - 1`` on: its ``RingKVCache.complete`` counts from the index after the
    newest step, finds the oldest one there (``delta <= 0`` where ``delta < 0`` is meant), takes it for one to
    come and hides it. So it sees a step less than this, and writes what ours does with a context of one less.
    """
    folder = write_moshi(tmp_path, {**SMALL, "dep_q": codebooks})
    lm, original, slot = open_lm(folder, spoken=codebooks), original_lm(folder), np.array([0])
    depth, text, given, written = list[Tensor](), list[Tensor](), list[Tensor](), list[Tensor]()
    for head in lm.network.depth.heads:
        head.register_forward_hook(lambda _module, _given, logits: depth.append(logits))
    for user in np.random.default_rng(1).integers(0, SMALL["card"], (STEPS, 1, 16 - codebooks)):
        thought = lm.think(slot, user)
        text.append(thought.text_logits)
        given.append(torch.from_numpy(lm.tokens.given(slot, thought.position[:, None])))
        own = lm.write(thought, lm.choose_text(thought))
        written.append(torch.from_numpy(np.pad(own, ((0, 0), (0, 16 - codebooks))))[:, :, None])

    hidden, logits = original.forward_text(torch.cat(given, 2))
    assert (logits[0, 0] - torch.cat(text)).abs().max() < TOLERANCE
    code_logits = original.forward_depformer_training(torch.cat(written, 2), hidden)[0].transpose(0, 1)
    assert (code_logits.flatten(0, 1) - torch.cat(depth)).abs().max() < TOLERANCE

    oracle("moshi.modules.transformer").set_attention_context(original.transformer, SMALL["context"] - 1)
    apart = (original.forward_text(torch.cat(given, 2))[1][0, 0] - torch.cat(text)).abs().amax(1) > TOLERANCE
    assert apart.nonzero()[0] == SMALL["context"] - 1


@pytest.mark.parametrize(
    "changed",
    [
        {"depformer_weights_per_step_schedule": [0, 1, 2, 3, 3, 3, 3, 3], "depformer_low_rank_embeddings": 8},
        {"depformer_weights_per_step_schedule": [0] * 8, "depformer_multi_linear": False, "norm": "rms_norm",
         "depformer_norm": "rms_norm", "positional_embedding": "rope_concat"},
        {"delays": [0, 0, 2, 2, 2, 2, 2, 2, 2, 1, 3, 3, 3, 3, 3, 3, 3], "kv_repeat": 2, "text_card_out": 50,
         "depformer_weights_per_step_schedule": [0, 0, 1, 1, 2, 2, 2, 2],
         "depformer_dim_feedforward": [132, 96, 64]},
    ],
    ids=["schedule", "one set", "delays and groups"],
)  # fmt: skip
def test_same_tokens_of_other_kinds(tmp_path: Path, changed: dict[str, Any]) -> None:
    folder = write_moshi(tmp_path, {**SMALL, **changed})
    lm = open_lm(folder)
    lm.reset(0, Sampling(0.8, 10, 0.7, 25, seed=7))
    follow(lm, Original(folder, 1, (0.7, 0.8), (25, 10), (7,)), SMALL["card"])


def test_same_tokens_of_a_batch(tmp_path: Path) -> None:
    folder = write_moshi(tmp_path, SMALL)
    seeds = (3, 4, 5)
    original = Original(folder, 3, (0.7, 0.8), (25, 10), seeds)
    lm = open_lm(folder, slots=3)
    for slot, seed in enumerate(seeds):
        lm.reset(slot, Sampling(0.8, 10, 0.7, 25, seed))
    follow(lm, original, SMALL["card"])


def test_what_was_heard_takes_the_place_of_codebooks_that_need_not_be_written(tmp_path: Path) -> None:
    """With 16 depth codebooks the 8 of the user are heard: as a model of only the first 8 would."""
    weights = load_file(write_moshi(tmp_path / "all", {**SMALL, "dep_q": 16}) / "model.safetensors")
    folder = write_moshi(tmp_path / "half", SMALL)
    kept = load_file(folder / "model.safetensors").keys()
    save_file({name: weights[name] for name in kept}, folder / "model.safetensors")
    lm = open_lm(tmp_path / "all")
    assert lm.spoken == 8
    follow(lm, Original(folder), SMALL["card"])


def test_older_names_and_products_added(tmp_path: Path) -> None:
    """Projections of all codebooks in one tensor, and LoRA: both read the same files."""
    lm = {**SMALL, "lora": True, "lora_rank": 4, "lora_scaling": 2.0, "lora_name": "lora.safetensors"}
    folder = write_moshi(tmp_path, {k: v for k, v in lm.items() if k != "lora_name"})
    file = folder / "model.safetensors"
    weights = load_file(file)
    lora = dict[str, Tensor]()
    random = torch.Generator().manual_seed(3)
    for name, weight in weights.items():
        if "proj" in name or "linear" in name or "depformer_in" in name:
            stem = name.removesuffix(".weight")
            lora[f"{stem}.lora_A.weight"] = 0.1 * torch.randn(4, weight.shape[1], generator=random)
            lora[f"{stem}.lora_B.weight"] = 0.1 * torch.randn(weight.shape[0], 4, generator=random)
    save_file(lora, folder / "lora.safetensors")
    for part, layers, sets in (("transformer", SMALL["num_layers"], 1), ("depformer", 2, 8)):
        for stem in (f"{part}.layers.{layer}.self_attn" for layer in range(layers)):
            for side, old in (("in", "in_proj_weight"), ("out", "out_proj.weight")):
                parts = [weights.pop(f"{stem}.{side}_projs.{k}.weight") for k in range(sets)]
                weights[f"{stem}.{old}"] = torch.cat(parts)
    save_file(weights, file)
    follow(open_lm(folder, lora="lora.safetensors"), Original(folder, lora="lora.safetensors"), SMALL["card"])
