"""Who speaks in a conversation: requests of the bank, and what a room and a hesitation do to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from nano.augment import colour
from nano.bank import Bank, Utterance
from nano.lessons import LONGEST_AGAIN
from nano.phones import SILENCE
from nano.revoice import revoiced
from nano.sound import FRAME, Audio

PAUSE_S = (0.3, 1.2)
LONGEST_TOLD = (
    150  # frames of an answer beyond which it is drawn less often, so that most time is spent on listening
)
READING = "reading"  # after what a reading comes: nothing, it is no request
STOPPED = "Okay."  # the answer to all that only asks for silence
STOPS = 0.2  # share of interruptions that are one of those


class Shares(Protocol):
    """What of a conversation's habits decides the next request."""

    @property
    def pauses(self) -> float: ...
    @property
    def follow_ups(self) -> float: ...


@dataclass(frozen=True)
class Request:
    """A request as it is heard this time."""

    utterance: Utterance
    answer: str
    pcm: Audio
    word_ends: list[int]  # samples from its beginning
    phones: NDArray[np.uint8]  # [ceil(samples / FRAME)], see `nano.phones`


class Speakers:
    """Draws from the utterances it is given; the bank's complete requests tell where a pause would be an end.

    Args:
        lengths: frames of every answer.
        others: share of what is said that another person says, see `nano.revoice`.
    """

    def __init__(
        self, bank: Bank, utterances: list[Utterance], lengths: dict[str, int], others: float = 0.0
    ) -> None:
        self.bank = bank
        self.others = others
        self.lengths = lengths
        self.complete = {u.text for u in bank.utterances}
        self.alone = [u for u in utterances if not u.after]
        self.stops = [u for u in self.alone if u.answer == STOPPED]
        self.small = [u for u in utterances if u.after == "small"]
        self.readings = [u for u in utterances if u.after == READING]
        self.again = [u for u in utterances if u.after == "*"]
        self.after: dict[str, list[Utterance]] = {}
        for u in utterances:
            if u.after not in ("", "small", "*", READING):
                self.after.setdefault(u.after, []).append(u)

    def request(
        self, rng: np.random.Generator, before: Utterance | None, said: str, shares: Shares
    ) -> Request:
        """The next request after ``before`` was answered with ``said`` ("" if this one cuts it short)."""
        cut = before is not None and not said
        if cut and self.stops and rng.random() < STOPS:
            utterance = self.stops[rng.integers(len(self.stops))]
            answer = utterance.answer
        else:
            utterance, answer = self._pick(rng, before, said, shares.follow_ups)
        heard = self.said(rng, utterance, shares.pauses)
        return replace(heard, answer=answer, pcm=colour(rng, heard.pcm))

    def said(
        self, rng: np.random.Generator, utterance: Utterance, pauses: float, bend: float = 0.6
    ) -> Request:
        """The utterance at another speed in a share ``bend`` of cases, with a pause in a share ``pauses``."""
        pcm, phones = self.bank.audio(utterance), self.bank.phones(utterance)
        ends = [int(w * len(pcm)) for w in utterance.words]
        if self.others and rng.random() < self.others:
            pcm, ends, phones = revoiced(rng, pcm, ends, phones)
        elif rng.random() < bend:  # speed, pitch and formants together
            factor = float(np.exp(rng.uniform(-0.2, 0.2)))
            pcm = soxr.resample(pcm, 24_000, 24_000 * factor, quality="LQ")
            ends = [int(w * len(pcm)) for w in utterance.words]
            phones = phones[np.linspace(0, len(phones) - 1, -(-len(pcm) // FRAME)).round().astype(int)]
        heard = Request(utterance, utterance.answer, pcm, ends, phones)
        if rng.random() < pauses and (words := self.pausable(utterance)):
            return self._hesitate(rng, heard, int(rng.choice(words)))
        return heard

    def reading(self, rng: np.random.Generator) -> Request:
        """Words that ask for nothing."""
        heard = self.said(rng, self.readings[rng.integers(len(self.readings))], 0.0)
        return replace(heard, pcm=colour(rng, heard.pcm))

    def small_sound(self, rng: np.random.Generator) -> Audio:
        """What a listener says without wanting the turn."""
        return colour(rng, self.bank.audio(self.small[rng.integers(len(self.small))])) * np.float32(0.7)

    def babble(self, rng: np.random.Generator, samples: int) -> Audio:
        """Three people talking at once, all the time."""
        row, some = np.zeros(samples, np.float32), self.alone or self.readings
        for _ in range(3):
            at = -int(rng.integers(24_000))
            while at < samples:
                pcm = self.bank.audio(some[rng.integers(len(some))])
                begin, end = max(at, 0), min(at + len(pcm), samples)
                row[begin:end] += pcm[begin - at : end - at] if end > begin else 0.0
                at += len(pcm) + int(rng.integers(7200))
        return row

    def _pick(
        self, rng: np.random.Generator, before: Utterance | None, said: str, follow: float
    ) -> tuple[Utterance, str]:
        if before and said and rng.random() < follow:
            if self.again and len(said) <= LONGEST_AGAIN and rng.random() < 0.3:
                return self.again[rng.integers(len(self.again))], said
            if some := self.after.get(before.family):
                u = some[rng.integers(len(some))]
                if u.topic != before.topic:
                    return u, u.answer
        while True:
            u = self.alone[rng.integers(len(self.alone))]
            if rng.random() < min(1.0, LONGEST_TOLD / self.lengths[u.answer]):
                return u, u.answer

    def pausable(self, u: Utterance) -> list[int]:
        """Words after which nobody would take the request for complete."""
        words = u.text.split()
        if u.after or u.family in ("digits", "say_back"):
            return []
        return [i for i in range(len(words) - 1) if " ".join(words[: i + 1]) not in self.complete]

    def _hesitate(self, rng: np.random.Generator, heard: Request, word: int) -> Request:
        """A pause after ``word``, the sound faded out and in around it."""
        at, pause = heard.word_ends[word], int(rng.uniform(*PAUSE_S) * 24_000)
        fade = np.linspace(1.0, 0.0, 240, dtype=np.float32)
        head, tail = heard.pcm[:at].copy(), heard.pcm[at:].copy()
        head[-len(fade) :] *= fade[-len(head) :]
        tail[: len(fade)] *= fade[::-1][: len(tail)]
        pcm = np.concatenate([head, np.zeros(pause, np.float32), tail])
        before, after = np.split(heard.phones, [at // FRAME])
        silent = np.full(-(-len(pcm) // FRAME) - len(heard.phones), SILENCE, np.uint8)
        ends = [e if i <= word else e + pause for i, e in enumerate(heard.word_ends)]
        return replace(heard, pcm=pcm, word_ends=ends, phones=np.concatenate([before, silent, after]))
