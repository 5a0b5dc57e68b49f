"""Mimi's encoder and decoder, frame by frame or many frames at once, with the state as an argument.

    pcm → SEANet encoder → transformer → strided convolution → split quantiser → codes
    codes → split quantiser → depthwise upsampling → transformer → SEANet decoder → pcm

The convolutional parts and the transformers run at twice the frame rate. Nothing looks ahead, so a frame's
codes come with its last sample and the codec has no delay. Source: Défossez et al., "Moshi: a speech-text
foundation model for real-time dialogue", 2024, section 3.3.
Sizes: B slots, T frames, D channels of the latent, K codebooks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from voicert_codecs.blocks.conv import CausalConv, DepthwiseUpsample
from voicert_codecs.blocks.kv import KvCache, KvRing
from voicert_codecs.blocks.seanet import SeanetDecoder, SeanetEncoder, SeanetState
from voicert_codecs.blocks.transformer import Transformer
from voicert_codecs.mimi.config import MimiConfig
from voicert_codecs.mimi.quantizer import SplitQuantizer


@dataclass
class MimiEncoderState:
    seanet: SeanetState
    cache: KvCache | KvRing
    started: Tensor  # [B] bool: there was a frame before
    past: Tensor  # [B, stride, D] the last latents before the downsampling, when started


@dataclass
class MimiDecoderState:
    past: Tensor  # [B, 1, D] the last latent before the upsampling
    cache: KvCache | KvRing
    seanet: SeanetState


class MimiEncoder(nn.Module):
    """pcm [B, T * frame_size] → codes [B, K, T].

    With ``growing`` the cache of a state grows with use and is written in place. Without, a state has its
    full size from the start and is left as it was, as an exported graph wants it.
    """

    def __init__(self, config: MimiConfig, quantizer: SplitQuantizer, growing: bool = True) -> None:
        super().__init__()
        self.config, self.growing = config, growing
        self.seanet = SeanetEncoder(config.seanet)
        self.transformer = Transformer(config.transformer)
        self.downsample = CausalConv(config.width, config.width, 2 * config.stride, config.stride, bias=False)
        self.quantizer = quantizer

    def fresh(self, batch: int) -> MimiEncoderState:
        cache = self.transformer.cache(batch) if self.growing else self.transformer.ring(batch)
        past = self.downsample.fresh(batch)
        started = torch.zeros(batch, dtype=torch.bool, device=past.device)
        return MimiEncoderState(self.seanet.fresh(batch), cache, started, past)

    def forward(self, pcm: Tensor, state: MimiEncoderState) -> tuple[Tensor, MimiEncoderState]:
        latent, state = self.latent(pcm, state)
        return self.quantizer.encode(latent), state

    def latent(self, pcm: Tensor, state: MimiEncoderState) -> tuple[Tensor, MimiEncoderState]:
        """What is quantised: pcm [B, T * frame_size] → [B, T, D]."""
        x, seanet = self.seanet(pcm[:, :, None], state.seanet)
        x, cache = through(self.transformer, x, state.cache)
        # The downsampling is as if the signal's first latent had stood before it all along.
        past = torch.where(state.started[:, None, None], state.past, x[:, :1])
        x, past = self.downsample(x, past)
        return x, MimiEncoderState(seanet, cache, torch.ones_like(state.started), past)


class MimiDecoder(nn.Module):
    """codes [B, K, T] → pcm [B, T * frame_size]; ``growing`` as for the encoder."""

    def __init__(self, config: MimiConfig, quantizer: SplitQuantizer, growing: bool = True) -> None:
        super().__init__()
        self.config, self.growing = config, growing
        self.quantizer = quantizer
        self.upsample = DepthwiseUpsample(config.width, 2 * config.stride, config.stride)
        self.transformer = Transformer(config.transformer)
        self.seanet = SeanetDecoder(config.seanet)

    def fresh(self, batch: int) -> MimiDecoderState:
        cache = self.transformer.cache(batch) if self.growing else self.transformer.ring(batch)
        return MimiDecoderState(self.upsample.fresh(batch), cache, self.seanet.fresh(batch))

    def forward(self, codes: Tensor, state: MimiDecoderState) -> tuple[Tensor, MimiDecoderState]:
        return self.samples(self.quantizer.decode(codes), state)

    def samples(self, latent: Tensor, state: MimiDecoderState) -> tuple[Tensor, MimiDecoderState]:
        """latent [B, T, D], as the quantiser gives it → pcm [B, T * frame_size]."""
        x, past = self.upsample(latent, state.past)
        x, cache = through(self.transformer, x, state.cache)
        x, seanet = self.seanet(x, state.seanet)
        return x[:, :, 0], MimiDecoderState(past, cache, seanet)


def through(transformer: Transformer, x: Tensor, cache: KvCache | KvRing) -> tuple[Tensor, KvCache | KvRing]:
    if isinstance(cache, KvRing):
        return transformer.step(x, cache)
    return transformer(x, cache), cache
