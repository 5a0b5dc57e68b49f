"""Both directions of EnCodec as streaming networks: SEANet and the quantiser.

The released weights were trained with convolutions that begin a signal by reflecting its first samples. The
first frame then depends on six later ones, which a stream does not have. So a stream begins after a few
frames of silence instead, in the state that the original is in there: from its first sample on it gives what
the original gives for silence + signal. Fewer frames than ``primer`` would not do, as reflection reaches that
far; what comes after them changes neither their outputs nor that state.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from voicert_codecs.blocks.rvq import ResidualQuantizer
from voicert_codecs.blocks.seanet import SeanetConfig, SeanetDecoder, SeanetEncoder, SeanetState
from voicert_codecs.blocks.state import repeat


def primer(config: SeanetConfig) -> int:
    """How many frames of silence a stream begins after; none when the convolutions begin with zeros."""
    return 0 if config.start == "zeros" else max(config.kernel, config.last_kernel)


class EncodecEncoder(nn.Module):
    """pcm → codes of the first ``count`` codebooks."""

    def __init__(self, seanet: SeanetEncoder, quantizer: ResidualQuantizer, count: int) -> None:
        super().__init__()
        self.seanet, self.quantizer, self.count = seanet, quantizer, count

    @torch.no_grad()
    def fresh(self, batch: int) -> SeanetState:
        """The state after silence."""
        frames = primer(self.seanet.config)
        if not frames:
            return self.seanet.fresh(batch)
        _, state = self.seanet(self.silence(frames)[..., None], None)
        return repeat(state, batch)

    def silence(self, frames: int) -> Tensor:
        """pcm [1, frames * frame_size] of zeros, where the weights are."""
        return self.seanet.first.product.zeros(1, frames * self.seanet.config.frame_size)

    def forward(self, pcm: Tensor, state: SeanetState | None) -> tuple[Tensor, SeanetState]:
        """pcm [B, T * frame_size] → codes [B, count, T], and the next state.

        Without a state the signal begins here as it does in the original: by reflection, which takes more
        than six frames at once.
        """
        latent, new = self.seanet(pcm[..., None], state)
        return self.quantizer.encode(latent, self.count), new


class EncodecDecoder(nn.Module):
    """codes → pcm. ``silence`` are the encoder's codes [1, count, frames] for the silence before a stream."""

    silence: Tensor

    def __init__(self, seanet: SeanetDecoder, quantizer: ResidualQuantizer, silence: Tensor) -> None:
        super().__init__()
        self.seanet, self.quantizer = seanet, quantizer
        self.register_buffer("silence", silence)

    @torch.no_grad()
    def fresh(self, batch: int) -> SeanetState:
        """The state after silence."""
        if not self.silence.shape[2]:
            return self.seanet.fresh(batch)
        _, state = self(self.silence, None)
        return repeat(state, batch)

    def forward(self, codes: Tensor, state: SeanetState | None) -> tuple[Tensor, SeanetState]:
        """codes [B, K, T] → pcm [B, T * frame_size], and the next state; without one as in the encoder."""
        pcm, new = self.seanet(self.quantizer.decode(codes), state)
        return pcm[..., 0], new


@torch.inference_mode()
def both(encoder: SeanetEncoder, decoder: SeanetDecoder, quantizer: ResidualQuantizer,
         count: int) -> tuple[EncodecEncoder, EncodecDecoder]:  # fmt: skip
    """The two networks of a codec of ``count`` codebooks; all weights must have been loaded."""
    there = EncodecEncoder(encoder, quantizer, count)
    silence = torch.zeros(1, count, 0, dtype=torch.int64)
    if frames := primer(encoder.config):
        silence, _ = there(there.silence(frames), None)
    return there, EncodecDecoder(decoder, quantizer, silence)
