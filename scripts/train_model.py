"""Trains the duplex model on shards of tokens (scripts/make_corpus.py). Resumable: the same command goes on.

New shards are picked up while it runs. ``--minutes`` counts training time over all runs; the learning rate
follows it.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from nano.weights import load_codec
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from voicert.models.config import ModelConfig, save_config
from voicert.models.transformer import DuplexTransformer
from voicert.models.vocabulary import END, PAD, START, Vocabulary


@dataclass
class Batch:
    """Token inputs and targets; own streams of the inputs are one step behind the targets."""

    user: Tensor  # [B, K, F - 1 + T] begins F - 1 frames before the first step
    own_in: Tensor  # [B, K, T]
    text_in: Tensor  # [B, T]
    user_text_in: Tensor  # [B, T]
    codes: Tensor  # [B, K, T]
    text: Tensor  # [B, T]
    user_text: Tensor  # [B, T]
    given: Tensor  # [B, T] 1 where the user's text was typed: nothing tells it beforehand


LONG = 200  # frames: a longer answer must be seen whole, with its request


def longest(text: np.ndarray) -> int:
    """Frames of the longest answer in a row of text."""
    starts, ends = np.flatnonzero(text == START), np.flatnonzero(text == END)
    return max((int(next(iter(ends[ends > s]), len(text)) - s) for s in starts), default=0)


class Shards:
    """All conversations in memory; looks for new files now and then."""

    def __init__(self, folder: Path, user_frames: int) -> None:
        self.folder = folder
        self.before = user_frames - 1  # frames of the user's codes that a crop needs before its first step
        self.files: dict[str, dict[str, np.ndarray]] = {}
        self.long: list[tuple[str, int]] = []  # conversations with a long answer: (file, row)
        self.silence = np.load(folder / "answers.npz")["silence"]
        self.refresh()

    def refresh(self) -> None:
        for path in sorted(self.folder.glob("shard????.npz")):
            if path.name not in self.files:
                with np.load(path) as data:
                    self.files[path.name] = shard = {k: data[k] for k in data.files}
                self.long += [(path.name, n) for n, text in enumerate(shard["text"]) if longest(text) > LONG]

    def batch(
        self, rng: np.random.Generator, size: int, frames: int, focus: float = 0.0, long: float = 0.0
    ) -> Batch:
        """Crops of ``frames``: a share ``focus`` of them ends soon after the start of an answer.

        A share ``long`` is of conversations with a long answer, which are rare.
        """
        names = list(self.files)
        rows: list[dict[str, np.ndarray]] = []
        for _ in range(size):
            name = names[rng.integers(len(names))]
            n = int(rng.integers(len(self.files[name]["text"])))
            if rng.random() < long:
                name, n = self.long[rng.integers(len(self.long))]
            shard = self.files[name]
            whole = shard["text"].shape[1]
            last = max(0, whole - frames)
            start = 0 if rng.random() < 0.15 else int(rng.integers(0, last + 1))
            answers = np.flatnonzero(shard["text"][n] == START)
            if rng.random() < focus and len(answers):
                start = int(
                    np.clip(rng.choice(answers) - rng.integers(frames * 3 // 5, frames * 9 // 10), 0, last)
                )
            rows.append(self._row(shard, n, start, min(frames, whole)))
        return Batch(**{k: torch.from_numpy(np.stack([r[k] for r in rows])).long() for k in rows[0]})

    def _heard(self, codes: np.ndarray, start: int, frames: int) -> np.ndarray:
        """[K, before + frames] of the user's codes [K, whole]; silence where nothing was yet."""
        first = start - self.before
        quiet = np.repeat(self.silence[:, None].astype(codes.dtype), max(0, -first), axis=1)
        return np.concatenate([quiet, codes[:, max(0, first) : start + frames]], axis=1)

    def _row(self, shard: dict[str, np.ndarray], n: int, start: int, frames: int) -> dict[str, np.ndarray]:
        cut = slice(start, start + frames)
        row = {"user": self._heard(shard["user"][n], start, frames), "codes": shard["codes"][n, :, cut],
               "text": shard["text"][n, cut], "user_text": shard["user_text"][n, cut],
               "given": shard["given"][n, cut]}  # fmt: skip
        before = slice(start - 1, start + frames - 1)
        if start:
            row |= {"own_in": shard["codes"][n, :, before], "text_in": shard["text"][n, before],
                    "user_text_in": shard["user_text"][n, before]}  # fmt: skip
        else:
            first = self.silence[:, None].astype(row["codes"].dtype)
            row["own_in"] = np.concatenate([first, row["codes"][:, :-1]], axis=1)
            row["text_in"] = np.concatenate([[PAD], row["text"][:-1]]).astype(row["text"].dtype)
            row["user_text_in"] = np.concatenate([[PAD], row["user_text"][:-1]]).astype(row["text"].dtype)
        return row


