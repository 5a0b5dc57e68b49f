"""All families together: draws a request, alone or as one that follows from the turn before."""

from __future__ import annotations

from functools import cache
from typing import Protocol

import numpy as np

from nano.lessons import unknown
from nano.lessons.dates import DATES
from nano.lessons.exchange import Exchange, Family
from nano.lessons.listed import more
from nano.lessons.nature import NATURE
from nano.lessons.numbers import NUMBERS
from nano.lessons.places import PLACES
from nano.lessons.spelling import WORDS
from nano.lessons.talk import TALK
from nano.lessons.telling import TELLING


class Drawn(Protocol):
    """What every family offers."""

    @property
    def name(self) -> str: ...
    @property
    def weight(self) -> float: ...
    def draw(self, rng: np.random.Generator, held_out: bool = False) -> Exchange: ...
    def follow(self, rng: np.random.Generator) -> Exchange | None: ...


FAMILIES: tuple[Drawn, ...] = (*NUMBERS, *DATES, *PLACES, *NATURE, *TELLING, *WORDS, *TALK, unknown.UNKNOWN)

# The same answer once more; the held-out wordings are the last three.
AGAIN = (*more("again"), "say that again", "again", "once more", "repeat that", "can you repeat that", "please repeat that",
         "what did you say", "pardon", "sorry what did you say", "say it again", "i did not hear that",
         "could you say that again", "one more time", "again please", "okay again", "hey say that again",
         "say it once more", "repeat your answer", "can you say it again", "what was that", "say that one more time",
         "could you say it once more", "what did you just say", "sorry i missed that", "i didn't catch that",
         "could you repeat that", "repeat it", "repeat that please", "come again", "what was your answer",
         "let me hear that again", "i would like to hear that again", "sorry can you repeat", "what were you saying",
         "give me the answer again", "once again please", "please say that once more", "could you repeat your answer",
         "tell me that again")  # fmt: skip
AGAIN_HELD_OUT = 3
READ = (5, 9)  # words of a reading
LONGEST_AGAIN = 90  # characters of an answer that is worth repeating word for word

_TOTAL = sum(f.weight for f in FAMILIES)
_SHARES = np.array([f.weight / _TOTAL for f in FAMILIES])


def draw(rng: np.random.Generator, held_out: bool = False) -> Exchange:
    """A request that can be understood alone, in a trained or in a held-out wording."""
    return FAMILIES[rng.choice(len(FAMILIES), p=_SHARES)].draw(rng, held_out)


def follow(rng: np.random.Generator) -> Exchange:
    """A request that only makes sense after another one of its family (`Exchange.after`)."""
    while True:
        if found := FAMILIES[rng.choice(len(FAMILIES), p=_SHARES)].follow(rng):
            return found


def again(rng: np.random.Generator, held_out: bool = False) -> Exchange:
    """Asks for the last answer once more: its own answer is empty, and it may come after any turn."""
    wordings = AGAIN[-AGAIN_HELD_OUT:] if held_out else AGAIN[:-AGAIN_HELD_OUT]
    return Exchange(str(rng.choice(wordings)), "", "again", "", held_out, after="*")


@cache
def lexicon(count: int = 30_000, seed: int = 0) -> tuple[str, ...]:
    """All words of all requests, those of held-out wordings among them: the wordings are secret, not the words."""
    rng = np.random.default_rng(seed)
    drawn = [draw(rng, held_out=i % 4 == 0).request for i in range(count)]
    return tuple(sorted({word for text in (*drawn, *AGAIN) for word in text.split()}))


def reading(rng: np.random.Generator) -> Exchange:
    """Words in no order, each as likely as any other: they ask for nothing, but each of them can be heard."""
    return Exchange(" ".join(rng.choice(lexicon(), rng.integers(*READ))), "", "reading", "", after="reading")


def answers() -> list[str]:
    """Every answer that is not made from the request."""
    return [t.answer for f in FAMILIES if isinstance(f, Family) for t in f.topics] + [unknown.ANSWER]


def sample_texts(count: int = 30_000, seed: int = 0) -> list[str]:
    """Requests and answers as often as they are drawn, and every answer once: what a vocabulary is built from."""
    rng = np.random.default_rng(seed)
    drawn = [draw(rng, held_out=False) for _ in range(count)]
    return [*answers(), *AGAIN, *(text for e in drawn for text in (e.request, e.answer))]
