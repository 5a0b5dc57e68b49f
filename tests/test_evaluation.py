"""The examination of a model: its material, how trials run, and its command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from voicert_clients.wav import read_wav

from tests.support.scripted import SAMPLE_RATE, Script, scripted_bundle, silence, speech
from tests.support.wav import flite, save
from voicert import cli
from voicert.errors import ConfigError
from voicert.evaluation import cli as cli_eval
from voicert.evaluation import rows
from voicert.evaluation.material import Material, Second, Trial, Writer, load_material
from voicert.evaluation.recordings import load_recordings, said_in
from voicert.evaluation.stage import Course, run_trials
from voicert.evaluation.words import errors, spoken_words

WORDS = st.lists(st.sampled_from("abc"), max_size=6)


@given(WORDS, WORDS, WORDS)
def test_the_word_distance_is_a_distance(a: list[str], b: list[str], c: list[str]) -> None:
    assert errors(a, a) == 0
    assert errors(a, b) == errors(b, a)
    assert errors(a, c) <= errors(a, b) + errors(b, c)
    assert abs(len(a) - len(b)) <= errors(a, b) <= max(len(a), len(b))


def test_words_as_they_are_spoken() -> None:
    assert spoken_words("Sorry, I don't know that.") == ["sorry", "i", "don't", "know", "that"]
    assert spoken_words("C, A, T.") == ["c", "a", "t"]


TRIAL = Trial("answer_known_voice", "hello", "One two.", (0, 0), 0, 0)


def write(
    folder: Path, trials: list[tuple[Trial, np.ndarray]], originals: dict[str, np.ndarray] | None = None
) -> Material:
    writer = Writer(folder)
    for trial, pcm in trials:
        span = writer.sound(pcm)
        writer.trial(Trial(**{**trial.__dict__, "audio": span}))
    spans = {text: writer.sound(pcm) for text, pcm in (originals or {}).items()}
    writer.close([t.answer for t, _ in trials], spans)
    return load_material(folder)


def test_material_is_read_as_it_was_written(tmp_path: Path) -> None:
    second = Second("stop", "Okay.", (5, 7), 900)
    trial = Trial("interrupt_stop", "hello", "One.", (0, 0), 3, 9, False, second)
    sound = np.linspace(-0.5, 0.5, 100, dtype=np.float32)
    material = write(tmp_path, [(trial, sound)], {"One.": -sound})
    (read,) = material.trials
    assert read == Trial(**{**trial.__dict__, "audio": (0, 100)})
    np.testing.assert_allclose(material.sound(read.audio), sound, atol=1e-4)
    original = material.original("One.")
    assert original is not None
    np.testing.assert_allclose(original, -sound, atol=1e-4)
    assert material.original("Two.") is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("trials.jsonl", '{"version": 99}\n', "not of version 2"),
        ("trials.jsonl", "no json", "is damaged"),
        ("trials.jsonl", '{"version": 2}\n{"row": "x"}\n', "is damaged"),
        ("trials.jsonl", "", "is damaged"),
        ("texts.json", "{}", "is damaged"),
        ("audio.i16", "ab", "shorter than its trials"),
    ],
)
def test_damaged_material_is_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    write(tmp_path, [(TRIAL, silence(20))])
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigError, match=message):
        load_material(tmp_path)


def test_missing_material_says_how_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make_material"):
        load_material(tmp_path / "none")


def request(lead_ms: int = 200, speech_ms: int = 200) -> tuple[np.ndarray, int, int]:
    """A buzz the scripted model answers, and where it begins and ends."""
    pcm = np.concatenate([silence(lead_ms), speech(speech_ms)])
    return pcm, lead_ms * SAMPLE_RATE // 1000, len(pcm)


def courses(
    tmp_path: Path, trials: list[tuple[Trial, np.ndarray]], script: Script, slots: int = 3
) -> list[Course]:
    material = write(tmp_path, trials)
    return list(run_trials(scripted_bundle(slots, script), material, material.trials, slots))


def test_trials_side_by_side_go_as_alone(tmp_path: Path) -> None:
    """More trials than slots, of different lengths; each gets the answer that its own sound calls for."""
    script = Script(words=("one", " two"), by_loudness=True)
    trials: list[tuple[Trial, np.ndarray]] = []
    for i in range(5):
        pcm, begin, end = request(100 + 60 * i, 200 + 40 * i)
        trials.append((Trial("row", f"t{i}", "One two.", (0, 0), begin, end), pcm))
    together = courses(tmp_path / "a", trials, script, 3)
    assert sorted(c.trial.text for c in together) == [f"t{i}" for i in range(5)]
    for course in together:
        number = int(course.trial.text[1:])
        (alone,) = courses(tmp_path / course.trial.text, [trials[number]], script, 1)
        (answer,), (expected,) = course.answers, alone.answers
        assert (answer.text, answer.started, answer.ended) == (
            expected.text,
            expected.started,
            expected.ended,
        )
        assert answer.audible is not None
        assert answer.started >= course.trial.end


def test_silence_gets_no_answer_and_ends(tmp_path: Path) -> None:
    trial = Trial("false_starts_10min", "", "", (0, 0), 48_000, 48_000)
    (course,) = courses(tmp_path, [(trial, silence(2000))], Script(), 1)
    assert course.answers == []
    assert rows.false_starts([course]) == 0


def test_a_second_sound_begins_after_the_answer_and_gets_its_own(tmp_path: Path) -> None:
    pcm, begin, end = request()
    writer = Writer(tmp_path)
    span, over = writer.sound(pcm), writer.sound(speech(300))
    second = Second("hello", "One two three.", over, 200)
    writer.trial(Trial("interrupt_stop", "hello", "One two three.", span, begin, end, second=second))
    writer.close([], {})
    material = load_material(tmp_path)
    bundle = scripted_bundle(1, Script(words=("one", " two", " three")))
    (course,) = run_trials(bundle, material, material.trials, 1)
    first = course.answers[0]
    assert first.audible is not None
    assert course.second_at is not None
    assert first.audible + 200 * 24 <= course.second_at <= first.audible + 200 * 24 + 480


def test_recordings_are_named_by_what_they_say(tmp_path: Path) -> None:
    assert said_in("what_is_the_time-2") == "what is the time"
    assert said_in("Count to twenty") == "count to twenty"
    save(tmp_path / "hello_there.wav", speech(300), rate_hz=16_000)
    material = load_recordings(tmp_path)
    (trial,) = material.trials
    assert trial.text == "hello there"
    assert trial.end - trial.begin == len(read_wav(tmp_path / "hello_there.wav"))
    with pytest.raises(ConfigError, match="no WAV files"):
        load_recordings(tmp_path / "none")


def test_the_command_refuses_what_it_does_not_know(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["eval", "--rows", "beauty"]) == 2
    assert "there is no row 'beauty'" in capsys.readouterr().err
    assert cli.main(["eval", "--material", str(tmp_path)]) == 2
    assert "make_material" in capsys.readouterr().err


def test_it_tells_how_each_trial_went(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Through the shipped model; a wrong answer leaves the row's goal unreached."""
    writer = Writer(tmp_path)
    nothing = writer.sound(np.zeros(480, np.float32))[0], 0
    asked = {"what is the capital of france": "The capital of France is Paris.", "hello": "I am a fish."}
    for text, answer in asked.items():
        writer.trial(Trial("typed_answer", text, answer, nothing, 0, 0, typed=True))
    writer.close(list(asked.values()), {})
    out = tmp_path / "courses.jsonl"
    command = ["eval", "--material", str(tmp_path), "--rows", "typed_answer", "--courses", str(out)]
    assert cli.main(command) == cli_eval.NOT_REACHED
    assert "0.500" in capsys.readouterr().out
    told = {row["said"]: row for row in map(json.loads, out.read_text().splitlines())}
    assert {said: row["wanted"] for said, row in told.items()} == asked
    assert {row["row"] for row in told.values()} == {"typed_answer"}
    assert told["what is the capital of france"]["answers"] == ["The capital of France is Paris."]
    assert told["hello"]["answers"][0].startswith("Hello")
    assert told["hello"]["heard"] == ""


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two requests that the shipped model knows, in flite's voice."""
    folder = tmp_path_factory.mktemp("spoken")
    return {text: flite(text, folder) for text in ("what is the capital of france", "count to five")}


def test_recordings_run_through_the_shipped_model(
    spoken: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "told.json"
    folder = next(iter(spoken.values())).parent
    assert cli.main(["eval", "--wav-dir", str(folder), "--json", str(out)]) == 0
    told = {row["said"]: row for row in json.loads(out.read_text())["recordings"]}
    assert told["what is the capital of france"]["answers"] == ["The capital of France is Paris."]
    assert told["what is the capital of france"]["heard"] == "what is the capital of france"
    assert "word error of the transcripts" in capsys.readouterr().out
