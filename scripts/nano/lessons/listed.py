"""Lists of phrases beside the code: ``[name]`` on a line of its own, then one phrase per line."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def listed(file: str) -> dict[str, tuple[str, ...]]:
    """name → phrases of a file in this folder.

    Raises:
        ValueError: a phrase stands before the first name, or a name twice.
    """
    found: dict[str, list[str]] = {}
    name = ""
    for line in Path(__file__).with_name(file).read_text("ascii").splitlines():
        if line.startswith("["):
            name = line.strip("[]")
            if name in found:
                raise ValueError(f"{file} has [{name}] twice")
            found[name] = []
        elif not name:
            raise ValueError(f"{file} must begin with a name in brackets, not with {line!r}")
        else:
            found[name].append(line)
    return {name: tuple(phrases) for name, phrases in found.items()}


def more(name: str) -> tuple[str, ...]:
    """Trained wordings of a family besides those beside its answers; there may be none.

    They were written by somebody who knew the family's trained wordings and not the held-out ones, and none
    of them has a held-out one in it.
    """
    return listed("wordings.txt").get(name, ())
