"""Trains the nano codec on the bank (scripts/make_bank.py). Resumable: the same command goes on."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nano.augment import colour, dither, gain_db, nonspeech
from nano.bank import Bank, Utterance
from nano.codec_training import Bottleneck, PhoneHead, QuantizerTrainer, Reconstruction, make_modules
from nano.phones import SILENCE, UNKNOWN
from nano.precision import mixed
from nano.sound import FRAME
from torch import Tensor
from voicert_codecs.nano.config import NanoCodecConfig

ASSISTANT_SHARE = 0.25  # of the rows
NOISE_SHARE = 0.06
PHONE_WEIGHT = 0.12


def batch(
    bank: Bank, train: list[Utterance], rng: np.random.Generator, size: int, frames: int
) -> tuple[Tensor, Tensor]:
    """Requests, or answers on a lower floor: pcm [size, frames * FRAME], phones [size, frames]."""
    samples = frames * FRAME
    rows, phones = np.zeros((size, samples), np.float32), np.full((size, frames), SILENCE, np.uint8)
    answers = list(bank.answers.values())
    for row, labels in zip(rows, phones, strict=True):
        kind = rng.random()
        if kind < NOISE_SHARE:
            row += nonspeech(rng, samples)
            labels[:] = UNKNOWN
            continue
        assistant = kind < NOISE_SHARE + ASSISTANT_SHARE
        position = -int(rng.integers(0, samples // 2))
        while position < samples:
            item = answers[rng.integers(len(answers))] if assistant else train[rng.integers(len(train))]
            pcm = bank.audio(item)
            pcm = pcm * gain_db(rng, -3.0, 3.0) if assistant else colour(rng, pcm) * gain_db(rng)
            begin, end = max(position, 0), min(position + len(pcm), samples)
            if end > begin:
                row[begin:end] += pcm[begin - position : end - position]
                _label(labels, bank.phones(item), position)
            position += len(pcm) + int(rng.integers(2400, 24000))
        row += dither(rng, samples, -95.0, -80.0) if assistant else dither(rng, samples)
    return torch.from_numpy(rows), torch.from_numpy(phones).long()


def _label(labels: np.ndarray, phones: np.ndarray, position: int) -> None:
    """Writes the phones of an utterance that begins at sample ``position`` into a row's frames."""
    centres = np.arange(len(labels)) * FRAME + FRAME // 2 - position
    inside = (centres >= 0) & (centres < len(phones) * FRAME)
    labels[inside] = phones[centres[inside] // FRAME]


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", type=Path, default=Path("runs/bank"))
    parser.add_argument("--out", type=Path, default=Path("runs/codec"))
    parser.add_argument(
        "--minutes", type=float, default=40.0, help="of this training in all, resumed runs counted"
    )
    parser.add_argument(
        "--steps", type=int, help="in place of minutes: so a run does not depend on the machine's speed"
    )
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=1.2)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--warm-up", type=float, default=0.1, help="share of the training without quantiser")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


class Training:
    """Everything that is saved and resumed."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.device = torch.device(args.device)
        self.modules = make_modules(NanoCodecConfig(), args.seed).to(self.device)
        self.head = PhoneHead(self.modules.config.latent).to(self.device)
        self.reconstruction = Reconstruction(self.modules).to(self.device)
        parameters = [*self.modules.parameters(), *self.head.parameters()]
        self.optimiser = torch.optim.AdamW(parameters, lr=args.lr, betas=(0.9, 0.98), weight_decay=0.01)
        self.trainer = QuantizerTrainer(self.modules.quantizer)
        self.checkpoint: Path = args.out / "checkpoint.pt"
        self.step, self.used, fitted = 0, 0.0, False
        if self.checkpoint.exists():
            saved = torch.load(self.checkpoint, weights_only=True, map_location=self.device)
            self.modules.load_state_dict(saved["modules"])
            self.head.load_state_dict(saved["head"])
            self.optimiser.load_state_dict(saved["optimiser"])
            self.trainer.count, self.trainer.total = saved["count"], saved["total"]
            self.step, self.used, fitted = saved["step"], saved["used"], saved["fitted"]
        self.bottleneck = Bottleneck(
            self.trainer, args.warm_up, np.random.default_rng([args.seed, self.step]), fitted
        )

    def learn(self, pcm: Tensor, phones: Tensor, share: float, rate: float) -> dict[str, Tensor]:
        """One step on pcm [B, samples] and phones [B, T]."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        pcm, phones = pcm.to(self.device), phones.to(self.device)
        tail, state, _, _ = (t.to(self.device) for t in self.modules.fresh(len(pcm)))
        with mixed(self.device):
            latent, _, _ = self.modules.encoder(pcm, tail, state)
        quantised, first, commitment = self.bottleneck(latent.float(), share)
        loss, mel, mdct = self.reconstruction(quantised, pcm)
        phone_loss, right = self.head(first, phones)
        loss = loss + 0.25 * commitment + PHONE_WEIGHT * phone_loss
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.modules.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        return {"mel": mel, "mdct": mdct, "commitment": commitment, "phone": phone_loss, "phone_right": right}

    def save(self) -> None:
        state: dict[str, Any] = {
            "modules": self.modules.state_dict(), "head": self.head.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "count": self.trainer.count, "total": self.trainer.total, "step": self.step, "used": self.used,
            "fitted": self.bottleneck.fitted,
        }  # fmt: skip
        torch.save(state, self.checkpoint.with_suffix(".new"))
        self.checkpoint.with_suffix(".new").replace(self.checkpoint)


def main() -> None:
    args = options()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    args.out.mkdir(parents=True, exist_ok=True)
    training = Training(args)
    bank = Bank(args.bank)
    train = [u for u in bank.utterances if u.trained]
    rng = np.random.default_rng([args.seed, training.step, 1])
    began = time.monotonic() - training.used
    log = (args.out / "log.jsonl").open("a")
    while True:
        training.used = time.monotonic() - began
        share = training.step / args.steps if args.steps else training.used / (args.minutes * 60)
        if share >= 1.0:
            break
        rate = args.lr * min(1.0, (training.step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * share)) + 1e-5
        told = training.learn(*batch(bank, train, rng, args.batch, int(args.seconds * 50)), share, rate)
        if training.step % 20 == 0:
            row = {
                "step": training.step,
                "seconds": round(training.used),
                **{k: round(v.item(), 4) for k, v in told.items()},
            }
            print(json.dumps(row), flush=True)
            log.write(json.dumps(row) + "\n")
            log.flush()
        if training.step % 200 == 0:
            training.save()
    training.save()
    (args.out / "config.json").write_text(json.dumps(dataclasses.asdict(training.modules.config), indent=1))


if __name__ == "__main__":
    main()
