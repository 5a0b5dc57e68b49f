"""When there is something to hear: in a recording, and from the speaker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voicert_clients.pcm import SAMPLES_PER_MS, Pcm
from voicert_clients.playback import Block

WINDOW_SAMPLES = 10 * SAMPLES_PER_MS
BELOW_LOUDEST_DB = 45.0  # quieter than the loudest window by this is no speech
AUDIBLE_DBFS = -50.0  # a sample above this can be heard
AUDIBLE = 10 ** (AUDIBLE_DBFS / 20)


def speech_bounds(pcm: Pcm) -> tuple[int, int] | None:
    """First sample of speech and the one after its last, None when there is only silence.

    The RMS level is taken in windows of 10 ms; speech are the windows within 45 dB of the loudest, which
    must itself be audible (-50 dBFS). Bounds are those of whole windows.
    """
    count = -(-len(pcm) // WINDOW_SAMPLES)
    padded = np.zeros(count * WINDOW_SAMPLES, dtype=np.float64)
    padded[: len(pcm)] = pcm
    rms = np.sqrt(np.mean(padded.reshape(count, WINDOW_SAMPLES) ** 2, axis=1)) if count else np.zeros(0)
    if not count or rms.max() < AUDIBLE:
        return None
    loud = np.flatnonzero(rms > rms.max() * 10 ** (-BELOW_LOUDEST_DB / 20))
    return int(loud[0]) * WINDOW_SAMPLES, min((int(loud[-1]) + 1) * WINDOW_SAMPLES, len(pcm))


@dataclass
class ItemHearing:
    """When the listener heard one assistant item, in samples of the speaker."""

    item_id: str
    first_audible: int | None = None  # its first sample above -50 dBFS
    end: int = 0  # one after the last of its samples that were played

    def add(self, block: Block) -> None:
        """Takes note of what left the speaker; other items' spans are skipped."""
        for span in block.spans:
            if span.item_id != self.item_id:
                continue
            self.end = span.position + span.samples
            if self.first_audible is None:
                audible = np.flatnonzero(np.abs(block.of(span)) > AUDIBLE)
                self.first_audible = span.position + int(audible[0]) if len(audible) else None
