"""The ready queue: any chunking gives the same frames, and never more than the bound."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voicert.session.intake import Intake


def ramp(n, start=0):
    return np.arange(start, start + n, dtype=np.float32)


@given(st.lists(st.integers(0, 40), max_size=30))
def test_any_chunking_gives_the_same_frames(sizes):
    intake, total = Intake(8, 1000), 0
    for size in sizes:
        assert intake.push(ramp(size, total), float(total)) == 0
        total += size
    assert len(intake) == total // 8
    frames = [intake.pop().pcm for _ in range(total // 8)]
    assert intake.pop() is None
    assert np.concatenate([*frames, ramp(0)]).tolist() == ramp(total // 8 * 8).tolist()


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=40))
def test_it_never_holds_more_than_the_bound_and_drops_the_newest(actions):
    intake, kept, taken = Intake(8, 5), [], []
    for i, (size, pop) in enumerate(actions):
        chunk = np.full(size, i, np.float32)
        dropped = intake.push(chunk, 0.0)
        kept += chunk[: size - dropped].tolist()
        assert len(kept) - len(taken) <= 40
        assert dropped == 0 or len(kept) - len(taken) == 40
        if pop and (frame := intake.pop()):
            taken += frame.pcm.tolist()
    while frame := intake.pop():
        taken += frame.pcm.tolist()
    assert taken == kept[: len(taken)]
    assert len(kept) - len(taken) < 8


def test_a_frame_has_the_time_of_its_last_sample():
    intake = Intake(8, 10)
    intake.push(ramp(5), 1.0)
    intake.push(ramp(5), 2.0)
    intake.push(ramp(16), 3.0)
    assert [intake.pop().complete_at for _ in range(3)] == [2.0, 3.0, 3.0]


def test_padding_completes_exactly_one_frame_in_order():
    intake = Intake(8, 10)
    intake.push(ramp(3, 1), 0.0)
    intake.pad(1.0, 1.0)
    intake.push(ramp(5, 4), 2.0)
    assert intake.pop().pcm.tolist() == [1, 2, 3, 0, 0, 0, 0, 0]
    assert intake.pop().pcm.tolist() == [0, 0, 0, 4, 5, 6, 7, 8]
