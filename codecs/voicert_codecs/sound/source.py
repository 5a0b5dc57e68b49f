"""A sound from a stream of bytes, as mono at the rate that is wanted, piece by piece."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import soxr  # pyright: ignore[reportMissingTypeStubs]

from voicert_codecs.base import CodecError
from voicert_codecs.sound.samples import Mono, SampleFormat
from voicert_codecs.sound.wav import read_beginning

PIECE_S = 1.0  # longest piece that is read at once


class SoundSource:
    """Reads a WAV file, or raw samples, from a stream that need not be rewindable.

    A piece has what the stream has ready, so the pieces of a live stream come as they are spoken. Another
    sample rate is converted by soxr, whose filter holds back 10 to 60 ms until more comes.

    Args:
        stream: where the bytes come from.
        rate: wanted, in Hz.
        raw: what the bytes are when they are no WAV file but samples only.

    Raises:
        CodecError: it is no WAV file that can be used.
    """

    def __init__(self, stream: io.BufferedIOBase, rate: int, raw: SampleFormat | None = None) -> None:
        self._stream = stream
        self._rate = rate
        if raw is None:
            beginning = read_beginning(stream)
            self.format, self._bytes = beginning.format, beginning.data_bytes
        else:
            self.format, self._bytes = raw, None
        self.read_s = 0.0  # of the sound so far

    @property
    def length_s(self) -> float | None:
        """Of the sound, when the file tells."""
        return None if self._bytes is None else self._bytes / self.format.moment_bytes / self.format.rate

    def pieces(self) -> Iterator[Mono]:
        """The sound [samples] in order; a piece may be empty.

        Raises:
            CodecError: the stream ends before its samples do, or has samples that are not numbers.
        """
        same = self.format.rate == self._rate
        resampler = None if same else soxr.ResampleStream(self.format.rate, self._rate, 1, dtype="float32")
        for data in self._moments():
            pcm = self.format.mono(data)
            self.read_s += len(pcm) / self.format.rate
            yield pcm if resampler is None else np.asarray(resampler.resample_chunk(pcm), np.float32)
        if resampler is not None:
            rest = resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            yield np.asarray(rest, np.float32)

    def _moments(self) -> Iterator[bytes]:
        """The bytes of the samples, cut between moments; half a moment at the very end is dropped."""
        width = self.format.moment_bytes
        most = width * max(1, round(PIECE_S * self.format.rate))
        left = self._bytes
        rest = b""
        while left is None or left > 0:
            data = self._stream.read1(most if left is None else min(most, left))
            if not data:
                break
            left = None if left is None else left - len(data)
            data = rest + data
            whole = len(data) - len(data) % width
            rest = data[whole:]
            yield data[:whole]
        if left:
            raise CodecError(f"it is cut off: {left} bytes of its samples are missing")
