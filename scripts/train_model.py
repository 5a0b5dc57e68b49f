"""Trains the duplex model on shards of tokens (scripts/make_corpus.py). Resumable: the same command goes on.

``--minutes`` counts training time over all runs; the learning rate and the kind of rows follow it, see
`STAGES`: crops around the beginnings of answers, words to hear and typed talk beside them, then whole
conversations of 20 s in between, at last some of a minute. ``--begin`` and ``--since`` go on, with the later
stages, from weights that were exported.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nano.batches import Batch, Hearing, Shards, stacked
from nano.learning import Objective, Optimisers, answers_right, as_heard, blur, corrupt, forget, mishear
from nano.lessons import unknown
from nano.precision import mixed
from nano.typed import LONG_FRAMES, TYPED_FRAMES, TypedTalks
from nano.weights import load_codec, load_shipped
from torch import Tensor

from voicert.models.config import ModelConfig, save_config
from voicert.models.transformer import DuplexTransformer
from voicert.models.vocabulary import Vocabulary

HELD_OUT = ("known", "new", "foreign")  # kinds of voices, each with wordings that are never trained on


@dataclass(frozen=True)
class Stage:
    """What a part of the training learns from; shares are of the whole training's time."""

    until: float
    frames: tuple[int, ...]  # of the rows of one step after the other
    focus: float  # share of crops around the beginning of an answer
    long: float  # share of conversations with a long answer, of rows in which one has room
    typed: int  # rows of typed talk per step
    forget: float  # share of rows without the user's text as input
    hearing: float  # share of rows of words without a grammar
    codes: float  # weight of the sound, of which there is more to say than of words


# First it learns to hear, then which answer a request asks for, then to keep its mind on a conversation.
STAGES = (
    Stage(0.25, (160,), 0.85, 0.0, 6, 0.5, 0.5, 0.35),
    Stage(0.40, (240,), 0.9, 0.0, 14, 0.1, 0.3, 0.35),
    Stage(0.70, (240, 240, 240, 1000), 0.9, 0.5, 4, 0.1, 0.3, 0.3),
    Stage(0.89, (240, 1000), 0.9, 0.5, 4, 0.1, 0.3, 0.3),
    Stage(1.00, (240, 1000, 240, 1000, 240, 3000), 0.9, 0.5, 4, 0.1, 0.2, 0.4),
)
CONVERSATION = 1000  # frames of most; longer rows are of the others
IDLE = 0.07  # share of rows of rooms in which nobody asks anything
START_STEPS = 2  # see nano.batches.LATE
START_BIAS = math.log(0.7 / 0.3)  # it begins at a chance of 0.7: to break in is worse than to come late
PATIENCE = 70  # frames: longer than a pause within a request, with the word after it
DUE = 0.1  # sum of the chances to begin since the last word that makes an answer due
ABSTAIN_BIAS = 3.0  # to admit not to know is better than a wrong answer: it does at a twentieth of its chance
HEAVY = 5.0  # times that a step counts in which something is to be written, of which there are few
TYPED_WEIGHT = 0.7  # of typed talk against sound
NEW_HEAD_STEPS = 200  # in which weights that hear already do not learn from a head for phones that is new
MISHEARD = 0.15  # of the words that the model is told it heard, at most
AS_HEARD = 0.7  # share of rows, in half of the steps, whose words are what the model itself made of them


def stage_at(share: float) -> Stage:
    return next((s for s in STAGES if share < s.until), STAGES[-1])


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--codec", type=Path, default=Path("runs/codec/checkpoint.pt"))
    parser.add_argument("--out", type=Path, default=Path("runs/model"))
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--steps", type=int, help="in place of minutes: a run that does not depend on speed")
    parser.add_argument("--begin", type=Path, help="folder of an exported step whose weights it begins with")
    parser.add_argument("--since", type=float, default=0.0, help="share of the stages that is taken as done")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--batch-frames", type=int, default=7200, help="frames per step")
    parser.add_argument("--compile", action="store_true", help="layers and losses by torch.compile")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


