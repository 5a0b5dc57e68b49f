"""Asks the shipped pipeline (codec → model → codec, ONNX) requests from the bank and counts right answers.

An answer is right when the text that the model writes while it speaks is the wanted answer, word for word.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from nano.augment import dither
from nano.bank import Bank, Utterance
from nano.domain import TOPICS
from nano.voices import Audio
from numpy.typing import NDArray

from voicert.models import Bundle, Control, load

FRAME = 480
LEAD_FRAMES = 25  # of room noise before the request
PATIENCE_FRAMES = 100  # a model that has not begun by then did not answer
AUDIBLE = 10 ** (-50 / 20)


@dataclass
class Trial:
    utterance: Utterance
    text: list[int] = field(default_factory=list[int])
    user_text: list[int] = field(default_factory=list[int])
    started: int = -1  # frame of the start token
    audible: int = -1  # sample at which the answer is first audible, in the clock of the input
    ended: bool = False

    @property
    def end_of_speech(self) -> int:
        return LEAD_FRAMES * FRAME + self.utterance.length


def run_batch(bundle: Bundle, bank: Bank, trials: list[Trial], rng: np.random.Generator) -> None:
    """All trials side by side, each in a slot of its own, until every answer has ended."""
    model, codec = bundle.model, bundle.codec
    state = codec.init_state(len(trials))
    longest = max(len(bank.answer(t.utterance.topic)) for t in trials)
    speech = max(t.end_of_speech for t in trials)
    frames = (speech + longest) // FRAME + PATIENCE_FRAMES
    user = np.stack([_sound(bank, t, frames * FRAME, rng) for t in trials])
    slots = np.arange(len(trials))
    for slot in slots:
        model.reset(int(slot), bundle.sampling)
    for frame in range(frames):
        codes = codec.encode(user[:, frame * FRAME : (frame + 1) * FRAME], state)
        out = model.step(slots, codes[:, :, 0], Control.free(len(slots)))
        pcm = codec.decode(out.codes[:, :, None], state)
        for i, trial in enumerate(trials):
            _note(bundle, trial, frame, int(out.text[i]), int(out.user_text[i]), pcm[i])
        if all(t.ended for t in trials):
            return


def _sound(bank: Bank, trial: Trial, samples: int, rng: np.random.Generator) -> Audio:
    row = dither(rng, samples, -65.0, -60.0)
    pcm = bank.utterance(trial.utterance) * 0.5
    row[LEAD_FRAMES * FRAME : LEAD_FRAMES * FRAME + len(pcm)] += pcm
    return row


def _note(bundle: Bundle, t: Trial, frame: int, text: int, user_text: int, pcm: NDArray[np.float32]) -> None:
    if t.ended:
        return
    if user_text != bundle.model.pad_id:
        t.user_text.append(user_text)
    if text == bundle.model.start_id and t.started < 0:
        t.started = frame
    if t.started < 0:
        return
    loud = np.flatnonzero(np.abs(pcm) > AUDIBLE)
    if t.audible < 0 and len(loud):
        t.audible = (frame + 1) * FRAME + int(loud[0])  # it is heard after the frame that it answers to
    if text == bundle.model.end_id:
        t.ended = True
    else:
        t.text.append(text)


def errors(heard: list[str], said: list[str]) -> int:
    """Word edit distance."""
    row = list(range(len(said) + 1))
    for i, a in enumerate(heard, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(said, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


def score(bundle: Bundle, trials: list[Trial]) -> dict[str, float]:
    piece = bundle.model.piece
    right = [("".join(map(piece, t.text))).strip() == TOPICS[t.utterance.topic].answer for t in trials]
    gaps = [(t.audible - t.end_of_speech) / 24 for t in trials if t.audible >= 0]
    said = [t.utterance.text.split() for t in trials]
    heard = ["".join(map(piece, t.user_text)).split() for t in trials]
    wrong = sum(errors(h, s) for h, s in zip(heard, said, strict=True))
    return {
        "trials": len(trials),
        "right": round(float(np.mean(right)), 3),
        "answered": round(float(np.mean([t.started >= 0 for t in trials])), 3),
        "too_early": round(float(np.mean([0 <= t.audible < t.end_of_speech for t in trials])), 3),
        "gap_p50_ms": round(float(np.median(gaps)), 1) if gaps else -1.0,
        "gap_p95_ms": round(float(np.percentile(gaps, 95)), 1) if gaps else -1.0,
        "transcript_wer": round(wrong / sum(map(len, said)), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", type=Path, default=Path("runs/bank"))
    parser.add_argument("--model", default="nano")
    parser.add_argument("--trials", type=int, default=96, help="of each row")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=0, help="wrong answers to print")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    bank = Bank(args.bank)
    rng = np.random.default_rng(args.seed)
    bundle = load(args.model, max_slots=16, threads=1)
    trained = {u.text for u in bank.utterances if not u.held_out}
    voices = {u.voice for u in bank.utterances if not u.held_out}
    rows = {
        "trained_voice_trained_wording": [u for u in bank.utterances if not u.held_out],
        "new_voice_trained_wording": [
            u for u in bank.utterances if u.voice not in voices and u.text in trained
        ],
        "trained_voice_new_wording": [
            u for u in bank.utterances if u.voice in voices and u.text not in trained
        ],
        "new_voice_new_wording": [
            u for u in bank.utterances if u.voice not in voices and u.text not in trained
        ],
    }
    table: dict[str, dict[str, float]] = {}
    by_topic: dict[int, list[bool]] = {}
    for name, some in rows.items():
        trials = [Trial(some[i]) for i in rng.permutation(len(some))[: args.trials]]
        for i in range(0, len(trials), 16):
            run_batch(bundle, bank, trials[i : i + 16], rng)
            print(f"{name}: {min(i + 16, len(trials))}/{len(trials)}", end="\r", flush=True)
        table[name] = score(bundle, trials)
        print(f"{name}: {table[name]}")
        for t in trials:
            spoken = "".join(map(bundle.model.piece, t.text)).strip()
            good = spoken == TOPICS[t.utterance.topic].answer
            by_topic.setdefault(t.utterance.topic, []).append(good)
            if not good and args.show > 0:
                args.show -= 1
                heard = "".join(map(bundle.model.piece, t.user_text))
                print(f"  {t.utterance.voice}: {t.utterance.text!r} heard as {heard!r}, answered {spoken!r}")
    sure = [TOPICS[k].answer for k, v in by_topic.items() if np.mean(v) >= 0.8]
    print(f"answers right at least 4 times of 5: {len(sure)} of {len(by_topic)}")
    table["topics"] = {"asked": len(by_topic), "right_4_of_5": len(sure)}
    if args.json:
        args.json.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
