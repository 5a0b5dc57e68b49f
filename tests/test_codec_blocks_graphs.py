"""Calls through memory that stays in place, as CUDA graphs need it; here they are run instead of replayed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from voicert_codecs.base import CodecError
from voicert_codecs.blocks.conv import CausalConv
from voicert_codecs.blocks.graphs import Graphs
from voicert_codecs.blocks.torch_codec import TorchCodec

SLOTS = 5


@dataclass
class State:
    past: Tensor


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = CausalConv(2, 3, 3)

    def fresh(self, batch: int) -> State:
        return State(self.conv.fresh(batch))

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, past = self.conv(x, state.past)
        return y, State(past)


@torch.inference_mode()
def test_calls_in_place_equal_plain_ones() -> None:
    net = Net()
    state = net.fresh(SLOTS)
    address = state.past.data_ptr()
    graphs = Graphs(net, state)
    alone = [net.fresh(1) for _ in range(SLOTS)]
    torch.manual_seed(1)
    for rows in ([0, 1, 2, 3, 4], [3], [4, 1, 0], [2, 0, 1, 3], [1, 2], [0, 1, 2, 3, 4]):
        x = torch.randn(len(rows), 1, 2)
        y = graphs(x, torch.tensor(rows))
        assert y.shape == (len(rows), 1, 3)
        for i, row in enumerate(rows):
            wanted, alone[row] = net(x[i : i + 1], alone[row])
            torch.testing.assert_close(y[i : i + 1], wanted, atol=1e-6, rtol=0)
    assert state.past.data_ptr() == address
    torch.testing.assert_close(state.past, torch.cat([one.past for one in alone]))


def test_there_is_one_step_per_power_of_two_of_rows() -> None:
    net = Net()
    with torch.inference_mode():
        graphs = Graphs(net, net.fresh(SLOTS))
        for count in (1, 2, 3, 4, 5, 3, 2, 1):
            graphs(torch.randn(count, 1, 2), torch.arange(count))
    assert sorted(shape[0] for shape in graphs._steps) == [1, 2, 4, 8]


def test_graphs_need_cuda() -> None:
    with pytest.raises(CodecError, match="CUDA graphs need a CUDA device, not cpu"):
        TorchCodec("net", "0" * 16, Net(), Net(), sample_rate=24_000, frame_size=480, num_codebooks=1,
                   codebook_size=4, graphs=True)  # fmt: skip


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@torch.inference_mode()
def test_captured_graphs_equal_plain_calls() -> None:
    net = Net().cuda()
    state, plain = net.fresh(SLOTS), net.fresh(SLOTS)
    graphs = Graphs(net, state)
    for seed in range(4):
        torch.manual_seed(seed)
        x = torch.randn(SLOTS, 1, 2, device="cuda")
        wanted, plain = net(x, plain)
        torch.testing.assert_close(graphs(x, torch.arange(SLOTS, device="cuda")), wanted)
    torch.testing.assert_close(state.past, plain.past)
