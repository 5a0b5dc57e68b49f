"""Going back and taking steps again in silence: as if the assistant had been hushed from there on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.tiny import DEPTH, MODEL, VOCABULARY, speech_model, torch_model, transformer, user_codes
from voicert.errors import ModelError
from voicert.models import load
from voicert.models.base import Control, Sampling, StepOutput
from voicert.models.duplex import DuplexModel
from voicert.models.slots import REWIND_FRAMES
from voicert.models.torch_runner import TorchRunner
from voicert.models.vocabulary import END, START

Make = Callable[[int], DuplexModel]
WORD = VOCABULARY.encode("what is this")
DRAWN = Sampling(temperature=0.8, top_k=6, text_temperature=1.5, seed=3)


@pytest.fixture(params=["onnx", "int8", "sure", "words", "torch", "depth"])
def make(request: pytest.FixtureRequest) -> Make:
    """A fresh tiny model of so many slots, by each of the ways in which it can run."""
    match request.param:
        case "onnx":
            return partial(speech_model, request.getfixturevalue("tiny_step"))
        case "int8":
            return partial(speech_model, request.getfixturevalue("tiny_step_int8"))
        case "sure":  # to begin an answer, it must want to twice, and clearly
            twice = dataclasses.replace(MODEL, start_steps=2, pad_bias=0.1, start_bias=0.1, patience=1)
            return partial(speech_model, request.getfixturevalue("tiny_step"), config=twice)
        case "words":
            step, words = (request.getfixturevalue(name) for name in ("tiny_step", "tiny_words"))
            return partial(speech_model, step, words=words)
        case "torch":
            return torch_model
        case _:
            return partial(torch_model, depth=DEPTH)


def control(rows: int = 1, hush: bool = False, start: bool = False, given: int = -1) -> Control:
    return Control(np.full(rows, hush), np.full(rows, start), np.full(rows, given))


def take(
    model: DuplexModel,
    slot: int,
    user: NDArray[np.int64],
    hushed_from: int = 10**9,
    given: dict[int, int] | None = None,
) -> list[StepOutput]:
    """Steps one slot through user [T, K]; ``given`` is user text by step."""
    said = given or {}
    steps = (control(1, t >= hushed_from, False, said.get(t, -1)) for t in range(len(user)))
    return [model.step(np.array([slot]), u[None], how) for u, how in zip(user, steps, strict=True)]


def tokens(made: list[StepOutput]) -> list[list[Any]]:
    """Step by step: text, user text, codes, wants."""
    fields = ("text", "user_text", "codes", "wants")
    rows = [np.concatenate([getattr(out, name) for out in made]).tolist() for name in fields]
    return [list(step) for step in zip(*rows, strict=True)]


def assert_same_state(ours: DuplexModel, slot: int, theirs: DuplexModel, other: int, position: int) -> None:
    """Keys and values of every layer's window within 1e-5."""
    windows = [window for window in ours.config.windows for _ in range(2)]
    pairs = zip(ours.snapshot(slot).keys_values, theirs.snapshot(other).keys_values, strict=True)
    for window, (a, b) in zip(windows, pairs, strict=True):
        last = np.arange(max(0, position - window), position) % a.shape[1]  # in its ring
        np.testing.assert_allclose(a[:, last], b[:, last], atol=1e-5)


@pytest.mark.parametrize("sampling", [Sampling(), DRAWN], ids=["greedy", "drawn"])
@pytest.mark.parametrize(("steps", "back"), [(40, 1), (40, 2), (41, 17), (60, 60), (90, 45)])
def test_retaken_is_as_if_hushed_from_there(make: Make, sampling: Sampling, steps: int, back: int) -> None:
    user, later = user_codes(1, steps), user_codes(2, 30)
    model, hushed = make(2), make(1)
    model.reset(1, sampling)
    hushed.reset(0, sampling)
    take(model, 1, user)
    model.rewind(1, back)
    retaken = model.retake(1, back)
    wanted = take(hushed, 0, user, hushed_from=steps - back)
    assert tokens([retaken]) == tokens(wanted[steps - back :])
    assert_same_state(model, 1, hushed, 0, steps)
    assert tokens(take(model, 1, later)) == tokens(take(hushed, 0, later))
    assert_same_state(model, 1, hushed, 0, steps + 30)


