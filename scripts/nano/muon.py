"""Muon in float32, for matrices of a few shapes (Jordan et al., 2024).

torch's own computes in bfloat16, which a CPU without it does many times slower, and one matrix after the
other; here all of one shape are a batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

COEFFICIENTS, ROUNDS = (3.4445, -4.7750, 2.0315), 5


class Muon:
    """
    Args:
        matrices: [N, M] each.
    """

    def __init__(self, matrices: Iterable[Parameter], weight_decay: float, momentum: float = 0.95) -> None:
        by_shape: dict[tuple[int, ...], list[Parameter]] = {}
        for p in matrices:
            by_shape.setdefault(tuple(p.shape), []).append(p)
        self._groups = list(by_shape.values())
        self._averages = [torch.stack([torch.zeros_like(p) for p in group]) for group in self._groups]
        self._decay, self._momentum = weight_decay, momentum

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Moves every matrix by an orthogonal one, as far as AdamW would; its gradient is used up.

        Raises:
            ValueError: a matrix has no gradient.
        """
        for group, average in zip(self._groups, self._averages, strict=True):
            gradients = [p.grad for p in group if p.grad is not None]
            if len(gradients) < len(group):
                raise ValueError("a matrix has no gradient: go backwards first")
            gradient = torch.stack(gradients)
            average.lerp_(gradient, 1 - self._momentum)
            made = orthogonal(gradient.lerp(average, self._momentum))
            size = 0.2 * max(made.shape[1:]) ** 0.5
            for p, each in zip(group, made, strict=True):
                p.mul_(1 - lr * self._decay).add_(each, alpha=-lr * size)
                p.grad = None

    def state_dict(self) -> dict[str, Any]:
        return {"averages": self._averages}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for average, saved in zip(self._averages, state["averages"], strict=True):
            average.copy_(saved)


def orthogonal(matrices: Tensor) -> Tensor:
    """[n, N, M] → the same with all singular values near 1, by Newton-Schulz."""
    a, b, c = COEFFICIENTS
    x = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    for _ in range(ROUNDS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x
