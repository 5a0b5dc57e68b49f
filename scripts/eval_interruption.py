"""Who talks over the assistant: coughs, murmurs, noises and real interruptions over the bundled model.

    python scripts/eval_interruption.py --count 100 --out interruption.json

Each trial is a conversation of its own with the real engine and session, in a time that passes as fast as
the machine allows: a request, a second or more of its answer, then the sound. A noise is resumed rightly when
the answer goes on and its words so far are those of the whole answer, none lost and none twice; an
interruption is right when it cuts the answer. A request without an answer is counted apart. The client's
speaker lags 40 to 400 ms behind, and reports.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nano import espeak
from nano.sound import trimmed
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent.parent))

import interjections

from tests.support.duet import of
from tests.support.room import Room, room, words_of
from voicert.models import load
from voicert.models.base import Bundle
from voicert.session import TurnSettings
from voicert.session.events import (
    ResponseDone,
    ResponsePaused,
    ResponseResumed,
    ResponseStarted,
)

FRAME = 480
REQUESTS = {
    "count to twenty": "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, "
    "fourteen, fifteen, sixteen, seventeen, eighteen, nineteen, twenty.",
    "name the days of the week": "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday.",
}
SOUNDS: dict[str, Callable[[np.random.Generator], NDArray[np.float32]]] = {
    "cough": interjections.cough,
    "murmur": interjections.murmur,
    "noise": interjections.noise,
    "interruption": interjections.interruption,
}


@dataclass
class Trial:
    """What became of one sound."""

    kind: str
    seed: int
    sound_ms: int
    paused_ms: int | None  # onset → pause
    cut_ms: int | None  # onset → the decision to cut
    resumed_ms: int | None
    right: bool
    said: str


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=100, help="trials of each kind")
    parser.add_argument("--kinds", nargs="+", default=list(SOUNDS), choices=list(SOUNDS))
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--model", default="nano")
    parser.add_argument("--out", type=Path, help="every trial, as JSON")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of turns")
    options = parser.parse_args()
    settings = TurnSettings(frame_timing=True, **dict(_setting(text) for text in options.set))
    bundle = load(options.model, 1)
    trials: list[Trial] = []
    for kind in options.kinds:
        all_of_kind = [trial(bundle, settings, kind, options.first + i) for i in range(options.count)]
        some = [t for t in all_of_kind if t]
        right, paused = sum(t.right for t in some), [t.paused_ms for t in some if t.paused_ms is not None]
        p50, p95 = np.percentile(paused or [0], [50, 95])
        print(
            f"{kind:13}{right:4} of {len(some)} right   paused after p50 {p50:.0f}, p95 {p95:.0f} ms"
            f"   {len(all_of_kind) - len(some)} more without an answer to disturb",
            flush=True,
        )
        trials += some
    if options.out:
        options.out.write_text(json.dumps([t.__dict__ for t in trials], indent=0) + "\n")


def trial(bundle: Bundle, settings: TurnSettings, kind: str, seed: int) -> Trial | None:
    """One conversation; None if its request was not answered."""
    rng = np.random.default_rng(seed)
    request = list(REQUESTS)[seed % len(REQUESTS)]
    sound = SOUNDS[kind](rng)
    with room(bundle, settings, lag_ms=int(rng.integers(40, 400)), way_ms=int(rng.integers(0, 30))) as inside:
        asked = trimmed(espeak.speak(f"en-us+{('m1', 'f2')[seed // 2 % 2]}", request, 1.0, 1.0).pcm)[0]
        inside.hear(_quiet(rng, 500), _whole(asked), _quiet(rng, 300 + int(rng.integers(1000, 3500))))
        started = [e for e in inside.seen.events if isinstance(e, ResponseStarted)]
        if not started:
            return None
        item, before = started[-1].item, len(inside.seen.events)
        onset, sent = inside.now, sum(inside.speaker.got.values())
        after = _quiet(rng, 1800)
        times = listen(inside, np.concatenate([_whole(sound), after]), onset, before)
        words = words_of(inside.seen.events, item)
        said = "".join(word for _, word in words)  # pieces of words: compared without spaces
        cut = any(e.reason == "turn_detected" for e in of(ResponseDone, inside.seen.events[before:]))
        went_on = REQUESTS[request].replace(" ", "").startswith(said) and any(at >= sent for at, _ in words)
        right = cut if kind == "interruption" else went_on and not cut
    return Trial(kind, seed, len(sound) * 1000 // 24_000, *times.values(), bool(right), said)


def listen(inside: Room, pcm: NDArray[np.float32], onset: float, before: int) -> dict[str, int | None]:
    """Plays the sound → when what happened, in ms after its onset."""
    times: dict[str, int | None] = {"paused": None, "cut": None, "resumed": None}
    names = {ResponsePaused: "paused", ResponseDone: "cut", ResponseResumed: "resumed"}
    for frame in pcm.reshape(-1, FRAME):
        inside.tick(frame)
        for event in inside.seen.events[before:]:
            name = names.get(type(event))
            if name and times[name] is None:
                times[name] = round((inside.now - onset) * 1000)
    return times


def _whole(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([pcm, np.zeros(-len(pcm) % FRAME, np.float32)])


def _quiet(rng: np.random.Generator, ms: int) -> NDArray[np.float32]:
    """A silent room is never quite silent."""
    return (rng.standard_normal(ms * 24 // FRAME * FRAME) * 1e-4).astype(np.float32)


def _setting(text: str) -> tuple[str, int | str | bool]:
    name, _, value = text.partition("=")
    if value in ("true", "false"):
        return name, value == "true"
    return name, int(value) if value.isdigit() else value


if __name__ == "__main__":
    main()