def forget(tokens: Tensor, given: Tensor, share: float) -> Tensor:
    """A share of the rows without its heard text: the model must hear, not guess from its last words."""
    before = F.pad(given[:, :-1], (1, 0))  # inputs lag by one step
    return torch.where((torch.rand(tokens.shape[0], 1) < share) & (before == 0), PAD, tokens)


def corrupt(tokens: Tensor, share: float, size: int) -> Tensor:
    """Replaces up to ``share`` of each row's codes at random: the model's own mistakes must not derail it."""
    p = torch.rand(tokens.shape[0], 1, 1) * share
    hit = torch.rand(tokens.shape) < p
    return torch.where(hit, torch.randint(size, tokens.shape), tokens)


def weighted_text_loss(logits: Tensor, target: Tensor, heavy: float, given: Tensor | None = None) -> Tensor:
    """Cross entropy in which frames with something to write count ``heavy`` times, and given ones nothing."""
    loss = F.cross_entropy(logits.flatten(0, 1).float(), target.flatten(), reduction="none")
    weight = 1.0 + (heavy - 1.0) * (target.flatten() != PAD)
    if given is not None:
        weight = weight * (given.flatten() == 0)
    return (loss * weight).sum() / weight.sum()


def answering(text: Tensor) -> Tensor:
    """[B, T] true from start token to end token; a row whose first mark is an end begins in mid-answer."""
    starts, ends = text == START, text == END
    first = (starts | ends).int().argmax(1, keepdim=True)
    begins_inside = text.gather(1, first) == END  # [B, 1]
    closed_before = ends.int().cumsum(1) - ends.int()
    return starts.int().cumsum(1) + begins_inside.int() - closed_before > 0


def losses(model: DuplexTransformer, b: Batch, heavy: float) -> tuple[Tensor, Tensor, Tensor]:
    """(text, user text, codes) losses of one batch."""
    hidden = model(b.user, b.own_in, b.text_in, b.user_text_in)
    text = weighted_text_loss(model.text_head(hidden), b.text, heavy)
    user_text = weighted_text_loss(model.user_text_head(hidden), b.user_text, heavy, b.given)
    inside = answering(b.text)
    picked, codes = hidden[inside], b.codes.transpose(1, 2)[inside]  # [M, D], [M, K]
    if len(picked) == 0:
        return text, user_text, hidden.new_zeros(())
    logits = (
        model.code_logits(picked)
        if model.config.depth is None
        else model.depth(picked, b.text[inside], codes)
    )
    return text, user_text, F.cross_entropy(logits.flatten(0, 1).float(), codes.flatten())


