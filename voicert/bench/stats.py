"""Percentiles of what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Summary:
    """Percentiles in the unit of the values, None when there are none; linear between neighbours."""

    p50: float | None
    p95: float | None
    p99: float | None
    count: int


def summarise(values: Sequence[float]) -> Summary:
    """The summary of measured values, in any order."""
    if not values:
        return Summary(None, None, None, 0)
    p50, p95, p99 = (
        float(value) for value in np.percentile(np.asarray(values, dtype=np.float64), [50, 95, 99])
    )
    return Summary(p50, p95, p99, len(values))
