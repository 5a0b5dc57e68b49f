"""Composes conversations from the bank and encodes them with the trained codec into shards of tokens."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from nano.bank import Bank
from nano.corpus import make_answers, silence_codes, write_shard
from nano.lessons import sample_texts
from nano.people import Speakers
from nano.timeline import Composer
from nano.weights import load_codec

from voicert.models.config import ModelConfig
from voicert.models.vocabulary import Vocabulary

VOCABULARY = 1024  # pieces


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", type=Path, default=Path("runs/bank"))
    parser.add_argument("--codec", type=Path, default=Path("runs/codec/checkpoint.pt"))
    parser.add_argument("--out", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--shards", type=int, default=60)
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first shard: several makers can share the work"
    )
    parser.add_argument("--conversations", type=int, default=192, help="per shard")
    parser.add_argument("--frames", type=int, default=1000, help="per conversation: 20 s")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    args = options()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    args.out.mkdir(parents=True, exist_ok=True)
    bank, modules = Bank(args.bank), load_codec(args.codec)
    vocabulary = Vocabulary.build(sample_texts(), VOCABULARY)
    silence = silence_codes(modules)
    answers = make_answers(modules, bank, vocabulary, ModelConfig().delays)
    if args.first == 0:
        vocabulary.save(args.out / "vocabulary.json")
        np.savez(args.out / "answers.npz", silence=silence)
    lengths = {text: len(a.text) for text, a in answers.items()}
    speakers = Speakers(bank, [u for u in bank.utterances if u.trained], lengths)
    composer = Composer(speakers, answers, silence, vocabulary)
    for number in range(args.first, args.first + args.shards):
        path = args.out / f"shard{number:04d}.npz"
        if path.exists():
            continue
        began = time.monotonic()
        rng = np.random.default_rng([args.seed, number])
        write_shard(path, modules, composer, rng, args.conversations, args.frames)
        print(f"{path.name}: {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
