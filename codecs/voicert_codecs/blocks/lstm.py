"""A stack of LSTM layers with the state as an argument."""

from __future__ import annotations

from collections.abc import Mapping
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


class StreamingLstm(nn.Module):
    """y = x + LSTM(x): as many channels out as in, with a skip around the whole stack.

    Hochreiter and Schmidhuber, "Long short-term memory", 1997, with a forget gate. One step is one product of
    [input, hidden] with all four gates.
    """

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self.channels, self.layers = channels, layers
        # Outputs: input, forget and output gate, then the candidate; inputs: the input, then the hidden one.
        self.gates = nn.ModuleList([Linear(2 * channels, 4 * channels) for _ in range(layers)])

    def fresh(self, batch: int) -> LstmState:
        shape = (batch, self.layers, self.channels)
        zeros = cast(Linear, self.gates[0]).zeros(*shape)
        return LstmState(zeros, zeros.clone())

    def forward(self, x: Tensor, state: LstmState) -> tuple[Tensor, LstmState]:
        """``x`` [B, T, C] → the same shape, and the next state."""
        hidden, cell = list(state.hidden.unbind(1)), list(state.cell.unbind(1))  # [B, C] each
        outputs = list[Tensor]()
        for y in x.unbind(1):
            for i, gates in enumerate(self.gates):
                hidden[i], cell[i] = _cell(gates(torch.cat([y, hidden[i]], dim=1)), cell[i])
                y = hidden[i]
            outputs.append(y)
        return x + torch.stack(outputs, dim=1), LstmState(
            torch.stack(hidden, dim=1), torch.stack(cell, dim=1)
        )

    @torch.no_grad()
    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Takes the weights of ``torch.nn.LSTM``, named as there (``weight_ih_l0``, ...).

        Raises:
            CodecError: one is missing or its shape does not fit.
        """
        for i, gates in enumerate(self.gates):
            try:
                w_ih, w_hh, b_ih, b_hh = (
                    weights[f"{kind}_l{i}"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                )
            except KeyError as error:
                raise CodecError(f"the LSTM lacks {error.args[0]}") from None
            matrix = _gates_in_order(torch.cat([w_ih, w_hh], dim=1))
            load_linear(cast(Linear, gates), matrix, _gates_in_order(b_ih + b_hh))


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
