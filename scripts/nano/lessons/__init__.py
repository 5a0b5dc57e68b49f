"""What the bundled model is taught: families of requests with one right answer each, and how they follow on."""

from nano.lessons.curriculum import (
    FAMILIES,
    LONGEST_AGAIN,
    again,
    answers,
    draw,
    follow,
    lexicon,
    reading,
    sample_texts,
)
from nano.lessons.exchange import Exchange, Family, Topic
from nano.lessons.spelling import WORDS
from nano.lessons.unknown import UNKNOWN

__all__ = [
    "FAMILIES",
    "LONGEST_AGAIN",
    "UNKNOWN",
    "WORDS",
    "Exchange",
    "Family",
    "Topic",
    "again",
    "answers",
    "draw",
    "follow",
    "lexicon",
    "reading",
    "sample_texts",
]
