"""What ``voicert chat`` shows: finished lines that scroll away, and a few live ones that are drawn again."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TextIO

from voicert_clients.terminal.transcript import Entry, Transcript

METER_CELLS = 12
METER_FLOOR_DBFS = -60.0
NAME_WIDTH = 9
UP_AND_CLEAR = "\x1b[1A\x1b[2K"  # to the line above, emptied
DIM, PLAIN = "\x1b[2m", "\x1b[0m"


@dataclass(frozen=True)
class Status:
    """The last line."""

    state: str  # listening, speaking, muted …
    level_dbfs: float  # of the microphone
    gap_ms: float | None  # of the last answer
    median_gap_ms: float | None
    writing: str | None = None  # what the user types; None while nothing is being typed


def entry_line(entry: Entry) -> str:
    """One side's words, as they stay on the screen."""
    return f"{entry.speaker:<{NAME_WIDTH}}{entry.shown}"


def status_line(status: Status) -> str:
    """Level, state and latency in one line; while the user types, that instead."""
    if status.writing is not None:
        return f"{'type':<{NAME_WIDTH}}{status.writing}▏"
    parts = [meter(status.level_dbfs), f"{status.state:<10}"]
    if status.gap_ms is not None and status.median_gap_ms is not None:
        parts.append(f"answered after {status.gap_ms:.0f} ms, median {status.median_gap_ms:.0f} ms")
    return "  ".join(parts)


def meter(level_dbfs: float) -> str:
    """A bar of METER_CELLS cells from METER_FLOOR_DBFS to full scale."""
    share = min(1.0, max(0.0, 1 - level_dbfs / METER_FLOOR_DBFS))
    filled = round(share * METER_CELLS)
    return "▮" * filled + "▯" * (METER_CELLS - filled)


def fitted(line: str, width: int) -> str:
    """A line that takes no second row: its beginning gives way, its name stays."""
    if len(line) <= width:
        return line
    keep = max(0, width - NAME_WIDTH - 1)
    return (line[:NAME_WIDTH] + "…" + line[len(line) - keep :])[:width]


class Screen:
    """A terminal; where the output is none, only finished lines are written."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = 0  # lines below the finished ones
        self._drawn = ""  # what they are
        self._terminal = out.isatty()

    def say(self, text: str) -> None:
        """A line that stays."""
        self._erase()
        self._out.write(text + "\n")
        self._out.flush()

    def draw(self, transcript: Transcript, status: Status) -> None:
        """Writes what is finished, and draws what is going on."""
        for entry in transcript.take_finished():
            self.say(entry_line(entry))
        if not self._terminal:
            return
        width = shutil.get_terminal_size().columns - 1
        lines = [fitted(entry_line(entry), width) for entry in transcript.live if entry.text.strip()]
        lines.append(DIM + fitted(status_line(status), width) + PLAIN)
        drawn = "".join(line + "\n" for line in lines)
        if drawn == self._drawn and self._live:
            return
        self._erase()
        self._out.write(drawn)
        self._out.flush()
        self._live, self._drawn = len(lines), drawn

    def close(self, transcript: Transcript) -> None:
        """Writes what is left and takes the live lines away."""
        for entry in transcript.take_finished(everything=True):
            self.say(entry_line(entry))
        self._erase()
        self._out.flush()

    def _erase(self) -> None:
        if self._live:
            self._out.write(UP_AND_CLEAR * self._live)
            self._live = 0
