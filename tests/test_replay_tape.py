"""The file of a recording: all that happened is in it; what is damaged, cut or cannot be written is told."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.scripted import PAD
from tests.support.seats import Score
from tests.support.tapes import record, steered
from voicert.config import EngineConfig, load_config
from voicert.errors import ConfigError, TapeError
from voicert.models.base import Bundle
from voicert.replay import Note, Player, Recorder, Step, Tape, read_tape
from voicert.replay.entries import Packer, Unpacker


def test_what_happened_is_in_the_recording(tiny_bundle: Bundle, tmp_path: Path) -> None:
    """Step by step, as the seat was told, and in few bits."""
    score = Score(*steered(1, 90))
    [path] = record(tiny_bundle, tmp_path, score)
    steps = [entry for entry in read_tape(path).entries if isinstance(entry, Step)]
    for step, frame, result in zip(steps, score.frames, score.results, strict=True):
        assert (step.text, step.user_text, step.wants) == (result.text, result.user_text, result.wants)
        assert (step.hush, step.start, step.given) == (frame.hush, frame.start, frame.user_text)
        assert (step.rewind, step.retake, step.retaken) == (frame.rewind, frame.retake, result.retaken)
    assert path.stat().st_size < 90 * 12 + 600  # 4 + 4 codes of 4 bits, tokens, and the header
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_cut_anywhere_the_whole_blocks_remain(tiny_bundle: Bundle, tmp_path: Path) -> None:
    """As a crash leaves it; cut inside of the header it is no recording."""
    [path] = record(tiny_bundle, tmp_path, Score(*steered(1, 120)))
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
    assert Player(tape, tiny_bundle).play() is None


def test_damage_is_told_with_its_place(tiny_bundle: Bundle, tmp_path: Path) -> None:
    [path] = record(tiny_bundle, tmp_path, Score(*steered(1, 120)))
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


def test_nothing_is_recorded_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert EngineConfig().record is None
    assert EngineConfig().record_audio is False
    with pytest.raises(ConfigError, match="record_audio needs record"):
        load_config({"record_audio": "true"}, {})
    assert load_config({"record": str(tmp_path)}, {}).engine.record == tmp_path


def test_a_folder_that_cannot_be_used_is_told(tiny_bundle: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigError, match="cannot record to"):
        Recorder(tiny_bundle, file / "inside")


def test_a_full_disk_costs_the_recording_and_not_the_session(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
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
    [path] = record(tiny_bundle, tmp_path, score)
    assert len(score.results) == 200
    assert not score.failure.startswith("internal")
    assert caplog.text.count("No space left") == 1
    assert read_tape(path).steps == 50
    assert len(written) == 2
    assert os.listdir(tmp_path) == [path.name]


def test_a_tape_that_was_read_knows_its_length(tiny_bundle: Bundle, tmp_path: Path) -> None:
    [path] = record(tiny_bundle, tmp_path, Score(*steered(4, 7)))
    tape = read_tape(path)
    assert isinstance(tape, Tape)
    assert (tape.steps, tape.header.frame_rate, tape.header.frame_size) == (7, 50.0, 480)
