"""The training data obey the rules by which the runtime writes: what is learnt is what will be run."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nano import timeline
from nano.bank import Bank, Utterance
from nano.domain import TOPICS
from nano.timeline import (
    CUT_FRAMES,
    FRAME,
    GAP_FRAMES,
    LEAD_FRAMES,
    Answer,
    Composer,
    Conversation,
    delayed,
    make_answer,
    place_words,
)
from numpy.typing import NDArray
from train_model import Shards, answering, corrupt, forget, losses, weighted_text_loss

from tests.support import naive
from tests.support.tiny import DEPTH, MODEL, SILENCE, transformer
from voicert.models.config import DepthConfig
from voicert.models.vocabulary import END, PAD, START, Vocabulary

quick = settings(deadline=None, derandomize=True, max_examples=50)
DELAYS = MODEL.delays
ANSWERED = (0, 1)  # topics of the small bank
SPOKEN = (100, 25)  # frames of their answers
VOCABULARY = Vocabulary.build([TOPICS[t].answer for t in ANSWERED] + ["hello", "good morning"])


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """Two requests and two answers of noise, on disk as scripts/make_bank.py writes them."""
    folder = tmp_path_factory.mktemp("bank")
    lengths = [SPOKEN[0] * FRAME, SPOKEN[1] * FRAME - 100, 14_000, 9_000]
    starts = [0, *np.cumsum(lengths)[:-1].tolist()]
    noise = np.random.default_rng(0).integers(-9000, 9000, sum(lengths)).astype(np.int16)
    noise.tofile(folder / "audio.i16")
    requests = zip(("good morning", "hello"), starts[2:], lengths[2:], strict=True)
    spoken = [Utterance(text, topic, "none", "v", 1.0, 1.0, start, length, False).__dict__
              for topic, (text, start, length) in enumerate(requests)]  # fmt: skip
    texts = [TOPICS[t].answer for t in ANSWERED] + ["good morning", "hello"]
    ends = {t: [(i + 1) / len(t.split()) for i in range(len(t.split()))] for t in texts}
    index = {
        "utterances": spoken,
        "answers": list(zip(starts[:2], lengths[:2], strict=True)),
        "word_ends": ends,
    }
    (folder / "index.json").write_text(json.dumps(index))
    return Bank(folder)


def spoken_answer(bank: Bank, topic: int, audible: int = 10) -> tuple[Answer, NDArray[np.int64]]:
    """An answer of random codes, and those codes [K, T]; its sound begins in frame ``audible``."""
    frames = audible + SPOKEN[topic] + 20
    codes = np.random.default_rng(topic).integers(MODEL.codebook_size, size=(MODEL.codebooks, frames))
    answer = make_answer(codes, audible, SPOKEN[topic], topic, bank, VOCABULARY, DELAYS, SILENCE)
    return answer, codes


@pytest.fixture(scope="module")
def composer(bank: Bank) -> Composer:
    answers = [spoken_answer(bank, topic)[0] for topic in ANSWERED]
    return Composer(bank, bank.utterances, answers, SILENCE, VOCABULARY)


def conversation(composer: Composer, seed: int, interruptions: float = 0.4) -> Conversation:
    return composer.compose(np.random.default_rng(seed), 700, interruptions)


def inside_of(text: NDArray[np.int64]) -> NDArray[np.bool_]:
    """As the runtime keeps it: an answer is entered with a start, only outside, and left after an end."""
    inside, on = np.zeros(len(text), np.bool_), False
    for t, token in enumerate(text.tolist()):
        assert token != START or not on
        inside[t] = on or token == START
        assert token == PAD or inside[t]
        on = bool(inside[t]) and token != END
    return inside


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


@pytest.mark.parametrize("topic", ANSWERED)
def test_an_answer_s_tokens_hold_all_of_its_sound(bank: Bank, topic: int) -> None:
    answer, codes = spoken_answer(bank, topic)
    assert (answer.text[0], answer.text[-1]) == (START, END)
    assert VOCABULARY.decode(answer.text) == TOPICS[topic].answer
    assert not np.isin(answer.text[1:-1], (START, END)).any()
    made = naive.frames_of(answer.codes, np.zeros(len(answer.text), np.bool_), DELAYS, SILENCE)
    first = LEAD_FRAMES + max(DELAYS)  # the step that completes the first audible frame
    assert np.array_equal(made[first : first + SPOKEN[topic]], codes.T[10 : 10 + SPOKEN[topic]])


@pytest.mark.parametrize("seed", range(8))
def test_outside_of_answers_there_is_silence(composer: Composer, seed: int) -> None:
    made = conversation(composer, seed)
    inside = inside_of(made.text)
    assert inside.any()
    assert not inside.all()
    assert (made.codes[:, ~inside] == SILENCE[:, None]).all()
    assert (made.text[~inside] == PAD).all()
    assert made.user.shape == (700 * FRAME,)
    assert np.abs(made.user).max() <= 1


@pytest.mark.parametrize("seed", range(8))
def test_every_answer_is_whole_or_cut(composer: Composer, seed: int) -> None:
    """Up to its end token, which stands alone with silence where an answer was cut."""
    made = conversation(composer, seed)
    starts = np.flatnonzero(made.text == START)
    assert len(starts) > 2
    for start in starts:
        ends = np.flatnonzero(made.text[start:] == END)
        before = int(ends[0]) if len(ends) else len(made.text) - start  # frames ahead of the end token
        said, codes = made.text[start : start + before], made.codes[:, start : start + before]
        (answer,) = (a for a in composer.answers if np.array_equal(a.codes[:, :before], codes))
        assert np.array_equal(answer.text[:before], said)
        if len(ends) and before + 1 < len(answer.text):
            assert (made.codes[:, start + before] == SILENCE).all()


@pytest.fixture
def _quiet_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """No noise, so that the user is exactly where the sound is."""
    monkeypatch.setattr(timeline, "dither", lambda rng, samples: np.zeros(samples, np.float32))


def loud_frames(made: Conversation) -> NDArray[np.bool_]:
    return np.abs(made.user).reshape(-1, FRAME).max(1) > 1e-4


@pytest.mark.usefixtures("_quiet_room")
def test_an_answer_begins_a_gap_after_the_request(composer: Composer) -> None:
    """The user speaks until the gap before the first audible frame, and not in it."""
    checked = 0
    for seed in range(6):
        made = conversation(composer, seed, interruptions=0.0)
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
        made = conversation(composer, seed)
        loud = loud_frames(made)
        written = np.flatnonzero(made.user_text != PAD)
        assert len(written) > 2
        for frame in written:
            assert loud[max(0, frame - 8) : frame].any()


@pytest.mark.usefixtures("_quiet_room")
def test_an_interrupted_answer_falls_silent_soon(composer: Composer) -> None:
    """Its end comes within the bounds after the user's onset."""
    lengths = {len(a.text) for a in composer.answers}
    found = 0
    for seed in range(12):
        made = conversation(composer, seed, interruptions=1.0)
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
    answers = [spoken_answer(bank, topic)[0] for topic in ANSWERED]
    short = [Utterance("hello", 0, "none", "v", 1.0, 1.0, 0, 4 * FRAME, False)]
    composer = Composer(bank, short, answers, SILENCE, VOCABULARY)
    for seed in range(40):
        inside_of(conversation(composer, seed, interruptions=1.0).text)


