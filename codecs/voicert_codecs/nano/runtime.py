"""The nano codec run by ONNX Runtime, without torch."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from voicert_codecs.base import (
    Codec,
    CodecError,
    Codes,
    Pcm,
    Rows,
    check_codes,
    check_pcm,
    check_rows,
    identity_of,
)
from voicert_codecs.nano.config import NanoCodecConfig
from voicert_codecs.ort import open_session

__all__ = ["NanoCodec", "NanoCodecState", "open_session", "read_config", "write_config"]

Floats = NDArray[np.float32]


@dataclass
class NanoCodecState:
    """One row per slot; see ``NanoCodecModules.fresh`` for the meaning."""

    tail: Floats  # [S, hop] the encoder's last samples
    encoder: Floats  # [S, blocks, kernel - 1, C]
    overlap: Floats  # [S, hop] the decoder's samples that wait for the next frame
    decoder: Floats  # [S, blocks, kernel - 1, C]

    def parts(self) -> tuple[Floats, Floats, Floats, Floats]:
        return self.tail, self.encoder, self.overlap, self.decoder


class NanoCodec(Codec[NanoCodecState]):
    """Streaming encoder and decoder at 50 frames/s; see :class:`voicert_codecs.Codec`.

    Args:
        folder: holds ``config.json``, ``encoder.onnx`` and ``decoder.onnx``; the shipped weights when None.
        threads: of each ONNX session.

    Raises:
        CodecError: a file is missing or unreadable.
    """

    def __init__(self, folder: Path | None = None, threads: int = 1) -> None:
        folder = folder or Path(str(files("voicert_codecs.nano") / "weights"))
        self.config = read_config(folder / "config.json")
        self.name = "nano"
        self.sample_rate = self.config.sample_rate
        self.frame_size = self.config.frame_size
        self.num_codebooks = self.config.num_codebooks
        self.codebook_size = self.config.codebook_size
        self.delay_samples = self.config.delay_samples
        self.decoder_memory_frames = self.config.decoder_memory_frames
        self._encoder = open_session(folder / "encoder.onnx", threads)
        self._decoder = open_session(folder / "decoder.onnx", threads)
        # The encoder fixes what the codes mean; several decoders may be trained for the same codes.
        self.identity = identity_of([(folder / "encoder.onnx").read_bytes()])

    def init_state(self, batch: int) -> NanoCodecState:
        c = self.config
        past = c.kernel - 1
        return NanoCodecState(
            np.zeros((batch, c.hop), np.float32),
            np.zeros((batch, c.encoder_blocks, past, c.encoder_width), np.float32),
            np.zeros((batch, c.hop), np.float32),
            np.zeros((batch, c.decoder_blocks, past, c.decoder_width), np.float32),
        )

    def reset(self, state: NanoCodecState, row: int) -> None:
        for part in state.parts():
            part[row] = 0.0

    def snapshot(self, state: NanoCodecState, row: int) -> NanoCodecState:
        return NanoCodecState(*(part[row : row + 1].copy() for part in state.parts()))

    def restore(self, state: NanoCodecState, row: int, saved: NanoCodecState) -> None:
        for part, old in zip(state.parts(), saved.parts(), strict=True):
            part[row] = old[0]

    def encode(self, pcm: Pcm, state: NanoCodecState, rows: Rows | None = None) -> Codes:
        check_pcm(pcm, self.frame_size)
        rows = check_rows(rows, len(state.tail), len(pcm))
        inputs = {"pcm": pcm, "tail": state.tail[rows], "state": state.encoder[rows]}
        if pcm.shape[1] == self.frame_size:
            inputs = _paired(inputs)
        codes, tail, encoder = self._run(self._encoder, inputs, len(rows))
        state.tail[rows], state.encoder[rows] = tail, encoder
        return codes

    def decode(self, codes: Codes, state: NanoCodecState, rows: Rows | None = None) -> Pcm:
        check_codes(codes, self.num_codebooks, self.codebook_size)
        rows = check_rows(rows, len(state.overlap), len(codes))
        inputs = {"codes": codes, "overlap": state.overlap[rows], "state": state.decoder[rows]}
        if codes.shape[2] == 1:
            inputs = _paired(inputs)
        pcm, overlap, decoder = self._run(self._decoder, inputs, len(rows))
        state.overlap[rows], state.decoder[rows] = overlap, decoder
        return pcm

    @staticmethod
    def _run(
        session: ort.InferenceSession, inputs: dict[str, NDArray[Any]], count: int
    ) -> list[NDArray[Any]]:
        return [np.asarray(out)[:count] for out in session.run(None, inputs)]


def _paired(inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """One frame of one slot, twice: a product of one row takes another kernel, with other last bits.

    Several frames are as many rows.
    """
    return {name: np.repeat(x, 2, axis=0) if len(x) == 1 else x for name, x in inputs.items()}


def read_config(path: Path) -> NanoCodecConfig:
    """Reads the codec's numbers.

    Raises:
        CodecError: the file is missing or not understood.
    """
    try:
        return NanoCodecConfig(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, CodecError) as error:
        raise CodecError(f"cannot read the codec's configuration {path}: {error}") from error


def write_config(config: NanoCodecConfig, path: Path) -> None:
    path.write_text(json.dumps(dataclasses.asdict(config), indent=1) + "\n")
