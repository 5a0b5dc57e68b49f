"""The shipped weights alone, frame by frame: talked over, they end their answer by themselves, and answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from voicert_clients.wav import read_wav

import voicert.bench
from voicert.models import Control, load

SPEECH = Path(voicert.bench.__file__).parent / "speech"
SPOKEN = 70  # frames of an answer after which it is talked over
SOON = 25  # frames; the goal of `voicert eval` is 12
ANSWERS = {
    "interrupt_italy": "The capital of Italy is Rome.",
    "interrupt_dog": "A dog has four legs.",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_talked_over_it_ends_its_answer_by_itself(name: str) -> None:
    """No session with a voice detector is there to cut it."""
    bundle = load("nano", max_slots=1)
    model, codec, slot, free = bundle.model, bundle.codec, np.zeros(1, np.int64), Control.free(1)
    state, rng, size = codec.init_state(1), np.random.default_rng(0), bundle.codec.frame_size
    model.reset(0, bundle.sampling)
    asked, over = (read_wav(SPEECH / f"{each}.wav") * 0.5 for each in ("long_count", name))
    pcm = np.concatenate([np.zeros(12_000), asked, np.zeros(24_000 * 12)]).astype(np.float32)
    began = ended = None
    texts = ["", ""]
    for frame in range(len(pcm) // size):
        heard = pcm[frame * size : (frame + 1) * size] + rng.standard_normal(size).astype(np.float32) * 5e-4
        codes = codec.encode(heard.astype(np.float32)[None], state, slot)[..., 0]
        token = int(model.step(slot, codes, free).text[0])
        if token == model.start_id and began is None:
            began = frame
            talked = (frame + SPOKEN) * size
            pcm[talked : talked + len(over)] += over
        elif token == model.end_id and ended is None:
            ended = frame
        elif token == model.end_id:
            break
        texts[ended is not None] += model.piece(token)
    assert began is not None
    assert ended is not None
    assert SPOKEN < ended - began <= SPOKEN + SOON
    assert texts[0].startswith(" One, two, three, four,")
    assert texts[1].strip() == ANSWERS[name]
