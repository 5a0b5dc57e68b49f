"""Two-channel conversations with known word times: the user's sound, and the tokens of all streams."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nano.answers import LEAD_FRAMES, Answer
from nano.augment import dither, gain_db, nonspeech
from nano.bank import Utterance
from nano.people import Request, Speakers
from nano.phones import SILENCE, UNKNOWN
from nano.sound import FRAME, Audio
from voicert.models.vocabulary import END, PAD, Vocabulary

GAP_FRAMES = 5  # end of the user's speech → first audible frame of the answer
USER_WORD_LAG = 4  # a word of the user is written this many frames after its end
CUT_FRAMES = (9, 12)  # the assistant falls silent this long after an interruption begins
SECOND = 50  # frames

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Habits:
    """How often things happen in a conversation; shares of turns, or of answers that are long enough."""

    interruptions: float = 0.35
    small_sounds: float = 0.25  # "mm hm" in an answer, which goes on
    noises: float = 0.2  # a cough, a knock, a few notes: in an answer or in silence
    pauses: float = 0.25  # a request stops in the middle for a moment
    typed: float = 0.06  # given as text, without sound
    echo: float = 0.35  # share of conversations in which the microphone hears the assistant
    babble: float = 0.15  # and other people far away
    noisy: float = 0.4  # and a loud floor
    follow_ups: float = 0.2
    idle: float = 0.03  # share of conversations in which nobody asks for anything


@dataclass
class Conversation:
    """What is heard and written; all rows have one entry per frame."""

    user: Audio  # [T * FRAME]
    text: Ints  # [T]
    user_text: Ints  # [T]
    given: NDArray[np.bool_]  # [T] the user's text was typed: it is read, not heard
    codes: Ints  # [K, T], rows already lag by the model's delays
    phones: NDArray[np.uint8]  # [T] what the user's voice says, see `nano.phones`


def blank(frames: int, silence: Ints) -> Conversation:
    """Nobody has said anything yet."""
    return Conversation(
        np.zeros(frames * FRAME, np.float32),
        np.full(frames, PAD),
        np.full(frames, PAD),
        np.zeros(frames, np.bool_),
        np.repeat(silence[:, None], frames, axis=1),
        np.full(frames, SILENCE, np.uint8),
    )


class Composer:
    """Draws conversations: requests at random times, answers after the gap, and all that gets in the way."""

    def __init__(self, speakers: Speakers, answers: dict[str, Answer], silence: Ints, vocabulary: Vocabulary,
                 habits: Habits | None = None) -> None:  # fmt: skip
        self.speakers = speakers
        self.answers = answers
        self.silence = silence
        self.vocabulary = vocabulary
        self.habits = habits or Habits()

    def compose(self, rng: np.random.Generator, frames: int) -> Conversation:
        """One conversation of ``frames``, which may end in the middle of anything."""
        if rng.random() < self.habits.idle:
            return self._idle(rng, frames)
        out, habits = blank(frames, self.silence), self.habits
        echo = gain_db(rng, -45.0, -20.0) if rng.random() < habits.echo else 0.0
        voice = gain_db(rng)
        at = int(rng.uniform(0.1, 2.5) * 24_000)  # sample at which the next request begins
        free = 0  # the frame after the last answer: no answer begins inside of another
        before: Utterance | None = None
        said = ""  # the last answer that was given whole
        while at < len(out.user):
            turn = self.speakers.request(rng, before, said, habits)
            answer = self.answers[turn.answer]
            end = (
                self._type(out, turn, at)
                if rng.random() < habits.typed
                else self._speak(out, turn, at, voice)
            )
            start = max(end + GAP_FRAMES - LEAD_FRAMES, free)
            if start >= frames:
                break
            stop, at = self._answer(out, rng, answer, start, voice)
            if echo:
                self._echo(out.user, rng, answer, start, stop, echo)
            whole = stop - start == len(answer.text)
            before, said, free = turn.utterance, turn.answer if whole else "", stop
        self._surround(out, rng, voice)
        np.clip(out.user, -1, 1, out=out.user)
        return out

    def recite(self, rng: np.random.Generator, frames: int) -> Conversation:
        """Readings, one after the other, which nobody answers."""
        out, voice = blank(frames, self.silence), gain_db(rng)
        at = int(rng.uniform(0.1, 0.5) * 24_000)
        while at < len(out.user):
            turn = self.speakers.reading(rng)
            self._speak(out, turn, at, voice)
            at += len(turn.pcm) + int(rng.uniform(0.0, 0.4) * 24_000)
        self._surround(out, rng, voice)
        np.clip(out.user, -1, 1, out=out.user)
        return out

    def _idle(self, rng: np.random.Generator, frames: int) -> Conversation:
        """A room, and in half of them its own voice from another loudspeaker: there is nothing to say."""
        out, voice = blank(frames, self.silence), gain_db(rng)
        if rng.random() < 0.5:
            texts, at = list(self.answers), 0
            while at < frames:
                answer = self.answers[texts[rng.integers(len(texts))]]
                stop = at + len(answer.text)
                self._echo(out.user, rng, answer, at, stop, gain_db(rng, -45.0, -20.0))
                at = stop + int(rng.uniform(0.5, 6.0) * SECOND)
        self._surround(out, rng, voice)
        np.clip(out.user, -1, 1, out=out.user)
        return out

    def _speak(self, out: Conversation, turn: Request, at: int, gain: float) -> int:
        """The request as sound from sample ``at`` and as text; → the first frame without its speech."""
        add(out.user, turn.pcm * gain, at)
        first = round(at / FRAME)
        heard = turn.phones[: max(0, len(out.phones) - first)]
        out.phones[first : first + len(heard)] = heard
        end = -(-(at + len(turn.pcm)) // FRAME)
        words = [self.vocabulary.encode_word(w) for w in turn.utterance.text.split()]
        for i, tokens in enumerate(words):
            frame = (at + turn.word_ends[i]) // FRAME + USER_WORD_LAG
            frame = min(frame, end + 1) if i == len(words) - 1 else min(frame, end)
            write(out.user_text, frame, tokens)
        return end

    def _type(self, out: Conversation, turn: Request, at: int) -> int:
        """The request as text alone, a token a frame; → the frame after the last token."""
        first = at // FRAME
        tokens = self.vocabulary.encode(turn.utterance.text)
        stop = write(out.user_text, first, tokens)
        out.given[first:stop] = True
        return stop

    def _answer(
        self, out: Conversation, rng: np.random.Generator, answer: Answer, start: int, gain: float
    ) -> tuple[int, int]:
        """The answer from frame ``start``, maybe cut; → the frame after it, the sample of the next turn."""
        frames, length, habits = len(out.text), len(answer.text), self.habits
        stop = min(start + length, frames)
        out.text[start:stop] = answer.text[: stop - start]
        out.codes[:, start:stop] = answer.codes[:, : stop - start]
        if length > 60:
            if rng.random() < habits.small_sounds:
                small = self.speakers.small_sound(rng)
                at = start + int(rng.integers(15, length - 40))
                add(out.user, small * gain, at * FRAME)
                out.phones[at : at + -(-len(small) // FRAME)] = UNKNOWN
            if rng.random() < habits.interruptions:
                onset = start + int(rng.integers(25, length - 20))
                cut = onset + int(rng.integers(*CUT_FRAMES))
                if cut < stop - 1:
                    out.text[cut:stop] = PAD
                    out.text[cut] = END
                    out.codes[:, cut:stop] = self.silence[:, None]
                    stop = cut + 1
                return stop, onset * FRAME + int(rng.integers(FRAME))
        return stop, (start + length) * FRAME + int(rng.uniform(0.2, 2.5) * 24_000)

    def _echo(
        self, user: Audio, rng: np.random.Generator, answer: Answer, start: int, stop: int, gain: float
    ) -> None:
        """What the microphone hears of the assistant: later, duller, and quieter."""
        heard = answer.pcm[: max(0, stop - start - LEAD_FRAMES) * FRAME]
        if len(heard):
            dull = np.convolve(heard, np.hanning(int(rng.integers(3, 12))), "same").astype(np.float32)
            dull *= gain * np.abs(heard).max() / (np.abs(dull).max() + 1e-9)
            add(user, dull, (start + LEAD_FRAMES) * FRAME + int(rng.uniform(0.01, 0.25) * 24_000))

    def _surround(self, out: Conversation, rng: np.random.Generator, voice: float) -> None:
        """The room: its floor, people far away, and sounds that mean nothing."""
        samples, habits = len(out.user), self.habits
        loud = rng.random() < habits.noisy
        level = 20 * np.log10(voice * 0.1)  # about that of the voice
        out.user += dither(rng, samples, level - 30, level - 5) if loud else dither(rng, samples)
        if rng.random() < habits.babble:
            out.user += self.speakers.babble(rng, samples) * voice * gain_db(rng, -30.0, -14.0)
        for _ in range(rng.poisson(habits.noises * samples / 24_000 / 4)):
            some = nonspeech(rng, int(rng.uniform(0.1, 1.5) * 24_000))
            add(out.user, some * voice * gain_db(rng, -12.0, 3.0), int(rng.integers(samples)))


def add(row: Audio, pcm: Audio, at: int) -> None:
    """Adds ``pcm`` to ``row`` from sample ``at``; what lies beyond the end is lost."""
    part = pcm[: max(0, len(row) - at)]
    row[at : at + len(part)] += part


def write(row: Ints, frame: int, tokens: list[int]) -> int:
    """Writes tokens into the free frames from ``frame`` on; → the frame after the last one."""
    for token in tokens:
        while frame < len(row) and row[frame] != PAD:
            frame += 1
        if frame >= len(row):
            return len(row)
        row[frame] = token
        frame += 1
    return frame
