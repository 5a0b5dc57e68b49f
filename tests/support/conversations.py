"""A bank of noise in place of speech, and conversations that scripts/nano composes of it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from nano.answers import Answer, make_answer
from nano.bank import Answer as SpokenAnswer
from nano.bank import Bank, Utterance
from nano.batches import Shards
from nano.people import Speakers
from nano.phones import SILENCE as QUIET
from nano.sound import FRAME
from nano.timeline import Composer, Conversation, Habits
from numpy.typing import NDArray

from tests.support.tiny import MODEL, SILENCE
from voicert.models.vocabulary import END, PAD, START, Vocabulary

ANSWERS = ("Good morning! I hope you slept well.", "Hello!")
SPOKEN = (100, 25)  # frames of the answers
AUDIBLE = 10  # the frame of an answer's codes in which its sound begins
FRAMES = 700  # of a conversation
REQUESTS = ("good morning to you", "hello there")
VOCABULARY = Vocabulary.build([*ANSWERS, *REQUESTS, "mm hm"], 300)
CALM = Habits(
    interruptions=0.0,
    small_sounds=0.0,
    noises=0.0,
    pauses=0.0,
    typed=0.0,
    echo=0.0,
    babble=0.0,
    noisy=0.0,
    follow_ups=0.0,
    idle=0.0,
)


def make_bank(folder: Path) -> Bank:
    """On disk as scripts/make_bank.py writes it."""
    lengths = [14_000, 9_000, 6_000, SPOKEN[0] * FRAME, SPOKEN[1] * FRAME - 100]
    whole = [-(-n // FRAME) * FRAME for n in lengths]
    starts = [0, *np.cumsum(whole)[:-1].tolist()]
    noise = np.random.default_rng(0).integers(-9000, 9000, sum(whole)).astype(np.int16)
    noise.tofile(folder / "audio.i16")
    np.full(sum(whole) // FRAME, QUIET, np.uint8).tofile(folder / "phones.u8")
    rows: list[Utterance | SpokenAnswer] = []
    for i, text in enumerate((*REQUESTS, "mm hm")):
        answer, after = (ANSWERS[i], "") if i < 2 else ("", "small")
        words = [(w + 1) / len(text.split()) for w in range(len(text.split()))]
        rows.append(
            Utterance(
                text,
                answer,
                f"family{i}",
                text,
                after,
                "none",
                "v",
                "known",
                False,
                starts[i],
                lengths[i],
                words,
            )
        )
    for text, start, length in zip(ANSWERS, starts[3:], lengths[3:], strict=True):
        words = [(w + 1) / len(text.split()) for w in range(len(text.split()))]
        rows.append(SpokenAnswer(text, start, length, words))
    (folder / "index.jsonl").write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows))
    return Bank(folder)


def spoken_answer(bank: Bank, number: int) -> tuple[Answer, NDArray[np.int64]]:
    """An answer of random codes, and those codes [K, T]."""
    item = bank.answers[ANSWERS[number]]
    frames = AUDIBLE + SPOKEN[number] + 20
    codes = np.random.default_rng(number).integers(MODEL.codebook_size, size=(MODEL.codebooks, frames))
    made = make_answer(
        codes,
        AUDIBLE,
        bank.audio(item),
        SPOKEN[number],
        item.text,
        item.words,
        VOCABULARY,
        MODEL.delays,
        SILENCE,
    )
    return made, codes


def make_composer(bank: Bank, habits: Habits = CALM, utterances: list[Utterance] | None = None) -> Composer:
    answers = {text: spoken_answer(bank, i)[0] for i, text in enumerate(ANSWERS)}
    speakers = Speakers(
        bank, utterances or bank.utterances, {text: len(a.text) for text, a in answers.items()}
    )
    return Composer(speakers, answers, SILENCE, VOCABULARY, habits)


def with_habits(composer: Composer, **habits: float) -> Composer:
    """The same people with other habits."""
    changed = replace(CALM, **habits)
    return Composer(composer.speakers, composer.answers, composer.silence, composer.vocabulary, changed)


def talkative(folder: Path) -> Composer:
    """Composes conversations with interruptions and typed requests, of a bank made in ``folder``."""
    return with_habits(make_composer(make_bank(folder)), interruptions=0.4, typed=0.3)


def conversation(composer: Composer, seed: int) -> Conversation:
    return composer.compose(np.random.default_rng(seed), FRAMES)


def inside_of(text: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[T] true from each start to its end, as the runtime keeps it; refuses what its grammar forbids."""
    inside, on = np.zeros(len(text), np.bool_), False
    for t, token in enumerate(text.tolist()):
        assert token != START or not on, "an answer started inside of one"
        inside[t] = on or token == START
        assert token == PAD or inside[t], f"token {token} outside of an answer"
        on = bool(inside[t]) and token != END
    return inside


def make_shards(composer: Composer, folder: Path) -> Shards:
    """Two conversations as scripts/make_corpus.py writes them, with random codes of the user."""
    made = [conversation(composer, seed) for seed in (1, 2)]
    user = np.random.default_rng(1).integers(MODEL.codebook_size, size=(2, MODEL.codebooks, FRAMES))
    np.savez(folder / "shard0000.npz", user=user.astype(np.int16),
             codes=np.stack([c.codes for c in made]).astype(np.int16),
             text=np.stack([c.text for c in made]).astype(np.int16),
             user_text=np.stack([c.user_text for c in made]).astype(np.int16),
             given=np.stack([c.given for c in made]),
             phones=np.stack([c.phones for c in made]))  # fmt: skip
    np.savez(folder / "answers.npz", silence=SILENCE)
    return Shards(folder, MODEL.user_frames)
