"""Works on a state as a whole, whatever it is made of: nested dataclasses and tuples with tensors as leaves.

Every leaf has the batch first, so that one row of all leaves is the state of one slot. A part may look after
its rows itself, see :class:`InPlace`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

import torch
from torch import Tensor

S = TypeVar("S")


@runtime_checkable
class InPlace(Protocol):
    """A part of a state that is too large to be copied for each call, such as a cache of keys and values."""

    def lend(self, rows: Tensor) -> Any:
        """The part as the networks take it, for ``rows`` only; it shares its memory with this one."""
        ...

    def settle(self, rows: Tensor, new: Any) -> None:
        """Takes over what the networks made of the lent part."""
        ...

    def copy_rows(self, rows: Tensor) -> Any:
        """A copy of these rows as a part of its own."""
        ...

    def write_rows(self, rows: Tensor, saved: Any) -> None:
        """Copies all rows of ``saved`` into these."""
        ...

    def repeat(self, batch: int) -> Any:
        """``batch`` copies of a part of one row."""
        ...


def named_leaves(state: object, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """Name and tensor of each leaf in the order of the fields, such as ``("stages.0.residual", ...)``.

    Raises:
        TypeError: a part is neither tensor, dataclass, tuple nor None.
    """
    if isinstance(state, Tensor):
        yield name, state
        return
    for key, part in _named_parts(state):
        yield from named_leaves(part, f"{name}.{key}" if name else key)


def leaves(state: object) -> list[Tensor]:
    return [leaf for _, leaf in named_leaves(state)]


def rebuild(like: S, tensors: Iterable[Tensor]) -> S:
    """A state of the structure of ``like`` with ``tensors`` as its leaves, in the order of ``leaves``."""
    rest = iter(tensors)
    return _mapped(like, lambda _: next(rest))


def clone(state: S) -> S:
    return _mapped(state, torch.clone)


def lend(state: S, rows: Tensor) -> S:
    """The rows that ``rows`` (integers [B]) names, in that order: a copy but where a part is ``InPlace``."""
    return _mapped(state, lambda leaf: leaf.index_select(0, rows), lambda part: part.lend(rows))


def settle(state: object, rows: Tensor, new: object) -> None:
    """Writes what the networks made of lent rows back into ``state``."""
    _write(state, rows, new, lambda part, other: part.settle(rows, other))


def copy_rows(state: S, rows: Tensor) -> S:
    """A copy of the rows that ``rows`` (integers [B]) names."""
    return _mapped(state, lambda leaf: leaf.index_select(0, rows), lambda part: part.copy_rows(rows))


def write_rows(state: object, rows: Tensor, saved: object) -> None:
    """Copies all rows of ``saved`` into those of ``state`` that ``rows`` names."""
    _write(state, rows, saved, lambda part, other: part.write_rows(rows, other))


def repeat(state: S, batch: int) -> S:
    """``batch`` copies of a state of one row."""

    def copies(leaf: Tensor) -> Tensor:
        return leaf.expand(batch, *leaf.shape[1:]).clone()

    return _mapped(state, copies, lambda part: part.repeat(batch))


def _named_parts(state: object) -> list[tuple[str, object]]:
    """What a state consists of; nothing for None."""
    if state is None:
        return []
    if isinstance(state, tuple):
        return [(str(i), part) for i, part in enumerate(cast(tuple[object, ...], state))]
    if dataclasses.is_dataclass(state) and not isinstance(state, type):
        return [(field.name, getattr(state, field.name)) for field in dataclasses.fields(state)]
    raise TypeError(f"a state holds tensors, dataclasses and tuples, not {type(state).__name__}")


def _ends(state: object) -> Iterator[Tensor | InPlace]:
    """The leaves, and the parts that look after themselves, in order."""
    if isinstance(state, Tensor | InPlace):
        yield state
        return
    for _, part in _named_parts(state):
        yield from _ends(part)


def _write(state: object, rows: Tensor, new: object, own: Callable[[InPlace, Any], None]) -> None:
    """Writes the tensors of ``new`` into ``rows`` of ``state``, and with ``own`` what is ``InPlace``."""
    for part, other in zip(_ends(state), _ends(new), strict=True):
        if isinstance(part, Tensor):
            part.index_copy_(0, rows, cast(Tensor, other))
        else:
            own(part, other)


def _mapped(state: Any, leaf: Callable[[Tensor], Tensor], own: Callable[[InPlace], Any] | None = None) -> Any:
    """The state with ``leaf`` applied to its tensors, and ``own``, where given, to what is ``InPlace``."""
    if state is None:
        return None
    if isinstance(state, Tensor):
        return leaf(state)
    if own is not None and isinstance(state, InPlace):
        return own(state)
    parts = [_mapped(part, leaf, own) for _, part in _named_parts(state)]
    return tuple(parts) if isinstance(state, tuple) else type(state)(*parts)
