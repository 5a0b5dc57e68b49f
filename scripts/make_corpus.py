"""Composes conversations from the bank and encodes them with the trained codec into shards of tokens."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from nano.bank import Bank
from nano.corpus import make_answers, silence_codes, write_shard
from nano.domain import all_texts
from nano.timeline import Composer
from nano.weights import load_codec

from voicert.models.config import ModelConfig
from voicert.models.vocabulary import Vocabulary

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", type=Path, default=Path("runs/bank"))
    parser.add_argument("--codec", type=Path, default=Path("runs/codec/checkpoint.pt"))
    parser.add_argument("--out", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--shards", type=int, default=40)
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first shard: two makers can share the work"
    )
    parser.add_argument("--conversations", type=int, default=192, help="per shard")
    parser.add_argument("--frames", type=int, default=1000, help="per conversation: 20 s")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    args.out.mkdir(parents=True, exist_ok=True)
    bank = Bank(args.bank)
    modules = load_codec(args.codec)
    vocabulary = Vocabulary.build(all_texts())
    if not (args.out / "vocabulary.json").exists():
        vocabulary.save(args.out / "vocabulary.json")
    silence = silence_codes(modules)
    answers = make_answers(modules, bank, vocabulary, ModelConfig().delays)
    if not (args.out / "answers.npz").exists():
        np.savez(args.out / "answers.npz", silence=silence)
    composer = Composer(bank, [u for u in bank.utterances if not u.held_out], answers, silence, vocabulary)
    for number in range(args.first, args.first + args.shards):
        path = args.out / f"shard{number:04d}.npz"
        if path.exists():
            continue
        began = time.monotonic()
        rng = np.random.default_rng([args.seed, number])
        write_shard(path, modules, composer, rng, args.conversations, args.frames)
        print(f"{path.name}: {time.monotonic() - began:.0f} s", flush=True)
