"""What going back costs: a span of a conversation is undone and taken again with the assistant silent.

Prints, per second of audio taken again, the processor time of the model alone and of all that the engine does
(model, decoder, snapshots), beside the time of an ordinary step. Speech of the bench's requests is heard, so
that the former transcript is as good a draft as in use.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from voicert_clients.wav import read_wav

import voicert.bench
from voicert.engine.past import CodecStates, Past
from voicert.models import Control, load

SPEECH = Path(voicert.bench.__file__).parent / "speech"


def conversation(frame: int, seconds: float) -> NDArray[np.float32]:
    """[frames, samples] requests one after the other, three seconds of a quiet room between them."""
    rng, parts = np.random.default_rng(0), [np.zeros(0)]
    files = sorted(SPEECH.glob("ask_*.wav"))
    while sum(map(len, parts)) < seconds * 24_000:
        parts += [read_wav(files[len(parts) % len(files)]) * 0.5, np.zeros(72_000)]
    pcm = np.concatenate(parts)
    pcm = pcm[: len(pcm) // frame * frame] + rng.normal(0, 5e-4, len(pcm) // frame * frame)
    return pcm.reshape(-1, frame).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--seconds", type=float, default=60.0, help="of conversation")
    args = parser.parse_args()
    bundle = load(args.model, 1)
    codec, model, row = bundle.codec, bundle.model, np.array([0])
    states = CodecStates(codec.init_state(1), codec.init_state(1))
    past = Past(bundle, states, 0, bundle.sampling)
    spans = [round(s * model.frame_rate) for s in (0.2, 0.5, 1.0, 2.0, 5.0)]
    steps_ms: list[float] = []
    model_ms: dict[int, list[float]] = {span: [] for span in spans}
    whole_ms: dict[int, list[float]] = {span: [] for span in spans}
    for t, pcm in enumerate(conversation(codec.frame_size, args.seconds)):
        heard = codec.encode(pcm[None], states.ears, row)[:, :, 0]
        begun = time.thread_time()
        out = model.step(row, heard, Control.free(1))
        steps_ms.append(1e3 * (time.thread_time() - begun))
        codec.decode(out.codes[:, :, None], states.voices, row)
        past.keep(pcm, out.codes[0])
        if t > spans[-1] and t % 97 == 0:  # at any point of a request, a pause or an answer
            span = spans[t // 97 % len(spans)]
            saved = model.snapshot(0)
            begun = time.thread_time()
            model.rewind(0, span)
            model.retake(0, span)
            model_ms[span].append(1e3 * (time.thread_time() - begun))
            model.restore(0, saved)
            begun = time.thread_time()
            past.go_back(0, span)
            while past.catch_up(25):
                pass
            whole_ms[span].append(1e3 * (time.thread_time() - begun))
    print(f"a step: {np.median(steps_ms):.2f} ms")
    for span in spans:
        if model_ms[span]:
            seconds = span / model.frame_rate
            alone, whole = np.median(model_ms[span]) / seconds, np.median(whole_ms[span]) / seconds
            worst = max(whole_ms[span]) / seconds
            print(
                f"taking {seconds:.1f} s again: {alone:.1f} ms per second in the model, "
                f"{whole:.1f} with the codec (worst of {len(whole_ms[span])}: {worst:.1f})"
            )


if __name__ == "__main__":
    main()