@pytest.fixture(scope="module")
def shards(composer: Composer, tmp_path_factory: pytest.TempPathFactory) -> Shards:
    """Two conversations as scripts/make_corpus.py writes them, with random codes of the user."""
    folder = tmp_path_factory.mktemp("corpus")
    made = [conversation(composer, seed) for seed in (1, 2)]
    user = np.random.default_rng(1).integers(MODEL.codebook_size, size=(2, MODEL.codebooks, 700))
    np.savez(folder / "shard0000.npz", user=user.astype(np.int16),
             codes=np.stack([c.codes for c in made]).astype(np.int16),
             text=np.stack([c.text for c in made]).astype(np.int16),
             user_text=np.stack([c.user_text for c in made]).astype(np.int16))  # fmt: skip
    np.savez(folder / "answers.npz", silence=SILENCE)
    return Shards(folder, MODEL.user_frames)


def whole_streams(shards: Shards, n: int) -> dict[str, NDArray[np.int64]]:
    """A conversation's streams as the runtime would have them, what precedes the first frame included."""
    data = shards.files["shard0000.npz"]
    quiet = np.tile(SILENCE[:, None], MODEL.user_frames)
    return {
        "codes": np.concatenate([quiet, data["codes"][n]], 1),
        "user": np.concatenate([quiet, data["user"][n]], 1),
        "text": np.concatenate([[PAD] * MODEL.user_frames, data["text"][n]]),
        "user_text": np.concatenate([[PAD] * MODEL.user_frames, data["user_text"][n]]),
    }


