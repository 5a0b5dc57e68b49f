"""Rotary position embedding (Su et al., "RoFormer", 2021): a head's channels turned by the position.

Channel i and channel i + d/2 form a pair, turned by position * period ** (-2i / d). Weights made for
neighbouring pairs (2i, 2i + 1) give the same scores once the rows of their query and key projections are
put in the order of :func:`pairs_apart`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

_STEPS = 2048  # of the coarse and of the fine table


class RotaryTable(nn.Module):
    """Cosine and sine of every pair's angle at any position below 2048², to float32's rounding.

    The product of a large position and a frequency loses its fraction in float32, and float64 is not to be
    had everywhere. So the angle is split in two, position = 2048 * a + b, and put together by the addition
    theorems. Positions start over after 2048², which are 46 hours at 25 Hz.
    """

    cos: Tensor  # [2, 2048, d / 2] of 2048 * a, and of b
    sin: Tensor

    def __init__(self, head_width: int, period: float, still: int = 0) -> None:
        """``still``: the last so many pairs are not turned."""
        super().__init__()
        frequency = period ** (-torch.arange(0, head_width, 2, dtype=torch.float64) / head_width)
        frequency[len(frequency) - still :] = 0.0
        steps = torch.arange(_STEPS, dtype=torch.float64)[:, None]
        angle = torch.stack([steps * _STEPS * frequency, steps * frequency])
        self.register_buffer("cos", angle.cos().float(), persistent=False)
        self.register_buffer("sin", angle.sin().float(), persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Goes to another device with the module, but stays in float32 when the weights do not."""
        for name in ("cos", "sin"):
            table: Tensor = getattr(self, name)
            setattr(self, name, table.to(fn(table[:1, :1]).device))
        return self

    def forward(self, position: Tensor) -> tuple[Tensor, Tensor]:
        """position [B, T] → cos and signed sin [B, T, 1, d], as :func:`rotate` wants them."""
        a, b = (position // _STEPS) % _STEPS, position % _STEPS
        (far_cos, near_cos), (far_sin, near_sin) = self.cos, self.sin
        cos = far_cos[a] * near_cos[b] - far_sin[a] * near_sin[b]
        sin = far_sin[a] * near_cos[b] + far_cos[a] * near_sin[b]
        return torch.cat([cos, cos], dim=2)[:, :, None], torch.cat([-sin, sin], dim=2)[:, :, None]


def rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """x [B, T, H, d], or with more sizes in the middle, with each pair turned by its angle."""
    cos, sin = rotation
    half = x.shape[-1] // 2
    other = torch.cat([x[..., half:], x[..., :half]], dim=-1)
    return torch.addcmul(x * cos, other, sin).to(x.dtype)


def pairs_apart(rows: Tensor, head_width: int) -> Tensor:
    """Rows [heads * d, ...] of a projection made for pairs (2i, 2i + 1), in the order (i, i + d/2)."""
    heads = rows.reshape(-1, head_width // 2, 2, *rows.shape[1:])
    return heads.transpose(1, 2).reshape(rows.shape)
