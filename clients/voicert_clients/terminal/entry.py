"""A line that is written in the terminal instead of being spoken. Pure."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST = 500  # characters
ENTER, ESCAPE, ERASE, ERASE_ALL = "\r\n", "\x1b", "\x7f\b", "\x15"


@dataclass
class TextEntry:
    """What has been written so far; keys come one by one."""

    text: str | None = None  # None while nothing is being written

    def begin(self) -> None:
        """The next keys are text."""
        self.text = ""

    def press(self, key: str) -> str | None:
        """One key; the whole line when it is finished and not empty."""
        text = self.text or ""
        if key in ENTER:
            self.text = None
            return text.strip() or None
        if key == ESCAPE:
            self.text = None
        elif key in ERASE:
            self.text = text[:-1]
        elif key == ERASE_ALL:
            self.text = ""
        elif key.isprintable() and len(text) < LONGEST:
            self.text = text + key
        return None