@pytest.mark.parametrize("frames", [100, 700, 900])
@pytest.mark.parametrize("focus", [0.0, 1.0])
def test_own_inputs_are_the_targets_of_the_step_before(shards: Shards, frames: int, focus: float) -> None:
    """Also at the first step of a crop, which is somewhere in a conversation, or at its beginning."""
    before = MODEL.user_frames  # entries of whole_streams ahead of the first frame
    wholes = [whole_streams(shards, n) for n in (0, 1)]
    batch = shards.batch(np.random.default_rng(3), 24, frames, focus)
    steps = min(frames, 700)
    assert batch.text.shape == (24, steps)
    firsts: set[int] = set()
    for i in range(24):
        candidates = [
            (n, start)
            for n, whole in enumerate(wholes)
            for start in range(700 - steps + 1)
            if np.array_equal(whole["codes"][:, before + start : before + start + steps], batch.codes[i])
            and np.array_equal(whole["user"][:, before + start], batch.user[i, :, before - 1])
        ]
        ((n, start),) = candidates
        whole, at = wholes[n], before + start
        firsts.add(start)
        assert np.array_equal(batch.text[i], whole["text"][at : at + steps])
        assert np.array_equal(batch.user_text[i], whole["user_text"][at : at + steps])
        assert np.array_equal(batch.own_in[i], whole["codes"][:, at - 1 : at + steps - 1])
        assert np.array_equal(batch.text_in[i], whole["text"][at - 1 : at + steps - 1])
        assert np.array_equal(batch.user_text_in[i], whole["user_text"][at - 1 : at + steps - 1])
        assert np.array_equal(batch.user[i], whole["user"][:, at - before + 1 : at + steps])
    assert firsts == {0} if steps == 700 else len(firsts) > 3


def test_a_crop_knows_where_answers_are(composer: Composer) -> None:
    """Every crop with a start or an end in it; in one without, no frame counts as an answer's."""
    for seed in range(6):
        text = conversation(composer, seed).text
        inside = inside_of(text)
        starts = range(0, len(text) - 60, 7)
        crops = torch.from_numpy(np.stack([text[s : s + 60] for s in starts]))
        for s, crop, found in zip(starts, crops, answering(crops), strict=True):
            marked = bool(((crop == START) | (crop == END)).any())
            assert found.tolist() == (inside[s : s + 60] & marked).tolist()


def test_corruption_keeps_its_share_and_its_range() -> None:
    torch.manual_seed(0)
    tokens = torch.full((200, 4, 100), 7)
    made = corrupt(tokens, 0.3, 16)
    changed = (made != tokens).float().mean((1, 2))
    assert made.min() >= 0
    assert made.max() < 16
    assert changed.max() < 0.4
    assert changed.mean() == pytest.approx(0.15 * 15 / 16, abs=0.02)
    assert torch.equal(corrupt(tokens, 0.0, 16), tokens)


def test_text_is_forgotten_by_whole_rows() -> None:
    torch.manual_seed(0)
    tokens = torch.randint(3, 9, (1000, 20))
    made = forget(tokens, 0.25)
    gone = (made == PAD).all(1)
    assert torch.equal(made[~gone], tokens[~gone])
    assert float(gone.float().mean()) == pytest.approx(0.25, abs=0.05)


def test_frames_with_text_weigh_more() -> None:
    logits = torch.randn(2, 5, 9, generator=torch.Generator().manual_seed(1))
    target = torch.tensor([[PAD, 4, PAD, PAD, 8], [PAD, PAD, PAD, 3, PAD]])
    loss = -torch.log_softmax(logits, -1).gather(-1, target[..., None])[..., 0]
    weight = torch.where(target == PAD, 1.0, 5.0)
    torch.testing.assert_close(weighted_text_loss(logits, target, 5.0), (loss * weight).sum() / weight.sum())


@pytest.mark.parametrize("depth", [None, DEPTH], ids=["parallel", "depth"])
def test_losses_are_finite_and_train_every_weight(shards: Shards, depth: DepthConfig | None) -> None:
    model = transformer(depth=depth, text_size=len(VOCABULARY)).train()
    text, user_text, codes = losses(model, shards.batch(np.random.default_rng(5), 4, 120, 1.0), heavy=5.0)
    (text + user_text + codes).backward()
    assert all(torch.isfinite(x) for x in (text, user_text, codes))
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_a_batch_without_answers_has_no_loss_of_codes(shards: Shards) -> None:
    batch = shards.batch(np.random.default_rng(5), 2, 50, 0.0)
    batch.text[:] = PAD
    assert losses(transformer(text_size=len(VOCABULARY)), batch, heavy=5.0)[2] == 0