class Training:
    """Everything that is saved and resumed."""

    def __init__(self, args: argparse.Namespace) -> None:
        torch.manual_seed(args.seed)
        self.device = torch.device(args.device)
        self.seed = args.seed
        vocabulary = Vocabulary.load(args.corpus / "vocabulary.json")
        self.config = ModelConfig(
            text_size=len(vocabulary), own_codes=False, start_steps=START_STEPS, pad_bias=math.log(HEAVY),
            start_bias=START_BIAS, patience=PATIENCE, overdue=DUE, abstain_bias=ABSTAIN_BIAS,
            abstain_token=vocabulary.encode(unknown.ANSWER)[0],
        )  # fmt: skip
        save_config(self.config, args.out / "config.json")
        self.model = DuplexTransformer(self.config)
        with torch.no_grad():  # the user's codes begin as the codec's own vectors: their sum is what it heard
            self.model.user_embedding.weight.copy_(load_codec(args.codec).quantizer.codebooks.flatten(0, 1))
        self.begun: bool = args.begin is not None
        if self.begun:
            self.model.load_state_dict(load_shipped(args.begin).state_dict())
        self.objective = Objective(self.model, args.compile).to(self.device)
        self.model.to(self.device)
        self.average = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        self.optimisers = Optimisers(self.model, self.objective, args.lr)
        self.step, self.used = 0, 0.0
        self.checkpoint: Path = args.out / "checkpoint.pt"
        if self.checkpoint.exists():
            self._resume()
        if args.compile:
            torch._dynamo.config.recompile_limit = 32  # pyright: ignore[reportPrivateImportUsage]  # one per stage
            for layer in self.model.temporal.layers:
                layer.compile(dynamic=False)

    def _resume(self) -> None:
        saved = torch.load(self.checkpoint, weights_only=True, map_location=self.device)
        self.model.load_state_dict(saved["model"])
        self.objective.load_state_dict(saved["objective"])
        self.average = saved["average"]
        for optimiser, state in zip(self.optimisers.all, saved["optimisers"], strict=True):
            optimiser.load_state_dict(state)
        self.step, self.used = saved["step"], saved["used"]
        torch.manual_seed(self.seed + self.step)

    def learn(self, batches: list[tuple[Batch, float]], share: float) -> dict[str, Tensor]:
        """One step on batches with their weights; → the losses of the first, and of the other's text."""
        told: list[dict[str, Tensor]] = []
        self.objective.phones_only_told = self.begun and self.step < NEW_HEAD_STEPS
        for n, (b, weight) in enumerate(batches):
            b = b.to(self.device)
            b.user = corrupt(blur(b.user, 0.3), 0.08, self.config.codebook_size)
            b.user_text_in = mishear(b.user_text_in, b.given, MISHEARD)
            if n == 0 and self.step // 2 % 2:  # of sound; of steps with short rows as of those with long ones
                b.user_text_in = as_heard(b.user_text_in, self._transcripts(b), b.given, AS_HEARD)
            b.user_text_in = forget(b.user_text_in, b.given, stage_at(share).forget)
            with mixed(self.device):
                losses = self.objective(self.model, b, HEAVY)
            loss = losses["text"] + 2 * losses["user_text"] + 0.5 * losses["phones"]
            loss = loss + stage_at(share).codes * losses["codes"]
            (loss * weight).backward()
            told.append(losses)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        rise, fall = min(1.0, (self.step + 1) / 60), 0.5 * (1 + math.cos(math.pi * share))
        self.optimisers.step(rise * (0.03 + 0.97 * fall))
        self.step += 1
        decay = min(0.998, 1 - 1 / (self.step + 1))
        with torch.no_grad():
            for k, v in self.model.state_dict().items():
                self.average[k].lerp_(v, 1 - decay)
        return told[0] | {"typed": told[-1]["text"]}

    def _transcripts(self, b: Batch) -> Tensor:
        """[B, T] what it writes of the user in each step, after the words in the batch."""
        with torch.no_grad(), mixed(self.device):
            hidden = self.model(b.user, b.own_in, b.text_in, b.user_text_in)
            return self.model.user_text_head(hidden).argmax(-1)

    def save(self) -> None:
        state: dict[str, Any] = {
            "model": self.model.state_dict(), "objective": self.objective.state_dict(),
            "average": self.average, "step": self.step, "used": self.used,
            "optimisers": [o.state_dict() for o in self.optimisers.all],
        }  # fmt: skip
        torch.save(state, self.checkpoint.with_suffix(".new"))
        self.checkpoint.with_suffix(".new").replace(self.checkpoint)


