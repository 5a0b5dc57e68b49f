"""Trains the transformer over words on conversations as text (scripts/nano/talks.py). Resumable.

It begins with the layers of an exported duplex transformer, which has learnt the same in between of much
else, or with another one over words. No sound is in it but what scripts/hear_requests.py made text of.
``--minutes`` counts training time over all runs. At its end, weights half way back to those it began with can
be better than both (Wortsman et al., "Model soups", 2022): ``--keep``; which words end a request is fitted to
them again.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nano import lessons
from nano.mishearings import load_heard
from nano.muon import Muon
from nano.talks import Talks, WrittenTalks
from nano.weights import load_shipped
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from voicert.evaluation.words import spoken_words
from voicert.models.config import WordConfig, load_config
from voicert.models.transformer import DuplexTransformer
from voicert.models.vocabulary import END, PAD, START, Vocabulary
from voicert.models.words import WordTransformer

RISE = 40  # steps in which the learning rate rises
FALL = 0.4  # share of the time after which it falls
LONGEST = 120  # words of an answer that is written out
EVERY = 900  # seconds after which it is examined
END_WEIGHT = 1.5  # of what it says of a request's end, in a model that it is exported for
FITTED = 120  # steps in which the ends of requests are fitted to mixed weights
LAST = 0.3  # what a request's end counts, against an answer's word


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--begin", type=Path, required=True, help="folder of an exported step and vocabulary")
    parser.add_argument("--heard", type=Path, default=Path("runs/heard.jsonl"))
    parser.add_argument("--since", type=Path, help="folder of one over words to begin with")
    parser.add_argument(
        "--keep", type=float, default=0.0, metavar="SHARE",
        help="share of the weights of --since in those that are exported",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("runs/words"))
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--steps", type=int, help="in place of minutes: a run that does not depend on speed")
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--rows", type=int, default=12, help="conversations per step")
    parser.add_argument("--length", type=int, default=224, help="written steps of each")
    parser.add_argument(
        "--examined", type=int, default=480, help="held-out requests; on the way a third of them"
    )
    parser.add_argument("--compile", action="store_true", help="layers by torch.compile")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if not 0 <= args.keep < 1 or (args.keep and not args.since):
        parser.error("--keep takes a share below 1 of the weights that --since names")
    return args


def begun(duplex: DuplexTransformer, silence: list[int], sizes: WordConfig) -> WordTransformer:
    """A transformer over words with the layers of one that also hears, as if it heard nothing."""
    c = duplex.config
    sizes = dataclasses.replace(
        sizes, width=c.width, layers=c.layers, heads=c.heads, kv_heads=c.kv_heads, head_dim=c.head_dim,
        hidden=c.hidden,
    )  # fmt: skip
    model = WordTransformer(dataclasses.replace(c, words=sizes))
    still = torch.tensor(silence)[None, :, None]
    nothing = torch.full((1, 1), PAD)
    with torch.no_grad():
        quiet = duplex.embed(still.expand(1, -1, c.user_frames), still, nothing, nothing)[0, 0]
        quiet = quiet - duplex.text_embedding.weight[PAD] - duplex.user_text_embedding.weight[PAD]
        model.temporal.layers.load_state_dict(duplex.temporal.layers.state_dict())  # pyright: ignore
        model.norm.load_state_dict(duplex.norm.state_dict())
        model.head.load_state_dict(duplex.text_head.state_dict())
        model.text_embedding.weight.copy_(duplex.text_embedding.weight + quiet)
        model.user_text_embedding.weight.copy_(duplex.user_text_embedding.weight)
        model.text_before.weight.zero_()
        model.user_text_before.weight.zero_()
    return model


class Training:
    """Everything that is saved and resumed."""

    def __init__(self, args: argparse.Namespace) -> None:
        torch.manual_seed(args.seed)
        _, extra = load_config(args.begin / "config.json")
        duplex = load_shipped(args.begin)
        self.model = begun(duplex, extra["silence"], WordConfig(end_weight=END_WEIGHT))
        matrices = [
            p for n, p in self.model.named_parameters() if n.startswith("temporal.layers.") and p.ndim == 2
        ]
        chosen = {id(p) for p in matrices}
        others = [p for p in self.model.parameters() if id(p) not in chosen]
        self.muon = Muon(matrices, weight_decay=0.05)
        self.adam = torch.optim.AdamW(others, lr=args.lr, betas=(0.9, 0.95), weight_decay=0.01)
        self.lr: float = args.lr
        self.step, self.used = 0, 0.0
        self.checkpoint: Path = args.out / "checkpoint.pt"
        if self.checkpoint.exists():
            self._resume(self.checkpoint)
        elif args.since:
            self._resume(args.since / "checkpoint.pt")
            self.step, self.used = 0, 0.0
        if args.compile:
            for layer in self.model.temporal.layers:
                layer.compile(dynamic=False)

    def _resume(self, checkpoint: Path) -> None:
        saved = torch.load(checkpoint, weights_only=True)
        self.model.load_state_dict(saved["model"])
        self.muon.load_state_dict(saved["muon"])
        self.adam.load_state_dict(saved["adam"])
        self.step, self.used = saved["step"], saved["used"]

    def learn(self, talks: Talks, share: float) -> tuple[float, float]:
        """One step; → the losses per word of answers, and per word of requests: is it the last one?"""
        hidden, following = self.model(talks.text[:, :-1], talks.user_text[:, :-1]), talks.text[:, 2:]
        sure, asked = talks.sure[:, 2:], talks.user_text[:, 1:-1] != PAD
        loss = F.cross_entropy(self.model.head(hidden[sure]), following[sure])
        last = F.cross_entropy(self.model.head(hidden[asked])[:, : START + 1], following[asked])
        (loss + LAST * last).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        fall = max(0.02, min(1.0, (1.0 - share) / (1.0 - FALL)))
        lr = self.lr * min(1.0, (self.step + 1) / RISE) * fall
        self.muon.step(lr)
        self.adam.param_groups[0]["lr"] = lr
        self.adam.step()
        self.adam.zero_grad()
        self.step += 1
        return loss.item(), last.item()

    def keep(self, share: float, since: Path, batches: Callable[[], Talks]) -> dict[str, Tensor]:
        """The weights that are exported: ``share`` of those in ``since``, and which words end a request."""
        old = torch.load(since / "checkpoint.pt", weights_only=True)
        old = old.get("exported", old["model"])
        trained = {name: weight.clone() for name, weight in self.model.state_dict().items()}
        self.model.load_state_dict({name: torch.lerp(trained[name], old[name], share) for name in trained})
        ends = self.model.head.weight[: START + 1].detach().clone().requires_grad_(True)
        adam = torch.optim.Adam([ends])
        for step in range(FITTED):
            adam.param_groups[0]["lr"] = 0.02 * (1 - step / FITTED)
            talks = batches()
            with torch.no_grad():
                hidden = self.model(talks.text[:, :-1], talks.user_text[:, :-1])
            asked = talks.user_text[:, 1:-1] != PAD
            loss = F.cross_entropy(hidden[asked] @ ends.T, talks.text[:, 2:][asked])
            adam.zero_grad()
            loss.backward()
            adam.step()
        with torch.no_grad():
            self.model.head.weight[: START + 1] = ends
        kept = {name: weight.clone() for name, weight in self.model.state_dict().items()}
        self.model.load_state_dict(trained)
        return kept

    def save(self, exported: dict[str, Tensor] | None = None) -> None:
        state: dict[str, Any] = {
            "model": self.model.state_dict(), "muon": self.muon.state_dict(), "adam": self.adam.state_dict(),
            "step": self.step, "used": self.used, "sizes": dataclasses.asdict(self.model.config),
        }  # fmt: skip
        if exported:
            state["exported"] = exported
        torch.save(state, self.checkpoint.with_suffix(".new"))
        self.checkpoint.with_suffix(".new").replace(self.checkpoint)


@torch.no_grad()
def answers(model: WordTransformer, requests: list[list[int]]) -> list[list[int]]:
    """The words that follow a request each, at the beginning of a conversation."""
    user = [[PAD, *request, PAD] for request in requests]
    text = [[*[PAD] * (len(request) + 1), START] for request in requests]
    for _ in range(LONGEST):
        going = [n for n, row in enumerate(text) if row[-1] != END]
        if not going:
            break
        longest = max(len(text[n]) for n in going)
        both = torch.full((2, len(going), longest), PAD)
        for row, n in enumerate(going):
            both[0, row, : len(text[n])] = torch.tensor(text[n])
            both[1, row, : len(user[n])] = torch.tensor(user[n])
        last = torch.tensor([len(text[n]) - 2 for n in going])
        logits = model.head(model(both[0], both[1])[torch.arange(len(going)), last])
        for n, token in zip(going, (logits[:, END:].argmax(-1) + END).tolist(), strict=True):
            text[n].append(token)
            user[n].append(PAD)
    return [row[len(request) + 2 :] for row, request in zip(text, requests, strict=True)]


def examine(model: WordTransformer, vocabulary: Vocabulary, count: int) -> tuple[float, Counter[str]]:
    """Share of right answers to requests in held-out wordings, and the families of the wrong ones."""
    rng = np.random.default_rng(5)
    asked = [lessons.draw(rng, held_out=True) for _ in range(count)]
    with torch.compiler.set_stance("force_eager"):
        made = answers(model, [vocabulary.encode(e.request) for e in asked])
    wrong = Counter(
        e.family
        for e, words in zip(asked, made, strict=True)
        if spoken_words(vocabulary.decode(words)) != spoken_words(e.answer)
    )
    return 1 - wrong.total() / count, wrong


def main() -> None:
    args = options()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    training = Training(args)
    vocabulary = Vocabulary.load(args.begin / "vocabulary.json")
    talks = WrittenTalks(vocabulary, load_heard(args.heard))
    rng = np.random.default_rng([args.seed, training.step])
    began, examined = time.monotonic() - training.used, training.used
    losses = list[tuple[float, float]]()
    with (args.out / "log.jsonl").open("a") as log:
        while True:
            training.used = time.monotonic() - began
            share = training.step / args.steps if args.steps else training.used / (args.minutes * 60)
            if share >= 1.0:
                break
            losses.append(training.learn(talks.batch(rng, args.rows, args.length), share))
            row: dict[str, float] = {"step": training.step, "seconds": round(training.used)}
            if training.step % 50 == 0:
                word, last = np.mean(losses[-50:], 0)
                row |= {"loss": round(float(word), 4), "last": round(float(last), 4)}
                training.save()
            if training.used - examined > EVERY:
                examined = training.used
                row["held_out"] = round(examine(training.model, vocabulary, -(-args.examined // 3))[0], 4)
            if len(row) > 2:
                print(json.dumps(row), flush=True)
                log.write(json.dumps(row) + "\n")
                log.flush()
    exported = None
    if args.keep:
        batches = partial(talks.batch, rng, args.rows, args.length)
        exported = training.keep(args.keep, args.since, batches)
    training.save(exported)
    if exported:
        training.model.load_state_dict(exported)
    right, wrong = examine(training.model, vocabulary, args.examined)
    print(json.dumps({"held_out": round(right, 4), "wrong": dict(wrong.most_common(12))}))


if __name__ == "__main__":
    main()
