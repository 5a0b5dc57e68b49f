"""States as a whole: rows lent, settled, copied and repeated, whatever they are made of."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor
from voicert_codecs.blocks import state as whole


@dataclass
class Inner:
    a: Tensor
    b: Tensor | None


@dataclass
class Outer:
    first: Tensor
    inner: tuple[Inner, ...]
    last: Tensor


def numbered(batch: int) -> Outer:
    """Every leaf's row i is filled with i plus the leaf's own hundred."""
    rows = torch.arange(batch, dtype=torch.float32)
    return Outer(
        rows.reshape(-1, 1).repeat(1, 3),
        (Inner(rows[:, None, None] + 100, rows + 200), Inner(rows + 300, None)),
        torch.zeros(batch, 0, 4),
    )


def row(state: object, index: int) -> list[float]:
    return [float(leaf[index].mean()) for leaf in whole.leaves(state) if leaf.numel()]


def test_leaves_have_names_in_the_order_of_the_fields() -> None:
    assert [name for name, _ in whole.named_leaves(numbered(1))] == [
        "first",
        "inner.0.a",
        "inner.0.b",
        "inner.1.a",
        "last",
    ]


def test_rebuild_is_the_way_back_from_leaves() -> None:
    state = numbered(2)
    again = whole.rebuild(state, [leaf + 1 for leaf in whole.leaves(state)])
    assert isinstance(again, Outer)
    assert again.inner[1].b is None
    assert row(again, 1) == [2, 102, 202, 302]


def test_what_is_lent_is_settled_into_its_rows() -> None:
    state = numbered(4)
    rows = torch.tensor([3, 1])
    lent = whole.lend(state, rows)
    assert row(lent, 0) == [3, 103, 203, 303]
    whole.settle(state, rows, whole.rebuild(lent, [leaf + 1000 for leaf in whole.leaves(lent)]))
    assert row(state, 0) == [0, 100, 200, 300]
    assert row(state, 1) == [1001, 1101, 1201, 1301]
    assert row(state, 2) == [2, 102, 202, 302]
    assert row(state, 3) == [1003, 1103, 1203, 1303]


def test_copies_do_not_share() -> None:
    state = numbered(2)
    for copy in (whole.copy_rows(state, torch.tensor([0, 1])), whole.clone(state)):
        for leaf in whole.leaves(copy):
            leaf.fill_(-1)
    assert row(state, 1) == [1, 101, 201, 301]
    whole.write_rows(state, torch.tensor([1]), whole.copy_rows(state, torch.tensor([0])))
    assert row(state, 1) == row(state, 0)


def test_repeated_rows_do_not_share() -> None:
    many = whole.repeat(numbered(1), 3)
    many.first[0] = -1
    assert row(many, 1) == [0, 100, 200, 300]
    assert many.last.shape == (3, 0, 4)


@dataclass
class Log:
    """A part that looks after its rows itself, and writes down what it is asked."""

    rows: Tensor
    asked: list[str] = field(default_factory=list)

    def lend(self, rows: Tensor) -> Log:
        return Log(rows, [*self.asked, f"lend {rows.tolist()}"])

    def settle(self, rows: Tensor, new: Log) -> None:
        self.asked = [*new.asked, f"settle {rows.tolist()}"]

    def copy_rows(self, rows: Tensor) -> Log:
        return Log(rows, [f"copy {rows.tolist()}"])

    def write_rows(self, rows: Tensor, saved: Log) -> None:
        self.asked = [*saved.asked, f"write {rows.tolist()}"]

    def repeat(self, batch: int) -> Log:
        return Log(self.rows, [f"repeat {batch}"])


def test_parts_in_place_look_after_their_rows_themselves() -> None:
    state = (torch.zeros(3), Log(torch.arange(3)))
    rows = torch.tensor([2, 0])
    whole.settle(state, rows, whole.lend(state, rows))
    assert state[1].asked == ["lend [2, 0]", "settle [2, 0]"]
    whole.write_rows(state, rows, whole.copy_rows(state, rows))
    assert state[1].asked == ["copy [2, 0]", "write [2, 0]"]
    assert whole.repeat((torch.zeros(1), state[1]), 5)[1].asked == ["repeat 5"]


def test_other_parts_are_refused() -> None:
    with pytest.raises(TypeError, match="not dict"):
        whole.leaves((torch.zeros(1), {"a": torch.zeros(1)}))
