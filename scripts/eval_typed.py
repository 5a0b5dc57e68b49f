"""How often a model writes the right answer to typed requests, by family: nobody has to hear, or can mishear.

Trained wordings tell what it has not learnt, held-out ones what it does not understand either.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator

import numpy as np
from nano import lessons
from nano.lessons import Exchange
from numpy.typing import NDArray

from voicert.evaluation.stage import FLOOR
from voicert.evaluation.words import spoken_words
from voicert.models import Bundle, Control, load

SETTLE = 25  # frames of the room before a request
FRAMES = 260  # of room and answer; of a longer answer its beginning counts
LEAST = 8  # words of such a beginning


def room(bundle: Bundle) -> NDArray[np.int64]:
    """[FRAMES, K] codes of a quiet room."""
    rng, state, slot = np.random.default_rng(0), bundle.codec.init_state(1), np.zeros(1, np.int64)
    pcm = rng.standard_normal((FRAMES, 1, bundle.codec.frame_size)).astype(np.float32) * np.float32(FLOOR)
    return np.stack([bundle.codec.encode(frame, state, slot)[0, :, 0] for frame in pcm])


def written(bundle: Bundle, quiet: NDArray[np.int64], requests: list[str]) -> list[str]:
    """What the model answers to each, typed side by side at a token per frame; as far as `FRAMES` go."""
    model, count = bundle.model, len(requests)
    rows, none = np.arange(count), np.zeros(count, np.bool_)
    typed = np.full((count, FRAMES), -1)
    for row, request in enumerate(requests):
        tokens = model.tokens(request)
        typed[row, SETTLE : SETTLE + len(tokens)] = tokens
        model.reset(row, bundle.sampling)
    answers, begun, over = [""] * count, np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    for frame in range(FRAMES):
        out = model.step(
            rows, np.repeat(quiet[frame : frame + 1], count, 0), Control(none, none, typed[:, frame])
        )
        for row in np.flatnonzero(~over).tolist():
            token = int(out.text[row])
            over[row] = begun[row] and token == model.end_id
            if begun[row] and not over[row]:
                answers[row] += model.piece(token)
            begun[row] |= token == model.start_id
        if over.all():
            break
    return answers


def right(answer: str, wanted: str) -> bool:
    """Whether it has the words that it should; a long answer those that it came to."""
    said, expected = spoken_words(answer), spoken_words(wanted)
    return said == expected or (len(said) >= LEAST and said == expected[: len(said)])


def examined(bundle: Bundle, asked: list[Exchange], slots: int) -> Iterator[tuple[Exchange, str]]:
    """Each request and what is answered to it."""
    quiet = room(bundle)
    for first in range(0, len(asked), slots):
        some = asked[first : first + slots]
        yield from zip(some, written(bundle, quiet, [e.request for e in some]), strict=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="nano", help="name or folder")
    parser.add_argument("--held-out", action="store_true", help="wordings that training never uses")
    parser.add_argument("--requests", type=int, default=480)
    parser.add_argument("--worst", type=int, default=12, help="families that are told of")
    parser.add_argument("--wrong", action="store_true", help="tell each wrong answer")
    parser.add_argument("--slots", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    asked = [lessons.draw(rng, args.held_out) for _ in range(args.requests)]
    trials, failed = Counter[str](), Counter[str]()
    for exchange, answer in examined(load(args.model, args.slots), asked, args.slots):
        trials[exchange.family] += 1
        if not right(answer, exchange.answer):
            failed[exchange.family] += 1
            if args.wrong:
                print(f"{exchange.family}: {exchange.request!r} → {answer.strip()!r}", flush=True)
    print(f"right: {1 - failed.total() / len(asked):.3f} of {len(asked)}")
    for family, count in failed.most_common(args.worst):
        print(f"  {family:16}{count:4} of {trials[family]} wrong")


if __name__ == "__main__":
    main()
