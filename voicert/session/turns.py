"""What a conversation remembers of one user item, from its beginning until its text has settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from voicert.session.events import UserDone, UserText
from voicert.session.speech import to_ms


@dataclass
class UserTurn:
    """One user item. Its text comes in pieces, each from one step of the model."""

    item: int
    start: int  # samples on the input clock
    end: int | None = None  # None while the user speaks
    text_at: int = 0  # samples: when the last piece of text came
    pieces: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])  # (step, text)
    told: str = ""  # what the world knows of the text

    @property
    def transcript(self) -> str:
        return "".join(text for _, text in self.pieces).lstrip()

    def write(self, step: int, piece: str, now: int) -> UserText | None:
        """Adds a piece of text; the first one loses its leading space. None when nothing is new to tell."""
        self.pieces.append((step, piece))
        self.text_at = now
        return self._tell()

    def rewrite(self, first: int, last: int, pieces: Sequence[tuple[int, str]]) -> UserText | None:
        """The steps from ``first`` to before ``last`` were taken again, and heard these pieces.

        What was told and does not hold any more is put right by `UserDone` alone.
        """
        before = [piece for piece in self.pieces if piece[0] < first]
        after = [piece for piece in self.pieces if piece[0] >= last]
        self.pieces = [*before, *pieces, *after]
        return self._tell()

    def settled(self, now: int, quiet: int) -> bool:
        """Whether speech is over and neither voice nor text came for ``quiet`` samples."""
        return self.end is not None and now - max(self.end, self.text_at) >= quiet

    def done(self) -> UserDone:
        end = self.start if self.end is None else self.end
        return UserDone(self.item, self.transcript, max(0, to_ms(end - self.start)))

    def _tell(self) -> UserText | None:
        text = self.transcript
        if not text.startswith(self.told) or text == self.told:
            return None
        delta, self.told = text[len(self.told) :], text
        return UserText(self.item, delta)
