"""What a conversation remembers of the user's turn and of the response in progress."""

from __future__ import annotations

from dataclasses import dataclass, field

from voicert.session.events import Reason, ResponseDone, ResponseText, Status, UserDone, UserText
from voicert.session.speech import to_ms


@dataclass
class UserTurn:
    """One user item, from the beginning of speech until its text has settled."""

    item: int
    start: int  # samples on the input clock
    end: int | None = None  # None while the user speaks
    text_at: int = 0  # samples: when the last piece of text came
    pieces: list[str] = field(default_factory=list[str])

    def write(self, piece: str, now: int) -> UserText | None:
        """Adds a piece of text; the first one loses its leading space. None when nothing is left."""
        piece = piece if self.pieces else piece.lstrip()
        if not piece:
            return None
        self.pieces.append(piece)
        self.text_at = now
        return UserText(self.item, piece)

    def settled(self, now: int, quiet: int) -> bool:
        """Whether speech is over and neither voice nor text came for ``quiet`` samples."""
        return self.end is not None and now - max(self.end, self.text_at) >= quiet

    def done(self) -> UserDone:
        end = self.start if self.end is None else self.end
        return UserDone(self.item, "".join(self.pieces), max(0, to_ms(end - self.start)))


@dataclass
class Response:
    """The response in progress: what was written and sent of it, and how far it was heard."""

    response: int
    item: int
    input_end_ms: int | None  # end of the speech it answers
    first_audio_ms: int
    pieces: list[tuple[int, str]] = field(
        default_factory=list[tuple[int, str]]
    )  # (its sample position, text)
    sent: int = 0  # samples
    heard: int | None = None  # samples, as the client reports it
    audible: bool = False  # a frame louder than the threshold was sent

    def write(self, piece: str) -> ResponseText | None:
        """Adds a piece of text at the present position; the first one loses its leading space."""
        piece = piece if self.pieces else piece.lstrip()
        if not piece:
            return None
        self.pieces.append((self.sent, piece))
        return ResponseText(self.response, self.item, piece)

    def hear(self, samples: int) -> None:
        """The client has played this many samples; a report never takes back an earlier one."""
        self.heard = max(self.heard or 0, min(max(samples, 0), self.sent))

    def done(self, status: Status, reason: Reason | None) -> ResponseDone:
        """A cut transcript ends at the heard position, when that is known."""
        end = self.sent if status == "completed" or self.heard is None else self.heard
        pieces = self.pieces if end == self.sent else [p for p in self.pieces if p[0] < end]
        transcript = "".join(text for _, text in pieces)
        return ResponseDone(self.response, self.item, status, reason, transcript, self.sent, self.heard)
