"""Drawing tokens on the device, row by row, without a wait.

What is drawn depends on logits, settings and a number of the row's own counter, so a step can be repeated.
The rule is that of :mod:`voicert.models.sampling`, but that a number stands for a share of the kept tokens
from the most likely one on, as Kyutai's implementation has them, and not in the order of their numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from voicert.models.base import Sampling

_FEW = 4096  # values of a row up to which NumPy is faster
_GROUP = 128  # of longer rows only those groups are searched that can hold the largest


@dataclass(frozen=True)
class Draws:
    """How the rows of one call draw: the text or the codes."""

    temperature: Tensor  # [B, 1]; of rows that take the most likely 1
    top_k: Tensor  # [B, 1]; likewise 1
    most: int  # the largest of ``top_k``; 0: all rows take the most likely
    equal: bool  # all rows have the same ``top_k``
    greedy: Tensor | None  # [B] rows that take the most likely; None: there are none

    @staticmethod
    def of(how: Sequence[tuple[float, int]], device: torch.device) -> Draws:
        """Temperature and top k of each row."""
        temperature, top_k = (np.array(column) for column in zip(*how, strict=True))
        greedy = temperature <= 0
        top_k = np.where(greedy, 1, top_k.clip(min=1))
        columns = np.stack([np.where(greedy, 1.0, temperature), top_k]).astype(np.float32)
        both = torch.as_tensor(columns).to(device)[:, :, None]
        some = torch.as_tensor(greedy).to(device) if greedy.any() else None
        most = 0 if greedy.all() else int(top_k.max())
        return Draws(both[0], both[1], most, bool((top_k == top_k[0]).all()), some)


def text_draws(how: Sequence[Sampling], device: torch.device) -> Draws:
    return Draws.of([(h.text_temperature, h.text_top_k) for h in how], device)


def code_draws(how: Sequence[Sampling], device: torch.device) -> Draws:
    return Draws.of([(h.temperature, h.top_k) for h in how], device)


def draw(logits: Tensor, draws: Draws, uniform: Tensor) -> Tensor:
    """logits [B, N], uniform [B] in [0, 1) → tokens [B]."""
    if draws.most == 0:
        return logits.argmax(dim=1)
    best, tokens = largest(logits.float(), min(draws.most, logits.shape[1]))
    weight = (best / draws.temperature).softmax(dim=1)
    if not draws.equal:
        rank = torch.arange(best.shape[1], device=logits.device)
        weight = weight.masked_fill(rank >= draws.top_k, 0.0)
    total = weight.cumsum(dim=1)
    index = (total <= uniform[:, None] * total[:, -1:]).sum(dim=1, keepdim=True)
    last = draws.top_k.long().clamp(max=best.shape[1]) - 1  # rounding could lead beyond it
    drawn = tokens.gather(1, torch.minimum(index, last))[:, 0]
    return drawn if draws.greedy is None else torch.where(draws.greedy, logits.argmax(dim=1), drawn)


def largest(logits: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The ``count`` largest of each row of float32 [B, N], falling, and where they are."""
    if (
        logits.device.type == "cpu"
        and logits.shape[1] > _FEW >= count * _GROUP
        and not logits.shape[1] % _GROUP
    ):
        return _largest_of_groups(logits, count)
    if logits.device.type != "cpu" or logits.shape[1] > _FEW:
        best = logits.topk(count, dim=1)
        return best.values, best.indices
    # torch sorts pairs; NumPy has vector instructions for whole numbers: value above, place below, and of
    # equal values the first is the largest. The bits of a float32 below 0 fall as it grows: they are turned.
    n = logits.shape[1]
    bits = _turned((logits.numpy() + np.float32(0)).view(np.int32))  # -0.0 becomes 0.0, which it equals
    keys = bits.astype(np.int64) << 32 | np.arange(n - 1, -1, -1)
    keys = np.partition(keys, n - count, axis=1)[:, n - count :]
    keys.sort(axis=1)
    keys = keys[:, ::-1]
    values = _turned((keys >> 32).astype(np.int32)).view(np.float32)
    return torch.as_tensor(values), torch.as_tensor(n - 1 - (keys & 0xFFFFFFFF))


def _largest_of_groups(logits: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """They lie in the ``count`` groups whose largest are the largest."""
    groups = logits.reshape(len(logits), -1, _GROUP)
    chosen = groups.amax(dim=2).topk(count, dim=1).indices.sort(dim=1).values  # [B, count]
    some = groups.gather(1, chosen[:, :, None].expand(-1, -1, _GROUP)).flatten(1)
    values, place = largest(some, count)
    return values, chosen.gather(1, place // _GROUP) * _GROUP + place % _GROUP


def _turned(bits: NDArray[np.int32]) -> NDArray[np.int32]:
    """Bits of float32 as whole numbers of the same order, and back."""
    return bits ^ (bits >> 31 & 0x7FFFFFFF)
