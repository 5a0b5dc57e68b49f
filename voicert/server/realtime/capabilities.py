"""What the loaded model can do, so that a client neither waits for the impossible nor is misled.

Shown under ``session.voicert.capabilities``. What a model cannot do is refused where ignoring it would
mislead (tools it would never call, text it would never read); instructions and items of others' history are
kept and shown but do not reach it. Transcripts of the user, which stock clients ask for by habit, are `null`
where the model writes none.
"""

from __future__ import annotations

from dataclasses import dataclass

from voicert.server.realtime.reading import Refused


@dataclass(frozen=True)
class Capabilities:
    """Of one model. ``Bundle.capabilities`` names those that it has."""

    has: frozenset[str] = frozenset()

    @property
    def typed_text(self) -> bool:
        """Reads what a user types."""
        return "typed_text" in self.has

    @property
    def tools(self) -> bool:
        """Calls functions and hears their results."""
        return "tools" in self.has

    @property
    def instructions(self) -> bool:
        """Follows instructions and system messages."""
        return "instructions" in self.has

    @property
    def user_transcripts(self) -> bool:
        """Writes down what it hears."""
        return "user_transcripts" in self.has

    def describe(self) -> list[str]:
        """What is not in it, the model cannot do."""
        return sorted(self.has)

    def lacks(self, what: str, param: str) -> Refused:
        """The refusal of something that needs what the model cannot do.

        Args:
            what: the sentence's beginning, such as ``The model cannot see images``.
            param: the field at fault.
        """
        message = f"{what}; session.voicert.capabilities tells what it can do."
        return Refused(message, "unsupported_by_model", param)
