"""A stack of LSTM layers with the state as an argument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from voicert_codecs.base import CodecError
from voicert_codecs.blocks.conv import load_linear
from voicert_codecs.blocks.linear import Linear


@dataclass
class LstmState:
    hidden: Tensor  # [B, layers, C]
    cell: Tensor  # [B, layers, C]


class LstmLayer(nn.Module):
    """One layer: what the inputs add to the gates is one product for all frames; then frame after frame."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        # Outputs of both: input, forget and output gate, then the candidate.
        self.given = Linear(channels, 4 * channels)
        self.recurrent = Linear(channels, 4 * channels, bias=False)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``x`` [B, T, C], hidden and cell [B, C] → hidden of all frames [B, T, C], hidden and cell."""
        outputs = list[Tensor]()
        for given in self.given(x).unbind(1):
            h, c = _cell(self.recurrent(h, residual=given), c)
            outputs.append(h)
        return torch.stack(outputs, dim=1), h, c


class StreamingLstm(nn.Module):
    """y = x + LSTM(x): as many channels out as in, with a skip around the whole stack.

    Hochreiter and Schmidhuber, "Long short-term memory", 1997, with a forget gate.
    """

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self.channels = channels
        self.layers = nn.ModuleList([LstmLayer(channels) for _ in range(layers)])

    def fresh(self, batch: int) -> LstmState:
        zeros = cast(LstmLayer, self.layers[0]).given.zeros(batch, len(self.layers), self.channels)
        return LstmState(zeros, zeros.clone())

    def forward(self, x: Tensor, state: LstmState) -> tuple[Tensor, LstmState]:
        """``x`` [B, T, C] → the same shape, and the next state."""
        y, hidden, cell = x, list[Tensor](), list[Tensor]()
        for i, layer in enumerate(self.layers):
            y, h, c = layer(y, state.hidden[:, i], state.cell[:, i])
            hidden.append(h)
            cell.append(c)
        return x + y, LstmState(torch.stack(hidden, dim=1), torch.stack(cell, dim=1))

    @torch.no_grad()
    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Takes the weights of ``torch.nn.LSTM``, named as there (``weight_ih_l0``, ...).

        Raises:
            CodecError: one is missing or its shape does not fit.
        """
        for i, layer in enumerate(cast(Iterable[LstmLayer], self.layers)):
            try:
                w_ih, w_hh, b_ih, b_hh = (
                    weights[f"{kind}_l{i}"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                )
            except KeyError as error:
                raise CodecError(f"the LSTM lacks {error.args[0]}") from None
            load_linear(layer.given, _gates_in_order(w_ih), _gates_in_order(b_ih + b_hh))
            load_linear(layer.recurrent, _gates_in_order(w_hh), None)


def _gates_in_order(rows: Tensor) -> Tensor:
    """torch's order of gates (input, forget, candidate, output) → ours."""
    i, f, g, o = rows.chunk(4)
    return torch.cat([i, f, o, g])


def _cell(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Sums of the four gates [B, 4 * C] and the cell [B, C] → hidden and cell."""
    n = c.shape[1]
    i, f, o = torch.sigmoid(gates[:, : 3 * n]).chunk(3, dim=1)
    c = f * c + i * torch.tanh(gates[:, 3 * n :])
    return o * torch.tanh(c), c
