"""Recordings: the tokens of a session come out of a fresh model again, and what is damaged is told."""

from __future__ import annotations

import dataclasses
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from voicert_codecs.nano.runtime import NanoCodec

from tests.support.duet import Collector
from tests.support.scripted import FRAME, PAD, Script, scripted_bundle, silence, speech
from tests.support.seats import Score
from tests.support.tiny import VOCABULARY, speech_model
from voicert.config import EngineConfig, load_config
from voicert.engine import Engine, Frame
from voicert.errors import ConfigError, TapeError
from voicert.models.base import Bundle, Control, Sampling
from voicert.replay import Note, Player, Recorder, Step, Tape, go_on, read_tape
from voicert.replay.entries import Packer, Unpacker
from voicert.session import open_session
from voicert.session.events import ResponseDone

DRAWN = Sampling(temperature=0.9, top_k=5, text_temperature=1.2, seed=11)
WORDS = VOCABULARY.encode("what is this")


def noise(seed: int, frames: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 0.2, (frames, FRAME)).astype(np.float32)


def steered(seed: int, frames: int) -> list[Frame]:
    """A conversation in which everything happens that can happen to a frame."""
    pcm = noise(seed, frames)
    extra: dict[int, dict[str, Any]] = {
        12: {"start": True}, 20: {"hush": True}, 25: {"user_text": WORDS[0]}, 26: {"user_text": WORDS[1]},
        40: {"retake": 18}, 45: {"rewind": 7}, 60: {"rewind": 3, "retake": 30}, 70: {"retake": 1},
    }  # fmt: skip
    return [Frame(x, 0.0, **({"hush": False} | extra.get(t, {}))) for t, x in enumerate(pcm)]


@pytest.fixture
def bundle(tiny_codec: Path, tiny_step_int8: Path) -> Bundle:
    return Bundle(speech_model(tiny_step_int8, 2), NanoCodec(tiny_codec), DRAWN, identity="tiny")


def record(bundle: Bundle, folder: Path, *scores: Score) -> list[Path]:
    """Plays the scores together; their recordings in the order of their headers' times."""
    recorder = Recorder(bundle, folder)
    engine = Engine(bundle, tapes=recorder.tape)
    for score in scores:
        engine.join(score, DRAWN)
    engine.start()
    assert all(score.over.wait(60) for score in scores)
    engine.stop()
    recorder.close()
    return sorted(folder.glob("*.tape"), key=lambda path: read_tape(path).header.started)


def test_a_session_is_its_tokens(
    bundle: Bundle, tiny_codec: Path, tiny_step_int8: Path, tmp_path: Path
) -> None:
    """What was recorded among others comes out of a fresh model alone, which then goes on as the first."""
    first, other = Score(*steered(1, 120)), Score(*steered(2, 100))
    paths = record(bundle, tmp_path, first, other)
    assert len(paths) == 2
    saved = bundle.model.snapshot(0)
    tape = max((read_tape(path) for path in paths), key=lambda tape: tape.steps)
    assert tape.steps == 120
    assert (tape.header.model, tape.header.identity, tape.header.sampling["seed"]) == ("tiny", "tiny", 11)
    fresh = dataclasses.replace(bundle, model=speech_model(tiny_step_int8, 1), codec=NanoCodec(tiny_codec))
    player = Player(tape, fresh)
    assert player.play() is None
    assert len(player.heard) == len(player.text) == len(player.said) == 110
    bundle.model.restore(1, saved)
    rng = np.random.default_rng(3)
    for _ in range(40):
        codes = rng.integers(16, size=(1, 4))
        ours = fresh.model.step(np.array([0]), codes, Control.free(1))
        theirs = bundle.model.step(np.array([1]), codes, Control.free(1))
        assert (ours.text, ours.user_text, ours.codes.tolist()) == (
            theirs.text,
            theirs.user_text,
            theirs.codes.tolist(),
        )


