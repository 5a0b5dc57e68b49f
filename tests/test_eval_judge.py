"""The independent ear: it hears what a voice says, and the same each time."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from voicert_clients.wav import read_wav

from tests.support.scripted import silence
from tests.support.wav import flite
from voicert.evaluation.judge import Judge

LETTERS = [" ".join(some) for some in itertools.product("bdegptv", "aijkmno", "flmnsx")]


def test_the_judge_hears_what_a_voice_says(tmp_path: Path) -> None:
    said = ("what is the capital of france", "count to five")
    judge = Judge([*said, "how are you today", "two plus three is five", "the capital of spain is madrid"])
    assert judge.unheard == []
    for text in said:
        assert judge.hear(read_wav(flite(text, tmp_path))) == text.split()
    assert judge.hear(silence(500)) in ([], ["a"], ["the"], ["how"], ["two"])
    noise = np.random.default_rng(1).standard_normal(24_000).astype(np.float32) * np.float32(0.1)
    assert len(judge.hear(noise)) < 4


def test_what_it_heard_before_makes_no_difference(tmp_path: Path) -> None:
    """Letters in noise, which it mishears: those of the decoder's guesses that it keeps decide how."""
    rng = np.random.default_rng(0)

    def in_noise(text: str) -> NDArray[np.float32]:
        pcm = read_wav(flite(text, tmp_path))
        return pcm + rng.standard_normal(len(pcm)).astype(np.float32) * np.float32(0.02)

    judge = Judge(LETTERS)
    sounds = [in_noise(text) for text in ("t o x", "e i s", "v m l", "g k x", "p n n", "e a f", "g a m")]
    once = [judge.hear(pcm) for pcm in sounds]
    for order in (1, 2, 3):  # each after another one than before
        for i in range(len(sounds)):
            at = i * order % len(sounds)
            assert judge.hear(sounds[at]) == once[at]
