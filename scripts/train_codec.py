"""Trains the nano codec on the bank (scripts/make_bank.py). Resumable: the same command goes on."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from nano.augment import colour, dither, gain_db
from nano.bank import Bank, Utterance
from nano.codec_training import Bottleneck, QuantizerTrainer, Reconstruction, make_modules
from voicert_codecs.nano.config import NanoCodecConfig


def batch(
    bank: Bank, train: list[Utterance], rng: np.random.Generator, size: int, samples: int
) -> torch.Tensor:
    """[size, samples] of requests, or of answers with a much lower floor, with pauses between them."""
    rows = np.zeros((size, samples), np.float32)
    for row in rows:
        position = -int(rng.integers(0, samples // 2))
        assistant = rng.random() < 0.25
        while position < samples:
            if assistant:
                pcm = bank.answer(int(rng.integers(len(bank.answers)))) * gain_db(rng, -3.0, 3.0)
            else:
                pcm = colour(rng, bank.utterance(train[rng.integers(len(train))])) * gain_db(rng)
            begin, end = max(position, 0), min(position + len(pcm), samples)
            if end > begin:
                row[begin:end] += pcm[begin - position : end - position]
            position += len(pcm) + int(rng.integers(2400, 24000))
        row += dither(rng, samples, -95.0, -80.0) if assistant else dither(rng, samples)
    return torch.from_numpy(rows)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", type=Path, default=Path("runs/bank"))
    parser.add_argument("--out", type=Path, default=Path("runs/codec"))
    parser.add_argument(
        "--minutes", type=float, default=16.0, help="of this training in all, resumed runs counted"
    )
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=1.2)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--warm-up", type=float, default=0.15, help="share of the time without quantiser")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main() -> None:
    args = options()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    args.out.mkdir(parents=True, exist_ok=True)
    config = NanoCodecConfig()
    modules = make_modules(config, args.seed)
    reconstruction = Reconstruction(modules)
    optimiser = torch.optim.AdamW(modules.parameters(), lr=args.lr, betas=(0.9, 0.98), weight_decay=0.01)
    trainer = QuantizerTrainer(modules.quantizer)
    step, used, fitted = 0, 0.0, False
    checkpoint = args.out / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        modules.load_state_dict(saved["modules"])
        optimiser.load_state_dict(saved["optimiser"])
        trainer.count, trainer.total = saved["count"], saved["total"]
        step, used, fitted = saved["step"], saved["used"], saved["fitted"]
    rng = np.random.default_rng(args.seed + step)
    bottleneck = Bottleneck(trainer, args.warm_up, rng, fitted)
    bank = Bank(args.bank)
    train = [u for u in bank.utterances if not u.held_out]
    samples = int(args.seconds * 50) * config.frame_size
    began = time.monotonic() - used
    log = (args.out / "log.jsonl").open("a")
    while (share := (time.monotonic() - began) / (args.minutes * 60)) < 1.0:
        rate = args.lr * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * share)) + 1e-5
        for group in optimiser.param_groups:
            group["lr"] = rate
        pcm = batch(bank, train, rng, args.batch, samples)
        tail, enc, _, _ = modules.fresh(args.batch)
        with torch.autocast("cpu", torch.bfloat16):
            latent, _, _ = modules.encoder(pcm, tail, enc)
        latent = latent.float()
        latent_q, commitment = bottleneck(latent, share)
        loss, mel, mdct = reconstruction(latent_q, pcm)
        loss = loss + 0.25 * commitment
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(modules.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 20 == 0:
            used = time.monotonic() - began
            row = {
                "step": step,
                "seconds": round(used),
                "mel": round(mel.item(), 4),
                "mdct": round(mdct.item(), 4),
                "commitment": round(commitment.item(), 4),
            }
            print(json.dumps(row), flush=True)
            log.write(json.dumps(row) + "\n")
            log.flush()
        if step % 200 == 0:
            save(checkpoint, modules, optimiser, trainer, step, time.monotonic() - began, bottleneck.fitted)
    save(checkpoint, modules, optimiser, trainer, step, time.monotonic() - began, bottleneck.fitted)
    (args.out / "config.json").write_text(json.dumps(dataclasses.asdict(config), indent=1))


def save(path: Path, modules: torch.nn.Module, optimiser: torch.optim.Optimizer, trainer: QuantizerTrainer,
         step: int, used: float, fitted: bool) -> None:  # fmt: skip
    state = {"modules": modules.state_dict(), "optimiser": optimiser.state_dict(), "count": trainer.count,
             "total": trainer.total, "step": step, "used": used, "fitted": fitted}  # fmt: skip
    torch.save(state, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


if __name__ == "__main__":
    main()
