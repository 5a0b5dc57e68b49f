"""Whether the model may begin an answer: by itself, only when it is asked, or now. Pure.

A model that may not is hushed, and tells in each step whether it wanted to begin. Asked to answer, it goes
back to the step in which it last wanted to; if it never did, it gets some silence to begin in; then it must.
"""

from __future__ import annotations

from dataclasses import dataclass

PATIENCE_MS = 500  # of silence, before an answer that was asked for is forced


@dataclass(frozen=True, slots=True)
class Prompt:
    """How the next step is to be taken outside of an answer."""

    hush: bool = False
    start: bool = False  # an answer must begin
    back_to: int | None = None  # the step that is to be taken again


class Prompter:
    """Follows the steps that lie outside of answers.

    Args:
        patience_frames: silence before an answer that was asked for is forced.
    """

    def __init__(self, patience_frames: int) -> None:
        self._patience = patience_frames
        self._wanted: int | None = None  # the last step in which the model wanted to begin, and nobody spoke
        self._quiet = 0  # frames since the question was asked in which nobody spoke
        self.typed = False  # something was typed, and the model was not asked to answer yet
        self.asked = False
        self.longest: int | None = None  # samples: of the answer that was asked for

    def ask(self, longest: int | None = None) -> None:
        """The model shall answer now."""
        self.asked, self.longest, self._quiet = True, longest, 0

    def drop(self) -> None:
        """It need not any more; also once it has begun."""
        self.asked, self.longest, self._wanted, self.typed = False, None, None, False

    def stepped(self, step: int, wants: bool, quiet: bool) -> None:
        """A step was taken outside of an answer; ``quiet``: the user said nothing in it."""
        if not quiet:
            self._wanted, self._quiet = None, 0
            return
        self._wanted = step if wants else self._wanted
        self._quiet += 1

    def back(self, step: int) -> None:
        """The model has gone back to before this step."""
        if self._wanted is not None and self._wanted >= step:
            self._wanted = None

    def next(self, free: bool) -> Prompt:
        """For the next step; ``free``: the model may begin by itself."""
        if self.asked:
            return Prompt(
                start=self._wanted is not None or self._quiet >= self._patience, back_to=self._wanted
            )
        return Prompt(hush=self.typed or not free)
