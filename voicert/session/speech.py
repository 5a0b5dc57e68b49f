"""Where the user's speech begins and ends, from 20 ms windows. Pure: time is the sample counter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voicert.session.vad import SAMPLE_RATE, WINDOW, VoiceDetector

BLOCK = 120  # samples, 5 ms: the resolution of an end of speech
MAX_GAP = 2 * WINDOW  # a beginning survives this much quiet between two voiced windows
LEARN = 6 * WINDOW  # the detector takes any sound for a voice until it knows the noise
FLOOR = 10 ** (-55 / 20)  # RMS; nothing below this is taken for a voice
# The detector holds on for about 100 ms after a voice. A window so far below the loudest recent one, or so
# little above the noise, is that hold and not speech.
TAIL = 10 ** (-30 / 20)
CLEAR = 10 ** (4 / 20)
FORGET = 0.995  # per window: the loudest window fades by 2 dB a second
NOISE_UP, NOISE_DOWN = 0.1, 0.5  # per window: how fast the noise level follows windows without a voice
APART = 6 * WINDOW  # so long after a voice a sound is noise, and no unvoiced part of speech


@dataclass(frozen=True, slots=True)
class Began:
    """Speech began."""

    at: int  # samples: start of the first voiced window


@dataclass(frozen=True, slots=True)
class Ended:
    """Speech ended."""

    at: int  # samples: end of the last voice


Edge: TypeAlias = Began | Ended


class SpeechTracker:
    """Turns frames into edges: `Began` and `Ended` alternate."""

    def __init__(self, aggressiveness: int) -> None:
        self._detector = VoiceDetector(aggressiveness)
        self.clock = 0  # samples seen
        self.speaking = False
        self.voice_end = 0  # samples: end of the last voice, whether or not speech had begun
        self.run = 0  # voiced samples of a beginning, gaps left out
        self.run_start = 0  # samples: where it began
        self.voiced = 0  # voiced samples since the session began
        self._peak = 0.0  # RMS of the loudest recent voiced window
        self._noise = 0.0  # RMS of windows without a voice

    def set_aggressiveness(self, aggressiveness: int) -> None:
        """See `VoiceDetector`."""
        self._detector.set_aggressiveness(aggressiveness)

    def advance(
        self, pcm: NDArray[np.float32], begin_samples: int | None, end_samples: int, echo: bool = False
    ) -> list[Edge]:
        """Hears ``pcm`` [T * 480]; speech begins after so many voiced samples, ends after so many quiet.

        Args:
            begin_samples: None: no speech begins by itself.
            echo: what sounds like a voice in ``pcm`` is none.
        """
        edges: list[Edge] = []
        for start in range(0, len(pcm), WINDOW):
            self._hear(pcm[start : start + WINDOW], echo)
            if begin_samples is not None and not self.speaking and self.run >= begin_samples:
                self.speaking = True
                edges.append(Began(self.run_start))
            elif self.speaking and self.clock - self.voice_end >= end_samples:
                edges.append(self.end())
        return edges

    def begin(self) -> None:
        """Takes the present voice for speech, however short it is."""
        self.speaking = True

    def end(self) -> Ended:
        """Ends speech now, also one that has not quite begun; what follows must begin anew."""
        self.speaking = False
        self.run = 0
        return Ended(self.voice_end)

    def _hear(self, window: NDArray[np.float32], echo: bool) -> None:
        self.clock += len(window)
        blocks = np.square(window).reshape(-1, BLOCK).mean(1)  # [4] mean square of 5 ms
        level = float(blocks.mean()) ** 0.5
        voiced = self._detector.voiced(window)  # always asked: it learns the noise from every window
        self._peak *= FORGET
        if not voiced and (level < self._noise or self.clock - self.voice_end > APART):
            self._noise += (NOISE_UP if level > self._noise else NOISE_DOWN) * (level - self._noise)
        quietest = max(FLOOR, self._peak * TAIL, self._noise * CLEAR)
        if voiced and not echo and level >= quietest and self.clock > LEARN:
            self._peak = max(self._peak, level)
            last = int(np.flatnonzero(blocks >= min(quietest**2, float(blocks.max())))[-1])
            if self.run == 0:
                self.run_start = self.clock - len(window)
            self.run += len(window)
            self.voiced += len(window)
            self.voice_end = self.clock - len(window) + (last + 1) * BLOCK
        elif self.clock - self.voice_end > MAX_GAP:
            self.run = 0


def to_ms(samples: int) -> int:
    """24 kHz samples as whole milliseconds, rounded down."""
    return samples * 1000 // SAMPLE_RATE


def to_samples(ms: int) -> int:
    """Milliseconds as 24 kHz samples, exactly."""
    return ms * SAMPLE_RATE // 1000
