"""Which words the duplex transformer takes for which: what it hears in a corpus, as a table for text alone.

Who answers by what was written must know that "four" may have been "seven" once, and which words are never
taken for others. To draw requests from a table of such mistakes is a noisy channel (Shannon 1948), as in
training text models on simulated recognition errors.
Sizes: V text tokens, B rows, T frames.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from nano.batches import Batch, Shards, stacked
from voicert.models.transformer import DuplexTransformer
from voicert.models.vocabulary import END, PAD

AT_ONCE = 8  # conversations of one pass
LEAST = 1e-4  # of a chance that is kept: the many smaller ones are no sounds that are alike


def conversations(shards: Shards, files: int) -> Iterator[Batch]:
    """All of the first ``files`` files, some at once."""
    names = list(shards.files)[:files]
    for name in names:
        whole = shards.files[name]["text"].shape
        for first in range(0, whole[0], AT_ONCE):
            rows = range(first, min(first + AT_ONCE, whole[0]))
            yield stacked([shards.row(name, n, 0, whole[1]) for n in rows])


@torch.no_grad()
def confusions(model: DuplexTransformer, batches: Iterator[Batch]) -> NDArray[np.float32]:
    """[V, V] of every token of the user the chances of what is written for it; 0 where it never came."""
    table = torch.zeros(model.config.text_size, model.config.text_size)
    for b in batches:
        spoken = (b.user_text != PAD) & (b.given == 0)
        hidden = model(b.user, b.own_in, b.text_in, b.user_text_in)[spoken]
        logits = model.user_text_head(hidden)
        logits[:, : END + 1] = -torch.inf  # when it is written is another matter
        table.index_add_(0, b.user_text[spoken], logits.softmax(-1))
    table = table / table.sum(1, keepdim=True).clamp(min=1e-9)
    table = torch.where(table < LEAST, 0.0, table)
    return (table / table.sum(1, keepdim=True).clamp(min=1e-9)).numpy()


class NoisyChannel:
    """
    Args:
        table: as `confusions` makes it.
    """

    def __init__(self, table: NDArray[np.float32]) -> None:
        right = table.diagonal().astype(np.float64)
        known = table.sum(1) > 0
        wrong = np.where(known, 1.0 - right, 0.0)
        self._wrong = wrong / max(1e-9, float(wrong[known].mean())) if known.any() else wrong
        others = table.astype(np.float64)
        np.fill_diagonal(others, 0.0)
        self._others = others.cumsum(1)

    def heard(self, rng: np.random.Generator, tokens: list[int], share: float) -> list[int]:
        """Tokens of a request, of which about ``share`` are taken for others; those that sound alike most."""
        made = list(tokens)
        draws = rng.random((2, len(tokens)))
        for n, token in enumerate(tokens):
            total = self._others[token, -1]
            if total > 0 and draws[0, n] < min(0.5, share * self._wrong[token]):
                made[n] = int(np.searchsorted(self._others[token], draws[1, n] * total, side="right"))
        return made
