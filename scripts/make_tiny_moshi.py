#!/usr/bin/env python3
"""Writes a Moshi with random weights in Kyutai's published layout: the same structure, a few MB.

    python scripts/make_tiny_moshi.py FOLDER [--seed N] [--type moshi|personaplex]
    voicert serve --model FOLDER

FOLDER gets ``config.json``, ``model.safetensors``, a Mimi of 24 kHz and 12.5 frames/s with its sizes, and a
SentencePiece tokenizer. It says words of its tokenizer in no order, about one in eight frames, and makes
a noise with them. The ``moshi`` package loads it too.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from make_tiny_mimi import kyutai_config
from make_tiny_mimi import random_weights as random_mimi
from safetensors.torch import save_file
from torch import Tensor
from voicert_codecs.blocks.seanet import SeanetConfig
from voicert_codecs.blocks.transformer import TransformerConfig
from voicert_codecs.mimi.config import MimiConfig
from voicert_codecs.mimi.load import KYUTAI_FILE

from voicert.models.moshi.kyutai import from_kyutai
from voicert.models.moshi.layout import tensors

SMALL: dict[str, Any] = {
    "dim": 48, "text_card": 60, "existing_text_padding_id": 3, "n_q": 16, "dep_q": 8, "card": 32,
    "num_heads": 4, "num_layers": 3, "hidden_scale": 4.125, "causal": True, "layer_scale": None,
    "context": 40, "max_period": 10_000, "gating": "silu", "norm": "rms_norm_f32",
    "positional_embedding": "rope", "depformer_dim": 32, "depformer_dim_feedforward": 132,
    "depformer_num_heads": 2, "depformer_num_layers": 2, "depformer_layer_scale": None,
    "depformer_multi_linear": True, "depformer_context": 8, "depformer_max_period": 10_000,
    "depformer_gating": "silu", "depformer_pos_emb": "none", "depformer_weights_per_step": True,
    "delays": [0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1],
}  # fmt: skip
"""A model of the published kind, far smaller: its ring is full after 40 steps."""

MIMI = MimiConfig(
    seanet=SeanetConfig(width=4, dimension=32, ratios=(8, 6, 5, 4), last_kernel=3, lstm_layers=0,
                        shortcut_conv=False, start="zeros"),
    transformer=TransformerConfig(width=32, layers=2, heads=4, hidden=64, context=250),
    codebooks=8,
    codebook_size=SMALL["card"],
    codebook_width=16,
)  # fmt: skip
TOKENIZER = "tokenizer_spm_tiny.model"
PIECES = 310  # 256 of them are the bytes
PAD, EPAD = 3, 0
FAVOUR = 3.8  # by how much the logit of a pad is above those of words, at temperature 1
CONTEXT = 250
LEVEL = 0.15  # of the noise


def random_weights(lm: dict[str, Any], seed: int = 0) -> dict[str, Tensor]:
    """By Kyutai's names; they keep a signal's size about the same from layer to layer."""
    source = torch.Generator().manual_seed(seed)
    weights: dict[str, Tensor] = {}
    for name, shape in tensors(from_kyutai(lm)):
        values = torch.randn(shape, generator=source)
        if name.endswith("alpha"):
            values = 1.0 + 0.1 * values
        elif "emb" not in name or "low_rank" in name:
            values = values * (2.0 if "linear" in name.split(".")[0] else 1.0) / shape[1] ** 0.5
        weights[name] = values
    return weights


def make_talkative(weights: dict[str, Tensor], words: list[int]) -> None:
    """The first channel of the hidden state becomes a constant, by which the text prefers pads, then words.

    Without it any token would be as likely as a pad, and no answer ever over.
    """
    for name, tensor in weights.items():
        if name.startswith("emb.") or name == "text_emb.weight":
            tensor[:, 0] = 0.0 if name.startswith("emb.") else 5.0
        elif name.startswith("transformer.") and ("out_projs" in name or "linear_out" in name):
            tensor[0] = 0.0
    weights["out_norm.alpha"][..., 0] = 1.0
    head = weights["text_linear.weight"]
    head *= 0.1
    head[:, 0] = -10.0
    head[words, 0] = 0.0
    head[PAD, 0] = FAVOUR


def write_moshi(folder: Path, lm: dict[str, Any], seed: int = 0) -> Path:
    """``config.json`` and ``model.safetensors`` alone; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(lm))
    save_file(random_weights(lm, seed), folder / "model.safetensors")
    return folder


def write_checkpoint(folder: Path, model_type: str = "moshi", seed: int = 0) -> Path:
    """All files of a model; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = train_tokenizer()
    (folder / TOKENIZER).write_bytes(tokenizer)
    processor: Any = sentencepiece.SentencePieceProcessor(model_proto=tokenizer)
    words = [t for t in range(processor.get_piece_size()) if _is_word(processor, t)]
    lm = {**SMALL, "text_card": PIECES, "context": CONTEXT}
    if model_type == "personaplex":
        lm["dep_q"] = 16
    weights = random_weights(lm, seed)
    make_talkative(weights, words)
    save_file(weights, folder / "model.safetensors")
    save_file(quieter(random_mimi(MIMI, seed)), folder / KYUTAI_FILE)
    (folder / "mimi_config.json").write_text(json.dumps(kyutai_config(MIMI), indent=1) + "\n")
    about = {
        **lm, "model_type": model_type, "moshi_name": "model.safetensors", "mimi_name": KYUTAI_FILE,
        "mimi_config_name": "mimi_config.json", "tokenizer_name": TOKENIZER,
        "lm_gen_config": {"temp": 0.8, "temp_text": 0.7, "top_k": 250, "top_k_text": 25},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(about, indent=1) + "\n")
    return folder


def quieter(mimi: dict[str, Tensor]) -> dict[str, Tensor]:
    """Its decoder's noise stays below full scale."""
    for name, tensor in mimi.items():
        if name.startswith(f"decoder.model.{3 * len(MIMI.seanet.ratios) + 2}."):
            tensor *= LEVEL
    return mimi


def train_tokenizer() -> bytes:
    """A small tokenizer of the published kind: unigrams with bytes for the rest, padding at 3."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=sentences(),
        model_writer=model,
        vocab_size=PIECES,
        model_type="unigram",
        byte_fallback=True,
        split_digits=True,
        unk_id=EPAD, bos_id=1, eos_id=2, pad_id=PAD,
        num_threads=1,
        minloglevel=2,
    )  # fmt: skip
    return model.getvalue()


def sentences() -> Iterator[str]:
    people = ("I", "you", "we", "they", "the captain", "my sister", "a teacher", "the gardener")
    doings = ("watch", "remember", "draw", "follow", "carry", "describe", "paint", "count")
    things = ("the river", "a small house", "twelve stars", "the old bridge", "this morning", "blue flowers")
    for who, does, what in product(people, doings, things):
        yield f"Today {who} {does} {what} again."


def _is_word(processor: Any, token: int) -> bool:
    return not (processor.is_control(token) or processor.is_unknown(token) or processor.is_byte(token))


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes a Moshi with random weights in Kyutai's layout.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--type", choices=("moshi", "personaplex"), default="moshi")
    given = parser.parse_args()
    folder = write_checkpoint(given.folder, given.type, given.seed)
    print(f"{folder}: {sum(file.stat().st_size for file in folder.iterdir()) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
