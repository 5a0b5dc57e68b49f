"""Requests, answers, and families of topics that are asked for in the same words.

A request is an opening, a wording and a closing ("could you", "spell dog", "please"). Some wordings of every family
are held out: training never sees them, neither with this subject nor with another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from nano.lessons.listed import more

# What people put before a question, a command or nothing in particular; the empty one is the most common.
QUESTION = ("", "", "", "", "please tell me", "tell me", "can you tell me", "could you tell me", "do you know", "okay", "so", "hey",
            "well", "i want to know")  # fmt: skip
COMMAND = ("", "", "", "", "please", "can you", "could you", "would you please", "will you", "now", "okay", "hey",
           "i want you to", "can you please")  # fmt: skip
PLAIN = ("", "", "", "okay", "well", "hey")
BARE = ("",)

# And what they put after it.
AFTER = ("", "", "", "", "", "", "please", "for me", "now")
NOTHING_AFTER = ("",)


@dataclass(frozen=True)
class Exchange:
    """One request and its one right answer."""

    request: str  # lower case, without punctuation, numbers as words: as it is spoken and written down
    answer: str  # as it is spoken and shown
    family: str  # name of the family it is of
    topic: str  # what is asked about: unique within the family
    held_out: bool = False  # the wording is never trained on
    after: str = ""  # only makes sense after a turn of this family; "*" is any


@dataclass(frozen=True)
class Topic:
    """One answer and what distinguishes the requests for it."""

    subject: str  # what wordings have in place of {}; two subjects are joined by a bar and fill {0} and {1}
    answer: str


@dataclass(frozen=True)
class Family:
    """Topics that are asked for in the same wordings."""

    name: str
    topics: Sequence[Topic]
    wordings: tuple[str, ...]  # trained ones, to which `more` adds
    held_out: tuple[str, ...]
    openings: tuple[str, ...] = QUESTION
    closings: tuple[str, ...] = NOTHING_AFTER
    weight: float = 1.0  # how often it is drawn
    follow_up: tuple[str, ...] = ()  # wordings that only make sense after another topic of this family
    by_topic: dict[str, Topic] = field(init=False, repr=False, default_factory=dict[str, Topic])

    def __post_init__(self) -> None:
        object.__setattr__(self, "wordings", (*self.wordings, *more(self.name)))  # it is frozen
        self.by_topic.update({t.subject: t for t in self.topics})
        if len(self.by_topic) != len(self.topics):
            raise ValueError(f"the family {self.name} has a subject twice")

    def draw(self, rng: np.random.Generator, held_out: bool = False) -> Exchange:
        """A request for one of the topics, in a trained or in a held-out wording."""
        topic = self.topics[rng.integers(len(self.topics))]
        wording = str(rng.choice(self.held_out if held_out else self.wordings))
        request = join(
            str(rng.choice(self.openings)), fill(wording, topic.subject), str(rng.choice(self.closings))
        )
        return Exchange(request, topic.answer, self.name, topic.subject, held_out)

    def follow(self, rng: np.random.Generator) -> Exchange | None:
        """A topic asked for in few words, as people do after another one of the family; None if they do not."""
        if not self.follow_up:
            return None
        topic = self.topics[rng.integers(len(self.topics))]
        request = fill(str(rng.choice(self.follow_up)), topic.subject)
        return Exchange(request, topic.answer, self.name, topic.subject, after=self.name)

    def requests(self, topic: Topic, held_out: bool = False) -> Iterator[str]:
        """Every request for a topic."""
        for wording in self.held_out if held_out else self.wordings:
            for opening in dict.fromkeys(self.openings):
                for closing in dict.fromkeys(self.closings):
                    yield join(opening, fill(wording, topic.subject), closing)


def fill(wording: str, subject: str) -> str:
    """``wording`` with the subject, or its parts, in place of the braces."""
    return wording.format(*subject.split("|"))


def join(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def single(name: str, answer: str, wordings: Sequence[str], held_out: Sequence[str], *, openings: tuple[str, ...] = QUESTION,
           closings: tuple[str, ...] = NOTHING_AFTER, weight: float = 1.0) -> Family:  # fmt: skip
    """A family of one topic."""
    return Family(name, (Topic(name, answer),), tuple(wordings), tuple(held_out), openings, closings, weight)
