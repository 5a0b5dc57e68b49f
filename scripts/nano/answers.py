"""The assistant's answers as tokens: when each word is written, and the codes of the voice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nano.sound import Audio
from voicert.models.vocabulary import END, PAD, START, Vocabulary

LEAD_FRAMES = 1  # the answer's start token comes this much before its first audible frame
WORD_LEAD = 2  # a word of the answer is written this many frames before it sounds

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Answer:
    """The tokens of one whole answer, from its start token to its end token, both included."""

    text: Ints  # [n]
    codes: Ints  # [K, n], rows already lag by the model's delays
    pcm: Audio  # its sound, which begins LEAD_FRAMES after its first token


def delayed(codes: Ints, delays: tuple[int, ...], fill: Ints) -> Ints:
    """codes [K, T] with row k moved right by ``delays[k]``, the gap filled with ``fill`` [K]."""
    out = np.repeat(fill[:, None], codes.shape[1], axis=1)
    for k, d in enumerate(delays):
        out[k, d:] = codes[k, : codes.shape[1] - d]
    return out


def place_words(words: list[list[int]], ends: list[float], frames: int) -> list[tuple[int, int]]:
    """(frame, token) of every token when each word is written at its start; several never share a frame."""
    placed: list[tuple[int, int]] = []
    free = 0
    for i, tokens in enumerate(words):
        begin = 0.0 if i == 0 else ends[i - 1]
        free = max(free, round(begin * frames))
        for token in tokens:
            placed.append((free, token))
            free += 1
    return placed


def make_answer(codes: Ints, audible: int, pcm: Audio, spoken_frames: int, text: str, ends: list[float],
                vocabulary: Vocabulary, delays: tuple[int, ...], silence: Ints) -> Answer:  # fmt: skip
    """``codes`` [K, T] of silence, answer, silence; ``audible`` is the frame in which the sound begins."""
    first = audible - LEAD_FRAMES
    last = audible + spoken_frames + max(delays) + 2  # the end token: sound and its lagging rows are over
    stream = delayed(codes, delays, silence)[:, first : last + 1]
    row = np.full(last + 1 - first, PAD)
    row[0], row[-1] = START, END
    words = [vocabulary.encode_word(w) for w in text.split()]
    for frame, token in place_words(words, ends, spoken_frames):
        at = max(1, LEAD_FRAMES + frame - WORD_LEAD)
        while at < len(row) - 1 and row[at] != PAD:
            at += 1
        row[at] = token
    return Answer(row, stream, pcm)
