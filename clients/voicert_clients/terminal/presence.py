"""Is there an echo at all? With a headset there is none, and cancelling it then costs the user's voice.

A canceller that has not met an echo yet takes whatever it hears while the speaker plays for one: in the first
seconds of a conversation it would silence the user who talks over an answer. So the sounds of both sides are
compared here. Pure; time is the number of samples.
"""

from __future__ import annotations

import numpy as np

from voicert_clients.pcm import SAMPLES_PER_MS, Pcm

DECIMATION = 3  # to 8 kHz, which holds nearly all of a voice
RATE = SAMPLES_PER_MS // DECIMATION  # samples per ms after it
HEARD = 400 * RATE  # of the microphone, compared at once
PLAYED = 900 * RATE  # of the speaker: an echo may be 500 ms late
EVERY_MS = 100
SEEN = 0.5  # correlation at the best delay, of an echo that stands out; unlike voices stay below
UNSEEN = 0.2  # below it, no echo stands out
QUIET = 10 ** (-30 / 20)  # of what is played: an echo as soft does no harm
ACTIVE = 10 ** (-45 / 20)  # RMS of what is played, below which nothing can be told
DOUBT_MS = 300  # of playing without an echo before there is none
MEMORY_MS = 60_000  # of playing without an echo before one that was seen is forgotten


class EchoPresence:
    """Compares what is played with what is heard."""

    def __init__(self) -> None:
        self._played = np.zeros(PLAYED, np.float32)
        self._heard = np.zeros(HEARD, np.float32)
        self._since_ms = 0  # of the last comparison
        self._without_ms = 0  # of playing, since an echo was last seen
        self._patience_ms = DOUBT_MS

    @property
    def absent(self) -> bool:
        """Something was played for a while, and nothing of it was heard."""
        return self._without_ms >= self._patience_ms

    def play(self, pcm: Pcm) -> None:
        """The speaker plays ``pcm`` [a whole number of ms]."""
        self._played = _shifted(self._played, pcm)

    def hear(self, pcm: Pcm) -> None:
        """The microphone hears ``pcm`` [a whole number of ms]."""
        self._heard = _shifted(self._heard, pcm)
        self._since_ms += len(pcm) // SAMPLES_PER_MS
        if self._since_ms < EVERY_MS:
            return
        passed_ms, self._since_ms = self._since_ms, 0
        played = min(rms(self._played), rms(self._played[:HEARD]))  # the echo of this must have come
        alike = likeness(self._heard, self._played)
        if alike > SEEN:
            self._without_ms, self._patience_ms = 0, MEMORY_MS
        elif played >= ACTIVE and (alike < UNSEEN or rms(self._heard) < played * QUIET):
            self._without_ms += passed_ms


def rms(pcm: Pcm) -> float:
    """The level of ``pcm`` [samples], linear."""
    return float(np.sqrt(np.mean(np.square(pcm))))


def likeness(heard: Pcm, played: Pcm) -> float:
    """The correlation of ``heard`` [n] with the piece of ``played`` [m > n] that fits it best, 0 to 1."""
    size = 1 << (len(played) + len(heard) - 1).bit_length()
    spectrum = np.fft.rfft(played, size) * np.conj(np.fft.rfft(heard, size))
    products = np.fft.irfft(spectrum, size)[: len(played) - len(heard) + 1]
    energy = np.concatenate([[0.0], np.cumsum(played.astype(np.float64) ** 2)])
    pieces = energy[len(heard) :] - energy[: len(energy) - len(heard)]
    scale = np.sqrt(np.maximum(pieces, 1e-6) * max(float(np.sum(heard**2)), 1e-9))
    return float(np.max(np.abs(products) / scale))


def _shifted(kept: Pcm, pcm: Pcm) -> Pcm:
    """``kept`` with ``pcm`` at its end, at 8 kHz, and as much less at its beginning."""
    whole = pcm[: len(pcm) // DECIMATION * DECIMATION]
    return np.concatenate([kept, whole.reshape(-1, DECIMATION).mean(1, dtype=np.float32)])[-len(kept) :]
