"""In which numbers training computes: bfloat16 only where the machine is faster with it."""

from __future__ import annotations

import pytest
import torch
from nano.precision import FAST, mixed


@pytest.mark.parametrize("fast", [None, *FAST])
def test_a_cpu_that_has_no_bfloat16_computes_in_float32(
    monkeypatch: pytest.MonkeyPatch, fast: str | None
) -> None:
    monkeypatch.setattr(
        torch.cpu, "get_capabilities", lambda: {"avx2": True} | {name: name == fast for name in FAST}
    )
    a = torch.ones(2, 2)
    with mixed(torch.device("cpu")):
        assert (a @ a).dtype == (torch.bfloat16 if fast else torch.float32)
