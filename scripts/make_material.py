"""Makes the material of `voicert eval` from the held-out part of the bank (scripts/make_bank.py)."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from nano import lessons
from nano.augment import colour, cough, dither, gain_db, nonspeech, shaped_noise
from nano.bank import Bank, Utterance
from nano.people import Request, Speakers
from nano.sound import SAMPLE_RATE, Audio

from voicert.evaluation.material import Second, Trial, Writer

LEAD = SAMPLE_RATE // 2  # of the room before a request
LEVEL = 0.5  # of a request against the bank's peak of 0.5
FLOOR_DB = (-65.0, -60.0)
NOISE_SNR_DB = 15.0
LONG_S, SHORT_S = 4.0, 30.0  # an answer that can be interrupted lasts between these
STRETCH_S = 30  # of what must not be answered, at a time
QUIET_MINUTES = 10
SMALL_SHARE = 0.6  # of backchannels that are words, the rest are coughs


class Maker:
    """Draws trials from utterances that training never uses."""

    def __init__(self, bank: Bank, writer: Writer, rng: np.random.Generator) -> None:
        self.bank, self.writer, self.rng = bank, writer, rng
        self.speakers = Speakers(bank, bank.utterances, dict.fromkeys(bank.answers, 1))
        self.originals: dict[str, tuple[int, int]] = {}

    def pool(self, kind: str, unknown: bool = False) -> list[Utterance]:
        """Held-out wordings in voices of a kind, in random order."""
        held_out = [u for u in self.bank.utterances if u.held_out and u.kind == kind and not u.after]
        some = [u for u in held_out if u.answer and (u.family == "unknown") == unknown]
        return [some[i] for i in self.rng.permutation(len(some))]

    def ask(self, row: str, some: list[Utterance], pauses: float = 0.0, noise: bool = False) -> None:
        """One trial for each utterance."""
        for utterance in some:
            request = self.speakers.said(self.rng, utterance, pauses, bend=0.0)
            if not pauses or len(request.pcm) > utterance.length + SAMPLE_RATE // 5:
                self.writer.trial(self.trial(row, utterance, request, noise))

    def trial(
        self, row: str, u: Utterance, request: Request, noise: bool = False, second: Second | None = None
    ) -> Trial:
        pcm = request.pcm * np.float32(LEVEL)
        sound = dither(self.rng, LEAD + len(pcm), *FLOOR_DB)
        sound[LEAD:] += pcm
        if noise:
            level = float(np.sqrt(np.mean(pcm**2))) * 10 ** (-NOISE_SNR_DB / 20)
            sound += shaped_noise(self.rng, len(sound)) * np.float32(level)
        self.keep(u.answer)
        return Trial(row, u.text, u.answer, self.writer.sound(sound), LEAD, len(sound), second=second)

    def keep(self, answer: str) -> None:
        """The original of an answer, once."""
        if answer not in self.originals and answer in self.bank.answers:
            self.originals[answer] = self.writer.sound(self.bank.audio(self.bank.answers[answer]))

    def talk_over(
        self, row: str, some: list[Utterance], others: list[Utterance], count: int, stop: bool
    ) -> None:
        """Requests for long answers, into which something else is said."""
        lengths = {text: a.length / SAMPLE_RATE for text, a in self.bank.answers.items()}
        long = [u for u in some if LONG_S <= lengths[u.answer] <= SHORT_S]
        for i in range(count):
            u = long[i % len(long)]
            after_ms = int(self.rng.uniform(600, (min(lengths[u.answer], 12.0) - 2.0) * 1000))
            if stop:
                other = others[i % len(others)]
                self.keep(other.answer)
                pcm, text, answer = (
                    self.speakers.said(self.rng, other, 0.0, bend=0.0).pcm,
                    other.text,
                    other.answer,
                )
            else:
                word = self.rng.random() < SMALL_SHARE
                pcm, text, answer = self.speakers.small_sound(self.rng) if word else cough(self.rng), "", ""
            second = Second(text, answer, self.writer.sound(pcm * np.float32(LEVEL)), after_ms)
            self.writer.trial(
                self.trial(row, u, self.speakers.said(self.rng, u, 0.0, bend=0.0), second=second)
            )

    def quiet(self) -> None:
        """Silence, noise, sounds, babble and the assistant's own echo, by turns."""
        answers = list(self.bank.answers.values())
        samples = STRETCH_S * SAMPLE_RATE
        for i in range(QUIET_MINUTES * 60 // STRETCH_S):
            sound = dither(self.rng, samples)
            if i % 5 == 1:
                sound += dither(self.rng, samples, -45.0, -30.0)
            elif i % 5 == 2:
                for _ in range(8):
                    some, at = nonspeech(self.rng, SAMPLE_RATE), int(self.rng.integers(samples - SAMPLE_RATE))
                    sound[at : at + len(some)] += some
            elif i % 5 == 3:
                sound += self.speakers.babble(self.rng, samples) * np.float32(gain_db(self.rng, -26.0, -18.0))
            elif i % 5 == 4:
                echo = colour(self.rng, self.bank.audio(answers[self.rng.integers(len(answers))]))[
                    : samples // 2
                ]
                sound[samples // 4 : samples // 4 + len(echo)] += echo * np.float32(
                    gain_db(self.rng, -45.0, -20.0)
                )
            self.writer.trial(Trial("false_starts_10min", "", "", self.writer.sound(sound), samples, samples))

    def typed(self, some: list[Utterance]) -> None:
        for u in some:
            self.keep(u.answer)
            empty: Audio = np.zeros(0, np.float32)
            self.writer.trial(
                Trial("typed_answer", u.text, u.answer, self.writer.sound(empty), 0, 0, typed=True)
            )


def make(folder: Path, bank: Bank, known: int, others: int, seed: int) -> None:
    """All rows of the examination: ``known`` trials of the first one, ``others`` of each other."""
    rng, writer = np.random.default_rng(seed), Writer(folder)
    maker = Maker(bank, writer, rng)
    familiar, new, foreign = (maker.pool(kind) for kind in ("known", "new", "foreign"))
    strange = [u for kind in ("known", "new", "foreign") for u in maker.pool(kind, unknown=True)]
    maker.ask("answer_known_voice", familiar[:known])
    maker.ask("answer_new_voice", new[:others])
    maker.ask("answer_new_engine", foreign[:others])
    maker.ask("answer_noise_15db", familiar[:others], noise=True)
    order = rng.permutation(len(strange))  # there may be fewer of these: then some come twice, in other rooms
    maker.ask("out_of_domain", [strange[order[i % len(order)]] for i in range(others)])
    paused = [u for u in new + familiar if maker.speakers.pausable(u)]
    maker.ask("pause_takeover", paused[:others], pauses=1.0)
    maker.talk_over("interrupt_stop", familiar + new, new + familiar, others, stop=True)
    maker.talk_over("backchannel_kept", familiar + new, [], others, stop=False)
    maker.quiet()
    maker.typed((new + familiar)[-others:])
    writer.close(list(dict.fromkeys([*lessons.answers(), *bank.answers])), maker.originals)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", type=Path, default=Path("runs/bank"))
    parser.add_argument("--out", type=Path, default=Path("runs/material"))
    parser.add_argument("--known", type=int, default=500, help="trials of the row of known voices")
    parser.add_argument("--others", type=int, default=200, help="trials of each other row")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    make(args.out, Bank(args.bank), args.known, args.others, args.seed)


if __name__ == "__main__":
    main()
