"""What an exported model hears where something was said: requests of the bank and its own words for them.

Many are made hard to hear: in noise, quiet, and in voices bent further than any that it was trained on. The
transformer over words learns from them what a request may have been (scripts/nano/mishearings.py).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import soxr
from nano.augment import colour, dither, gain_db, shaped_noise
from nano.bank import Bank, Utterance
from nano.sound import FRAME, SAMPLE_RATE, Audio
from voicert_codecs.nano.runtime import NanoCodec

from voicert.models import load
from voicert.models.base import Control, Sampling, SpeechModel

AT_ONCE = 32  # requests that are heard side by side
LEAD, TAIL = 25, 12  # frames of the room before and after a request
BENT = 0.7  # share of the requests at another speed and pitch, by up to this factor either way:
FACTOR = 1.22
NOISY, SNR_DB = 0.5, (4.0, 30.0)  # share of the requests in noise


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", type=Path, default=Path("runs/bank"))
    parser.add_argument("--model", default="nano", help="name or folder of an exported model")
    parser.add_argument("--codec", type=Path, help="folder of an exported codec (the shipped one)")
    parser.add_argument("--out", type=Path, default=Path("runs/heard.jsonl"))
    parser.add_argument("--requests", type=int, default=13_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def spoiled(rng: np.random.Generator, pcm: Audio) -> Audio:
    """A request as a room, a microphone and a strange throat make it, with the room before and after it."""
    if rng.random() < BENT:
        factor = float(FACTOR ** rng.uniform(-1.0, 1.0))
        pcm = soxr.resample(pcm, SAMPLE_RATE, SAMPLE_RATE * factor, quality="LQ")
    pcm = colour(rng, pcm) * gain_db(rng)
    frames = LEAD + -(-len(pcm) // FRAME) + TAIL
    sound = dither(rng, frames * FRAME)
    sound[LEAD * FRAME : LEAD * FRAME + len(pcm)] += pcm
    if rng.random() < NOISY:
        level = np.sqrt(np.mean(pcm**2)) * 10 ** (-rng.uniform(*SNR_DB) / 20)
        sound += shaped_noise(rng, len(sound)) * np.float32(level)
    return np.clip(sound, -1, 1)


def hear(codec: NanoCodec, model: SpeechModel, sounds: list[Audio]) -> list[list[int]]:
    """What the model writes of the user for each of ``sounds``, whole frames each, from a fresh start."""
    rows = np.arange(len(sounds))
    state = codec.init_state(len(rows))
    for slot in rows:
        model.reset(int(slot), Sampling(temperature=0.0, text_temperature=0.0))
    ends = [len(s) // FRAME for s in sounds]
    whole = np.zeros((len(sounds), max(ends) * FRAME), np.float32)
    for row, sound in zip(whole, sounds, strict=True):
        row[: len(sound)] = sound
    heard: list[list[int]] = [[] for _ in sounds]
    for frame in range(max(ends)):
        codes = codec.encode(whole[:, frame * FRAME : (frame + 1) * FRAME], state, rows)[:, :, 0]
        out = model.step(rows, codes, Control.free(len(rows)))
        for row, token in enumerate(out.user_text.tolist()):
            if frame < ends[row] and token != model.pad_id:
                heard[row].append(token)
    return heard


@cache
def _opened(bank: Path, codec: Path | None, model: str) -> tuple[Bank, NanoCodec, SpeechModel]:
    """Once in every worker."""
    return Bank(bank), NanoCodec(codec), load(model, AT_ONCE).model


def hear_some(args: argparse.Namespace, some: list[Utterance], seed: tuple[int, int]) -> list[str]:
    """Lines of JSON, one per request."""
    bank, codec, model = _opened(args.bank, args.codec, args.model)
    rng = np.random.default_rng(seed)
    heard = hear(codec, model, [spoiled(rng, bank.audio(u)) for u in some])
    lines: list[str] = []
    for u, tokens in zip(some, heard, strict=True):
        row = {"said": u.text, "answer": u.answer, "family": u.family, "topic": u.topic, "after": u.after}
        lines.append(json.dumps(row | {"heard": tokens}))
    return lines


def main() -> None:
    args = options()
    rng = np.random.default_rng(args.seed)
    asked = [u for u in Bank(args.bank).utterances if u.trained and u.answer]
    chosen = [asked[i] for i in rng.permutation(len(asked))[: args.requests]]
    chosen.sort(key=lambda u: u.length)  # so that little is padded
    parts = [chosen[i : i + AT_ONCE] for i in range(0, len(chosen), AT_ONCE)]
    unfinished = args.out.with_suffix(".new")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with (
        unfinished.open("w") as lines,
        ProcessPoolExecutor(args.workers, multiprocessing.get_context("spawn")) as pool,
    ):
        seeds = [(args.seed, i) for i in range(len(parts))]
        for number, told in enumerate(pool.map(hear_some, [args] * len(parts), parts, seeds)):
            lines.write("".join(f"{line}\n" for line in told))
            if number % 25 == 0:
                print(f"heard {min((number + 1) * AT_ONCE, len(chosen))} of {len(chosen)}", flush=True)
    unfinished.replace(args.out)


if __name__ == "__main__":
    main()
