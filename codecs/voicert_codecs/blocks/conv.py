"""Causal convolutions that go on where the last call ended.

Both kinds are one matrix product per call. The frames that a kernel reaches are laid side by side, oldest
first, and multiplied by all taps at once (here 3 taps, stride 1; ``p`` is the state, what came before x):

    p0 p1 | x0 x1 x2 x3
    [p0 p1 x0]          -> y0         a strided convolution does the same with blocks of `stride` samples,
       [p1 x0 x1]       -> y1         a transposed one has `stride` outputs side by side in each y
           [x0 x1 x2]   -> y2
              [x1 x2 x3]-> y3         next state: x2 x3

Channels-last keeps the pieces contiguous, and a batch is only more rows of the same product.
Sizes: B slots, T frames, C channels.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from voicert_codecs.base import CodecError
from voicert_codecs.blocks.linear import Linear

Start = Literal["zeros", "reflect", "replicate"]  # what stands before the first sample of a signal


def side_by_side(whole: Tensor, taps: int, step: int = 1) -> Tensor:
    """[B, N, C] → [B, N - (taps - 1) * step, taps * C]: each frame behind those it reaches back to."""
    if taps == 1:
        return whole
    frames = whole.shape[1] - (taps - 1) * step
    return torch.cat([whole[:, i * step : i * step + frames] for i in range(taps)], dim=2)


def tapped(whole: Tensor, taps: Tensor, frames: int) -> Tensor:
    """A filter per channel: ``whole`` [B, frames + N - 1, ..., C] by ``taps`` [N, ..., C], oldest first."""
    y = whole[:, :frames] * taps[0]
    for i in range(1, taps.shape[0]):
        y = y + whole[:, i : i + frames] * taps[i]
    return y


def before(x: Tensor, past: int, start: Start) -> Tensor:
    """The ``past`` samples [B, past, C] that stand before a signal that starts with ``x``.

    Raises:
        CodecError: ``x`` is too short to be reflected.
    """
    if start == "reflect" and past:
        if x.shape[1] <= past:
            raise CodecError(f"a start by reflection needs more than {past} steps at once, got {x.shape[1]}")
        return x[:, 1 : past + 1].flip(1)
    if start == "replicate":
        return x[:, :1].expand(-1, past, -1)
    return x.new_zeros(x.shape[0], past, x.shape[2])


class CausalConv(nn.Module):
    """A convolution over the present and the past; ``past`` inputs are its state.

    Args:
        stride: a divisor of ``kernel`` when it is above 1, and then ``dilation`` is 1.
        start: how a call without a state begins; ``fresh`` gives zeros in any case.

    Raises:
        ValueError: the stride does not fit.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1,
                 bias: bool = True, start: Start = "zeros") -> None:  # fmt: skip
        super().__init__()
        if stride > 1 and (kernel % stride or dilation > 1):
            raise ValueError(f"stride {stride} does not divide kernel {kernel}, or there is a dilation")
        self.inputs, self.stride, self.dilation = inputs, stride, dilation
        self.start: Start = start
        self.taps = kernel // stride  # of blocks of `stride` samples
        self.past = (kernel - stride) * dilation  # samples
        self.product = Linear(kernel * inputs, outputs, bias)  # inputs: tap, then channel

    def fresh(self, batch: int) -> Tensor:
        return self.product.zeros(batch, self.past, self.inputs)

    def forward(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """``x`` [B, T * stride, inputs], ``past`` [B, past, inputs] → [B, T, outputs] and the next past.

        Without a ``past`` the signal begins here.
        """
        past = before(x, self.past, self.start) if past is None else past
        whole = torch.cat([past, x], dim=1)
        blocks = whole.reshape(x.shape[0], -1, self.stride * self.inputs)
        y = self.product(side_by_side(blocks, self.taps, self.dilation))
        return y, whole[:, x.shape[1] :]

    @torch.no_grad()
    def load(self, weight: Tensor, bias: Tensor | None = None) -> None:
        """Takes the weights of ``torch.nn.Conv1d``: ``weight`` [outputs, inputs, kernel].

        Raises:
            CodecError: the shapes do not fit.
        """
        load_linear(self.product, weight.transpose(1, 2).flatten(1), bias)


class CausalTransposedConv(nn.Module):
    """The upsampling counterpart, its kernel ``taps`` strides long; its state: the last ``taps - 1`` inputs.

        y[n * stride + j] = b + Σ_m x[n - m] · W[:, :, m * stride + j]

    The outputs that reach beyond the signal's end are left out ("trimmed on the right").

    Raises:
        ValueError: the kernel is not a multiple of the stride.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, bias: bool = True) -> None:
        super().__init__()
        if kernel % stride:
            raise ValueError(f"kernel {kernel} is not a multiple of stride {stride}")
        self.inputs, self.outputs, self.stride = inputs, outputs, stride
        self.taps = kernel // stride
        self.past = self.taps - 1  # inputs
        self.product = Linear(self.taps * inputs, stride * outputs, bias)

    def fresh(self, batch: int) -> Tensor:
        return self.product.zeros(batch, self.past, self.inputs)

    def forward(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """``x`` [B, T, inputs], ``past`` [B, past, inputs] → [B, T * stride, outputs] and the next past."""
        whole = torch.cat([self.fresh(x.shape[0]) if past is None else past, x], dim=1)
        y = self.product(side_by_side(whole, self.taps))
        return y.reshape(x.shape[0], -1, self.outputs), whole[:, x.shape[1] :]

    @torch.no_grad()
    def load(self, weight: Tensor, bias: Tensor | None = None) -> None:
        """Takes the weights of ``torch.nn.ConvTranspose1d``: ``weight`` [inputs, outputs, kernel].

        Raises:
            CodecError: the shapes do not fit.
        """
        if weight.shape != (self.inputs, self.outputs, self.taps * self.stride):
            raise CodecError(f"weight has shape {tuple(weight.shape)}, which does not fit")
        taps = weight.reshape(self.inputs, self.outputs, self.taps, self.stride).flip(2)
        matrix = taps.permute(3, 1, 2, 0).reshape(self.stride * self.outputs, self.taps * self.inputs)
        load_linear(self.product, matrix, None if bias is None else bias.repeat(self.stride))


class DepthwiseUpsample(nn.Module):
    """A transposed convolution with a filter per channel (``groups == channels``), without bias.

    Raises:
        ValueError: the kernel is not a multiple of the stride.
    """

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        if kernel % stride:
            raise ValueError(f"kernel {kernel} is not a multiple of stride {stride}")
        self.taps, self.stride, self.channels = kernel // stride, stride, channels
        self.past = self.taps - 1  # inputs
        self.weight = nn.Parameter(torch.full((self.taps, stride, channels), 1 / self.taps))  # oldest first

    def fresh(self, batch: int) -> Tensor:
        return self.weight.new_zeros(batch, self.past, self.channels)

    def forward(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """``x`` [B, T, C], ``past`` [B, past, C] → [B, T * stride, C] and the next past."""
        frames = x.shape[1]
        whole = torch.cat([self.fresh(x.shape[0]) if past is None else past, x], dim=1)
        y = tapped(whole[:, :, None], self.weight, frames)  # [B, T, stride, C]
        return y.flatten(1, 2), whole[:, frames:]

    @torch.no_grad()
    def load(self, weight: Tensor) -> None:
        """Takes the weights of ``torch.nn.ConvTranspose1d(groups=channels)``: [channels, 1, kernel].

        Raises:
            CodecError: the shapes do not fit.
        """
        if weight.shape != (self.channels, 1, self.taps * self.stride):
            raise CodecError(f"weight has shape {tuple(weight.shape)}, which does not fit")
        taps = weight.reshape(self.channels, self.taps, self.stride).flip(1)
        copy(self.weight, taps.permute(1, 2, 0), "weight")


@torch.no_grad()
def load_linear(linear: Linear, weight: Tensor, bias: Tensor | None) -> None:
    """Copies the weights of a product.

    Raises:
        CodecError: the shapes differ, or the bias is missing or not wanted.
        RuntimeError: the product is packed already.
    """
    if linear.weight is None:
        raise RuntimeError("a packed product takes no other weights")
    if (linear.bias is None) != (bias is None):
        raise CodecError("a bias is missing" if bias is None else "there is a bias where none belongs")
    copy(linear.weight, weight, "weight")
    if linear.bias is not None and bias is not None:
        copy(linear.bias, bias, "bias")


def copy(parameter: Tensor, value: Tensor, what: str) -> None:
    """Copies ``value`` into ``parameter``.

    Raises:
        CodecError: the shapes differ.
    """
    if parameter.shape != value.shape:
        raise CodecError(f"{what} has shape {tuple(value.shape)}, wanted {tuple(parameter.shape)}")
    parameter.copy_(value)
