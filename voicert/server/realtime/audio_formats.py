"""The three sound formats of the protocol, and the two ends of a stream in one of them.

Inside, all is 24 kHz mono float32. `audio/pcm` is 24 kHz in 16 bits, little-endian; `audio/pcmu` and
`audio/pcma` are 8 kHz in the 8 bits of G.711.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicert.server.realtime import g711
from voicert.server.realtime.reading import Fields, Refused
from voicert.server.realtime.resampling import Downsampler, Upsampler

SAMPLE_RATE_HZ = 24_000
SAMPLES_PER_MS = SAMPLE_RATE_HZ // 1000
_FULL_SCALE = np.float32(32_768.0)
_NAMES = ("audio/pcm", "audio/pcmu", "audio/pcma")

Pcm = NDArray[np.float32]  # [n], 24 kHz, full scale is -1..1


@dataclass(frozen=True)
class AudioFormat:
    """One of the three."""

    name: str = "audio/pcm"

    def describe(self) -> dict[str, Any]:
        """As the protocol shows it; only PCM has a rate."""
        return (
            {"type": self.name, "rate": SAMPLE_RATE_HZ} if self.name == "audio/pcm" else {"type": self.name}
        )


def read_format(before: AudioFormat, given: Fields | None) -> AudioFormat:
    """A ``format`` object laid over the format in force.

    Raises:
        Refused: an unknown type, or a rate that the type does not have.
    """
    if given is None:
        return before
    name = given.choice("type", _NAMES) or before.name
    rate = given.whole("rate")
    given.finish()
    if name == "audio/pcm" and rate not in (None, SAMPLE_RATE_HZ):
        raise given.wrong_value("rate", str(SAMPLE_RATE_HZ))
    if name != "audio/pcm" and rate not in (None, 8000):
        raise given.wrong_value("rate", "8000, or none")
    return AudioFormat(name)


class SoundIn:
    """What a client sends, as 24 kHz."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self.format = audio_format
        self._upsampler = Upsampler()

    def read(self, raw: bytes) -> Pcm:
        """The samples of one chunk.

        Raises:
            Refused: code ``invalid_audio``, half a sample.
        """
        if self.format.name == "audio/pcm":
            if len(raw) % 2:
                message = f"'audio' must hold 16-bit samples, an even number of bytes, not {len(raw)}."
                raise Refused(message, "invalid_audio", "audio")
            return np.frombuffer(raw, "<i2").astype(np.float32) / _FULL_SCALE
        law = g711.mulaw_to_pcm if self.format.name == "audio/pcmu" else g711.alaw_to_pcm
        return self._upsampler.push(law(np.frombuffer(raw, np.uint8)).astype(np.float32) / _FULL_SCALE)

    def flush(self) -> Pcm:
        """What the resampler still holds back; the next chunk begins a new signal."""
        return np.zeros(0, np.float32) if self.format.name == "audio/pcm" else self._upsampler.flush()


class SoundOut:
    """One response's sound, in the format of the client."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self.format = audio_format
        self._downsampler = Downsampler()

    def write(self, pcm: Pcm) -> bytes:
        """The bytes of one chunk; fewer or none while the resampler waits for what follows."""
        if self.format.name == "audio/pcm":
            return _to_16_bits(pcm).tobytes()
        return self._coded(self._downsampler.push(pcm))

    def flush(self) -> bytes:
        """What the resampler still holds back."""
        return b"" if self.format.name == "audio/pcm" else self._coded(self._downsampler.flush())

    def _coded(self, pcm: Pcm) -> bytes:
        law = g711.pcm_to_mulaw if self.format.name == "audio/pcmu" else g711.pcm_to_alaw
        return law(_to_16_bits(pcm)).tobytes()


def _to_16_bits(pcm: Pcm) -> NDArray[np.int16]:
    """[n] little-endian on any machine."""
    return np.clip(np.rint(pcm * _FULL_SCALE), -32_768, 32_767).astype("<i2")
