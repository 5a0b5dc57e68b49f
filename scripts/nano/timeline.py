"""Two-channel conversations with known word times: the user's sound, and the assistant's tokens by frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from nano.augment import colour, dither, gain_db
from nano.bank import Bank, Utterance
from nano.domain import TOPICS
from nano.voices import Audio
from voicert.models.vocabulary import END, PAD, START, Vocabulary

FRAME = 480  # samples
GAP_FRAMES = 6  # end of the user's speech → first audible frame of the answer
LEAD_FRAMES = 2  # the answer's start token comes this much before its first audible frame
WORD_LEAD = 2  # a word of the answer is written this many frames before it sounds
USER_WORD_LAG = 4  # a word of the user is written this many frames after its estimated end
CUT_FRAMES = (8, 20)  # the assistant falls silent this long after an interruption begins

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Answer:
    """The tokens of one whole answer, from its start token to its end token, both included."""

    text: Ints  # [n]
    codes: Ints  # [K, n], rows already lag by the model's delays


@dataclass(frozen=True)
class Conversation:
    user: Audio  # [T * FRAME]
    text: Ints  # [T]
    user_text: Ints  # [T]
    codes: Ints  # [K, T], rows already lag by the model's delays


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


def make_answer(codes: Ints, audible: int, spoken_frames: int, topic: int, bank: Bank, vocabulary: Vocabulary,
                delays: tuple[int, ...], silence: Ints) -> Answer:  # fmt: skip
    """``codes`` [K, T] of silence, answer, silence; ``audible`` is the frame in which the sound begins."""
    first = audible - LEAD_FRAMES
    last = audible + spoken_frames + max(delays) + 2  # the end token: sound and its lagging rows are over
    stream = delayed(codes, delays, silence)[:, first : last + 1]
    text = np.full(last + 1 - first, PAD)
    text[0], text[-1] = START, END
    answer = TOPICS[topic].answer
    words = [vocabulary.encode_word(w) for w in answer.split()]
    for frame, token in place_words(words, bank.word_ends[answer], spoken_frames):
        at = max(1, LEAD_FRAMES + frame - WORD_LEAD)
        while at < len(text) - 1 and text[at] != PAD:
            at += 1
        text[at] = token
    return Answer(text, stream)


class Composer:
    """Draws conversations: requests at random times, answers after the gap, some of them interrupted."""

    def __init__(self, bank: Bank, utterances: list[Utterance], answers: list[Answer], silence: Ints,
                 vocabulary: Vocabulary) -> None:  # fmt: skip
        self.bank = bank
        self.answers = answers
        self.silence = silence
        self.vocabulary = vocabulary
        self.by_topic: dict[int, list[Utterance]] = {}
        for u in utterances:
            self.by_topic.setdefault(u.topic, []).append(u)
        self.topics = sorted(self.by_topic)

    def compose(self, rng: np.random.Generator, frames: int, interruptions: float = 0.4) -> Conversation:
        samples = frames * FRAME
        user = dither(rng, samples)
        text = np.full(frames, PAD)
        user_text = np.full(frames, PAD)
        codes = np.repeat(self.silence[:, None], frames, axis=1)
        voice_gain = gain_db(rng)
        begin = int(rng.uniform(0.1, 2.5) * 24_000)  # sample at which the next request begins
        free = 0  # the frame after the last answer: no answer begins inside of another
        while True:
            u = self._pick(rng)
            pcm = self._spoken(rng, u) * voice_gain
            end = begin + len(pcm)
            user[begin:end] += pcm[: samples - begin]
            end_frame = -(-end // FRAME)  # the first frame without speech
            self._write_user_words(user_text, u.text, begin, len(pcm), end_frame)
            answer = self.answers[u.topic]
            start = max(end_frame + GAP_FRAMES - LEAD_FRAMES, free)
            stop = free = min(start + len(answer.text), frames)
            if start >= frames:
                break
            text[start:stop] = answer.text[: stop - start]
            codes[:, start:stop] = answer.codes[:, : stop - start]
            spoken = len(answer.text)
            if spoken > 60 and rng.random() < interruptions:
                onset = start + int(rng.integers(30, spoken - 20))
                cut = onset + int(rng.integers(*CUT_FRAMES))
                if cut < stop - 1:
                    text[cut:stop] = PAD
                    text[cut] = END
                    codes[:, cut:stop] = self.silence[:, None]
                    free = cut + 1
                begin = onset * FRAME + int(rng.integers(FRAME))
            else:
                begin = (start + spoken) * FRAME + int(rng.uniform(0.2, 2.0) * 24_000)
            if begin >= samples:
                break
        return Conversation(np.clip(user, -1, 1), text, user_text, codes)

    def _pick(self, rng: np.random.Generator) -> Utterance:
        """Topics evenly, long ones less often, so that most of the time is spent on listening."""
        while True:
            topic = self.topics[rng.integers(len(self.topics))]
            length = len(self.answers[topic].text)
            if rng.random() < min(1.0, 150 / length):
                some = self.by_topic[topic]
                return some[rng.integers(len(some))]

    def _spoken(self, rng: np.random.Generator, u: Utterance) -> Audio:
        pcm = self.bank.utterance(u)
        if rng.random() < 0.6:  # speed, pitch and formants together
            factor = float(np.exp(rng.uniform(-0.14, 0.14)))
            pcm = soxr.resample(pcm, 24_000, 24_000 * factor, quality="LQ")
        return colour(rng, pcm)

    def _write_user_words(self, row: Ints, text: str, begin: int, length: int, end_frame: int) -> None:
        """Each word a little after its end; the last one right after the end of speech."""
        words = [self.vocabulary.encode_word(w) for w in text.split()]
        ends = self.bank.word_ends[text]
        for i, tokens in enumerate(words):
            at = (begin + int(ends[i] * length)) // FRAME + USER_WORD_LAG
            at = min(at, end_frame + 1) if i == len(words) - 1 else min(at, end_frame)
            for token in tokens:
                while at < len(row) and row[at] != PAD:
                    at += 1
                if at < len(row):
                    row[at] = token
