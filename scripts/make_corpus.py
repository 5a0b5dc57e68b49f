"""Composes conversations from the bank and encodes them with the trained codec into shards of tokens.

Resumable: what is there already is not made again. Training may begin while it runs.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from nano.answers import Answer
from nano.bank import HELD_OUT_KINDS, Bank, Utterance
from nano.corpus import load_answers, make_answers, rooms, save_answers, silence_codes, write_shard
from nano.lessons import sample_texts
from nano.people import Speakers
from nano.timeline import Composer, Habits
from nano.weights import load_codec
from voicert_codecs.nano.modules import NanoCodecModules

from voicert.models.config import ModelConfig
from voicert.models.vocabulary import Vocabulary

VOCABULARY = 1024  # pieces
ROOMS, ROOM_FRAMES = 48, 500
OTHERS = 0.4  # share of what is said that a person says whom no engine has, see `nano.revoice`


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", type=Path, default=Path("runs/bank"))
    parser.add_argument("--readings", type=Path, default=Path("runs/readings"), help="a bank of those")
    parser.add_argument("--codec", type=Path, default=Path("runs/codec/checkpoint.pt"))
    parser.add_argument(
        "--vocabulary", type=Path, help="of a model that is to go on; else one is made of the lessons"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--shards", type=int, default=60, help="of 192 conversations of 20 s")
    parser.add_argument("--long-shards", type=int, default=6, help="of 64 conversations of 60 s")
    parser.add_argument("--reading-shards", type=int, default=16, help="of 192 rows of 20 s")
    parser.add_argument("--first", type=int, default=0, help="number of the first shard")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--compile", action="store_true", help="the codec's encoder by torch.compile")
    return parser.parse_args()


# People who seldom interrupt in quiet rooms, of whom hearing is learned soonest; and some that give no peace.
EASY = replace(
    Habits(), interruptions=0.15, small_sounds=0.1, noises=0.05, pauses=0.15, echo=0.1, babble=0.03, noisy=0.4
)
BUSY = replace(
    Habits(), interruptions=0.5, small_sounds=0.55, noises=0.5, pauses=0.5, echo=0.5, babble=0.35, idle=0.2
)
HABITS = EASY, Habits(), BUSY  # of one shard after the other
# Of some things no held-out ones exist.
HELD_OUT = replace(Habits(), small_sounds=0.0, follow_ups=0.0, typed=0.0, idle=0.0)


@dataclass(frozen=True)
class Shard:
    """One file to write; ``voices`` are the trained ones, or a kind of those that training must not hear."""

    name: str
    seed: tuple[int, ...]
    conversations: int
    frames: int
    voices: str = "trained"
    habits: Habits = field(default_factory=Habits)


def prepare(args: argparse.Namespace) -> None:
    """Vocabulary and tokens of all answers, which every worker reads."""
    if (args.out / "answers.npz").exists():
        return
    bank, modules = Bank(args.bank), load_codec(args.codec)
    pieces = args.out / "vocabulary.json"
    if args.vocabulary is not None:
        shutil.copy(args.vocabulary, pieces)
    else:
        Vocabulary.build(sample_texts(), VOCABULARY).save(pieces)
    vocabulary = Vocabulary.load(pieces)
    answers = make_answers(modules, bank, vocabulary, ModelConfig().delays)
    quiet = rooms(modules, np.random.default_rng(args.seed), ROOMS, ROOM_FRAMES)
    save_answers(args.out / "answers.npz", answers, silence=silence_codes(modules), quiet=quiet)
    print(f"{len(answers)} answers", flush=True)


@cache
def composer(bank_folder: Path, out: Path, voices: str, habits: Habits) -> Composer:
    """Made once in every worker for every kind of shard."""
    bank = Bank(bank_folder)
    with np.load(out / "answers.npz") as data:
        silence = data["silence"]
    answers = {
        said: Answer(text.astype(np.int64), codes.astype(np.int64), bank.audio(bank.answers[said]))
        for said, (text, codes) in load_answers(out / "answers.npz").items()
        if said in bank.answers  # readings have none
    }
    lengths = {said: len(a.text) for said, a in answers.items()}
    others = 0.0
    if voices in ("trained", "readings"):
        chosen, others = evenly([u for u in bank.utterances if u.trained]), OTHERS
    else:
        chosen = [u for u in bank.utterances if u.held_out and u.kind == voices and not u.after]
    speakers, vocabulary = Speakers(bank, chosen, lengths, others), Vocabulary.load(out / "vocabulary.json")
    return Composer(speakers, answers, silence, vocabulary, habits)


def evenly(utterances: list[Utterance]) -> list[Utterance]:
    """Those of rarer engines several times, so that every engine is heard about as often as any other."""
    said = Counter(u.engine for u in utterances)
    most = max(said.values())
    return [u for u in utterances for _ in range(round(most / said[u.engine]))]


@cache
def encoder(path: Path, compiled: bool) -> NanoCodecModules:
    """The codec, likewise."""
    modules = load_codec(path)
    if compiled:
        modules.encoder.compile(dynamic=False)
    return modules


def make(args: argparse.Namespace, shard: Shard) -> str:
    """Writes one shard; → what it took."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    began = time.monotonic()
    rng = np.random.default_rng(shard.seed)
    folder = args.readings if shard.voices == "readings" else args.bank
    people, codec = composer(folder, args.out, shard.voices, shard.habits), encoder(args.codec, args.compile)
    compose = people.recite if shard.voices == "readings" else people.compose
    made = [compose(rng, shard.frames) for _ in range(shard.conversations)]
    write_shard(args.out / shard.name, codec, made)
    return f"{shard.name}: {time.monotonic() - began:.0f} s"


def main() -> None:
    args = options()
    torch.set_num_threads(args.workers)
    args.out.mkdir(parents=True, exist_ok=True)
    prepare(args)
    wanted = [
        Shard(f"held_out_{kind}.npz", (args.seed, i, 2), 24, 1000, kind, HELD_OUT)
        for i, kind in enumerate(HELD_OUT_KINDS)
    ]
    wanted += [
        Shard(f"shard{n:04d}.npz", (args.seed, n), 192, 1000, habits=HABITS[n % 3])
        for n in range(args.first, args.first + args.shards)
    ]
    wanted += [Shard(f"long{n:04d}.npz", (args.seed, n, 1), 64, 3000) for n in range(args.long_shards)]
    wanted += [
        Shard(f"reading{n:04d}.npz", (args.seed, n, 3), 192, 1000, "readings", Habits() if n % 3 else EASY)
        for n in range(args.reading_shards)
    ]
    missing = [shard for shard in wanted if not (args.out / shard.name).exists()]
    # A fresh process: a forked one would inherit the locks of torch's threads.
    with ProcessPoolExecutor(args.workers, multiprocessing.get_context("spawn")) as pool:
        for told in pool.map(make, [args] * len(missing), missing):
            print(told, flush=True)


if __name__ == "__main__":
    main()
