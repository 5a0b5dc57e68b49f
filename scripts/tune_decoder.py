"""Trains the decoder of the codec on, encoder and codebooks fixed: the sound improves, the codes stay.

So a model that was trained on the codes need not be trained again. Resumable like scripts/train_codec.py.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from nano.bank import Bank
from nano.codec_training import Reconstruction
from nano.weights import load_codec
from train_codec import batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", type=Path, default=Path("runs/bank"))
    parser.add_argument("--codec", type=Path, default=Path("runs/codec/checkpoint.pt"))
    parser.add_argument("--out", type=Path, default=Path("runs/codec_tuned"))
    parser.add_argument("--minutes", type=float, default=10.0, help="of this training in all")
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=1.2)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    checkpoint = args.out / "checkpoint.pt"
    modules = load_codec(checkpoint if checkpoint.exists() else args.codec)
    decoder = modules.decoder.train()
    optimiser = torch.optim.AdamW(decoder.parameters(), lr=args.lr, betas=(0.9, 0.98), weight_decay=0.01)
    step, used = 0, 0.0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        decoder.load_state_dict(saved["decoder"])  # unrounded
        optimiser.load_state_dict(saved["optimiser"])
        step, used = saved["step"], saved["used"]
    reconstruction = Reconstruction(modules)
    bank = Bank(args.bank)
    train = [u for u in bank.utterances if u.trained]
    rng = np.random.default_rng([args.seed, step])
    began = time.monotonic() - used
    while (share := (time.monotonic() - began) / (args.minutes * 60)) < 1.0:
        for group in optimiser.param_groups:
            group["lr"] = args.lr * min(1.0, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * share)) + 1e-6
        pcm, _ = batch(bank, train, rng, args.batch, int(args.seconds * 50))
        with torch.inference_mode():
            tail, state, _, _ = modules.fresh(args.batch)
            latent, _, _ = modules.encoder(pcm, tail, state)
            latent = modules.quantizer.decode(modules.quantizer.encode(latent))
        loss, mel, mdct = reconstruction(latent.clone(), pcm)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 20 == 0:
            seconds = round(time.monotonic() - began)
            row = {
                "step": step,
                "seconds": seconds,
                "mel": round(mel.item(), 4),
                "mdct": round(mdct.item(), 4),
            }
            print(json.dumps(row), flush=True)
        if step % 200 == 0:
            save(checkpoint, modules, optimiser, step, time.monotonic() - began)
    save(checkpoint, modules, optimiser, step, time.monotonic() - began)


def save(
    path: Path, modules: torch.nn.Module, optimiser: torch.optim.Optimizer, step: int, used: float
) -> None:
    state = {"modules": modules.state_dict(), "decoder": modules.decoder.state_dict(),
             "optimiser": optimiser.state_dict(), "step": step, "used": used}  # fmt: skip
    torch.save(state, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


if __name__ == "__main__":
    main()
