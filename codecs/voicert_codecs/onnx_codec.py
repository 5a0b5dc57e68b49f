"""A codec that ``voicert codec export`` has written, run by ONNX Runtime without torch."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from voicert_codecs.base import Codec, CodecError, Codes, Pcm, Rows, check_codes, check_pcm, check_rows
from voicert_codecs.ort import open_session

FORMAT = 1  # of the folder; `voicert_codecs.onnx_export` writes it
CARD = "codec.json"
INPUT, OUTPUT = "x", "y"  # of both graphs: pcm [B, frame_size] or codes [B, K, 1]
OLD, NEW = "old.", "new."  # in front of the names of a state's parts as inputs and as outputs
IN_PLACE = "in_place"  # metadata of a graph: JSON list of the parts that input and output may share
DIRECTIONS = ("encoder", "decoder")


@dataclass(frozen=True)
class Card:
    """What a folder says about its codec."""

    format: int
    name: str
    identity: str
    sample_rate: int
    frame_size: int
    num_codebooks: int
    codebook_size: int
    delay_samples: int


class Direction:
    """One graph, and what its state begins with."""

    def __init__(self, path: Path, fresh: dict[str, NDArray[Any]], threads: int) -> None:
        self.session = open_session(path, threads)
        self.fresh = fresh  # part of the state: [1, ...]
        wanted = {part.name for part in self.session.get_inputs()} - {INPUT}
        if wanted != {OLD + name for name in fresh}:
            raise CodecError(f"{path} does not belong to the state beside it; export the codec again")
        told = self.session.get_modelmeta().custom_metadata_map.get(IN_PLACE, "[]")
        self.in_place: frozenset[str] = frozenset(json.loads(told))
        self.outputs = [OUTPUT, *(NEW + name for name in fresh)]

    def run(self, x: NDArray[Any], parts: list[NDArray[Any]]) -> tuple[NDArray[Any], list[NDArray[Any]]]:
        """One frame of some rows, whose state is ``parts``."""
        names = (OLD + name for name in self.fresh)
        feed = {INPUT: x, **dict(zip(names, parts, strict=True))}
        y, *new = self.session.run(self.outputs, feed)
        return y, new


class Memory:
    """The state of all slots in one direction.

    There are two sets of arrays, of which each frame reads one and writes the other; what the graph writes in
    place, both share. Both ways are bound to the graph once, so that a frame of all slots copies no state.
    """

    def __init__(self, direction: Direction, slots: int, x: NDArray[Any], y: NDArray[Any]) -> None:
        self.direction, self.slots = direction, slots
        self._x, self._y = x, y
        one = {name: np.repeat(part, slots, axis=0) for name, part in direction.fresh.items()}
        other = {name: part if name in direction.in_place else part.copy() for name, part in one.items()}
        self._sets = [list(one.values()), list(other.values())]
        self._now = 0  # which set is the present
        self._bound = [self._binding(old) for old in range(2)]

    @property
    def parts(self) -> list[NDArray[Any]]:
        """The present state [slots, ...], in the order of the direction's ``fresh``."""
        return self._sets[self._now]

    def step_all(self, x: NDArray[Any]) -> NDArray[Any]:
        """One frame of every slot; the result is overwritten by the next one."""
        self._x[:] = x
        self.direction.session.run_with_iobinding(self._bound[self._now])
        self._now = 1 - self._now
        return self._y

    def step(self, x: NDArray[Any], rows: Rows) -> NDArray[Any]:
        """One frame of some slots."""
        y, new = self.direction.run(x, [part[rows] for part in self.parts])
        for part, changed in zip(self.parts, new, strict=True):
            part[rows] = changed
        return y

    def _binding(self, old: int) -> ort.IOBinding:
        names, binding = list(self.direction.fresh), self.direction.session.io_binding()
        inputs = zip([INPUT, *(OLD + name for name in names)], [self._x, *self._sets[old]], strict=True)
        outputs = zip([OUTPUT, *(NEW + name for name in names)], [self._y, *self._sets[1 - old]], strict=True)
        for name, array in inputs:
            binding.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        for name, array in outputs:
            binding.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        return binding