def test_what_happened_is_in_the_recording(bundle: Bundle, tmp_path: Path) -> None:
    """Step by step, as the seat was told, and in few bits."""
    score = Score(*steered(1, 90))
    [path] = record(bundle, tmp_path, score)
    steps = [entry for entry in read_tape(path).entries if isinstance(entry, Step)]
    for step, frame, result in zip(steps, score.frames, score.results, strict=True):
        assert (step.text, step.user_text, step.wants) == (result.text, result.user_text, result.wants)
        assert (step.hush, step.start, step.given) == (frame.hush, frame.start, frame.user_text)
        assert (step.rewind, step.retake, step.retaken) == (frame.rewind, frame.retake, result.retaken)
    assert path.stat().st_size < 90 * 12 + 600  # 4 + 4 codes of 4 bits, tokens, and the header
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"text": 5}, "the text is"),
        ({"user_text": 7}, "the user's text is"),
        ({"codes": None}, "of the voice is"),
        ({"wants": None}, "the wish to begin an answer is"),
    ],
)
def test_the_first_difference_is_told(
    bundle: Bundle, tmp_path: Path, changes: dict[str, Any], what: str
) -> None:
    [path] = record(bundle, tmp_path, Score(*steered(1, 60)))
    tape = read_tape(path)
    step = tape.entries[31]
    assert isinstance(step, Step)
    if "codes" in changes:
        changes = {"codes": (step.codes + 1) % 16}
    if "wants" in changes:
        changes = {"wants": not step.wants}
    tape.entries[31] = dataclasses.replace(step, **changes)
    difference = Player(tape, bundle).play()
    assert difference is not None
    assert (difference.step, difference.seconds) == (31, 0.62)
    assert what in str(difference)


def test_a_difference_in_what_was_taken_again_is_told(bundle: Bundle, tmp_path: Path) -> None:
    [path] = record(bundle, tmp_path, Score(*steered(1, 60)))
    tape = read_tape(path)
    step = tape.entries[40]
    assert isinstance(step, Step)
    tape.entries[40] = dataclasses.replace(step, retaken=(*step.retaken[:-1], 9))
    difference = Player(tape, bundle).play()
    assert difference is not None
    assert difference.step == 40


def test_a_recording_of_other_weights_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    [path] = record(bundle, tmp_path, Score(*steered(1, 5)))
    with pytest.raises(TapeError, match="identity tiny; tiny has another"):
        Player(read_tape(path), dataclasses.replace(bundle, identity="another"))


def test_cut_anywhere_the_whole_blocks_remain(bundle: Bundle, tmp_path: Path) -> None:
    """As a crash leaves it; cut inside of the header it is no recording."""
    [path] = record(bundle, tmp_path, Score(*steered(1, 120)))
    data, whole = path.read_bytes(), read_tape(path)
    assert whole.cut_bytes == 0
    seen: set[int] = set()
    cut = tmp_path / "cut.tape"
    first_block = data.index(b"\n", data.index(b"\n") + 1) + 1
    for size in range(len(data)):
        cut.write_bytes(data[:size])
        if size < first_block:
            with pytest.raises(TapeError, match=r"no recording|not understood"):
                read_tape(cut)
            continue
        tape = read_tape(cut)
        seen.add(tape.steps)
        assert len(tape.entries) == tape.steps
        assert size == first_block or tape.steps == whole.steps or tape.cut_bytes or tape.steps % 50 == 0
    assert seen == {0, 50, 100}
    assert Player(tape, bundle).play() is None


def test_damage_is_told_with_its_place(bundle: Bundle, tmp_path: Path) -> None:
    [path] = record(bundle, tmp_path, Score(*steered(1, 120)))
    data, whole = path.read_bytes(), read_tape(path)
    first_block = data.index(b"\n", data.index(b"\n") + 1) + 1
    bad = tmp_path / "bad.tape"
    for at in range(first_block, len(data), 7):
        bad.write_bytes(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :])
        if (told := why_not(bad)) is not None:
            assert str(bad) in told
            assert "damaged" in told or "not understood" in told
        else:  # a length that reaches beyond the end looks like a cut
            assert read_tape(bad).cut_bytes > 0
            assert read_tape(bad).steps < whole.steps


def why_not(path: Path) -> str | None:
    """Why a recording cannot be read."""
    try:
        read_tape(path)
    except TapeError as error:
        return str(error)
    return None


@pytest.mark.parametrize("content", [b"", b"RIFF....WAVE", b"voicert-tape 1\n{}\n", b"voicert-tape 1\n[1]\n"])
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.tape"
    path.write_bytes(content)
    with pytest.raises(TapeError, match=r"x\.tape"):
        read_tape(path)
    with pytest.raises(TapeError, match="cannot read"):
        read_tape(tmp_path / "missing")


@st.composite
def entries(draw: st.DrawFn) -> list[Step | Note]:
    number = st.integers(0, 70_000)
    codes = st.lists(st.integers(0, 511), min_size=3, max_size=3).map(np.array)
    retaken = st.lists(number, max_size=4).map(tuple)
    step = st.builds(
        lambda retaken, **more: Step(retake=len(retaken), retaken=retaken, **more),
        retaken, heard=codes, codes=codes, text=number, user_text=number, wants=st.booleans(),
        hush=st.booleans(), start=st.booleans(), given=st.integers(-1, 70_000), rewind=number,
    )  # fmt: skip
    note = st.builds(Note, st.text(max_size=5), st.dictionaries(st.text(max_size=5), st.integers()))
    return draw(st.lists(step | note, max_size=6))


