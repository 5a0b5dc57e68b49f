"""Composed conversations obey the rules by which the runtime writes: what is learnt is what is run."""

from __future__ import annotations

from dataclasses import replace

import make_corpus
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nano import timeline
from nano.answers import LEAD_FRAMES, delayed, place_words
from nano.bank import Bank, Utterance
from nano.people import READING
from nano.sound import FRAME
from nano.timeline import CUT_FRAMES, GAP_FRAMES, Composer, Conversation
from numpy.typing import NDArray

from tests.support import naive
from tests.support.conversations import (
    ANSWERS,
    AUDIBLE,
    FRAMES,
    SPOKEN,
    VOCABULARY,
    conversation,
    inside_of,
    make_bank,
    make_composer,
    spoken_answer,
    with_habits,
)
from tests.support.tiny import MODEL, SILENCE
from voicert.models.vocabulary import END, PAD, START

quick = settings(deadline=None, derandomize=True, max_examples=50)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return make_bank(tmp_path_factory.mktemp("bank"))


@pytest.fixture(scope="module")
def composer(bank: Bank) -> Composer:
    return make_composer(bank)


@quick
@given(st.integers(0, 1000), st.integers(5, 12), st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_rows_are_delayed_and_undone_by_the_runtime(seed: int, frames: int, delays: list[int]) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(100, size=(len(delays), frames))
    fill = np.full(len(delays), -1)
    rows = delayed(codes, tuple(delays), fill)
    for k, d in enumerate(delays):
        assert rows[k].tolist() == [-1] * d + codes[k, : frames - d].tolist()
    last = max(delays)
    back = naive.frames_of(rows, np.zeros(frames, np.bool_), tuple(delays), fill)
    assert np.array_equal(back[last:], codes.T[: frames - last])


@quick
@given(st.lists(st.integers(1, 3), min_size=1, max_size=12), st.integers(1, 200), st.integers(0, 1000))
def test_words_are_written_in_order_each_in_frames_of_its_own(
    sizes: list[int], frames: int, seed: int
) -> None:
    ends = np.sort(np.random.default_rng(seed).random(len(sizes))).tolist()
    words = [[10 * i + j for j in range(n)] for i, n in enumerate(sizes)]
    placed = place_words(words, ends, frames)
    assert [token for _, token in placed] == [token for word in words for token in word]
    at = [frame for frame, _ in placed]
    assert at == sorted(set(at))
    begins = dict(zip((word[0] for word in words), [0.0, *ends[:-1]], strict=True))
    assert all(frame >= round(begins.get(token, 0.0) * frames) for frame, token in placed)


@pytest.mark.parametrize("topic", range(len(ANSWERS)))
def test_an_answer_s_tokens_hold_all_of_its_sound(bank: Bank, topic: int) -> None:
    answer, codes = spoken_answer(bank, topic)
    assert (answer.text[0], answer.text[-1]) == (START, END)
    assert VOCABULARY.decode(answer.text) == ANSWERS[topic]
    assert not np.isin(answer.text[1:-1], (START, END)).any()
    made = naive.frames_of(answer.codes, np.zeros(len(answer.text), np.bool_), MODEL.delays, SILENCE)
    first = LEAD_FRAMES + max(MODEL.delays)  # the step that completes the first audible frame
    assert np.array_equal(made[first : first + SPOKEN[topic]], codes.T[AUDIBLE : AUDIBLE + SPOKEN[topic]])


HALF = ("interruptions", "small_sounds", "noises", "pauses", "typed", "echo", "babble", "noisy", "follow_ups")
LIVELY = dict.fromkeys(HALF, 0.5)


@pytest.mark.parametrize("seed", range(8))
def test_outside_of_answers_there_is_silence(composer: Composer, seed: int) -> None:
    made = conversation(with_habits(composer, **LIVELY), seed)
    inside = inside_of(made.text)
    assert inside.any()
    assert not inside.all()
    assert (made.codes[:, ~inside] == SILENCE[:, None]).all()
    assert (made.text[~inside] == PAD).all()
    assert made.user.shape == (FRAMES * FRAME,)
    assert np.abs(made.user).max() <= 1


@pytest.mark.parametrize("seed", range(8))
def test_every_answer_is_whole_or_cut(composer: Composer, seed: int) -> None:
    """Up to its end token, which stands alone with silence where an answer was cut."""
    made = conversation(with_habits(composer, **LIVELY), seed)
    starts = np.flatnonzero(made.text == START)
    assert len(starts) > 2
    for start in starts:
        ends = np.flatnonzero(made.text[start:] == END)
        before = int(ends[0]) if len(ends) else len(made.text) - start  # frames ahead of the end token
        said, codes = made.text[start : start + before], made.codes[:, start : start + before]
        (answer,) = (a for a in composer.answers.values() if np.array_equal(a.codes[:, :before], codes))
        assert np.array_equal(answer.text[:before], said)
        if len(ends) and before + 1 < len(answer.text):
            assert (made.codes[:, start + before] == SILENCE).all()


@pytest.fixture
def _quiet_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """No noise, so that the user is exactly where the sound is."""
    monkeypatch.setattr(timeline, "dither", lambda rng, samples, *levels: np.zeros(samples, np.float32))


def loud_frames(made: Conversation) -> NDArray[np.bool_]:
    return np.abs(made.user).reshape(-1, FRAME).max(1) > 1e-4


@pytest.mark.usefixtures("_quiet_room")
@pytest.mark.parametrize("pauses", [0.0, 1.0])
def test_an_answer_begins_a_gap_after_the_request(composer: Composer, pauses: float) -> None:
    """The user speaks until the gap before the first audible frame, and not in it; a pause is no end."""
    checked = 0
    for seed in range(6):
        made = conversation(with_habits(composer, pauses=pauses), seed)
        loud = loud_frames(made)
        for start in np.flatnonzero(made.text == START):
            silent_from = start + LEAD_FRAMES - GAP_FRAMES
            assert loud[silent_from - 1]
            assert not loud[silent_from : start + LEAD_FRAMES].any()
            checked += 1
    assert checked > 10


@pytest.mark.usefixtures("_quiet_room")
def test_words_of_the_user_are_written_soon_after_they_are_said(composer: Composer) -> None:
    for seed in range(6):
        made = conversation(with_habits(composer, interruptions=0.5), seed)
        loud = loud_frames(made)
        written = np.flatnonzero(made.user_text != PAD)
        assert len(written) > 2
        for frame in written:
            assert loud[max(0, frame - 8) : frame].any()


@pytest.mark.usefixtures("_quiet_room")
def test_typed_text_is_given_in_silence_and_answered(composer: Composer) -> None:
    made = conversation(with_habits(composer, typed=1.0), 3)
    assert not loud_frames(made).any()
    assert made.given.any()
    assert np.array_equal(made.given, made.user_text != PAD)
    starts = np.flatnonzero(made.text == START)
    assert len(starts) > 1
    for start in starts:
        assert made.given[
            start - (GAP_FRAMES - LEAD_FRAMES) - 1
        ]  # the last token stands a gap before the answer
        assert not made.given[start - (GAP_FRAMES - LEAD_FRAMES) : start].any()


@pytest.mark.usefixtures("_quiet_room")
def test_small_sounds_and_echo_do_not_cut_an_answer(composer: Composer) -> None:
    heard = 0
    for seed in range(6):
        made = conversation(with_habits(composer, small_sounds=1.0, echo=1.0), seed)
        inside, loud = inside_of(made.text), loud_frames(made)
        for start in np.flatnonzero(made.text == START):
            ends = np.flatnonzero(made.text[start:] == END)
            if len(ends):
                assert int(ends[0]) + 1 in {len(a.text) for a in composer.answers.values()}
        heard += int((loud & inside).sum())
    assert heard > 100


@pytest.mark.usefixtures("_quiet_room")
def test_an_interrupted_answer_falls_silent_soon(composer: Composer) -> None:
    """Its end comes within the bounds after the user's onset."""
    lengths = {len(a.text) for a in composer.answers.values()}
    found = 0
    for seed in range(12):
        made = conversation(with_habits(composer, interruptions=1.0), seed)
        loud = loud_frames(made)
        for start in np.flatnonzero(made.text == START):
            ends = np.flatnonzero(made.text[start:] == END)
            if not len(ends) or int(ends[0]) + 1 in lengths:
                continue
            onset = int(np.flatnonzero(loud[start:])[0])
            assert CUT_FRAMES[0] - 1 <= ends[0] - onset < CUT_FRAMES[1]
            found += 1
    assert found > 5


def test_requests_shorter_than_the_reaction_never_start_an_answer_inside_another(bank: Bank) -> None:
    """An interruption of a moment: the cut answer must be over before the next one starts."""
    short = [Utterance("hello", ANSWERS[0], "f", "t", "", "none", "v", "known", False, 0, 4 * FRAME, [1.0])]
    composer = with_habits(make_composer(bank, utterances=short), interruptions=1.0)
    for seed in range(40):
        inside_of(conversation(composer, seed).text)


def test_readings_follow_each_other_and_nobody_answers(bank: Bank) -> None:
    some = [replace(u, after=READING) for u in bank.utterances[:2]]
    made = make_composer(bank, utterances=some).recite(np.random.default_rng(1), FRAMES)
    assert (made.text == PAD).all()
    assert (made.codes == SILENCE[:, None]).all()
    words = VOCABULARY.decode(made.user_text[made.user_text != PAD].tolist()).split()
    assert len(words) > 20
    assert set(words) == set(" ".join(u.text for u in some).split())
    writes = np.flatnonzero(made.user_text != PAD)
    assert np.diff(writes).max() < timeline.SECOND


def test_where_nobody_asks_there_is_nothing_to_say(
    composer: Composer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In about half of such rooms its own voice is heard all the same."""
    monkeypatch.setattr(timeline, "dither", lambda rng, samples, *levels: np.zeros(samples, np.float32))
    loud = 0
    for seed in range(20):
        made = conversation(with_habits(composer, idle=1.0), seed)
        assert (made.text == PAD).all()
        assert (made.user_text == PAD).all()
        assert (made.codes == SILENCE[:, None]).all()
        assert (made.phones == timeline.SILENCE).all()
        loud += np.abs(made.user).max() > 1e-3
    assert 5 < loud < 15


def test_every_engine_is_heard_about_as_often_as_any_other(bank: Bank) -> None:
    shares = {"espeak": 70, "flite": 24, "pico": 17}
    some = [replace(bank.utterances[0], engine=name, start=i) for name, n in shares.items() for i in range(n)]
    drawn = make_corpus.evenly(some)
    times = {name: sum(u.engine == name for u in drawn) for name in shares}
    assert times == {"espeak": 70, "flite": 72, "pico": 68}
    assert {(u.engine, u.start) for u in drawn} == {(u.engine, u.start) for u in some}


def test_the_room_is_never_silent(composer: Composer) -> None:
    made = conversation(with_habits(composer, noises=1.0, babble=1.0, noisy=1.0), 1)
    assert np.abs(made.user).reshape(-1, FRAME).max(1).min() > 0
