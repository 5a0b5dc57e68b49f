"""Drawing tokens on the device: the same rule as ``voicert.models.sampling``, row by row, without a wait.

What is drawn depends on logits, settings and a number of the row's own counter, so a step can be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from voicert.models.base import Sampling


@dataclass(frozen=True)
class Draws:
    """How the rows of one call draw: the text or the codes."""

    temperature: Tensor  # [B, 1]; 0 takes the most likely
    top_k: Tensor  # [B, 1]
    most: int  # the largest of ``top_k``; 0: all rows take the most likely

    @staticmethod
    def of(how: Sequence[tuple[float, int]], device: torch.device) -> Draws:
        """Temperature and top k of each row."""
        drawn = [top_k for temperature, top_k in how if temperature > 0]
        columns = np.array(how, np.float32).reshape(-1, 2)
        both = torch.as_tensor(columns).to(device)
        return Draws(both[:, :1], both[:, 1:].clamp(min=1), max([1, *drawn]) if drawn else 0)


def text_draws(how: Sequence[Sampling], device: torch.device) -> Draws:
    return Draws.of([(h.text_temperature, h.text_top_k) for h in how], device)


def code_draws(how: Sequence[Sampling], device: torch.device) -> Draws:
    return Draws.of([(h.temperature, h.top_k) for h in how], device)


def draw(logits: Tensor, draws: Draws, uniform: Tensor) -> Tensor:
    """logits [B, N], uniform [B] in [0, 1) → tokens [B]."""
    likeliest = logits.argmax(dim=1)
    if draws.most == 0:
        return likeliest
    best, tokens = logits.float().topk(min(draws.most, logits.shape[1]), dim=1)  # [B, k], falling
    weight = (best / draws.temperature.clamp(min=1e-6)).softmax(dim=1)
    rank = torch.arange(best.shape[1], device=logits.device)
    total = weight.masked_fill(rank >= draws.top_k, 0.0).cumsum(dim=1)
    index = (total <= uniform[:, None] * total[:, -1:]).sum(dim=1, keepdim=True)
    last = torch.minimum(draws.top_k.long(), torch.tensor(best.shape[1], device=logits.device)) - 1
    drawn = tokens.gather(1, torch.minimum(index, last))[:, 0]
    return torch.where(draws.temperature[:, 0] > 0, drawn, likeliest)
