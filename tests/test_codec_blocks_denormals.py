"""Numbers too small for full precision count as zero inside of a codec's call, and only there."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from voicert_codecs.blocks.torch_codec import TorchCodec, denormals_as_zero

TINY = sys.float_info.min


class Fading(nn.Module):
    """Its state loses half of itself with every frame; what it gives is the state times a large number."""

    def fresh(self, batch: int) -> Tensor:
        return torch.full((batch, 1), 4 * torch.finfo(torch.float32).smallest_normal)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = state * 0.5
        return (state * 2.0**126)[:, :, None].long() if x.is_floating_point() else state * 2.0**126, state


def is_flushing() -> bool:
    return TINY * 0.5 == 0.0


@pytest.fixture(autouse=True)
def _full_precision() -> Iterator[None]:
    """Tests before may have changed the thread's setting: ONNX Runtime does, where a session asks for it."""
    already = is_flushing()
    torch.set_flush_denormal(False)
    yield
    torch.set_flush_denormal(already)


def test_a_fading_state_ends_in_zero() -> None:
    codec = TorchCodec("fading", "0" * 16, Fading(), Fading(), sample_rate=24_000, frame_size=1,
                       num_codebooks=1, codebook_size=4)  # fmt: skip
    state = codec.init_state(1)
    made = [float(codec.decode(np.zeros((1, 1, 1), np.int64), state)[0, 0]) for _ in range(5)]
    assert made == [2.0, 1.0, 0.0, 0.0, 0.0]  # not 0.5, 0.25, 0.125 at the end
    assert not is_flushing()


@pytest.mark.parametrize("already", [False, True])
def test_the_setting_of_the_thread_is_put_back(already: bool) -> None:
    torch.set_flush_denormal(already)
    try:
        with denormals_as_zero():
            assert is_flushing()
        assert is_flushing() == already
        with pytest.raises(KeyError), denormals_as_zero():
            raise KeyError
        assert is_flushing() == already
    finally:
        torch.set_flush_denormal(False)
