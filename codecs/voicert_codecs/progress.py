"""How far a long file is, on a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

WAIT_S = 1.0  # what takes no longer shows nothing
EVERY_S = 0.2


class Progress:
    """One line that is written over itself, while the context lasts; nothing when ``stream`` is no terminal.

    Args:
        stream: usually standard error.
        verb: what is being done, such as "encode".
        whole_s: length of the sound, when it is known.
        now_s: the clock.
    """

    def __init__(self, stream: TextIO, verb: str, whole_s: float | None = None,
                 now_s: Callable[[], float] = time.monotonic) -> None:  # fmt: skip
        self._stream = stream if stream.isatty() else None
        self._verb = verb
        self._whole_s = whole_s
        self._now_s = now_s
        self._began = now_s()
        self._next = self._began + WAIT_S
        self._shown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        """Takes the line away."""
        if self._stream is not None and self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def show(self, done_s: float) -> None:
        """Tells how much of the sound is done."""
        now = self._now_s()
        if self._stream is None or now < self._next:
            return
        self._next = now + EVERY_S
        self._shown = True
        self._stream.write(f"\r\x1b[K{self._line(done_s, now - self._began)}")
        self._stream.flush()

    def _line(self, done_s: float, spent_s: float) -> str:
        """Such as "encode 0:42 of 1:00 (70 %), 23 × real time"."""
        whole = ""
        if self._whole_s:
            percent = min(100, round(100 * done_s / self._whole_s))
            whole = f" of {clock(self._whole_s)} ({percent} %)"
        return f"{self._verb} {clock(done_s)}{whole}, {done_s / max(spent_s, 1e-3):.0f} × real time"


def clock(seconds: float) -> str:
    """Minutes and seconds, and hours where there are any: "1:02:03"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
