"""The duplex model as the engine drives it: the rules of an answer around a runner of the transformer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicert.errors import ModelError
from voicert.models.base import Bools, Control, Floats, Ints, Sampling, StepOutput
from voicert.models.config import ModelConfig
from voicert.models.next_words import Memory, NextWords, agreed
from voicert.models.onset import Onsets
from voicert.models.runner import Logits, Runner, WordRunner
from voicert.models.sampling import draw, uniforms
from voicert.models.slots import REWIND_FRAMES, Slots, StepInputs, StepTokens, written
from voicert.models.typed import spoken_form
from voicert.models.vocabulary import END, PAD, START, Vocabulary

SHORT_RUN = 4  # steps of a retake's run after one in which the draft was wrong
_NO_NUMBERS = np.zeros(0)
Random = list[NDArray[np.float64]]  # numbers in [0, 1) of each row: one for the text, one per codebook


@dataclass(frozen=True)
class Snapshot:
    """A copy of one slot."""

    keys_values: list[Floats]
    tokens: tuple[NDArray[Any], ...]
    sampling: Sampling
    words: Memory | None = None


class DuplexModel:
    """See :class:`voicert.models.base.SpeechModel`.

    Args:
        silence: [K] the codes of a silent frame.
        words: says which word is next, if the model has a transformer for it.
    """

    def __init__(
        self, name: str, runner: Runner, config: ModelConfig, vocabulary: Vocabulary, silence: Ints,
        words: WordRunner | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.config = config
        self.frame_rate = config.frame_rate
        self.num_codebooks = config.codebooks
        self.max_slots = runner.slots
        self.pad_id, self.start_id, self.end_id = PAD, START, END
        self.rewind_frames = REWIND_FRAMES
        self.answer_lead_frames = config.answer_lead_frames
        self.vocabulary = vocabulary
        self._silence = silence
        self._quiet = np.arange(1, config.longest_quiet + 1)  # steps ago
        self._sampling: list[Sampling] = [Sampling()] * runner.slots
        self._slots = Slots(config, silence, runner.slots)
        self._onsets = Onsets(config, self._slots)
        self._runner = runner
        self._next_words = NextWords(words, runner.slots, config.text_size) if words else None

    def piece(self, token: int) -> str:
        return self.vocabulary.piece(token)

    def tokens(self, text: str) -> list[int]:
        return self.vocabulary.encode(spoken_form(text))

    def reset(self, slot: int, sampling: Sampling) -> None:
        self._slots.reset(slot)
        self._sampling[slot] = sampling
        if self._next_words:
            self._next_words.reset(slot)

    def step(self, slots: Ints, user_codes: Ints, control: Control) -> StepOutput:
        s = self._slots
        position = s.position[slots]
        logits = self._runner.run(s.inputs(slots, user_codes), slots, position)
        answering = s.answering[slots, (position - 1) % s.ring]
        how = [self._sampling[int(slot)] for slot in slots]
        random = [self._random(h, int(at)) for h, at in zip(how, position, strict=True)]
        heard = logits.user_text[:, 0].argmax(-1)
        user_text = np.where(control.user_text < 0, heard, control.user_text)
        chances = self._onsets.chances(logits.text)
        recent = s.text[slots[:, None], (position[:, None] - self._quiet) % s.ring]
        last = recent[np.arange(len(slots)), (recent != PAD).argmax(1)]  # that was written
        agreed_on = self._agreed(slots, logits.text[:, 0], answering)
        text = self._text(slots, agreed_on, answering, last == START, random)
        drawn, words = (text == START)[:, None], user_text[:, None]
        onset = self._onsets.decide(slots, position, words, drawn, chances, answering)
        wants = onset.begins[:, 0]
        text = np.where(wants, START, np.where(text == START, PAD, text))
        text = np.where(answering & (last == PAD) & (text == PAD), END, text)  # it lost its thread
        text = np.where(control.start & ~answering, START, text)
        text = np.where(control.hush, np.where(answering, END, PAD), text)
        inside = answering | (text == START)
        codes = self._codes(how, logits, text, random)
        codes[~inside | control.hush] = self._silence
        goes_on = inside & (text != END)
        self._note(slots, s.words[slots], text, user_text)
        given, wanted, due = control.user_text, onset.wanted[:, 0], onset.due[:, 0]
        done = StepTokens(user_codes, text, user_text, codes, goes_on, control.hush, given, wanted, due)
        s.write(slots, position, done)
        s.undone[slots] = 0
        return StepOutput(text, user_text, self._complete_frame(slots, position), wants)

    def rewind(self, slot: int, frames: int) -> None:
        self._slots.rewind(slot, frames)
        if self._next_words:
            self._next_words.rewind(slot, int(self._slots.words[slot]))

    def retake(self, slot: int, frames: int) -> StepOutput:
        """All positions in one run, on what was heard in them before as a draft.

        A run is right up to the first position that hears something else; the next one goes on from there.
        """
        s, undone = self._slots, int(self._slots.undone[slot])
        if not 1 <= frames <= undone:
            raise ModelError(f"cannot retake {frames} steps: {undone} of this slot are undone")
        steps = s.position[slot] + np.arange(frames)
        now = steps % s.ring
        cut = bool(s.answering[slot, (steps[0] - 1) % s.ring])
        text = np.array([END if cut else PAD, *[PAD] * (frames - 1)])
        words = s.words[slot : slot + 1].copy()
        heard, given, user = s.user_text[slot, now], s.given[slot, now], s.user[slot, now]
        whole, drawn = self._in_silence(slot, steps, text), np.zeros((1, frames), np.bool_)
        chances = np.zeros((1, frames), np.float32)
        done, span, row, how = 0, frames, np.array([slot]), self._sampling[slot]
        while done < frames:
            count = min(span, frames - done)
            logits = self._runner.run(whole.part(done, count), row, steps[done : done + 1])
            likeliest: Ints = logits.user_text[0].argmax(-1)
            this = slice(done, done + count)
            made = np.where(given[this] < 0, likeliest, given[this])
            wrong = np.flatnonzero(made[:-1] != heard[this][:-1])
            right = int(wrong[0]) + 1 if len(wrong) else count
            span = SHORT_RUN if len(wrong) else 2 * span  # one wrong draft seldom comes alone
            chances[:, done : done + right] = self._onsets.chances(logits.text[:, :right])
            heard[this] = made
            whole.user_text[0, 1:] = heard[:-1]
            for t, each in enumerate(logits.text[0, :right], done):
                drawn[0, t] = self._begins(slot, int(words[0]), each, self._random(how, int(steps[t])))
                self._note(row, words, text[t : t + 1], heard[t : t + 1])
                words += written(text[t : t + 1], heard[t : t + 1])
            done += right
        onset = self._onsets.decide(row, steps[:1], heard[None], drawn, chances, np.array([cut]))
        no, still = np.zeros(frames, np.bool_), np.tile(self._silence, (frames, 1))
        tokens = StepTokens(user, text, heard, still, no, ~no, given, onset.wanted[0], onset.due[0])
        s.write(np.full(frames, slot), steps, tokens)
        s.undone[slot] = undone - frames
        return StepOutput(text, heard, still, onset.begins[0])

    def snapshot(self, slot: int) -> Snapshot:
        words = self._next_words.read(slot) if self._next_words else None
        return Snapshot(self._runner.read(slot), self._slots.read(slot), self._sampling[slot], words)

    def restore(self, slot: int, saved: Snapshot) -> None:
        self._runner.write(slot, saved.keys_values)
        self._slots.restore(slot, saved.tokens)
        self._sampling[slot] = saved.sampling
        if self._next_words and saved.words:
            self._next_words.restore(slot, saved.words)

    def _note(self, slots: Ints, words: Ints, text: Ints, user_text: Ints) -> None:
        """For the transformer over words: what is written in a step, as written step number ``words`` [B]."""
        some = written(text, user_text)
        if self._next_words and some.any():
            self._next_words.note(slots[some], words[some], text[some], user_text[some])

    def _agreed(self, slots: Ints, logits: Floats, answering: Bools) -> Floats:
        """Logits [B, V], in an answer weighed by which word the transformer over words expects next."""
        if self._next_words is None or self.config.words is None or not answering.any():
            return logits
        inside, made = slots[answering], logits.copy()
        expected = self._next_words.logits(inside, self._slots.words[inside])
        made[answering] = agreed(logits[answering], expected, self.config.words.weight)
        return made

    def _in_silence(self, slot: int, steps: Ints, text: Ints) -> StepInputs:
        """What ``steps`` [T] are given, if ``text`` [T] is all that is written; with the former user text."""
        s, now, before = self._slots, steps % self._slots.ring, (steps[:1] - 1) % self._slots.ring
        past = s.user[slot, (steps[0] + np.arange(1 - self.config.user_frames, 0)) % s.ring]
        still = np.tile(self._silence, (len(steps) - 1, 1))
        return StepInputs(
            np.concatenate([past, s.user[slot, now]]).T[None],
            np.concatenate([s.codes[slot, before], still]).T[None],
            np.concatenate([s.text[slot, before], text[:-1]])[None],
            np.concatenate([s.user_text[slot, before], s.user_text[slot, now[:-1]]])[None],
            s.words_given(np.array([slot])),
        )

    def _random(self, how: Sampling, position: int) -> NDArray[np.float64]:
        """Numbers for a step; none where the likeliest tokens are taken."""
        if max(how.temperature, how.text_temperature) <= 0.0:
            return _NO_NUMBERS
        return uniforms(how.seed, position, self.num_codebooks + 1)

    def _text(self, slots: Ints, logits: Floats, answering: Bools, begun: Bools, random: Random) -> Ints:
        """logits [B, V] → [B]. An answer starts only outside of one and ends only inside.

        ``begun`` [B]: a start is all that there is of the answer.
        """
        text = np.empty(len(slots), np.int64)
        for i in range(len(slots)):
            row, slot = logits[i], int(slots[i])
            h = self._sampling[slot]
            if not answering[i]:
                begins = self._begins(slot, int(self._slots.words[slot]), row, random[i])
                text[i] = START if begins else PAD
                continue
            row[[PAD, END]] += self.config.pad_bias  # in doubt it says nothing, and falls silent
            row[START] = -np.inf
            if begun[i] and self.config.abstain_token >= 0:
                self._doubt(row)
            text[i] = draw(row[None], h.text_temperature, h.text_top_k, random[i][:1])[0]
        return text

    def _begins(self, slot: int, words: int, logits: Floats, random: NDArray[np.float64]) -> bool:
        """Whether an answer would be begun in a step outside of one, after so many written ones; logits [V].

        Where it would, the transformer over words can hold it back: the request may not be complete.
        """
        how, c = self._sampling[slot], self.config
        choice = logits[None, : START + 1].copy()
        choice[0, PAD] += c.pad_bias + c.start_bias
        if draw(choice, how.text_temperature, how.text_top_k, random[:1])[0] != START:
            return False
        if self._next_words is None or c.words is None or not c.words.end_weight:
            return True
        goes_on = self._next_words.goes_on(np.array([slot]), np.array([words]))[0]
        choice[0, START] -= c.words.end_weight * goes_on
        return draw(choice, how.text_temperature, how.text_top_k, random[:1])[0] == START

    def _doubt(self, row: Floats) -> None:
        """In ``row`` [V] the word that begins to abstain becomes likelier; that there is a word, does not."""
        words = row[END + 1 :]
        most = words.max()
        row[self.config.abstain_token] += self.config.abstain_bias
        words -= words.max() - most

    def _codes(self, how: list[Sampling], logits: Logits, text: Ints, random: Random) -> Ints:
        """[B, K] of the step whose text is ``text``."""
        if isinstance(logits.codes, np.ndarray):
            rows = zip(logits.codes[:, 0], how, random, strict=True)
            return np.stack([draw(row, h.temperature, h.top_k, r[1:]) for row, h, r in rows])

        def choose(codebook: int, logits: Floats) -> Ints:
            at = slice(codebook + 1, codebook + 2)
            rows = zip(logits, how, random, strict=True)
            return np.concatenate([draw(row[None], h.temperature, h.top_k, r[at]) for row, h, r in rows])

        return logits.codes(text, choose)

    def _complete_frame(self, slots: Ints, position: Ints) -> Ints:
        """[B, K]: the frame whose last row was written in this step.

        It is silence before the first one, and where a hush came before all of its rows were written.
        """
        s, delay = self._slots, self.config.max_delay
        frame = position - delay
        steps = frame[:, None] + np.array(self.config.delays)  # [B, K]
        codes = s.codes[slots[:, None], steps % s.ring, np.arange(self.num_codebooks)]
        span = frame[:, None] + np.arange(delay + 1)  # [B, delay + 1] the steps that wrote its rows
        hushed = s.hushed[slots[:, None], span % s.ring].any(1)
        return np.where((hushed | (frame < 0))[:, None], self._silence, codes)
