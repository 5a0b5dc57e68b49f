"""What came of each thing that the bench tried, judged from what the ledger has of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from voicert_clients.pcm import SAMPLES_PER_MS

from voicert.bench.ledger import Answer

Reply = Literal["answered", "early", "none"]
Stop = Literal["stopped", "went on", "ended before", "no answer"]
Aside = Literal["resumed", "not noticed", "lost or repeated", "stopped", "ended before", "no answer"]


@dataclass(frozen=True)
class Turn:
    """A request and what came of it."""

    name: str
    reply: Reply  # early: it could be heard before the user had ended
    gap_ms: float | None  # response gap, where it was answered


@dataclass(frozen=True)
class Interruption:
    """A barge-in and what came of it."""

    name: str
    outcome: Stop
    stop_ms: float | None  # stop time, where it stopped
    decision_to_silence_ms: float | None = None  # of the decision that silenced it for good


@dataclass(frozen=True)
class Acknowledgement:
    """A backchannel, a cough or a noise during an answer, and what came of it."""

    name: str
    outcome: Aside
    paused_ms: float | None = None  # how long the answer was held, where it was


@dataclass(frozen=True)
class Recall:
    """An answer that was interrupted somewhere, and what the server remembers of it."""

    lag_ms: int  # of the client's speaker behind the network
    heard_ms: float  # of the answer, when it fell silent
    heard: str  # the last word that had begun to sound, "" for none
    remembered: str  # the last word of the item's transcript
    words_off: int  # words that the transcript has too many, or too few if negative

    @property
    def exact(self) -> bool:
        """The transcript ends at the word that was heard last."""
        return self.words_off == 0 and self.heard == self.remembered


def first_heard_after(answers: list[Answer], position: int) -> Answer | None:
    """The first of ``answers`` that could be heard, not before ``position``."""
    for answer in answers:
        first = answer.hearing.first_audible
        if first is not None and first >= position:
            return answer
    return None


def judge_turn(name: str, answers: list[Answer], end: int) -> Turn:
    """What came of a request whose speech ended at ``end``, from the answers since it began."""
    heard = [one.hearing.first_audible for one in answers if one.hearing.first_audible is not None]
    if not heard:
        return Turn(name, "none", None)
    if heard[0] < end:
        return Turn(name, "early", None)
    return Turn(name, "answered", (heard[0] - end) / SAMPLES_PER_MS)


def judge_interruption(name: str, answer: Answer, onset: int) -> Interruption:
    """What came of an answer over which speech began at ``onset``."""
    if answer.hearing.end <= onset:
        return Interruption(name, "ended before", None)
    if answer.status != "cancelled":
        return Interruption(name, "went on", None)
    stop_ms = (answer.hearing.end - onset) / SAMPLES_PER_MS
    silenced = [hold for hold in answer.holds if hold.resumed_at is None and hold.at >= onset]
    after_ms = max(0, answer.hearing.end - silenced[0].decided) / SAMPLES_PER_MS if silenced else None
    return Interruption(name, "stopped", stop_ms, after_ms)


def judge_aside(
    name: str, answer: Answer, onset: int, left_out: int, undisturbed: str | None
) -> Acknowledgement:
    """What came of an answer during which a sound began at ``onset`` that was not meant to stop it.

    Args:
        left_out: samples of silence that the speaker left out on purpose, to catch up.
        undisturbed: the transcript of the same answer when nothing disturbed it, where that is known.
    """
    if answer.hearing.end <= onset:
        return Acknowledgement(name, "ended before")
    if answer.status == "cancelled":
        return Acknowledgement(name, "stopped")
    whole = answer.passed == left_out and not answer.repeated and answer.unbroken
    whole &= undisturbed is None or answer.transcript.split() == undisturbed.split()
    holds = [hold for hold in answer.holds if hold.at >= onset]
    outcome: Aside = "lost or repeated" if not whole else "resumed" if holds else "not noticed"
    paused = sum(hold.resumed_at - hold.at for hold in holds if hold.resumed_at is not None)
    return Acknowledgement(name, outcome, paused / SAMPLES_PER_MS if holds else None)


def judge_recall(answer: Answer, lag_ms: int, lead_ms: float) -> Recall:
    """What is remembered of an interrupted answer.

    Args:
        lead_ms: how long before its sound begins a word is written.
    """
    heard = [piece for piece in answer.pieces if piece.position + lead_ms * SAMPLES_PER_MS < answer.heard]
    heard_words = "".join(piece.text for piece in heard).split()
    remembered = answer.transcript.split()
    return Recall(
        lag_ms=lag_ms,
        heard_ms=answer.heard / SAMPLES_PER_MS,
        heard=heard_words[-1] if heard_words else "",
        remembered=remembered[-1] if remembered else "",
        words_off=len(remembered) - len(heard_words),
    )
