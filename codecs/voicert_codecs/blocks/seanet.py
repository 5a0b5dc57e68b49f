"""The convolutional encoder and decoder that EnCodec and Mimi share, in streaming form.

Tagliasacchi et al., "SEANet: a multi-modal speech enhancement network", 2020; Défossez et al., "High fidelity
neural audio compression", 2022. The encoder halves the rate by halves, quarters, ... while it doubles the
channels; the decoder mirrors it. Between both stands an optional LSTM at the frame rate.

    pcm → conv → [residual block → ELU → strided conv] per ratio → LSTM → ELU → conv → latent
    latent → conv → LSTM → [ELU → transposed conv → residual block] per ratio → ELU → conv → pcm

Sizes: B slots, T frames, C channels, D the latent's dimension.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from voicert_codecs.base import CodecError
from voicert_codecs.blocks.conv import CausalConv, CausalTransposedConv, Start
from voicert_codecs.blocks.linear import Linear
from voicert_codecs.blocks.lstm import LstmState, StreamingLstm


@dataclass(frozen=True)
class SeanetConfig:
    """Sizes of an encoder and the decoder that mirrors it.

    Raises:
        CodecError: a size is not positive.
    """

    width: int = 32  # channels at the sample rate; they double at each ratio
    dimension: int = 128  # of the latent
    ratios: tuple[int, ...] = (8, 5, 4, 2)  # the decoder's order; their product is the frame size
    kernel: int = 7
    last_kernel: int = 7
    residual_kernel: int = 3
    compress: int = 2  # channels of a residual block over its inner ones
    lstm_layers: int = 2
    shortcut_conv: bool = True  # the residual block's shortcut is a 1x1 convolution, else the identity
    start: Start = "reflect"  # how the original weights' convolutions begin a signal

    def __post_init__(self) -> None:
        sizes = (
            self.width,
            self.dimension,
            self.kernel,
            self.last_kernel,
            self.residual_kernel,
            self.compress,
        )
        if min(*sizes, *self.ratios) < 1 or self.lstm_layers < 0 or self.width % self.compress:
            raise CodecError(f"the sizes of the encoder do not fit: {self}")

    @property
    def frame_size(self) -> int:
        return math.prod(self.ratios)

    @property
    def widest(self) -> int:
        return self.width << len(self.ratios)


@dataclass
class StageState:
    residual: Tensor  # [B, residual_kernel - 1, C]
    resample: Tensor  # of the strided or transposed convolution


@dataclass
class SeanetState:
    first: Tensor  # of the first convolution
    stages: tuple[StageState, ...]
    lstm: LstmState | None
    last: Tensor  # of the last convolution


class ResidualBlock(nn.Module):
    """x + conv1x1(ELU(conv(ELU(x)))), with x itself through a 1x1 convolution where configured."""

    def __init__(self, channels: int, config: SeanetConfig) -> None:
        super().__init__()
        inner = channels // config.compress
        self.wide = CausalConv(channels, inner, config.residual_kernel, start=config.start)
        self.narrow = Linear(inner, channels)
        self.shortcut = Linear(channels, channels) if config.shortcut_conv else None

    def fresh(self, batch: int) -> Tensor:
        return self.wide.fresh(batch)

    def forward(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """``x`` [B, T, C] → the same shape, and the next past of its activation."""
        y, new = self.wide(F.elu(x), past)
        straight = x if self.shortcut is None else self.shortcut(x)
        return self.narrow(F.elu(y, inplace=True), residual=straight), new


class SeanetEncoder(nn.Module):
    """pcm [B, T * frame_size, 1] → latent [B, T, D]."""

    def __init__(self, config: SeanetConfig) -> None:
        super().__init__()
        self.config = config
        self.first = CausalConv(1, config.width, config.kernel, start=config.start)
        self.residuals, self.downs = nn.ModuleList(), nn.ModuleList()
        channels = config.width
        for ratio in reversed(config.ratios):
            self.residuals.append(ResidualBlock(channels, config))
            self.downs.append(CausalConv(channels, 2 * channels, 2 * ratio, ratio, start=config.start))
            channels *= 2
        self.lstm = StreamingLstm(channels, config.lstm_layers) if config.lstm_layers else None
        self.last = CausalConv(channels, config.dimension, config.last_kernel, start=config.start)

    def in_order(self) -> list[nn.Module]:
        """The layers as the signal goes through them."""
        pairs = zip(self.residuals, self.downs, strict=True)
        lstm = [] if self.lstm is None else [self.lstm]
        return [self.first, *(layer for pair in pairs for layer in pair), *lstm, self.last]

    def fresh(self, batch: int) -> SeanetState:
        """The state before a signal that has zeros in front of it, in every layer."""
        return fresh_state(self, self.residuals, self.downs, batch)

    def forward(self, x: Tensor, state: SeanetState | None) -> tuple[Tensor, SeanetState]:
        """Without a state the signal begins here, in the way of ``config.start``."""
        stages = list[StageState]()
        x, first = self.first(x, state and state.first)
        for i, (residual, down) in enumerate(zip(self.residuals, self.downs, strict=True)):
            past = state and state.stages[i]
            x, a = residual(x, past and past.residual)
            x, b = down(F.elu(x, inplace=True), past and past.resample)
            stages.append(StageState(a, b))
        x, lstm = through(self.lstm, x, state)
        x, last = self.last(F.elu(x, inplace=True), state and state.last)
        return x, SeanetState(first, tuple(stages), lstm, last)


class SeanetDecoder(nn.Module):
    """latent [B, T, D] → pcm [B, T * frame_size, 1]."""

    def __init__(self, config: SeanetConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.widest
        self.first = CausalConv(config.dimension, channels, config.kernel, start=config.start)
        self.lstm = StreamingLstm(channels, config.lstm_layers) if config.lstm_layers else None
        self.ups, self.residuals = nn.ModuleList(), nn.ModuleList()
        for ratio in config.ratios:
            self.ups.append(CausalTransposedConv(channels, channels // 2, 2 * ratio, ratio))
            channels //= 2
            self.residuals.append(ResidualBlock(channels, config))
        self.last = CausalConv(channels, 1, config.last_kernel, start=config.start)

    def in_order(self) -> list[nn.Module]:
        """The layers as the signal goes through them."""
        pairs = zip(self.ups, self.residuals, strict=True)
        lstm = [] if self.lstm is None else [self.lstm]
        return [self.first, *lstm, *(layer for pair in pairs for layer in pair), self.last]

    def fresh(self, batch: int) -> SeanetState:
        """The state before a signal that has zeros in front of it, in every layer."""
        return fresh_state(self, self.residuals, self.ups, batch)

    def forward(self, x: Tensor, state: SeanetState | None) -> tuple[Tensor, SeanetState]:
        """Without a state the signal begins here, in the way of ``config.start``."""
        stages = list[StageState]()
        x, first = self.first(x, state and state.first)
        x, lstm = through(self.lstm, x, state)
        for i, (up, residual) in enumerate(zip(self.ups, self.residuals, strict=True)):
            past = state and state.stages[i]
            x, b = up(F.elu(x, inplace=True), past and past.resample)
            x, a = residual(x, past and past.residual)
            stages.append(StageState(a, b))
        x, last = self.last(F.elu(x, inplace=True), state and state.last)
        return x, SeanetState(first, tuple(stages), lstm, last)


def through(
    lstm: StreamingLstm | None, x: Tensor, state: SeanetState | None
) -> tuple[Tensor, LstmState | None]:
    if lstm is None:
        return x, None
    return lstm(x, lstm.fresh(x.shape[0]) if state is None else state.lstm)


def fresh_state(net: SeanetEncoder | SeanetDecoder, residuals: nn.ModuleList, resamplers: nn.ModuleList,
                batch: int) -> SeanetState:  # fmt: skip
    pairs = cast(Iterable[tuple[ResidualBlock, CausalConv]], zip(residuals, resamplers, strict=True))
    stages = tuple(StageState(residual.fresh(batch), resampler.fresh(batch)) for residual, resampler in pairs)
    lstm = net.lstm.fresh(batch) if net.lstm is not None else None
    return SeanetState(net.first.fresh(batch), stages, lstm, net.last.fresh(batch))
