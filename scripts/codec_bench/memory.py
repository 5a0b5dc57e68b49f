"""Memory over a long sound: ``python -m codec_bench.memory CODEC MINUTES`` prints it as JSON.

A process of its own, so that nothing else is in the numbers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from voicert_codecs import load
from voicert_codecs.base import Codec

from codec_bench.measure import sound

TOLD_EVERY_S = 600  # of sound, on stderr


def resident_mb() -> float:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def memory(codec: Codec[Any], minutes: float) -> dict[str, float]:
    """What the process takes after the first minute of sound, and what it has grown by at the end.

    One stream goes through in pieces of a second. Of less than two minutes the first half is the early part.
    """
    seconds = max(2, round(60 * minutes))
    early_s, early_mb = min(60, seconds // 2), 0.0
    frames = codec.sample_rate // codec.frame_size
    pcm = sound(1, 10 * frames * codec.frame_size, codec.sample_rate).reshape(10, 1, -1)
    state = codec.init_state(1)
    for second in range(1, seconds + 1):
        codec.decode(codec.encode(pcm[second % 10], state), state)
        if second == early_s:
            early_mb = resident_mb()
        if second % TOLD_EVERY_S == 0:
            print(f"  {codec.name}: {second // 60} minutes, {resident_mb():.1f} MB", file=sys.stderr)
    return {
        "minutes": round(seconds / 60, 2),
        "early_mb": round(early_mb, 1),
        "grown_mb": round(resident_mb() - early_mb, 2),
    }


def in_a_process(codec: str | Path, minutes: float) -> dict[str, float]:
    """The same of a codec that is opened in a fresh process."""
    command = [sys.executable, "-m", __name__, str(codec), str(minutes)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    print(json.dumps(memory(load(sys.argv[1]), float(sys.argv[2]))))
