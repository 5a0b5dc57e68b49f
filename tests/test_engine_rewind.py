"""The engine goes back: model, encoder and decoder stand as if it had been so from the start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from voicert_codecs.base import Codes, Pcm, Rows
from voicert_codecs.nano.runtime import NanoCodec, NanoCodecState

from tests.support.pcmcodec import PcmCodec
from tests.support.scripted import FRAME, Script, ScriptedModel, scripted_bundle, silence, speech
from tests.support.seats import Score
from tests.support.tiny import speech_model
from voicert.engine import Engine, Frame
from voicert.engine.loop import CATCH_UP_FRAMES
from voicert.engine.past import MARK_FRAMES, CodecStates, Past
from voicert.models.base import Bundle, Control, Sampling, StepOutput

SAMPLING = Sampling()


def voice(seed: int, frames: int) -> list[NDArray[np.float32]]:
    """Noise that a random codec makes lively codes of."""
    return list(np.random.default_rng(seed).normal(0, 0.2, (frames, FRAME)).astype(np.float32))


def played(
    pcm: list[NDArray[np.float32]], hushed_from: int = 10**9, **changes: dict[int, int]
) -> list[Frame]:
    """Frames that are hushed from one on; ``rewind`` and ``retake`` by frame."""
    rewind, retake = changes.get("rewind", {}), changes.get("retake", {})
    return [
        Frame(x, 0.0, t >= hushed_from, rewind=rewind.get(t, 0), retake=retake.get(t, 0))
        for t, x in enumerate(pcm)
    ]


@pytest.fixture
def bundle(tiny_codec: Path, tiny_step: Path) -> Bundle:
    return Bundle(speech_model(tiny_step, 3), NanoCodec(tiny_codec), SAMPLING)


@pytest.fixture(params=["short memory", "any memory"])
def either(bundle: Bundle, request: pytest.FixtureRequest) -> Bundle:
    """The same codec, taken for one whose decoder may remember for ever."""
    if request.param == "any memory":
        bundle.codec.decoder_memory_frames = None
    return bundle


@pytest.fixture
def engines() -> Iterator[list[Engine]]:
    started: list[Engine] = []
    yield started
    for engine in started:
        engine.stop()


def perform(engines: list[Engine], bundle: Bundle, *scores: Score) -> Engine:
    """Plays all scores together to their ends, score i on slot i."""
    engine = Engine(bundle)
    engines.append(engine)
    for score in scores:
        engine.join(score, SAMPLING)
    engine.start()
    assert all(score.over.wait(60) for score in scores)
    return engine


def states(engine: Engine, slot: int) -> list[NDArray[Any]]:
    """The encoder's state of what was heard and the decoder's of what was said."""
    codec = engine.bundle.codec
    ears, voices = (codec.snapshot(s, slot) for s in (engine._states.ears, engine._states.voices))
    return [ears.tail, ears.encoder, voices.overlap, voices.decoder]


def assert_same(ours: list[NDArray[Any]], theirs: list[NDArray[Any]]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize(("at", "back"), [(40, 1), (40, 39), (60, 10), (60, 35), (75, 25), (120, 77)])
def test_a_retake_is_as_if_hushed_from_there(
    engines: list[Engine], either: Bundle, at: int, back: int
) -> None:
    """Tokens and sound from then on, and the state of encoder and decoder; a neighbour notices nothing."""
    pcm, other = voice(1, at + 30), voice(2, at + 30)
    score, neighbour = Score(*played(pcm, retake={at: back})), Score(*played(other))
    engine = perform(engines, either, score, neighbour)
    ours = states(engine, 0)
    hushed, alone = Score(*played(pcm[:at], at - back), *played(pcm[at:])), Score(*played(other))
    wanted = states(perform(engines, either, hushed), 0)
    assert score.tokens[at:] == hushed.tokens[at:]
    assert score.results[at].retaken == tuple(s.user_text for s in hushed.results[at - back : at])
    assert not any(s.retaken for s in score.results[at + 1 :])
    for one, two in zip(score.results[at:], hushed.results[at:], strict=True):
        np.testing.assert_allclose(one.pcm, two.pcm, atol=1e-5)
    assert_same(ours, wanted)
    perform(engines, either, alone)
    assert neighbour.tokens == alone.tokens


@pytest.mark.parametrize(("at", "back"), [(40, 1), (60, 10), (60, 35), (75, 25), (120, 77), (30, 30)])
def test_a_rewind_is_as_if_those_frames_had_not_come(
    engines: list[Engine], bundle: Bundle, at: int, back: int
) -> None:
    pcm, other = voice(1, at), voice(3, 40)
    score = Score(*played(pcm + other, rewind={at: back}))
    ours = states(perform(engines, bundle, score), 0)
    fresh = Score(*played(pcm[: at - back] + other))
    wanted = states(perform(engines, bundle, fresh), 0)
    assert score.tokens[at:] == fresh.tokens[at - back :]
    for one, two in zip(score.results[at:], fresh.results[at - back :], strict=True):
        np.testing.assert_allclose(one.pcm, two.pcm, atol=1e-5)
    assert_same(ours, wanted)


class Counting(NanoCodec):
    """Counts the frames that it decodes."""

    decoded = 0

    def decode(self, codes: Codes, state: NanoCodecState, rows: Rows | None = None) -> Pcm:
        self.decoded += codes.shape[2]
        return super().decode(codes, state, rows)


@pytest.mark.parametrize("retake", [3, 60, 190])
def test_no_more_is_decoded_again_than_the_decoder_remembers(
    tiny_codec: Path, tiny_step: Path, retake: int
) -> None:
    codec = Counting(tiny_codec)
    assert codec.decoder_memory_frames
    bundle = Bundle(speech_model(tiny_step, 1), codec, SAMPLING)
    past = Past(bundle, CodecStates(codec.init_state(1), codec.init_state(1)), 0, SAMPLING)
    heard = np.random.default_rng(0).integers(0, codec.codebook_size, (200, 1, codec.num_codebooks))
    for codes in heard:
        out = bundle.model.step(np.array([0]), codes, Control.free(1))
        past.keep(np.zeros(FRAME, np.float32), out.codes[0])
    codec.decoded = 0
    past.go_back(0, retake)
    while past.catch_up(CATCH_UP_FRAMES):
        pass
    assert codec.decoded == codec.decoder_memory_frames


def test_what_was_taken_again_can_be_undone(engines: list[Engine], bundle: Bundle) -> None:
    """Back to a snapshot of the span that was taken again: what is heard must be as it was then."""
    pcm, rewind, retake = voice(6, 62), {61: 61 - 2 * MARK_FRAMES}, {60: 40}
    ours = states(perform(engines, bundle, Score(*played(pcm, rewind=rewind, retake=retake))), 0)
    plain = Score(*(Frame(pcm[t], 0.0, hush) for t, hush in remaining(rewind, retake, len(pcm))))
    assert_same(ours, states(perform(engines, bundle, plain), 0))


def test_again_and_again_over_a_long_conversation(engines: list[Engine], bundle: Bundle) -> None:
    """Back and back further, as far as it goes, after all that is kept was overwritten; rewinds between."""
    pcm = voice(4, 800)
    rewind, retake = {600: 40, 770: 3}, {550: 30, 555: 60, 750: 500, 751: 499, 780: 12}
    score = Score(*played(pcm, rewind=rewind, retake=retake))
    ours = states(perform(engines, bundle, score), 0)
    plain = Score(*(Frame(pcm[t], 0.0, hush) for t, hush in remaining(rewind, retake, len(pcm))))
    assert_same(ours, states(perform(engines, bundle, plain), 0))
    assert score.tokens[780:] == plain.tokens[-20:]


def remaining(rewind: dict[int, int], retake: dict[int, int], frames: int) -> list[tuple[int, bool]]:
    """(frame, hushed) of every step that is not undone, by the meaning of the words."""
    steps: list[tuple[int, bool]] = []
    for t in range(frames):
        if t in rewind:
            del steps[-rewind[t] :]
        if t in retake:
            steps[-retake[t] :] = [(frame, True) for frame, _ in steps[-retake[t] :]]
        steps.append((t, False))
    return steps


def test_who_goes_back_too_far_fails_alone(engines: list[Engine], bundle: Bundle) -> None:
    good = Score(*played(voice(1, 40)))
    bad = [
        Score(*played(voice(2, 20), **changes)) for changes in ({"retake": {10: 11}}, {"rewind": {15: -1}})
    ]
    perform(engines, bundle, good, *bad)
    assert len(good.results) == 40
    assert [len(score.results) for score in bad] == [10, 15]
    assert all("cannot go back" in score.failure for score in bad)


class Watched(ScriptedModel):
    """Writes down what it is asked to do."""

    def __init__(self, slots: int) -> None:
        super().__init__(slots, Script())
        self.calls: list[tuple[str, Any]] = []
        self.retaking = False

    def step(self, slots: Any, user_codes: Any, control: Any) -> StepOutput:
        if not self.retaking:  # which is done by steps here
            self.calls.append(("step", slots.tolist()))
        return super().step(slots, user_codes, control)

    def retake(self, slot: int, frames: int) -> StepOutput:
        self.calls.append(("retake", (slot, frames)))
        self.retaking = True
        out = super().retake(slot, frames)
        self.retaking = False
        return out


def test_a_long_catch_up_is_spread_over_the_neighbours_frames(engines: list[Engine]) -> None:
    """Not more than CATCH_UP_FRAMES between two steps of a neighbour, whoever has to catch up."""
    model = Watched(3)
    quiet = list(silence(4000).reshape(-1, FRAME))
    back = Score(*played(quiet[:121], retake={120: 110}))
    also = Score(*played(quiet[:121], retake={120: 60}))
    steady = Score(*played(quiet))
    perform(engines, Bundle(model, PcmCodec(), SAMPLING), back, also, steady)
    first = next(i for i, (what, _) in enumerate(model.calls) if what == "retake")
    caught = {0: 0, 1: 0}
    between = 0
    for what, which in model.calls[first:]:
        if what == "retake":
            caught[which[0]] += which[1]
            between += which[1]
            assert between <= CATCH_UP_FRAMES
        else:
            between = 0
            assert 2 in which or len(steady.results) == len(quiet)
            for slot, wanted in ((0, 110), (1, 60)):
                assert slot not in which or caught[slot] == wanted
    assert caught == {0: 110, 1: 60}
    assert len(back.results) == len(also.results) == 121


def test_a_forced_start_and_given_text_reach_the_model(engines: list[Engine]) -> None:
    quiet = list(silence(200).reshape(-1, FRAME))
    frames = played(quiet)
    frames[3] = Frame(quiet[3], 0.0, False, start=True)
    score = Score(*frames)
    bundle = scripted_bundle(1)
    perform(engines, bundle, score)
    assert [s.text for s in score.results].index(bundle.model.start_id) == 3
    typed = [Frame(quiet[0], 0.0, True, user_text=token) for token in bundle.model.tokens("hello there")]
    score = Score(*typed, *played(list(silence(400).reshape(-1, FRAME))))
    perform(engines, bundle, score)
    assert [bundle.model.piece(s.user_text) for s in score.results[:2]] == ["hello", " there"]
    assert bundle.model.start_id in [s.text for s in score.results]


def test_what_is_kept_for_going_back_is_bounded(engines: list[Engine], bundle: Bundle) -> None:
    """Frames and snapshots of the last rewind_frames steps, however long it goes on."""
    score = Score(*played(voice(5, 700), retake={400: 300, 600: 222}, rewind={500: 33}))
    engine = perform(engines, bundle, score)
    past = engine._places.taken()[0].past
    assert past is not None
    room = bundle.model.rewind_frames + MARK_FRAMES
    assert len(past._heard) <= room
    assert len(past._said) <= room
    assert len(past._marks) <= room // MARK_FRAMES + 2


def test_the_speech_of_these_tests_is_heard(engines: list[Engine]) -> None:
    """Taken again while the user speaks, a request is still understood."""
    pcm = list(np.concatenate([silence(200), speech(400), silence(600)]).reshape(-1, FRAME))
    score = Score(*played(pcm, retake={25: 14, 28: 5}))
    bundle = scripted_bundle(1)
    perform(engines, bundle, score)
    assert bundle.model.start_id in [s.text for s in score.results[28:]]
