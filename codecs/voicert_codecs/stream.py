"""One sound through a codec in pieces of any size, with its exact length kept. No I/O."""

from __future__ import annotations

from typing import Any

import numpy as np

from voicert_codecs.base import Codec, CodecError
from voicert_codecs.sound.samples import Mono
from voicert_codecs.vcz.bits import OneCodes
from voicert_codecs.vcz.layout import frames_of

MOST_FRAMES_S = 1.0  # of sound that goes through the codec at once: what bounds the memory


class StreamEncoder:
    """Samples in, codes out: `push` as they come, `finish` once."""

    def __init__(self, codec: Codec[Any]) -> None:
        self._codec = codec
        self._state = codec.init_state(1)
        self._rest = np.zeros(0, np.float32)  # samples of an unfinished frame
        self._most = _most_frames(codec) * codec.frame_size
        self._frames = 0
        self.samples = 0  # taken so far

    def push(self, pcm: Mono) -> OneCodes:
        """Samples [n] → the codes [K, T] of the frames that they complete."""
        self.samples += len(pcm)
        whole = np.concatenate([self._rest, pcm])
        usable = len(whole) - len(whole) % self._codec.frame_size
        self._rest = whole[usable:]
        return self._encode(whole[:usable])

    def finish(self) -> OneCodes:
        """The codes [K, T] of what is left, padded with silence until all of it comes out of a decoder."""
        frames = frames_of(self.samples, self._codec.frame_size, self._codec.delay_samples) - self._frames
        missing = frames * self._codec.frame_size - len(self._rest)
        return self._encode(np.pad(self._rest, (0, missing)))

    def _encode(self, pcm: Mono) -> OneCodes:
        codes = [np.zeros((self._codec.num_codebooks, 0), np.int64)]
        for at in range(0, len(pcm), self._most):
            codes.append(self._codec.encode(pcm[None, at : at + self._most], self._state)[0])
        whole = np.concatenate(codes, axis=1)
        self._frames += whole.shape[1]
        return whole


class StreamDecoder:
    """Codes in, samples out: `push` as they come, `last` for the end; the codec's delay is taken out."""

    def __init__(self, codec: Codec[Any]) -> None:
        self._codec = codec
        self._state = codec.init_state(1)
        self._delay_left = codec.delay_samples
        self._most = _most_frames(codec)
        self.samples = 0  # given so far

    def push(self, codes: OneCodes) -> Mono:
        """Codes [K, T] → samples [n]."""
        pieces = [np.zeros(0, np.float32)]
        for at in range(0, codes.shape[1], self._most):
            pieces.append(self._codec.decode(codes[None, :, at : at + self._most], self._state)[0])
        pcm = np.concatenate(pieces)
        dropped = min(self._delay_left, len(pcm))
        self._delay_left -= dropped
        self.samples += len(pcm) - dropped
        return pcm[dropped:]

    def last(self, codes: OneCodes, samples: int) -> Mono:
        """The last codes [K, T], T may be 0 → the rest of a sound of ``samples`` in all.

        Raises:
            CodecError: the sound is longer than its codes, or so much shorter that it has already ended.
        """
        before = self.samples
        pcm = self.push(codes)
        if not before <= samples <= self.samples:
            raise CodecError(f"its frames hold {self.samples} samples, but it tells {samples}")
        self.samples = samples
        return pcm[: samples - before]


def _most_frames(codec: Codec[Any]) -> int:
    return max(1, int(MOST_FRAMES_S * codec.sample_rate / codec.frame_size))
