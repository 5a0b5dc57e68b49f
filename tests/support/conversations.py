"""A bank of two requests and two answers of noise, and conversations that scripts/nano composes of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from nano.bank import Bank, Utterance
from nano.domain import TOPICS
from nano.timeline import FRAME, Answer, Composer, Conversation, make_answer
from numpy.typing import NDArray

from tests.support.tiny import MODEL, SILENCE
from voicert.models.vocabulary import END, PAD, START, Vocabulary

TOPIC_NUMBERS = (0, 1)
SPOKEN = (100, 25)  # frames of the answers
AUDIBLE = 10  # the frame of an answer's codes in which its sound begins
FRAMES = 700  # of a conversation
VOCABULARY = Vocabulary.build([TOPICS[t].answer for t in TOPIC_NUMBERS] + ["hello", "good morning"])


def make_bank(folder: Path) -> Bank:
    """On disk as scripts/make_bank.py writes it."""
    lengths = [SPOKEN[0] * FRAME, SPOKEN[1] * FRAME - 100, 14_000, 9_000]
    starts = [0, *np.cumsum(lengths)[:-1].tolist()]
    noise = np.random.default_rng(0).integers(-9000, 9000, sum(lengths)).astype(np.int16)
    noise.tofile(folder / "audio.i16")
    requests = zip(("good morning", "hello"), starts[2:], lengths[2:], strict=True)
    spoken = [
        Utterance(text, topic, "none", "v", 1.0, 1.0, start, length, False).__dict__
        for topic, (text, start, length) in enumerate(requests)
    ]
    texts = [TOPICS[t].answer for t in TOPIC_NUMBERS] + ["good morning", "hello"]
    ends = {t: [(i + 1) / len(t.split()) for i in range(len(t.split()))] for t in texts}
    answers = list(zip(starts[:2], lengths[:2], strict=True))
    (folder / "index.json").write_text(
        json.dumps({"utterances": spoken, "answers": answers, "word_ends": ends})
    )
    return Bank(folder)


def spoken_answer(bank: Bank, topic: int) -> tuple[Answer, NDArray[np.int64]]:
    """An answer of random codes, and those codes [K, T]."""
    frames = AUDIBLE + SPOKEN[topic] + 20
    codes = np.random.default_rng(topic).integers(MODEL.codebook_size, size=(MODEL.codebooks, frames))
    return make_answer(codes, AUDIBLE, SPOKEN[topic], topic, bank, VOCABULARY, MODEL.delays, SILENCE), codes


def make_composer(bank: Bank, utterances: list[Utterance] | None = None) -> Composer:
    answers = [spoken_answer(bank, topic)[0] for topic in TOPIC_NUMBERS]
    return Composer(bank, utterances or bank.utterances, answers, SILENCE, VOCABULARY)


def conversation(composer: Composer, seed: int, interruptions: float = 0.4) -> Conversation:
    return composer.compose(np.random.default_rng(seed), FRAMES, interruptions)


def inside_of(text: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[T] true from each start to its end, as the runtime keeps it; refuses what its grammar forbids."""
    inside, on = np.zeros(len(text), np.bool_), False
    for t, token in enumerate(text.tolist()):
        assert token != START or not on, "an answer started inside of one"
        inside[t] = on or token == START
        assert token == PAD or inside[t], f"token {token} outside of an answer"
        on = bool(inside[t]) and token != END
    return inside
