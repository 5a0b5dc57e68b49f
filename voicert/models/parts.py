"""Small parts of the networks: tables of embeddings, products with 8-bit weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

NOTHING = -1  # a token that adds nothing to what a step is given
_EPSILON = {"rms_norm_f32": 1e-8, "rms_norm": 1e-5}
_INT8_PRODUCT = "_weight_int8pack_mm"  # torch's own; without a public name
_INT8_INPUTS = 32  # it reads rows in pieces, and beyond the end of one that is not a multiple of them


def norm_epsilon(kind: str) -> float:
    """What Kyutai's norm of that name adds to the mean square."""
    return _EPSILON[kind]


class Table(nn.Module):
    """The sum of the embeddings of several streams, out of one table.

    Args:
        cards: of each stream the values of a token; ``card`` itself stands for the time before the first.
        width: of an embedding.
    """

    offsets: Tensor

    def __init__(self, cards: Sequence[int], width: int) -> None:
        super().__init__()
        self.cards = tuple(cards)
        rows = [card + 2 for card in cards]  # the last one is zero, for NOTHING
        self.starts = [sum(rows[:i]) for i in range(len(rows))]
        self.weight = nn.Parameter(torch.zeros(sum(rows), width))
        self.register_buffer("offsets", torch.tensor(self.starts), persistent=False)
        self.register_buffer("sizes", torch.tensor(rows), persistent=False)

    def allocate(self, device: torch.device, dtype: torch.dtype) -> None:
        """Zeros in place of what is not there yet; :meth:`load` fills them."""
        self.weight = nn.Parameter(torch.zeros(self.weight.shape, dtype=dtype, device=device), False)
        self.offsets = torch.tensor(self.starts, device=device)
        self.sizes = torch.tensor([card + 2 for card in self.cards], device=device)

    @torch.no_grad()
    def draw(self, std: float) -> None:
        """Random embeddings, to be trained."""
        for start, card in zip(self.starts, self.cards, strict=True):
            nn.init.normal_(self.weight[start : start + card + 1], std=std)

    def load(self, stream: int, embeddings: Tensor) -> None:
        """``embeddings`` [card + 1, width]."""
        start = self.starts[stream]
        self.weight.data[start : start + len(embeddings)] = embeddings

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens [B, streams] → [B, width]."""
        rows = tokens.remainder(self.sizes) + self.offsets
        if rows.shape[1] == 1:
            return self.weight.index_select(0, rows[:, 0])
        return F.embedding(rows, self.weight).sum(dim=1)


class Int8Linear(nn.Module):
    """A product with weights of 8 bits and one scale per row; stands in for the ``Linear`` of the blocks.

    What is multiplied is rounded to bfloat16 on the way, which is finer than the weights are.

    Args:
        weight: [outputs, inputs].
    """

    weight: Tensor
    scale: Tensor
    one: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.outputs, self.inputs = weight.shape
        scale = weight.float().abs().amax(dim=1).clamp(min=1e-12) / 127
        rounded = (weight.float() / scale[:, None]).round().to(torch.int8)
        self._pad = -self.inputs % _INT8_INPUTS
        rounded = F.pad(rounded, (0, self._pad))
        self.register_buffer("weight", rounded, persistent=False)
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("one", torch.ones_like(scale, dtype=torch.bfloat16), persistent=False)
        self._dtype = weight.dtype

    def forward(self, x: Tensor, activation: str = "none", residual: Tensor | None = None) -> Tensor:
        """x [..., inputs] → [..., outputs]; ``residual`` is added after the activation."""
        rows = x.reshape(-1, self.inputs).bfloat16()
        rows = F.pad(rows, (0, self._pad)) if self._pad else rows
        if x.device.type == "cpu" and hasattr(torch, _INT8_PRODUCT):
            y: Tensor = getattr(torch, _INT8_PRODUCT)(rows, self.weight, self.one)
        else:
            y = F.linear(rows, self.weight.to(torch.bfloat16))
        y = (y.float() * self.scale).to(x.dtype).view(*x.shape[:-1], self.outputs)
        y = F.gelu(y) if activation == "gelu" else y
        return y if residual is None else y + residual

    def zeros(self, *shape: int) -> Tensor:
        """Zeros of the type that is computed in, such as a state starts with."""
        return torch.zeros(shape, dtype=self._dtype, device=self.scale.device)
