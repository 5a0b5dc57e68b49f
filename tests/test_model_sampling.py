"""Drawing tokens: most likely without temperature, true to the probabilities with it, and repeatable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicert.models.sampling import draw, uniforms

quick = settings(deadline=None, derandomize=True, max_examples=50)
rows = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed))


@quick
@given(rows, st.integers(1, 5), st.integers(1, 20), st.integers(1, 30))
def test_without_temperature_the_most_likely(
    rng: np.random.Generator, count: int, size: int, top: int
) -> None:
    logits = rng.standard_normal((count, size)).astype(np.float32)
    assert draw(logits, 0.0, top, rng.random(count)).tolist() == logits.argmax(-1).tolist()


@quick
@given(rows, st.integers(2, 40), st.integers(1, 50), st.floats(0.1, 5.0))
def test_only_the_likeliest_few_are_drawn(
    rng: np.random.Generator, size: int, top: int, temperature: float
) -> None:
    logits = rng.standard_normal((1, size)).astype(np.float32).repeat(64, 0)
    best = set(np.argsort(-logits[0])[:top].tolist())
    assert set(draw(logits, temperature, top, rng.random(64)).tolist()) <= best


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_come_as_often_as_they_are_likely(temperature: float) -> None:
    logits = np.array([1.0, -2.0, 0.5, 0.0, 3.0], np.float32)
    kept = np.array([0, 2, 3, 4])  # of top 4
    weight = np.exp(logits[kept] / temperature)
    even = (np.arange(20_000) + 0.5) / 20_000  # every part of [0, 1) equally
    drawn = draw(np.tile(logits, (20_000, 1)), temperature, 4, even)
    share = np.bincount(drawn, minlength=5) / 20_000
    np.testing.assert_allclose(share[kept], weight / weight.sum(), atol=1e-4)
    assert share[1] == 0


def test_the_ends_of_the_range_are_tokens_too() -> None:
    logits = np.zeros((2, 3), np.float32)
    assert draw(logits, 1.0, 3, np.array([0.0, np.nextafter(1.0, 0.0)])).tolist() == [0, 2]


def test_impossible_tokens_are_never_drawn() -> None:
    logits = np.array([[-np.inf, 0.0, -np.inf]], np.float32).repeat(50, 0)
    assert set(draw(logits, 1.0, 3, np.linspace(0, 0.999, 50)).tolist()) == {1}


def test_numbers_depend_on_seed_and_position_only() -> None:
    assert np.array_equal(uniforms(7, 1000, 9), uniforms(7, 1000, 9))
    assert np.array_equal(uniforms(7, 1000, 3), uniforms(7, 1000, 9)[:3])
    assert not np.array_equal(uniforms(7, 1000, 9), uniforms(8, 1000, 9))


def test_no_two_positions_share_a_number() -> None:
    """A counter that went on from one position into the next would give steps that repeat each other."""
    numbers = np.concatenate([uniforms(0, p, 17) for p in [*range(300), 10**9, 10**9 + 1]])
    assert len(np.unique(numbers)) == len(numbers)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert numbers.mean() == pytest.approx(0.5, abs=0.02)
    assert np.corrcoef(numbers[:-17], numbers[17:])[0, 1] == pytest.approx(0, abs=0.05)
