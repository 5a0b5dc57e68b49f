"""``turn_detection`` of a session: who tells turns apart, and how.

With a duplex model the answer does not wait for a voice detector: the model decides when to speak, and these
settings shape what is reported and what interrupts it. Without turn detection (null) the model holds its
tongue until the client asks for a response.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from voicert.server.realtime.reading import Fields
from voicert.session import TurnSettings

_BOLD, _SHY = (0.3, 0.7)  # thresholds below and above which the detector is made more or less ready
_MOST_AGGRESSIVE = 3


@dataclass(frozen=True)
class TurnDetection:
    """As the client set it, laid over the server's defaults."""

    type: str = "server_vad"  # or "semantic_vad"
    silence_duration_ms: int = 500  # quiet that ends the user's turn
    create_response: bool = True  # the model answers by itself
    interrupt_response: bool = True  # the user's speech cuts the assistant's
    idle_timeout_ms: int | None = None  # of server_vad: quiet after which the assistant speaks again
    threshold: float = 0.5  # of server_vad: how clear a voice must be
    prefix_padding_ms: int = 300  # shown as it was given: the model has always heard everything before
    eagerness: str = "auto"  # of semantic_vad, likewise: how the model takes turns it has learned

    @staticmethod
    def of(turns: TurnSettings) -> TurnDetection | None:
        """What the server's defaults amount to."""
        if turns.detection == "manual":
            return None
        return TurnDetection(
            silence_duration_ms=turns.silence_ms,
            create_response=turns.create_response,
            interrupt_response=turns.interrupt != "off",
            idle_timeout_ms=turns.idle_timeout_ms,
        )

    def describe(self) -> dict[str, Any]:
        both = {"create_response": self.create_response, "interrupt_response": self.interrupt_response}
        if self.type == "semantic_vad":
            return {"type": self.type, "eagerness": self.eagerness, **both}
        return {
            "type": self.type,
            "threshold": self.threshold,
            "prefix_padding_ms": self.prefix_padding_ms,
            "silence_duration_ms": self.silence_duration_ms,
            "idle_timeout_ms": self.idle_timeout_ms,
            **both,
        }

    def turn_settings(self, turns: TurnSettings) -> TurnSettings:
        """The server's defaults as changed by this."""
        interrupt = "both" if turns.interrupt == "off" else turns.interrupt
        return replace(
            turns,
            detection="auto",
            create_response=self.create_response,
            silence_ms=self.silence_duration_ms,
            interrupt=interrupt if self.interrupt_response else "off",
            idle_timeout_ms=self.idle_timeout_ms if self.type == "server_vad" else None,
            vad_aggressiveness=self._aggressiveness(turns.vad_aggressiveness),
        )

    def _aggressiveness(self, usual: int) -> int:
        """The detector has four steps; 0.5 is the server's own, and each band around it one step away."""
        if self.type != "server_vad" or _BOLD <= self.threshold <= _SHY:
            return usual
        return max(0, usual - 1) if self.threshold < _BOLD else min(_MOST_AGGRESSIVE, usual + 1)


def by_hand(turns: TurnSettings) -> TurnSettings:
    """The server's defaults without turn detection: the client commits, and asks, and cancels."""
    return replace(turns, detection="manual", interrupt="off", idle_timeout_ms=None)


def read_turn_detection(before: TurnDetection | None, given: Fields) -> TurnDetection:
    """A ``turn_detection`` object laid over the one in force; after null it must name its type.

    Raises:
        Refused: a field is unknown, or of the wrong type or value.
    """
    kind = given.choice("type", ("server_vad", "semantic_vad"))
    if before is None:
        given.need_text("type")
        before = TurnDetection()
    silence = given.number("silence_duration_ms", 20, 10_000)
    padding = given.number("prefix_padding_ms", 0, 10_000)
    threshold = given.number("threshold", 0.0, 1.0)
    create, interrupt = given.flag("create_response"), given.flag("interrupt_response")
    eagerness = given.choice("eagerness", ("low", "medium", "high", "auto"))
    idle = given.number("idle_timeout_ms", 1000, 600_000)
    forgotten = given.is_null("idle_timeout_ms")
    given.finish(ignored=("model_version",))
    return TurnDetection(
        kind or before.type,
        before.silence_duration_ms if silence is None else round(silence),
        before.create_response if create is None else create,
        before.interrupt_response if interrupt is None else interrupt,
        None if forgotten else before.idle_timeout_ms if idle is None else round(idle),
        before.threshold if threshold is None else threshold,
        before.prefix_padding_ms if padding is None else round(padding),
        before.eagerness if eagerness is None else eagerness,
    )
