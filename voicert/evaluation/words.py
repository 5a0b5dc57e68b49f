"""Counting words that differ."""

from __future__ import annotations

import re
from collections.abc import Sequence


def spoken_words(text: str) -> list[str]:
    """``text`` as it is spoken: lower case, without punctuation; single letters stay words of their own."""
    return re.findall(r"[a-z]+(?:'[a-z]+)?", text.lower())


def errors(found: Sequence[str], wanted: Sequence[str]) -> int:
    """Insertions, deletions and replacements that make one of the other (Levenshtein distance)."""
    row = list(range(len(wanted) + 1))
    for i, a in enumerate(found, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(wanted, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]
