"""The response gaps of a live conversation. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from statistics import median

from voicert_clients.pcm import SAMPLES_PER_MS
from voicert_clients.wire import AudioDelta, Event, ResponseStarted, SpeechStopped, TurnTiming

REMEMBERED = 100  # gaps that the median looks back on


class Gaps:
    """Follows the events of a conversation and takes the gap once an answer can be heard."""

    def __init__(self) -> None:
        self.count = 0
        self.item_id = ""  # the answer that is to be listened for, "" for none
        self._ended_ms: float | None = None  # end of the user's speech on the input clock
        self._recent: deque[float] = deque(maxlen=REMEMBERED)

    @property
    def last_ms(self) -> float | None:
        return self._recent[-1] if self._recent else None

    @property
    def median_ms(self) -> float | None:
        return median(self._recent) if self._recent else None

    def handle(self, event: Event) -> None:
        """Applies one event; those that tell nothing about the gap are ignored."""
        match event:
            case SpeechStopped():
                self._ended_ms = event.audio_end_ms
            case TurnTiming(input_end_ms=float() as ended_ms):  # our own server knows it better
                self._ended_ms = ended_ms
            case ResponseStarted():
                self.item_id = ""
            case AudioDelta():
                self.item_id = event.item_id
            case _:
                pass

    def measure(
        self, taken_at: Callable[[float], float], audible_since: Callable[[str], float | None]
    ) -> None:
        """Takes the gap of the answer in progress, once, when it can be heard.

        Args:
            taken_at: when an input sample was at the microphone, in seconds.
            audible_since: when an item's first audible sample left the speaker, on the same clock; None
                when it has not.
        """
        heard_s = audible_since(self.item_id) if self.item_id else None
        if self._ended_ms is None or heard_s is None:
            return
        gap_ms = (heard_s - taken_at(self._ended_ms * SAMPLES_PER_MS)) * 1000
        self._ended_ms = None
        if gap_ms >= 0:  # else the answer began while the user still spoke
            self.count += 1
            self._recent.append(gap_ms)
