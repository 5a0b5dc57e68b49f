"""Nothing grows with the length of a conversation."""

import sys

import numpy as np

from tests.support.duet import Duet
from tests.support.scripted import Script, silence, speech
from voicert.engine.meter import RECENT, Meter
from voicert.engine.places import Places
from voicert.engine.seat import Timing


def deep_size(thing, seen=None) -> int:
    """Bytes of everything reachable through attributes and containers."""
    seen = set() if seen is None else seen
    if id(thing) in seen or callable(thing):
        return 0
    seen.add(id(thing))
    parts = list(getattr(thing, "__dict__", {}).values())
    if isinstance(thing, dict):
        parts += [*thing, *thing.values()]
    elif not isinstance(thing, str | bytes | np.ndarray) and hasattr(thing, "__iter__"):
        parts += list(thing)
    return sys.getsizeof(thing) + sum(deep_size(part, seen) for part in parts)


def test_a_conversation_of_sixty_turns_is_no_larger_than_one_of_forty_five():
    duet = Duet(Script(words=("one", " two")))
    turn = np.concatenate([silence(300), speech(300), silence(200), speech(300), silence(900)])
    sizes = []
    for _ in range(60):
        duet.hear(turn)
        sizes.append(deep_size(duet.talk) - deep_size(duet.bundle.model))
    assert max(sizes[20:]) <= max(sizes[:20]) + 1024  # integers widen, a last turn may be pending


def test_the_meter_keeps_the_recent_frames_only():
    meter, places = Meter(), Places(1)
    for i in range(RECENT + 500):
        meter.add(Timing(float(i >= 500), 1.0, 2.0, 3.0, 1, i % 2 == 0))
    before = deep_size(meter)
    for _ in range(RECENT):
        meter.add(Timing(7.0, 1.0, 2.0, 3.0, 1, False))
    assert deep_size(meter) == before
    stats = meter.stats(places, 1)
    assert stats.queue_ms.p50 == stats.queue_ms.p99 == 7.0
    assert stats.frames == 2 * RECENT + 500
    assert stats.late_frames == (RECENT + 500) // 2


def test_a_meter_that_has_seen_nothing_says_zero():
    stats = Meter().stats(Places(1), 1)
    assert (stats.queue_ms.total_ms, stats.queue_ms.p50, stats.decode_ms.p99) == (0.0, 0.0, 0.0)
