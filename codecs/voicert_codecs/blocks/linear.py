"""Matrix products with fixed weights, the one place where a codec's time goes.

On a CPU a product of few rows is limited by how fast the weights come from memory, and a general-purpose
``gemm`` rearranges them at every call. oneDNN, which comes with torch, can rearrange them once: measured on
an AVX-512 machine 2 rows take 0.14 ms instead of 0.40 ms at 2048 x 512, large products half the time. Its
result for a row also does not depend on how many rows there are from 2 on, bit for bit, and a single row is
computed as two: a batch equals its rows alone.

Modules are built, loaded, exported and trained with plain weights; :func:`pack` is the last thing done to
them before they run.
"""

from __future__ import annotations

import math
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

Activation = Literal["none", "gelu"]
_ROWS_HINT = 16  # the layout chosen for 2 rows or more is the same; for 1 row another, slow for more


class Linear(nn.Module):
    """``y = activation(x @ weight.T + bias)``, or ``x @ weight.T + bias + residual``.

    Args:
        inputs: last dimension of ``x``.
        outputs: last dimension of ``y``; the weight is [outputs, inputs], as ``torch.nn.Linear`` has it.
        bias: whether there is one.
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None
    _zero: Tensor  # knows the device and type also when the weight is packed

    def __init__(self, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__()
        self.inputs = inputs
        self.outputs = outputs
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / math.sqrt(inputs))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.register_buffer("_zero", torch.zeros(()), persistent=False)
        self._packed: Tensor | None = None  # the weight in oneDNN's layout; ``weight`` is then None

    def forward(self, x: Tensor, activation: Activation = "none", residual: Tensor | None = None) -> Tensor:
        """x [..., inputs] → [..., outputs]; ``residual`` [..., outputs] is added after the activation."""
        if self._packed is not None and x.numel() == self.inputs:
            return self._one_row(x, activation, residual)
        if self._packed is not None:
            if residual is not None and activation == "none":
                return _operator(_LINEAR).binary(x, residual, self._packed, self.bias, "add")
            y = _operator(_LINEAR)(x, self._packed, self.bias, activation, [], "none")
        else:
            y = F.linear(x, cast(Tensor, self.weight), self.bias)
            y = F.gelu(y) if activation == "gelu" else y
        return y if residual is None else y + residual

    def _one_row(self, x: Tensor, activation: Activation, residual: Tensor | None) -> Tensor:
        """A kernel of its own would sum up in another order."""
        pair = x.reshape(1, -1).expand(2, -1)
        y = _operator(_LINEAR)(pair, self._packed, self.bias, activation, [], "none")[:1]
        y = y.reshape(*x.shape[:-1], self.outputs)
        return y if residual is None else y + residual

    def zeros(self, *shape: int) -> Tensor:
        """Zeros of the weight's device and type, such as a state starts with."""
        return self._zero.new_zeros(shape)

    def pack(self) -> None:
        """Keeps the weight in oneDNN's layout from now on, where that is possible; see :func:`pack`."""
        weight = self.weight
        if weight is None or weight.device.type != "cpu" or weight.dtype != torch.float32 or not _available():
            return
        with torch.no_grad():
            self._packed = _operator(_REORDER)(weight.detach(), _ROWS_HINT)
        self.weight = None


def pack(module: nn.Module) -> None:
    """Rearranges the weights of every :class:`Linear` inside ``module`` for speed, in place.

    Does nothing for weights that are not float32 on a CPU, or where torch was built without oneDNN. A packed
    module computes; it can no longer be saved, moved, copied, exported or trained.
    """
    for part in module.modules():
        if isinstance(part, Linear):
            part.pack()


# Operators of torch's own graph compiler, without a public name; where they are missing nothing is packed.
_LINEAR = "_linear_pointwise"
_REORDER = "_reorder_linear_weight"


def _operator(name: str) -> Any:
    return getattr(torch.ops.mkldnn, name)


def _available() -> bool:
    return torch.backends.mkldnn.is_available() and all(
        hasattr(torch.ops.mkldnn, name) for name in (_LINEAR, _REORDER)
    )
