"""Two streaming PyTorch networks as a :class:`voicert_codecs.Codec`: NumPy in and out, rows, snapshots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from voicert_codecs.base import Codec, CodecError, Codes, Pcm, Rows, check_codes, check_pcm, check_rows
from voicert_codecs.blocks import state as whole
from voicert_codecs.blocks.linear import pack

S = TypeVar("S")
PIECE = 64  # frames that go through the networks at once at most, which bounds the memory of long calls


class Network(Protocol[S]):
    """One direction of a codec: pcm [B, T * frame_size] → codes [B, K, T], or back.

    It leaves the state it is given as it was, and so do its outputs later on.
    """

    def fresh(self, batch: int) -> S:
        """The state of ``batch`` fresh slots."""
        ...

    def __call__(self, x: Tensor, state: S) -> tuple[Tensor, S]: ...


@dataclass(eq=False)
class TorchCodecState:
    """Both directions' states of all slots."""

    slots: int
    encoder: Any  # as the network's `fresh` makes it
    decoder: Any


class TorchCodec(Codec[TorchCodecState]):
    """Runs ``encoder`` and ``decoder`` where ``device`` says; see :class:`voicert_codecs.Codec`.

    Both are moved there, in the precision ``dtype`` (codes are equal to the original's in float32 only), and
    packed for speed unless they are to be exported; see :func:`voicert_codecs.blocks.linear.pack`.

    Raises:
        CodecError: there is no such device.
    """

    delay_samples = 0  # the networks are causal and end each frame with its last sample

    def __init__(self, name: str, identity: str, encoder: nn.Module, decoder: nn.Module, *, sample_rate: int,
                 frame_size: int, num_codebooks: int, codebook_size: int,
                 device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32,
                 packed: bool = True) -> None:  # fmt: skip
        self.name, self.identity = name, identity
        self.sample_rate, self.frame_size = sample_rate, frame_size
        self.num_codebooks, self.codebook_size = num_codebooks, codebook_size
        try:
            self.device, self.dtype = torch.device(device), dtype
            encoder, decoder = encoder.eval().to(self.device, dtype), decoder.eval().to(self.device, dtype)
        except (RuntimeError, AssertionError) as error:  # torch raises either, by device
            raise CodecError(f"the device {device} cannot be used: {error}") from error
        if packed:
            pack(encoder)
            pack(decoder)
        self.encoder, self.decoder = cast(Network[Any], encoder), cast(Network[Any], decoder)
        with torch.inference_mode():
            self._fresh = TorchCodecState(1, self.encoder.fresh(1), self.decoder.fresh(1))

    def init_state(self, batch: int) -> TorchCodecState:
        encoder, decoder = self._fresh.encoder, self._fresh.decoder
        return TorchCodecState(batch, whole.repeat(encoder, batch), whole.repeat(decoder, batch))

    def reset(self, state: TorchCodecState, row: int) -> None:
        self.restore(state, row, self._fresh)

    @torch.inference_mode()
    def snapshot(self, state: TorchCodecState, row: int) -> TorchCodecState:
        rows = self._index(np.array([row]))
        return TorchCodecState(1, whole.copy_rows(state.encoder, rows), whole.copy_rows(state.decoder, rows))

    @torch.inference_mode()
    def restore(self, state: TorchCodecState, row: int, saved: TorchCodecState) -> None:
        rows = self._index(np.array([row]))
        whole.write_rows(state.encoder, rows, saved.encoder)
        whole.write_rows(state.decoder, rows, saved.decoder)

    @torch.inference_mode()
    def encode(self, pcm: Pcm, state: TorchCodecState, rows: Rows | None = None) -> Codes:
        check_pcm(pcm, self.frame_size)
        rows = check_rows(rows, state.slots, len(pcm))
        x = self._tensor(pcm).to(self.dtype)
        pieces = torch.split(x, PIECE * self.frame_size, dim=1)
        codes, state.encoder = self._run(self.encoder, pieces, state.encoder, rows, state.slots)
        return torch.cat(codes, dim=2).cpu().numpy()

    @torch.inference_mode()
    def decode(self, codes: Codes, state: TorchCodecState, rows: Rows | None = None) -> Pcm:
        check_codes(codes, self.num_codebooks, self.codebook_size)
        rows = check_rows(rows, state.slots, len(codes))
        pieces = torch.split(self._tensor(codes), PIECE, dim=2)
        pcm, state.decoder = self._run(self.decoder, pieces, state.decoder, rows, state.slots)
        return torch.cat(pcm, dim=1).float().cpu().numpy()

    def _run(self, network: Callable[[Tensor, S], tuple[Tensor, S]], pieces: tuple[Tensor, ...], state: S,
             rows: Rows, slots: int) -> tuple[list[Tensor], S]:  # fmt: skip
        """The outputs of ``pieces`` one after the other, and the state of all slots afterwards."""
        everything = len(rows) == slots and bool((np.diff(rows) > 0).all())
        index = self._index(rows)
        part = state if everything else whole.lend(state, index)
        outputs = list[Tensor]()
        for piece in pieces:
            y, part = network(piece, part)
            outputs.append(y)
        if everything:
            return outputs, part
        whole.settle(state, index, part)
        return outputs, state

    def _tensor(self, values: NDArray[Any]) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(values), device=self.device)

    def _index(self, rows: Rows) -> Tensor:
        return torch.as_tensor(rows, device=self.device)