@given(entries())
def test_entries_go_into_bytes_and_back(some: list[Step | Note]) -> None:
    packer = Packer(3, 512, PAD)
    data = b"".join(packer.step(e) if isinstance(e, Step) else packer.note(e) for e in some)
    back = list(Unpacker(3, 512, PAD).entries(data))
    assert [plain(e) for e in back] == [plain(e) for e in some]


def plain(entry: Step | Note) -> tuple[Any, ...]:
    values = vars(entry).items()
    return tuple((k, v.tolist() if isinstance(v, np.ndarray) else v) for k, v in values)


def conversation(folder: Path, *, audio: bool = False) -> tuple[Bundle, Path]:
    """Someone asks, the scripted model answers with three words; the user interrupts nothing."""
    bundle = dataclasses.replace(
        scripted_bundle(1, Script(words=("one", " two", " three"))), identity="scripted"
    )
    recorder = Recorder(bundle, folder, audio)
    engine, seen = Engine(bundle, tapes=recorder.tape), Collector()
    engine.start()
    session = open_session(engine, seen)
    session.push(np.concatenate([silence(300), speech(400), silence(200)]))
    seen.wait_for(ResponseDone)
    session.close()
    engine.stop()
    recorder.close()
    return bundle, next(folder.glob("*.tape"))


def test_events_and_calls_are_noted(tmp_path: Path) -> None:
    bundle, path = conversation(tmp_path)
    tape = read_tape(path)
    events = [e.values["event"] for e in tape.entries if isinstance(e, Note) and e.kind == "event"]
    kinds = [event["is"] for event in events]
    assert kinds.index("SpeechStarted") < kinds.index("ResponseStarted") < kinds.index("ResponseDone")
    assert "ResponseAudio" not in kinds
    assert next(e for e in events if e["is"] == "ResponseDone")["transcript"] == "one two three"
    player = Player(tape, bundle)
    assert player.play() is None
    assert [(line.speaker, line.text) for line in player.lines()] == [
        ("user", "hello there"), ("assistant", "one two three"),
    ]  # fmt: skip


def test_a_fork_hears_something_else_from_there_on(tmp_path: Path) -> None:
    """Where nothing was asked yet it asks; in the middle of an answer that goes on; twice the same."""
    bundle, path = conversation(tmp_path)
    ask = np.concatenate([speech(300), silence(300)])
    texts: list[list[str]] = []
    for since in (0.2, 0.2, 1.2):
        player = Player(read_tape(path), bundle)
        assert player.play(since) is None
        assert player.seconds == pytest.approx(since)
        sounds = go_on(player, bundle, ask if since < 1 else silence(0))
        assert len(sounds.heard) == len(sounds.said)
        texts.append([line.text for line in player.lines()])
        loud = [np.abs(said).max() > 0.1 for said in sounds.said]
        assert any(loud)
        assert len(player.text) == round(since * 50) + len(sounds.said)
    assert texts[0] == texts[1] == texts[2] == ["hello there", "one two three"]


def test_nothing_is_recorded_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert EngineConfig().record is None
    assert EngineConfig().record_audio is False
    with pytest.raises(ConfigError, match="record_audio needs record"):
        load_config({"record_audio": "true"}, {})
    assert load_config({"record": str(tmp_path)}, {}).engine.record == tmp_path


def test_a_folder_that_cannot_be_used_is_told(bundle: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigError, match="cannot record to"):
        Recorder(bundle, file / "inside")


def test_a_full_disk_costs_the_recording_and_not_the_session(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    written: list[bytes] = []

    def full(entries: bytes) -> bytes:
        written.append(entries)
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        return whole(entries)

    from voicert.replay import recorder

    whole = recorder.block
    monkeypatch.setattr(recorder, "block", full)
    score = Score(*steered(1, 200))
    [path] = record(bundle, tmp_path, score)
    assert len(score.results) == 200
    assert not score.failure.startswith("internal")
    assert caplog.text.count("No space left") == 1
    assert read_tape(path).steps == 50
    assert len(written) == 2
    assert os.listdir(tmp_path) == [path.name]


def test_a_tape_that_was_read_knows_its_length(bundle: Bundle, tmp_path: Path) -> None:
    [path] = record(bundle, tmp_path, Score(*steered(4, 7)))
    tape = read_tape(path)
    assert isinstance(tape, Tape)
    assert (tape.steps, tape.header.frame_rate, tape.header.frame_size) == (7, 50.0, 480)
