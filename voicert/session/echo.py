"""Is what the microphone hears the assistant's own voice? Pure; for clients without echo cancellation.

An echo is what was played, some time ago, quieter and coloured by the room. So the energies of a few bands of
the last 600 ms of the input are compared with those of what was played, at every delay up to 800 ms:

    log energy, band by band, less its mean   ─▶ correlation: the same melody?          (colour falls out)
    the gain that this gives, band by band    ─▶ is the last 100 ms louder than the echo would be?

It is an echo if the melody is the same and nothing is on top of it. A listener whose microphone was silent
for long enough while the assistant spoke has no echo, and is not guarded any more.
"""

from __future__ import annotations

import numpy as np

from voicert.session.bands import FLOOR_DB, Bands, Floats

SPAN = 60  # hops that are compared
RECENT = 10  # hops that must not be louder than the echo
DELAYS = 80  # hops: an echo comes at most so late
AUDIBLE_DB = -55.0  # of all bands: what is quieter is not looked at, here or there
SAME = 0.6  # correlation of an echo with what was played; other voices reach 0.5
ON_TOP_DB = 5.0  # mean over the bands by which something else is louder than the echo
SLACK_DB = 3.0  # by which an echo may exceed what is expected, in a band
BUSY = 0.6  # of what was played must be audible for an echo to be missed
CERTAIN = 36_000  # samples in which an echo was missed: this listener wears headphones


class EchoGuard:
    """Knows what was played and what is heard; `hear` with every frame of the input."""

    def __init__(self) -> None:
        self._unplayed: Floats = np.zeros(0, np.float32)
        self._played = Bands(SPAN + DELAYS)
        self.heard = Bands(SPAN)
        self._without_echo = 0  # samples heard in which an echo would have been, and was not

    def play(self, pcm: Floats) -> None:
        """``pcm`` [n] is on its way to the speaker and will be played after what was given before."""
        self._unplayed = np.concatenate([self._unplayed, pcm])

    def flush(self) -> None:
        """What was not played yet will not be."""
        self._unplayed = self._unplayed[:0]

    def hear(self, pcm: Floats, playing: bool) -> bool:
        """Whether ``pcm`` [n * 240] is an echo; in that time the speaker played on, or stood still."""
        played = np.zeros(len(pcm), np.float32)
        if playing:
            some = self._unplayed[: len(pcm)]
            played[: len(some)] = some
            self._unplayed = self._unplayed[len(some) :]
        self._played.add(played)
        self.heard.add(pcm)
        if self._played.loudest() <= AUDIBLE_DB:
            return False
        if self.heard.loudest(RECENT) <= AUDIBLE_DB:
            if self._played.busy(AUDIBLE_DB) > BUSY:
                self._without_echo = min(self._without_echo + len(pcm), CERTAIN)
            return False
        if self._without_echo >= CERTAIN or not self._is_echo():
            return False
        self._without_echo = 0
        return True

    def _is_echo(self) -> bool:
        heard = self.heard.energies  # [SPAN, BANDS]
        views = np.lib.stride_tricks.sliding_window_view(self._played.energies, SPAN, axis=0)
        played = views[1:].transpose(0, 2, 1)  # [DELAYS, SPAN, BANDS], the longest delay first
        # Of a faint echo only the loud parts stand out of the noise; the rest of what was played is no hint.
        deepest = np.percentile(heard, 5, axis=0) - heard.max(0)  # [BANDS]
        played = np.maximum(played, played.max(1, keepdims=True) + deepest)
        melody = heard - heard.mean(0)
        others = played - played.mean(1, keepdims=True)
        power = np.einsum("sb,sb->", melody, melody) * np.einsum("dsb,dsb->d", others, others)
        same = np.einsum("sb,dsb->d", melody, others) / np.sqrt(power + 1e-6)
        best = int(same.argmax())
        return float(same[best]) > SAME and _on_top(heard, played[best]) < ON_TOP_DB


def _on_top(heard: Floats, played: Floats) -> float:
    """By how much the last hops of ``heard`` [SPAN, BANDS] are louder than an echo of ``played``, in dB."""
    past = slice(0, SPAN - RECENT)
    loud = played[past] > played[past].max(0) - 20.0  # quieter hops are mostly noise
    gain = np.where(loud, heard[past] - played[past], 0.0).sum(0) / np.maximum(loud.sum(0), 1)  # [BANDS]
    expected = np.maximum(played[SPAN - RECENT :] + gain, FLOOR_DB)
    return float(np.maximum(heard[SPAN - RECENT :] - expected - SLACK_DB, 0.0).mean())