def test_the_conversations_of_these_tests_do_say_something(make: Make) -> None:
    """Else all of this would hold for a model that ignores what it is given."""
    said = take(make(1), 0, user_codes(1, 90))
    quiet = take(make(1), 0, user_codes(1, 90), hushed_from=20)
    assert sum(int(out.text[0]) == START for out in said) >= 3
    assert tokens(said)[:20] == tokens(quiet)[:20]
    heard = [[int(out.user_text[0]) for out in outs[21:]] for outs in (said, quiet)]
    assert heard[0] != heard[1]  # the silence is felt, so the former transcript is a wrong draft
    assert any(out.wants[0] for out in quiet[20:])


def test_at_every_frame_of_an_answer(tiny_step_int8: Path) -> None:
    user, later = user_codes(1, 30), user_codes(2, 6)
    model = speech_model(tiny_step_int8, 1)
    for back in range(1, 31):
        model.reset(0, Sampling())
        take(model, 0, user)
        model.rewind(0, back)
        model.retake(0, back)
        hushed = speech_model(tiny_step_int8, 1)
        take(hushed, 0, user, hushed_from=30 - back)
        assert_same_state(model, 0, hushed, 0, 30)
        assert tokens(take(model, 0, later)) == tokens(take(hushed, 0, later))


def test_twice_in_a_row_and_in_pieces(make: Make) -> None:
    """The second time goes back further, and in the middle of a retake that is not over."""
    user, later = user_codes(3, 50), user_codes(4, 20)
    model, hushed = make(1), make(1)
    take(model, 0, user)
    model.rewind(0, 12)
    model.retake(0, 5)
    model.rewind(0, 15)  # 28 undone: step 28 is the next
    pieces = [model.retake(0, count) for count in (1, 9, 12)]
    wanted = take(hushed, 0, user, hushed_from=28)
    assert tokens(pieces) == tokens(wanted[28:])
    assert_same_state(model, 0, hushed, 0, 50)
    model.rewind(0, 30)
    hushed.reset(0, Sampling())
    assert tokens([model.retake(0, 30)]) == tokens(take(hushed, 0, user, hushed_from=20)[20:])
    assert tokens(take(model, 0, later)) == tokens(take(hushed, 0, later))


def test_given_text_and_a_start_in_the_span(make: Make) -> None:
    """What was typed stays; an answer that was asked for does not."""
    user, typed = user_codes(5, 40), {20: WORD[0], 21: WORD[1], 22: WORD[2]}
    model, hushed = make(1), make(1)
    take(model, 0, user[:23], 22, typed)  # the last one is hushed, so an answer can begin
    started = model.step(np.array([0]), user[23:24], control(start=True))
    assert started.text[0] == START
    take(model, 0, user[24:])
    model.rewind(0, 25)
    retaken = model.retake(0, 25)
    assert retaken.user_text[5:8].tolist() == WORD
    assert tokens([retaken]) == tokens(take(hushed, 0, user, 15, typed)[15:])
    assert_same_state(model, 0, hushed, 0, 40)


def test_long_after_every_ring_went_round_and_at_the_edge_of_the_window(tiny_step_int8: Path) -> None:
    steps = 3 * (MODEL.window + REWIND_FRAMES) + 11
    user, later = user_codes(6, steps), user_codes(7, 30)
    model, hushed = speech_model(tiny_step_int8, 1), speech_model(tiny_step_int8, 1)
    take(model, 0, user)
    with pytest.raises(ModelError, match="can go back 0 to 500"):
        model.rewind(0, REWIND_FRAMES + 1)
    model.rewind(0, REWIND_FRAMES)
    retaken = model.retake(0, REWIND_FRAMES)
    wanted = take(hushed, 0, user, hushed_from=steps - REWIND_FRAMES)
    assert tokens([retaken]) == tokens(wanted[-REWIND_FRAMES:])
    assert_same_state(model, 0, hushed, 0, steps)
    assert tokens(take(model, 0, later)) == tokens(take(hushed, 0, later))


def test_on_two_slots_while_a_third_goes_on(make: Make) -> None:
    user = [user_codes(seed, 60) for seed in (8, 9, 10)]
    model = make(3)
    made: list[list[StepOutput]] = [[], [], []]
    for t in range(60):
        if t == 35:
            model.rewind(0, 20)
            model.rewind(1, 7)
            model.retake(1, 3)
            model.retake(0, 20)
            model.retake(1, 4)
        out = model.step(np.arange(3), np.stack([u[t] for u in user]), control(3))
        for slot in range(3):
            row = slice(slot, slot + 1)
            made[slot].append(StepOutput(out.text[row], out.user_text[row], out.codes[row], out.wants[row]))
    for slot, back in ((0, 20), (1, 7), (2, 0)):
        alone = make(1)
        hushed_from = 35 - back if back else 10**9
        take(alone, 0, user[slot][:35], hushed_from)
        assert tokens(made[slot][:35]) == tokens(take(make(1), 0, user[slot][:35]))
        assert tokens(made[slot][35:]) == tokens(take(alone, 0, user[slot][35:]))
        assert_same_state(model, slot, alone, 0, 60)


