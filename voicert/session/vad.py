"""Is there a voice in these 20 ms?"""

from __future__ import annotations

from typing import Protocol, cast

import numpy as np
import webrtcvad  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

SAMPLE_RATE = 24_000  # Hz, of what comes in
WINDOW = 480  # samples, 20 ms: one decision
DETECTOR_HZ = 48_000  # the nearest rate that WebRTC's detector takes

assert DETECTOR_HZ % SAMPLE_RATE == 0


class _Detector(Protocol):
    def set_mode(self, mode: int) -> None: ...
    def is_speech(self, buf: bytes, sample_rate: int) -> bool: ...


class VoiceDetector:
    """WebRTC's voice activity detector on 24 kHz sound, without delay.

    Every sample is given twice, which makes 48 kHz. The images this leaves lie above 12 kHz, and the detector
    itself filters everything above 4 kHz away before it decides.
    """

    def __init__(self, aggressiveness: int) -> None:
        self._detector = cast(_Detector, webrtcvad.Vad(aggressiveness))

    def set_aggressiveness(self, aggressiveness: int) -> None:
        """0 takes nearly every sound for a voice, 3 only clear speech; what was heard before stays known."""
        self._detector.set_mode(aggressiveness)

    def voiced(self, window: NDArray[np.float32]) -> bool:
        """Whether ``window`` [480] at 24 kHz holds a voice; call it with each window in turn."""
        pcm16 = (np.clip(window, -1.0, 1.0) * 32_767.0).astype(np.int16)
        return self._detector.is_speech(np.repeat(pcm16, DETECTOR_HZ // SAMPLE_RATE).tobytes(), DETECTOR_HZ)
