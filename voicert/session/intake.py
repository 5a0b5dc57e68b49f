"""The ready queue of one session: what the client sends, in order; chunks of any size in, whole frames out.

Bound: `limit_frames` of samples and given tokens waiting, and MOST_MARKS. At the bound the newest are dropped
and the caller is told.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from voicert.models.base import Brief
from voicert.session.vad import SAMPLE_RATE

MOST_MARKS = 100
STALL_S = 0.2  # a client that sends nothing for so long has stopped; less is jitter
Chunk = NDArray[np.float32]  # [samples]
Kind: TypeAlias = Literal["commit", "clear", "respond", "recount", "recounted"]


@dataclass(frozen=True, slots=True)
class Sound:
    """One whole frame."""

    pcm: Chunk
    complete_at: float  # seconds: when its last sample came


@dataclass(frozen=True, slots=True)
class Given:
    """A token for the user's text; it takes a frame of silence."""

    token: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that the client wanted after what stands before it and before what stands after it."""

    kind: Kind
    longest_ms: int | None = None  # of the answer, for "respond"
    brief: Brief | None = None  # of this answer alone, for "respond"
    ref: str = ""  # the client's name of the item, for "recounted"


Entry: TypeAlias = Sound | Given | Mark


class Intake:
    """Cuts chunks into frames, each with the time at which its last sample came."""

    def __init__(self, frame_samples: int, limit_frames: int, now: float = 0.0) -> None:
        self._frame = frame_samples
        self._period_s = frame_samples / SAMPLE_RATE
        self._pushed_at = now  # seconds: when the client last sent something
        self._padded_at = 0.0  # seconds: when silence was last due
        self._limit = limit_frames
        self._ready: deque[Entry] = deque()
        self._frames = 0  # entries that are no marks, at most limit_frames
        self._rest: Chunk = np.zeros(0, np.float32)  # less than a frame

    def __len__(self) -> int:
        """Entries that wait."""
        return len(self._ready)

    def push(self, pcm: Chunk, now: float) -> int:
        """Takes ``pcm`` [n] that came at ``now``; gives how many samples at its end were dropped."""
        self._pushed_at = now
        return self._push(pcm, now)

    def silence_due(self, urgent: bool) -> float | None:
        """When a frame of silence must stand in for the client's sound; None while something waits here.

        Args:
            urgent: at once, and not only when the client seems to have stopped.
        """
        if self._ready:
            return None
        return self._pushed_at if urgent else max(self._pushed_at + STALL_S, self._padded_at + self._period_s)

    def pad(self, due: float, now: float) -> None:
        """Completes one frame with the silence that was due; it never catches up with what was missed."""
        self._padded_at = due if now < due + self._period_s else now
        self._push(np.zeros(self._frame, np.float32), self._padded_at)

    def give(self, tokens: list[int]) -> bool:
        """Takes tokens of the user's text; False when there is no room for all of them."""
        if self._frames + len(tokens) > self._limit:
            return False
        for token in tokens:
            self._put(Given(token))
        return True

    def recount(self, pcm: Chunk, ref: str, now: float) -> bool:
        """Takes a recording [n] between two marks; False when there is no room for all of it."""
        whole = np.concatenate([pcm, np.zeros(-len(pcm) % self._frame, np.float32)])
        frames = whole.reshape(-1, self._frame)
        if self._frames + len(frames) > self._limit or self._frames + MOST_MARKS < len(self._ready) + 2:
            return False
        self._ready.append(Mark("recount"))
        for frame in frames:
            self._put(Sound(frame, now))
        self._ready.append(Mark("recounted", ref=ref))
        return True

    def mark(self, mark: Mark, now: float) -> bool:
        """Puts a mark behind all that came before, a frame that has begun included; False: no room."""
        if self._frames + MOST_MARKS <= len(self._ready):
            return False
        if len(self._rest) and mark.kind == "commit":
            self._push(np.zeros(self._frame - len(self._rest), np.float32), now)
        self._ready.append(mark)
        return True

    def unmark(self, kind: Kind) -> None:
        """Takes all marks of a kind away."""
        self._ready = deque(e for e in self._ready if not (isinstance(e, Mark) and e.kind == kind))

    def pop(self) -> Entry | None:
        """The oldest entry, or None."""
        entry = self._ready.popleft() if self._ready else None
        self._frames -= entry is not None and not isinstance(entry, Mark)
        return entry

    def forget(self) -> None:
        """Drops the sound that came after the last mark."""
        kept: list[Entry] = []
        while self._ready and not isinstance(self._ready[-1], Mark):
            entry = self._ready.pop()
            if isinstance(entry, Given):
                kept.append(entry)
            else:
                self._frames -= 1
        self._ready.extend(reversed(kept))
        self._rest = np.zeros(0, np.float32)

    def clear(self) -> None:
        """Drops everything."""
        self._ready.clear()
        self._frames = 0
        self._rest = np.zeros(0, np.float32)

    def _push(self, pcm: Chunk, now: float) -> int:
        room = (self._limit - self._frames) * self._frame - len(self._rest)
        dropped = max(0, len(pcm) - room)
        kept = pcm[: len(pcm) - dropped]
        data = np.concatenate([self._rest, kept]) if len(self._rest) else kept
        whole = len(data) // self._frame * self._frame
        for start in range(0, whole, self._frame):
            self._put(Sound(data[start : start + self._frame], now))
        self._rest = data[whole:]
        return dropped

    def _put(self, entry: Sound | Given) -> None:
        self._ready.append(entry)
        self._frames += 1