class Optimisers:
    """Muon for the matrices inside the layers, AdamW for embeddings, heads and norms (Jordan, 2024)."""

    def __init__(self, model: DuplexTransformer, lr: float) -> None:
        matrices = [
            p
            for n, p in model.named_parameters()
            if n.startswith(("layers.", "user_in", "user_out")) and p.ndim == 2
        ]
        chosen = {id(p) for p in matrices}
        others = [p for p in model.parameters() if id(p) not in chosen]
        self.lr = lr
        self.all: list[torch.optim.Optimizer] = [
            torch.optim.Muon(
                matrices, lr=lr, momentum=0.95, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"
            ),
            torch.optim.AdamW(others, lr=lr, betas=(0.9, 0.95), weight_decay=0.01),
        ]

    def step(self, scale: float) -> None:
        for optimiser in self.all:
            for group in optimiser.param_groups:
                group["lr"] = self.lr * scale
            optimiser.step()
            optimiser.zero_grad()


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--codec", type=Path, default=Path("runs/codec/checkpoint.pt"))
    parser.add_argument("--out", type=Path, default=Path("runs/model"))
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument(
        "--frames", type=int, default=200, help="of a training crop; the last part uses whole ones"
    )
    parser.add_argument(
        "--focus", type=float, default=0.75, help="share of crops around the beginning of an answer"
    )
    parser.add_argument("--batch-frames", type=int, default=6400, help="frames per step")
    parser.add_argument(
        "--whole-from", type=float, default=0.66, help="share of the time after which crops are whole"
    )
    parser.add_argument("--layers", type=int, default=ModelConfig.layers)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main() -> None:
    args = options()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    vocabulary = Vocabulary.load(args.corpus / "vocabulary.json")
    config = ModelConfig(text_size=len(vocabulary), layers=args.layers)
    save_config(config, args.out / "config.json")
    model = DuplexTransformer(config)
    with torch.no_grad():  # the user's codes begin as the codec's own vectors: their sum is what it heard
        model.user_embedding.weight.copy_(load_codec(args.codec).quantizer.codebooks.flatten(0, 1))
    average = {k: v.detach().clone() for k, v in model.state_dict().items()}
    optimisers = Optimisers(model, args.lr)
    step, used = 0, 0.0
    checkpoint = args.out / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        average = saved["average"]
        for optimiser, state in zip(optimisers.all, saved["optimisers"], strict=True):
            optimiser.load_state_dict(state)
        step, used = saved["step"], saved["used"]
    rng = np.random.default_rng([args.seed, step])
    shards = Shards(args.corpus, config.user_frames)
    began = time.monotonic() - used
    log = (args.out / "log.jsonl").open("a")
    while (share := (time.monotonic() - began) / (args.minutes * 60)) < 1.0:
        frames, focus, long = (1000, 0.0, 0.5) if share > args.whole_from else (args.frames, args.focus, 0.0)
        b = shards.batch(rng, max(1, args.batch_frames // frames), frames, focus, long)
        b.own_in = corrupt(b.own_in, 0.3, config.codebook_size)
        b.user = corrupt(b.user, 0.05, config.codebook_size)
        b.user_text_in = forget(b.user_text_in, b.given, 0.5 if share < 0.45 else 0.1)
        with torch.autocast("cpu", torch.bfloat16):
            text, user_text, codes = losses(model, b, heavy=5.0)
        (text + 2 * user_text + codes * min(1.0, 0.3 + 3 * share)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimisers.step(min(1.0, (step + 1) / 60) * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * share))))
        step += 1
        decay = min(0.995, 1 - 1 / (step + 1))
        with torch.no_grad():
            for k, v in model.state_dict().items():
                average[k].lerp_(v, 1 - decay)
        if step % 20 == 0:
            row = {"step": step, "seconds": round(time.monotonic() - began), "text": round(text.item(), 4),
                   "user_text": round(user_text.item(), 4), "codes": round(codes.item(), 4),
                   "shards": len(shards.files)}  # fmt: skip
            print(json.dumps(row), flush=True)
            log.write(json.dumps(row) + "\n")
            log.flush()
        if step % 100 == 0:
            shards.refresh()
            save(checkpoint, model, average, optimisers, step, time.monotonic() - began)
    save(checkpoint, model, average, optimisers, step, time.monotonic() - began)


def save(path: Path, model: DuplexTransformer, average: dict[str, Tensor], optimisers: Optimisers, step: int,
         used: float) -> None:  # fmt: skip
    state = {"model": model.state_dict(), "average": average, "step": step, "used": used,
             "optimisers": [o.state_dict() for o in optimisers.all]}  # fmt: skip
    torch.save(state, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


if __name__ == "__main__":
    main()