def test_only_what_was_undone_can_be_retaken(tiny_step: Path) -> None:
    model, user = speech_model(tiny_step, 1), user_codes(1, 20)
    take(model, 0, user)
    with pytest.raises(ModelError, match="cannot retake 1 steps: 0"):
        model.retake(0, 1)
    model.rewind(0, 5)
    for frames in (0, 6, -1):
        with pytest.raises(ModelError, match=f"cannot retake {frames} steps: 5"):
            model.retake(0, frames)
    saved = model.snapshot(0)
    take(model, 0, user[:1])
    with pytest.raises(ModelError, match="0 of this slot are undone"):
        model.retake(0, 4)
    model.restore(0, saved)
    assert len(model.retake(0, 5).text) == 5


def test_what_the_model_wants_is_told_whether_hushed_or_not(make: Make) -> None:
    user = user_codes(11, 60)
    free = tokens(take(make(1), 0, user))
    first = next(t for t, step in enumerate(free) if step[3])
    assert free[first][0] == START
    quiet = tokens(take(make(1), 0, user, hushed_from=first))
    assert quiet[first][3]
    assert quiet[first][0] != START
    answering = False
    for text, _, _, wants in free:
        assert not (answering and wants)
        answering = (answering or text == START) and text != END


def test_an_answer_begins_when_it_is_told_to(make: Make) -> None:
    """Outside of one and not hushed; the steps after it are the model's own again."""
    user = user_codes(12, 40)
    quiet = make(1)
    take(quiet, 0, user[:20], hushed_from=0)
    forced = quiet.step(np.array([0]), user[20:21], control(start=True))
    assert forced.text[0] == START
    inside = quiet.step(np.array([0]), user[21:22], control(start=True))
    assert inside.text[0] != START
    hushed = quiet.step(np.array([0]), user[22:23], control(start=True, hush=True))
    assert hushed.text[0] in (END, 0)
    assert hushed.codes.tolist() == [[3, 1, 4, 1]]


def test_given_user_text_is_what_the_model_goes_on_from(make: Make) -> None:
    user = user_codes(13, 40)
    typed = tokens(take(make(1), 0, user, given={10: WORD[0], 11: WORD[1]}))
    heard = tokens(take(make(1), 0, user))
    assert typed[:10] == heard[:10]
    assert [step[1] for step in typed[10:12]] == WORD[:2]
    assert typed[10][0] == heard[10][0]  # it takes effect on what comes after
    assert typed[11:] != heard[11:]


@pytest.mark.parametrize("back", [1, 26, 190])
def test_the_bundled_model(back: int) -> None:
    """Random codes make it write a lot; keys, values and logits' choices are the same bit by bit."""
    model = load("nano", 2).model
    assert isinstance(model, DuplexModel)
    rng = np.random.default_rng(back)
    user = rng.integers(model.config.codebook_size, size=(260, model.num_codebooks))
    take_nano(model, 0, user[:230])
    model.rewind(0, back)
    retaken = model.retake(0, back)
    wanted = take_nano(model, 1, user[:230], hushed_from=230 - back)
    assert tokens([retaken]) == tokens(wanted[-back:])
    assert_same_state(model, 0, model, 1, 230)
    assert tokens(take(model, 0, user[230:])) == tokens(take(model, 1, user[230:]))


def take_nano(
    model: DuplexModel, slot: int, user: NDArray[np.int64], hushed_from: int = 10**9
) -> list[StepOutput]:
    """As `take`, with an answer that is asked for at step 20, so that something is cut."""
    made: list[StepOutput] = []
    for t, u in enumerate(user):
        how = dataclasses.replace(control(hush=t >= hushed_from), start=np.array([t == 20]))
        made.append(model.step(np.array([slot]), u[None], how))
    return made


def test_a_model_that_cannot_go_back_far_enough_is_refused() -> None:
    with pytest.raises(ModelError, match=f"go back 10 steps, not {REWIND_FRAMES}"):
        TorchRunner(transformer(rewind=10), 1)