class Material:
    """Batches of every stage, and the conversations that training never sees."""

    def __init__(self, args: argparse.Namespace, config: ModelConfig) -> None:
        frames = config.user_frames
        self.sources = {
            kind: Shards(args.corpus, frames, f"{kind}????.npz") for kind in ("shard", "long", "reading")
        }
        self.held_out = {kind: Shards(args.corpus, frames, f"held_out_{kind}.npz") for kind in HELD_OUT}
        vocabulary = Vocabulary.load(args.corpus / "vocabulary.json")
        self.hearing = Hearing(self.sources["shard"], self.sources["reading"], vocabulary)
        self.typed = TypedTalks(args.corpus, frames)
        self.batch_frames: int = args.batch_frames

    def draw(self, rng: np.random.Generator, stage: Stage, step: int) -> list[tuple[Batch, float]]:
        """A batch of sound and one of typed talk."""
        frames = stage.frames[step % len(stage.frames)]
        long = frames >= LONG_FRAMES  # room for a long answer
        longest = self.sources["long"] if frames > CONVERSATION else self.sources["shard"]
        source = longest if longest.files else self.sources["shard"]
        typed_frames = LONG_FRAMES if long else TYPED_FRAMES
        typed = self.typed.batch(rng, max(1, stage.typed * TYPED_FRAMES // typed_frames), typed_frames)
        size = max(1, (self.batch_frames - typed.text.numel()) // frames)
        hearing = round(stage.hearing * size)
        rows = source.rows(rng, size - hearing, frames, stage.focus, stage.long * long, IDLE)
        sound = stacked([*rows, *self.hearing.rows(rng, hearing, frames)])
        return [(sound, 1.0), (typed, TYPED_WEIGHT)]

    def examine(self, model: DuplexTransformer) -> dict[str, float]:
        """Shares of right answers and of the user's words, in held-out wordings of three kinds of voices."""
        told: dict[str, float] = {}
        for kind, shards in self.held_out.items():
            counts = np.zeros(4, np.int64)
            for name, n in shards.conversations[:16]:
                row = stacked([shards.row(name, n, 0, shards.files[name]["text"].shape[1])])
                device = model.norm.weight.device
                # Compiling for this shape would take longer than all of it.
                with torch.compiler.set_stance("force_eager"), mixed(device):
                    counts += answers_right(model, row.to(device))
            if counts[1]:
                told |= {f"{kind}_answers": counts[0] / counts[1], f"{kind}_words": counts[2] / counts[3]}
        return {k: round(float(v), 4) for k, v in told.items()}


def main() -> None:
    args = options()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    training = Training(args)
    material = Material(args, training.config)
    rng = np.random.default_rng([args.seed, training.step])
    began = time.monotonic() - training.used
    with (args.out / "log.jsonl").open("a") as log:
        while True:
            training.used = time.monotonic() - began
            done = training.step / args.steps if args.steps else training.used / (args.minutes * 60)
            if done >= 1.0:
                break
            share = args.since + (1.0 - args.since) * done
            told = training.learn(material.draw(rng, stage_at(share), training.step), share)
            row: dict[str, float] = {"step": training.step, "seconds": round(training.used)}
            if training.step % 20 == 0:
                row |= {k: round(v.item(), 4) for k, v in told.items()}
                row["shards"] = len(material.sources["shard"].files)
            if training.step % 300 == 0:
                row |= material.examine(training.model)
            if len(row) > 2:
                print(json.dumps(row), flush=True)
                log.write(json.dumps(row) + "\n")
                log.flush()
            if training.step % 100 == 0:
                training.save()
    training.save()


if __name__ == "__main__":
    main()
