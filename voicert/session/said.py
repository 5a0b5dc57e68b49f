"""What the assistant said in one item, frame by frame, and where it is cut when only a part was heard."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Said:
    """One assistant item. Frame ``i`` was made by step ``first_step + i`` of the model.

    A word sounds from ``lead_frames`` frames after the frame in which it was written.
    """

    response: int
    item: int
    first_step: int
    frame_samples: int
    lead_frames: int
    input_end_ms: int | None  # end of the speech it answers
    first_audio_ms: int
    longest: int  # samples: a longer one is cut
    pieces: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])  # (frame, text)
    made: int = 0  # frames
    told: int = (
        0  # frames that were given to the outlet: fewer than made never, more while some are made again
    )
    start: int | None = None  # playback position of its first sample, once that was sent
    sent: int = 0  # samples
    announced: bool = False  # its `ResponseStarted` was sent
    done: bool = False  # its `ResponseDone` was sent
    audible: bool = False  # a frame louder than the threshold was made
    cut_at: int | None = None  # samples: what was heard of it when it was cut
    kept: int | None = None  # frames: what the model may remember of it since then

    @property
    def transcript(self) -> str:
        return "".join(text for _, text in self.pieces)

    def write(self, text: str) -> str:
        """Adds a piece in the present frame → what is new to the reader; the first one loses its space."""
        text = text if self.pieces else text.lstrip()
        if text:
            self.pieces.append((self.made, text))
        return text

    def redo(self, frames: int) -> None:
        """Only the first ``frames`` frames stand; the others will be made again."""
        self.made = min(self.made, frames)
        self.pieces = [(at, text) for at, text in self.pieces if at < frames]

    def cut(self, heard: int, at_least: int = 0) -> int:
        """Nothing after sample ``heard`` was heard → how many of its frames the model may remember.

        The last word that stays is the one that was being spoken. What the model remembers ends before the
        next word was written, so that its context and the transcript say the same.

        Args:
            at_least: frames that it cannot forget any more.
        """
        heard = min(heard, self.made * self.frame_samples)
        self.cut_at = heard if self.cut_at is None else min(self.cut_at, heard)
        kept = -(-heard // self.frame_samples)
        kept = kept if self.kept is None else min(kept, self.kept)  # words that are gone count no more
        for first, last in self._words():
            if (first + self.lead_frames) * self.frame_samples >= heard or last >= kept:
                kept = min(kept, first)
                break
        kept = self.kept = max(kept, min(at_least, self.made))
        self.pieces = [(at, text) for at, text in self.pieces if at < kept]
        return kept

    def _words(self) -> list[tuple[int, int]]:
        """(first, last) frame in which each word was written; a word begins with a space."""
        words: list[tuple[int, int]] = []
        for at, text in self.pieces:
            if words and not text.startswith(" "):
                words[-1] = (words[-1][0], at)
            else:
                words.append((at, at))
        return words
