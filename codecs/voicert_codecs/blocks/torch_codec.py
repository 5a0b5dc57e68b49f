"""Two streaming PyTorch networks as a :class:`voicert_codecs.Codec`: NumPy in and out, rows, snapshots."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from voicert_codecs.base import Codec, CodecError, Codes, Pcm, Rows, check_codes, check_pcm, check_rows
from voicert_codecs.blocks import state as whole
from voicert_codecs.blocks.graphs import Graphs
from voicert_codecs.blocks.linear import pack

S = TypeVar("S")
PIECE = 1 << 15  # samples, of all rows, that go through the networks at once; larger pieces are not faster


class Network(Protocol[S]):
    """One direction of a codec: pcm [B, T * frame_size] → codes [B, K, T], or back.

    It leaves the state it is given as it was, and so do its outputs later on.
    """

    def fresh(self, batch: int) -> S:
        """The state of ``batch`` fresh slots."""
        ...

    def __call__(self, x: Tensor, state: S) -> tuple[Tensor, S]: ...


@contextmanager
def denormals_as_zero() -> Generator[None]:
    """Makes the calling thread's processor take numbers too small for full precision as zero meanwhile.

    States fade towards such numbers in long silence, and some processors are a hundred times slower on them.
    """
    already = sys.float_info.min * 0.5 == 0.0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(already)


@dataclass(eq=False)
class TorchCodecState:
    """Both directions' states of all slots."""

    slots: int
    encoder: Any  # as the network's `fresh` makes it
    decoder: Any
    graphs: dict[str, Graphs] = field(default_factory=dict[str, Graphs])  # over these very tensors


class TorchCodec(Codec[TorchCodecState]):
    """Runs ``encoder`` and ``decoder`` where ``device`` says; see :class:`voicert_codecs.Codec`.

    Both are moved there, in the precision ``dtype`` (codes are equal to the original's in float32 only), and
    packed for speed unless they are to be exported; see :func:`voicert_codecs.blocks.linear.pack`. With
    ``graphs`` single frames run as CUDA graphs, which the networks' states must be made for; see
    :mod:`voicert_codecs.blocks.graphs`.

    Raises:
        CodecError: there is no such device, or graphs are asked for where there is no CUDA.
    """

    delay_samples = 0  # the networks are causal and end each frame with its last sample

    def __init__(self, name: str, identity: str, encoder: nn.Module, decoder: nn.Module, *, sample_rate: int,
                 frame_size: int, num_codebooks: int, codebook_size: int,
                 device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32,
                 packed: bool = True, graphs: bool = False) -> None:  # fmt: skip
        self.name, self.identity = name, identity
        self.sample_rate, self.frame_size = sample_rate, frame_size
        self.num_codebooks, self.codebook_size = num_codebooks, codebook_size
        try:
            self.device, self.dtype = torch.device(device), dtype
            encoder, decoder = encoder.eval().to(self.device, dtype), decoder.eval().to(self.device, dtype)
        except (RuntimeError, AssertionError) as error:  # torch raises either, by device
            raise CodecError(f"the device {device} cannot be used: {error}") from error
        if graphs and self.device.type != "cuda":
            raise CodecError(f"CUDA graphs need a CUDA device, not {device}")
        self.graphs = graphs
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
        x = self._tensor(pcm).to(self.dtype)
        pieces = torch.split(x, self._piece(len(pcm)) * self.frame_size, dim=1)
        codes = self._run("encoder", pieces, state, check_rows(rows, state.slots, len(pcm)))
        return torch.cat(codes, dim=2).cpu().numpy()

    @torch.inference_mode()
    def decode(self, codes: Codes, state: TorchCodecState, rows: Rows | None = None) -> Pcm:
        check_codes(codes, self.num_codebooks, self.codebook_size)
        pieces = torch.split(self._tensor(codes), self._piece(len(codes)), dim=2)
        pcm = self._run("decoder", pieces, state, check_rows(rows, state.slots, len(codes)))
        return torch.cat(pcm, dim=1).float().cpu().numpy()

    def _run(self, side: Literal["encoder", "decoder"], pieces: tuple[Tensor, ...], state: TorchCodecState,
             rows: Rows) -> list[Tensor]:  # fmt: skip
        """The outputs of ``pieces`` one after the other; ``state`` is then the one after them."""
        network = self.encoder if side == "encoder" else self.decoder
        index, own = self._index(rows), getattr(state, side)
        if self.graphs and len(pieces) == 1 and self._is_frame(side, pieces[0]):
            graphs = state.graphs.setdefault(side, Graphs(network, own))
            return [graphs(pieces[0], index)]
        everything = len(rows) == state.slots and bool((np.diff(rows) > 0).all()) and not self.graphs
        part = own if everything else whole.lend(own, index)
        outputs = list[Tensor]()
        with denormals_as_zero():
            for piece in pieces:
                y, part = network(piece, part)
                outputs.append(y)
        if everything:
            setattr(state, side, part)
        else:
            whole.settle(own, index, part)
        return outputs

    def _piece(self, rows: int) -> int:
        """How many frames of so many rows go through the networks at once, which bounds a call's memory."""
        return max(1, PIECE // (rows * self.frame_size))

    def _is_frame(self, side: str, piece: Tensor) -> bool:
        return piece.shape[-1] == (self.frame_size if side == "encoder" else 1)

    def _tensor(self, values: NDArray[Any]) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(values), device=self.device)

    def _index(self, rows: Rows) -> Tensor:
        return torch.as_tensor(rows, device=self.device)
