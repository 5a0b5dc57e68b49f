"""Where a step stands: the clock of frames, and the clock of words."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from voicert_codecs.blocks.rotary import RotaryTable

from voicert.models.onnx_graph import _cos_sin
from voicert.models.places import STILL, Places, written
from voicert.models.slots import StepInputs
from voicert.models.vocabulary import PAD
from voicert.models.whole import attend_to_some

WIDTH, HEADS, KV_HEADS = 8, 4, 2


def test_angles_stay_exact_in_long_conversations() -> None:
    """A month at 50 steps a second is 130 million steps."""
    for position in (0, 1, 999_983, 130_000_001):
        cos, sin = _cos_sin(np.array([[position]]) * 10_000.0 ** (-np.arange(0, 8, 2) / 8))
        for i in range(4):
            angle = math.fmod(position * 10_000.0 ** (-2 * i / 8), 2 * math.pi)
            assert float(cos[0, i]) == pytest.approx(math.cos(angle), abs=2e-7)
            assert float(sin[0, i]) == pytest.approx(math.sin(angle), abs=2e-7)


def looked(frames: list[int], steps: int, words: int, first: int = 0) -> tuple[Tensor, Tensor]:
    """How much the last of ``steps`` looks [H] at the first half of ``frames``, and at the second.

    Something is written at every one of these; they are alike in all cases, and so is the last step. The last
    ``words`` heads of keys are for words.
    """
    random = torch.Generator().manual_seed(3)
    said = torch.randn(len(frames), KV_HEADS, WIDTH, generator=random)
    asks = torch.randn(1, 1, HEADS, WIDTH, generator=random)
    key, some = torch.randn(1, steps, KV_HEADS, WIDTH, generator=random), torch.full((1, steps), PAD)
    key[0, frames], some[0, frames] = said, 5
    places = places_of(some, first)
    query, key = places.put(words, asks.expand(1, steps, -1, -1), key)
    # The value of a step tells whether it is one of the first half, or of the second.
    value = torch.zeros(1, steps, KV_HEADS, 2)
    half = len(frames) // 2
    value[0, frames[:half], :, 0] = value[0, frames[half:], :, 1] = 1.0
    seen = attend_to_some(query[:, -1:], key.transpose(1, 2), value.transpose(1, 2), torch.zeros(1, 1, steps))
    return seen[0, 0, 0::2], seen[0, 0, 1::2]


def places_of(text: Tensor, first: int = 0) -> Places:
    some = written(text, torch.full_like(text, PAD))
    clocks = torch.arange(text.shape[1])[None], first + some.cumsum(1)
    frames, words = RotaryTable(WIDTH, 1e4)(clocks[0]), RotaryTable(WIDTH, 1e4, STILL)(clocks[1])
    return Places(frames, words, some)


@pytest.mark.parametrize("words", [1, 2])
def test_a_head_for_words_sees_them_alike_however_fast_they_come(words: int) -> None:
    typed, spoken = looked([1, 2, 3, 4], 9, words), looked([1, 9, 20, 27], 60, words, first=1000)
    of_words = slice(HEADS - words * HEADS // KV_HEADS, None)
    for fast, slow in zip(typed, spoken, strict=True):
        torch.testing.assert_close(fast[of_words], slow[of_words], atol=1e-4, rtol=0)
    assert torch.all((typed[0] + typed[1])[of_words] > 0.9999)  # and nothing else


def test_a_head_for_frames_sees_everything() -> None:
    typed, spoken = looked([1, 2, 3, 4], 9, 1), looked([1, 9, 20, 27], 60, 1)
    frames = slice(HEADS // KV_HEADS)
    assert torch.all((typed[0] + typed[1])[frames] < 0.9)
    assert not torch.allclose(typed[0][frames], spoken[0][frames], atol=1e-2)


def test_the_order_of_words_is_seen() -> None:
    """A key that looks the same is another one a word later."""
    for words in (1, 2):
        key, text = torch.ones(1, 6, KV_HEADS, WIDTH), torch.tensor([[5, PAD, 5, PAD, 5, PAD]])
        _, put = places_of(text).put(words, torch.ones(1, 6, HEADS, WIDTH), key)
        of_words = put[0, :, KV_HEADS - words :]
        assert not torch.allclose(of_words[0], of_words[2], atol=1e-2)
        torch.testing.assert_close(of_words[2, :, :-1], of_words[3, :, :-1])  # silence adds nothing


def test_parts_of_a_run_count_on() -> None:
    random = np.random.default_rng(1)
    texts = np.where(random.random((2, 3, 40)) < 0.4, 7, PAD)
    none = np.zeros((3, 2, 40), np.int64)
    whole = StepInputs(none, none, *texts, np.array([0, 5, 1000]))
    cut = [whole.part(first, 8).clock for first in range(0, 40, 8)]
    assert np.array_equal(np.concatenate(cut, 1), whole.clock)
    assert whole.clock[:, -1].tolist() == (whole.words + (texts != PAD).any(0).sum(1)).tolist()


def test_heads_for_words_need_a_clock_of_words() -> None:
    places = Places(RotaryTable(WIDTH, 1e4)(torch.zeros(1, 1, dtype=torch.int64)))
    query, key = torch.zeros(1, 1, HEADS, WIDTH), torch.zeros(1, 1, KV_HEADS, WIDTH)
    places.put(0, query, key)
    with pytest.raises(ValueError, match="no clock of words"):
        places.put(1, query, key)
