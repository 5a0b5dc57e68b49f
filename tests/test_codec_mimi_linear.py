"""Products with rearranged weights are the same products."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from voicert_codecs.blocks.linear import Activation, Linear, pack


def product(inputs: int, outputs: int, bias: bool) -> Linear:
    torch.manual_seed(0)
    made = Linear(inputs, outputs, bias).requires_grad_(False)
    if made.bias is not None:
        made.bias.normal_()
    return made


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("activation", ["none", "gelu"])
@pytest.mark.parametrize("with_residual", [False, True])
def test_product(packed: bool, bias: bool, activation: Activation, with_residual: bool) -> None:
    made = product(40, 24, bias)
    x, residual = torch.randn(3, 5, 40), torch.randn(3, 5, 24) if with_residual else None
    wanted = F.linear(x.double(), made.weight.double(), None if made.bias is None else made.bias.double())
    wanted = F.gelu(wanted) if activation == "gelu" else wanted
    wanted = wanted if residual is None else wanted + residual
    if packed:
        pack(nn.Sequential(made))
        assert made.weight is None
    torch.testing.assert_close(made(x, activation, residual), wanted.float(), atol=2e-6, rtol=0)


def test_inputs_that_do_not_lie_in_order() -> None:
    made = product(16, 8, True)
    x = torch.randn(16, 6, 4).permute(2, 1, 0)
    wanted = made(x)
    made.pack()
    torch.testing.assert_close(made(x), wanted, atol=1e-6, rtol=0)


def test_packed_rows_do_not_depend_on_how_many_there_are() -> None:
    for inputs, outputs in ((2048, 256), (512, 96), (192, 32), (7, 64), (96, 1)):
        made, x = product(inputs, outputs, True), torch.randn(40, inputs)
        made.pack()
        together = made(x)
        for rows in (1, 2, 3, 16, 17):
            assert torch.equal(made(x[:rows].clone()), together[:rows])


def test_what_cannot_be_packed_stays_as_it_is() -> None:
    half = product(8, 8, True).to(torch.bfloat16)
    half.pack()
    assert half.weight is not None
    made = product(8, 8, True)
    for _ in range(2):  # the second time there is nothing left to do
        pack(made)
    assert made(torch.zeros(1, 8)).equal(made.bias[None])
    assert made.zeros(2, 3).dtype == torch.float32
    assert half.zeros(2).dtype == torch.bfloat16
