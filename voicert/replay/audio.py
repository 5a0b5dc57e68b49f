"""A stereo WAV file of a session as it was heard: the user on the left, the assistant on the right.

The file's time is the session's input clock. The assistant's sound is put where its listener says to have
heard it; an answer of which nothing is reported, where it was made. The file is complete at any time.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

HEADER_BYTES = 44
SAMPLE_BYTES = 4  # two channels of 16 bits
LONGEST_WAV = (1 << 32) - HEADER_BYTES - SAMPLE_BYTES  # its sizes are 32 bits: at 24 kHz, 12 hours


@dataclass
class _Item:
    """One answer's sound, as far as it is not yet in the file."""

    start: int  # input samples when its first frame was made
    pcm: list[NDArray[np.int16]] = field(default_factory=list[NDArray[np.int16]])
    placed: int = 0  # samples of it that are in the file
    reported: bool = False  # the listener tells what it hears

    def take(self, until: int) -> NDArray[np.int16]:
        """Samples from `placed` to ``until``."""
        whole = np.concatenate(self.pcm) if self.pcm else np.zeros(0, np.int16)
        self.pcm = [whole]
        part = whole[self.placed : until]
        self.placed += len(part)
        return part


class HeardAudio:
    """The file; used by one thread."""

    def __init__(self, path: Path, sample_rate: int) -> None:
        self._path, self._rate = path, sample_rate
        self._file: BinaryIO | None = None
        self._items: dict[int, _Item] = {}  # the last two: what comes late for older ones is nothing new
        self._length = 0  # samples
        self._said = 0  # samples: end of what stands on the right

    def open(self) -> None:
        self._file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b")
        self.update_header()

    def user(self, at: int, pcm: NDArray[np.float32]) -> None:
        """``pcm`` [n] was heard at sample ``at``."""
        self._write(at, 0, _sixteen_bits(pcm))

    def note(self, at: int, kind: str, values: dict[str, Any]) -> None:
        """What was noted at sample ``at`` of the input, as far as it matters here."""
        event: Any = values.get("event")
        match kind, type(event).__name__:
            case "event", "ResponseAudio":
                self._items.setdefault(event.item, _Item(at)).pcm.append(_sixteen_bits(event.pcm))
                for old in sorted(self._items)[:-2]:
                    del self._items[old]
            case "event", "ResponseDone":
                item = self._items.get(event.item)
                if item and not item.reported:
                    until = event.audio_samples if event.heard_samples is None else event.heard_samples
                    self._say(item.start, item.take(until))
            case "heard", _:
                item = self._items.get(values["item"])
                if item:
                    item.reported = True
                    part = item.take(values["samples"])
                    self._say(at - len(part), part)
            case _:
                pass

    def update_header(self) -> None:
        if self._file:
            size = self._length * SAMPLE_BYTES
            form = struct.pack("<HHIIHH", 1, 2, self._rate, self._rate * SAMPLE_BYTES, SAMPLE_BYTES, 16)
            self._file.seek(0)
            self._file.write(struct.pack("<4sI8sI", b"RIFF", size + 36, b"WAVEfmt ", 16) + form)
            self._file.write(struct.pack("<4sI", b"data", size))
            self._file.flush()

    def close(self) -> None:
        if self._file:
            self.update_header()
            self._file.close()
            self._file = None

    def _say(self, at: int, pcm: NDArray[np.int16]) -> None:
        """On the right, never over what stands there already."""
        at = max(at, self._said)
        self._write(at, 1, pcm)
        self._said = at + len(pcm)

    def _write(self, at: int, channel: int, pcm: NDArray[np.int16]) -> None:
        end = at + len(pcm)
        if self._file is None or not len(pcm) or end * SAMPLE_BYTES > LONGEST_WAV:
            return
        self._file.seek(HEADER_BYTES + at * SAMPLE_BYTES)
        there = np.frombuffer(self._file.read(len(pcm) * SAMPLE_BYTES), "<i2")
        both = np.zeros((len(pcm), 2), "<i2")
        both.ravel()[: len(there)] = there
        both[:, channel] = pcm
        self._file.seek(HEADER_BYTES + at * SAMPLE_BYTES)
        self._file.write(both.tobytes())
        self._length = max(self._length, end)


def _sixteen_bits(pcm: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.clip(np.rint(pcm * 32_767.0), -32_768, 32_767).astype(np.int16)
