"""What the loop does around a batch: the model's arrays from frames, results from the model's arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicert.engine.past import CodecStates, Past
from voicert.engine.places import Place
from voicert.engine.seat import Frame, Stepped, Timing
from voicert.models.base import Bundle, Control, Ints, StepOutput

Ready = list[tuple[Place, Past, Frame]]


def control(ready: Ready) -> Control:
    """How each row of the step is steered."""
    return Control(
        np.array([frame.hush for _, _, frame in ready]),
        np.array([frame.start for _, _, frame in ready]),
        np.array([frame.user_text for _, _, frame in ready]),
        {row: frame.brief for row, (_, _, frame) in enumerate(ready) if frame.brief is not None},
    )


def timed(frame: Frame, times: tuple[float, float, float, float], batch: int, period_s: float) -> Timing:
    """``times``: when the step began, was encoded, stepped and decoded; seconds on the engine's clock."""
    begun, encoded, stepped, ended = times
    late = ended - frame.complete_at > period_s
    stages = (begun - frame.complete_at, encoded - begun, stepped - encoded, ended - stepped)
    queue_ms, encode_ms, model_ms, decode_ms = (1e3 * seconds for seconds in stages)
    return Timing(queue_ms, encode_ms, model_ms, decode_ms, batch, late)


def finish(
    place: Place, past: Past, frame: Frame, heard: Ints, out: StepOutput, row: int,
    voice: NDArray[np.float32], timing: Timing,
) -> Stepped:  # fmt: skip
    """One row's result; what it takes to go back behind it is kept, and the tape hears of it."""
    tokens = int(out.text[row]), int(out.user_text[row])
    retaken = tuple(past.retaken)
    wants, call = bool(out.wants[row]), out.calls.get(row)
    stepped = Stepped(*tokens, voice, frame.hush, timing, wants, retaken, call)
    past.keep(frame.pcm, out.codes[row])
    if place.tape:
        place.tape.step(frame, heard, stepped, out.codes[row])
    return stepped


def warm_up(bundle: Bundle, states: CodecStates, size: int) -> None:
    """The first steps of a model are slow; they are taken before anyone waits: alone and all together."""
    codec = bundle.codec
    for batch in sorted({1, size}):
        slots = np.arange(batch)
        for slot in range(batch):
            bundle.model.reset(slot, bundle.sampling)
        codes = codec.encode(np.zeros((batch, codec.frame_size), np.float32), states.ears, slots)[:, :, 0]
        out = bundle.model.step(slots, codes, Control.free(batch))
        codec.decode(out.codes[:, :, None], states.voices, slots)
