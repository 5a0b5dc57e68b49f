"""Works on a state as a whole, whatever it is made of: nested dataclasses and tuples with tensors as leaves.

Every leaf has the batch first, so that one row of all leaves is the state of one slot.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

import torch
from torch import Tensor

S = TypeVar("S")


def named_leaves(state: object, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """Name and tensor of each leaf in the order of the fields, such as ``("stages.0.residual", ...)``.

    Raises:
        TypeError: a part is neither tensor, dataclass, tuple nor None.
    """
    if isinstance(state, Tensor):
        yield name, state
    for key, part in _named_parts(state):
        yield from named_leaves(part, f"{name}.{key}" if name else key)


def leaves(state: object) -> list[Tensor]:
    return [leaf for _, leaf in named_leaves(state)]


def rebuild(like: S, tensors: Iterable[Tensor]) -> S:
    """A state of the structure of ``like`` with ``tensors`` as its leaves, in the order of ``leaves``."""
    rest = iter(tensors)
    return _mapped(like, lambda part: next(rest) if isinstance(part, Tensor) else None)


def change(state: S, function: Callable[[Tensor], Tensor]) -> S:
    """The state with ``function`` applied to each leaf."""
    return rebuild(state, [function(leaf) for leaf in leaves(state)])


@runtime_checkable
class InPlace(Protocol):
    """A part of a state that is too large to be copied for each call, such as a cache of keys and values."""

    def lend(self, rows: Tensor) -> InPlace:
        """The part as the networks take it, for ``rows`` only; it shares its memory with this one."""
        ...

    def settle(self, rows: Tensor, new: InPlace) -> None:
        """Takes over what the networks made of the lent part."""
        ...


def lend(state: S, rows: Tensor) -> S:
    """The rows that ``rows`` (integers [B]) names, in that order: a copy but where a part is ``InPlace``."""

    def build(part: Any) -> Any:
        if isinstance(part, Tensor):
            return part.index_select(0, rows)
        return part.lend(rows) if isinstance(part, InPlace) else None

    return _mapped(state, build)


def settle(state: object, rows: Tensor, new: object) -> None:
    """Writes what the networks made of lent rows back into ``state``."""
    if isinstance(state, InPlace):
        state.settle(rows, cast(InPlace, new))
    elif isinstance(state, Tensor):
        state.index_copy_(0, rows, cast(Tensor, new))
    else:
        for part, other in zip(_parts(state), _parts(new), strict=True):
            settle(part, rows, other)


def copy_rows(state: S, rows: Tensor) -> S:
    """A copy of the rows that ``rows`` (integers [B]) names."""
    return change(state, lambda leaf: leaf.index_select(0, rows))


def write_rows(state: object, rows: Tensor, saved: object) -> None:
    """Copies the rows of ``saved`` into those of ``state`` that ``rows`` names."""
    for leaf, part in zip(leaves(state), leaves(saved), strict=True):
        leaf.index_copy_(0, rows, part)


def repeat(state: S, batch: int) -> S:
    """``batch`` copies of a state of one row."""
    return change(state, lambda leaf: leaf.expand(batch, *leaf.shape[1:]).clone())


def clone(state: S) -> S:
    return change(state, torch.clone)


def _named_parts(state: object) -> list[tuple[str, object]]:
    """What a state consists of; nothing when it is a leaf."""
    if state is None or isinstance(state, Tensor):
        return []
    if isinstance(state, tuple):
        return [(str(i), part) for i, part in enumerate(cast(tuple[object, ...], state))]
    if dataclasses.is_dataclass(state):
        return [(field.name, getattr(state, field.name)) for field in dataclasses.fields(state)]
    raise TypeError(f"a state holds tensors, dataclasses and tuples, not {type(state).__name__}")


def _parts(state: object) -> list[object]:
    return [part for _, part in _named_parts(state)]


def _mapped(state: Any, leaf: Callable[[Any], Any]) -> Any:
    """A state whose parts are what ``leaf`` gives for them; where that is None, for what they consist of."""
    made = leaf(state)
    if made is not None or state is None:
        return made
    parts = [_mapped(part, leaf) for part in _parts(state)]
    return tuple(parts) if isinstance(state, tuple) else type(state)(*parts)
