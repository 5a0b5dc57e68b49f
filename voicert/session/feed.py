"""What the model is fed with next: what waits, in its order, or the silence that is due. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicert.engine import Frame
from voicert.session.briefing import Briefing
from voicert.session.conversation import Conversation
from voicert.session.events import Event
from voicert.session.intake import Given, Intake, Mark, Sound

NEVER = float("inf")


class Feed:
    """Between the intake and the conversation of one session."""

    def __init__(self, intake: Intake, talk: Conversation, briefing: Briefing, frame_samples: int) -> None:
        self._intake = intake
        self._talk = talk
        self._briefing = briefing
        self._frame = frame_samples

    def pad(self, now: float) -> None:
        """Silence stands in for the client's sound, if it is due."""
        due = self._silence_due()
        if due <= now:
            self._intake.pad(due, now)

    def next(self, now: float) -> Frame | list[Event] | None:
        """The next frame; or what came of a request that stood before it, and there may be more."""
        match self._intake.pop():
            case Sound(pcm, complete_at):
                return self._steered(pcm, now if self._talk.recounting else complete_at)
            case Given(token):
                return self._steered(np.zeros(self._frame, np.float32), now, token)
            case Mark() as mark:
                return self._obey(mark, now)
            case None:
                return None

    def due(self, now: float) -> float:
        """When there will be something although nothing comes, in seconds; NEVER if there will not."""
        return min(self._talk.due(now), NEVER if self._talk.full else self._silence_due())

    def _silence_due(self) -> float:
        due = self._intake.silence_due(self._talk.urgent) if self._talk.waiting else None
        return NEVER if due is None else due

    def _obey(self, mark: Mark, now: float) -> list[Event]:
        match mark.kind:
            case "commit":
                return self._talk.commit()
            case "clear":
                self._talk.clear()
            case "respond":
                if not self._talk.responding:
                    self._briefing.asked(mark.brief)
                self._talk.respond(mark.longest_ms)
            case "recount":
                return self._talk.recount(now)
            case "recounted":
                return self._talk.recounted(mark.ref)
        return []

    def _steered(self, pcm: NDArray[np.float32], complete_at: float, token: int = -1) -> Frame:
        way = self._talk.steer(given=token >= 0)
        if not self._talk.responding:
            self._briefing.answered()
        brief = self._briefing.news()
        return Frame(pcm, complete_at, way.hush, way.start, token, way.rewind, way.retake, brief)
