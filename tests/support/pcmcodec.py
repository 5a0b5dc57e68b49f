"""A lossless codec for tests: its codes are 16-bit PCM, one codebook per sample of a 20 ms frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from voicert_codecs.base import CodecError, Codes, Pcm, Rows

SAMPLE_RATE = 24_000  # Hz
FRAME = 480  # samples, 20 ms
ZERO = 32_768  # the code of a sample of silence


@dataclass
class PcmState:
    """Frames each slot has passed through the codec; the codec needs no other memory."""

    encoded: NDArray[np.int64]  # [B]
    decoded: NDArray[np.int64]  # [B]


class PcmCodec:
    """16-bit PCM as codes: exact, no delay."""

    sample_rate = SAMPLE_RATE
    frame_size = FRAME
    num_codebooks = FRAME
    codebook_size = 65_536
    delay_samples = 0
    decoder_memory_frames = None  # its state counts all frames

    def init_state(self, batch: int) -> PcmState:
        return PcmState(np.zeros(batch, np.int64), np.zeros(batch, np.int64))

    def reset(self, state: PcmState, row: int) -> None:
        state.encoded[row] = state.decoded[row] = 0

    def snapshot(self, state: PcmState, row: int) -> tuple[int, int]:
        return int(state.encoded[row]), int(state.decoded[row])

    def restore(self, state: PcmState, row: int, saved: tuple[int, int]) -> None:
        state.encoded[row], state.decoded[row] = saved

    def encode(self, pcm: Pcm, state: PcmState, rows: Rows | None = None) -> Codes:
        rows = np.arange(len(state.encoded)) if rows is None else rows
        if pcm.ndim != 2 or len(pcm) != len(rows) or pcm.shape[1] % FRAME:
            raise CodecError(f"pcm must be [{len(rows)}, frames * {FRAME}], not {pcm.shape}")
        codes = np.clip(np.rint(pcm * 32_767.0), -32_768, 32_767).astype(np.int64) + ZERO
        frames = codes.reshape(len(rows), -1, FRAME)  # [B, T, K]
        state.encoded[rows] += frames.shape[1]
        return frames.transpose(0, 2, 1)

    def decode(self, codes: Codes, state: PcmState, rows: Rows | None = None) -> Pcm:
        rows = np.arange(len(state.decoded)) if rows is None else rows
        if codes.ndim != 3 or codes.shape[:2] != (len(rows), FRAME):
            raise CodecError(f"codes must be [{len(rows)}, {FRAME}, frames], not {codes.shape}")
        state.decoded[rows] += codes.shape[2]
        pcm = (codes - ZERO).astype(np.float32) / np.float32(32_767.0)
        return pcm.transpose(0, 2, 1).reshape(len(rows), -1)