@dataclass(eq=False)
class OnnxCodecState:
    """Both directions' memories; one row per slot."""

    encoder: Memory
    decoder: Memory

    def parts(self) -> list[NDArray[Any]]:
        return [*self.encoder.parts, *self.decoder.parts]


class OnnxCodec(Codec[OnnxCodecState]):
    """Streaming encoder and decoder; see :class:`voicert_codecs.Codec`. More frames are steps of one each.

    Args:
        folder: what an export has written.
        threads: of each ONNX session.

    Raises:
        CodecError: a file is missing, damaged or of a newer version.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        card = read_card(folder / CARD)
        self.name, self.identity = card.name, card.identity
        self.sample_rate, self.frame_size = card.sample_rate, card.frame_size
        self.num_codebooks, self.codebook_size = card.num_codebooks, card.codebook_size
        self.delay_samples = card.delay_samples
        self._encoder, self._decoder = (
            Direction(folder / f"{name}.onnx", read_fresh(folder / f"{name}.npz"), threads)
            for name in DIRECTIONS
        )

    def init_state(self, batch: int) -> OnnxCodecState:
        pcm = np.zeros((batch, self.frame_size), np.float32)
        codes = np.zeros((batch, self.num_codebooks, 1), np.int64)
        return OnnxCodecState(
            Memory(self._encoder, batch, pcm, codes),
            Memory(self._decoder, batch, codes.copy(), pcm.copy()),
        )

    def reset(self, state: OnnxCodecState, row: int) -> None:
        self.restore(state, row, [*self._encoder.fresh.values(), *self._decoder.fresh.values()])

    def snapshot(self, state: OnnxCodecState, row: int) -> list[NDArray[Any]]:
        return [part[row : row + 1].copy() for part in state.parts()]

    def restore(self, state: OnnxCodecState, row: int, saved: list[NDArray[Any]]) -> None:
        for part, old in zip(state.parts(), saved, strict=True):
            part[row] = old[0]

    def encode(self, pcm: Pcm, state: OnnxCodecState, rows: Rows | None = None) -> Codes:
        check_pcm(pcm, self.frame_size)
        frames = np.split(pcm, pcm.shape[1] // self.frame_size, axis=1)
        return np.concatenate(self._steps(state.encoder, frames, rows), axis=2)

    def decode(self, codes: Codes, state: OnnxCodecState, rows: Rows | None = None) -> Pcm:
        check_codes(codes, self.num_codebooks, self.codebook_size)
        frames = np.split(codes, codes.shape[2], axis=2)
        return np.concatenate(self._steps(state.decoder, frames, rows), axis=1)

    @staticmethod
    def _steps(memory: Memory, frames: list[NDArray[Any]], rows: Rows | None) -> list[NDArray[Any]]:
        rows = check_rows(rows, memory.slots, len(frames[0]))
        if len(rows) == memory.slots and bool((np.diff(rows) > 0).all()):
            return [memory.step_all(frame).copy() for frame in frames]
        return [memory.step(np.ascontiguousarray(frame), rows) for frame in frames]


def read_card(path: Path) -> Card:
    """What a folder says about its codec.

    Raises:
        CodecError: the file is missing, damaged or of a newer version.
    """
    try:
        card = Card(**json.loads(path.read_text(encoding="utf-8")))
        numbers = {name: value for name, value in vars(card).items() if name not in ("name", "identity")}
        if not all(isinstance(value, int) for value in numbers.values()):
            raise CodecError("a size is no whole number")
        if card.format > FORMAT:
            raise CodecError("a newer version has exported it; update voicert")
    except (OSError, ValueError, TypeError, CodecError) as error:
        raise CodecError(f"cannot read the exported codec {path}: {error}") from error
    return card


def read_fresh(path: Path) -> dict[str, NDArray[Any]]:
    """What a state begins with: its parts [1, ...] by name.

    Raises:
        CodecError: the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: np.ascontiguousarray(file[name]) for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise CodecError(f"cannot read the exported codec {path}: {error}") from error
