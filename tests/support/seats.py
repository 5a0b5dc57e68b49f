"""A seat of the engine that a test writes down beforehand."""

from __future__ import annotations

import threading

from voicert.engine import Frame, Stepped


class Score:
    """Plays frames that were written down before, and keeps what came of them."""

    def __init__(self, *frames: Frame) -> None:
        self.frames = list(frames)
        self.results: list[Stepped] = []
        self.failure = ""
        self.over = threading.Event()

    def take(self, now: float) -> Frame | None:
        return self.frames[len(self.results)] if len(self.results) < len(self.frames) else None

    def due(self) -> float | None:
        return None

    def advance(self, frame: Frame, stepped: Stepped) -> None:
        self.results.append(stepped)
        if len(self.results) == len(self.frames):
            self.over.set()

    def fail(self, code: str, message: str) -> None:
        self.failure = f"{code}: {message}"
        self.over.set()

    @property
    def tokens(self) -> list[tuple[int, int, bool]]:
        return [(s.text, s.user_text, s.wants) for s in self.results]
