"""Typed talk without most of the steps in which nothing is written: several requests in the time of one.

Of a conversation all that is written stays, at its own places in time, each with the step before it, which
has to foresee it; of the others a few stay. So which answer a request asks for, and which word follows which,
is learnt in a fraction of the steps that its sound takes. The model must know both kinds of rows: trained on
whole ones alone it leans on the empty steps between words, and of thinned ones alone it would not know them.
To leave tokens out is done likewise in Hou et al., "Token dropping for efficient BERT pretraining", 2022.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nano.batches import Batch
from nano.typed import TypedTalks
from voicert.models.transformer import DuplexTransformer
from voicert.models.vocabulary import PAD

FRAMES = 480  # of the rows before they are thinned; what does not fit in STEPS is cut off
STEPS = 192  # of a row that are kept
EMPTY = 0.04, 0.08, 0.16, 0.3  # shares of the empty steps that stay, a row at a time


@dataclass
class Thinned:
    """Inputs and targets as `nano.batches.Batch` has them, of some steps of each row."""

    position: Tensor  # [B, T] the frame of each step, rising
    heard: Tensor  # [B, K, T, F] codes of the frames that a step hears at once
    text_in: Tensor  # [B, T]
    user_text_in: Tensor  # [B, T]
    text: Tensor  # [B, T]
    weight: Tensor  # [B, T] steps that a step stands for; 0 where nothing could tell what is to be written

    def to(self, device: torch.device) -> Self:
        return type(self)(*(getattr(self, f.name).to(device) for f in fields(self)))

    def hidden(self, model: DuplexTransformer) -> Tensor:
        """[B, T, D] of the steps that are left, which see no others."""
        return model.some(self.heard, self.text_in, self.user_text_in, self.position)


def thinned(rng: np.random.Generator, b: Batch, steps: int = STEPS) -> Thinned:
    """Of each row the first ``steps`` that stay.

    Raises:
        ValueError: the rows have fewer.
    """
    frames = b.text.shape[1]
    if frames < steps:
        raise ValueError(f"cannot keep {steps} steps of rows of {frames}")
    some = ((b.text_in != PAD) | (b.user_text_in != PAD) | (b.text != PAD)).numpy()
    kept = [_kept(rng, row, float(rng.choice(EMPTY)), steps) for row in some]
    position = torch.from_numpy(np.stack([where for where, _ in kept]))
    weight = torch.from_numpy(np.stack([weight for _, weight in kept]))
    text_in, user_text_in, text, unasked = (
        part.gather(1, position) for part in (b.text_in, b.user_text_in, b.text, b.unasked)
    )
    before = b.user.shape[2] - frames
    near = (position[..., None] + torch.arange(before + 1)).flatten(1)  # [B, T * F]
    heard = b.user.gather(2, near[:, None].expand(-1, b.user.shape[1], -1)).unflatten(2, (steps, -1))
    return Thinned(position, heard, text_in, user_text_in, text, weight * (unasked == 0))


def talk(rng: np.random.Generator, talks: TypedTalks, rows: int) -> Thinned:
    """So many rows of typed talk."""
    return thinned(rng, talks.batch(rng, rows, FRAMES))


def _kept(
    rng: np.random.Generator, some: NDArray[np.bool_], share: float, steps: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Of a row [F] the numbers of its first ``steps`` that stay, and how many each of these stands for."""
    order = rng.random(len(some))
    found = np.flatnonzero(some | (order < share))[:steps]
    if len(found) < steps:  # a row of few words
        rest = np.setdiff1d(np.arange(len(some)), found)
        found = np.sort(np.append(found, rest[np.argsort(order[rest])][: steps - len(found)]))
    empty = ~some[found]
    left_out = np.count_nonzero(~some[: found[-1] + 1]) / max(1, np.count_nonzero(empty))
    return found, np.where(empty, left_out, 1.0).astype(np.float32)
