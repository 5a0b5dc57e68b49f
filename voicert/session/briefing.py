"""What the client wants of the model: for the whole session, or for one answer. Pure.

The model is told before its next step, whenever that is not what it was told last.
"""

from __future__ import annotations

from voicert.models.base import Brief


class Briefing:
    """One session's."""

    def __init__(self) -> None:
        self._usual = Brief()
        self._own: Brief | None = None  # of the answer that was asked for
        self._told = Brief()

    def set(self, brief: Brief) -> None:
        """From now on, as long as no answer has a brief of its own."""
        self._usual = brief

    def asked(self, brief: Brief | None) -> None:
        """An answer was asked for; None: it is as the others."""
        self._own = brief

    def answered(self) -> None:
        """The answer is made, or not wanted any more."""
        self._own = None

    def news(self) -> Brief | None:
        """What the model must be told before its next step; None when it knows."""
        brief = self._usual if self._own is None else self._own
        if brief == self._told:
            return None
        self._told = brief
        return brief
