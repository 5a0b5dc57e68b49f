"""Backchannels, interruptions and heard history in the bench: judged on what is known, and in a real call."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from voicert_clients.loudness import ItemHearing
from voicert_clients.playback import Block, Span
from voicert_clients.simulated import Moment
from voicert_clients.wire import (
    AudioDelta,
    Event,
    ResponseDone,
    ResponsePaused,
    ResponseResumed,
    SpeechStarted,
    TextDelta,
    TextDone,
)

from tests.support import wav
from tests.support.scripted import Script, silence, speech
from tests.support.server import running_server
from voicert.bench.corpus import load_corpus
from voicert.bench.ledger import Answer, Hold, Ledger, Piece
from voicert.bench.verdicts import judge_aside, judge_interruption, judge_recall
from voicert.cli import main

FRAME = 480
WHOLE = "one two three"


def answer(**changes: object) -> Answer:
    """An answer of three words of 200 ms, of which 500 ms were heard, to its end at 24 000."""
    hearing = ItemHearing("i", first_audible=12_000, end=24_000)
    pieces = [Piece(word, 4_800 * number) for number, word in enumerate(("one", " two", " three"))]
    known = Answer("r", hearing, pieces, transcript=WHOLE, status="completed", heard=12_000)
    return replace(known, **changes)  # type: ignore[arg-type]


def nothing_played() -> Block:
    return Block(0, np.zeros(0, np.float32), [])


def ledger_of(*events: tuple[int, Event]) -> Ledger:
    """What a ledger has after events at positions."""
    ledger = Ledger()
    for position, event in events:
        ledger.add(Moment(position / 24_000, event, nothing_played()))
    return ledger


def audio(input_samples: int | None) -> AudioDelta:
    return AudioDelta("r", "i", np.zeros(FRAME, np.float32), input_samples)


def test_a_pause_is_placed_where_it_was_decided() -> None:
    (one,) = ledger_of((0, audio(480)), (5_000, ResponsePaused("r", "i", 200.0))).answers
    assert one.holds == [Hold(5_000, 4_800)]


def test_a_pause_is_placed_where_it_arrived_when_the_server_does_not_tell() -> None:
    (one,) = ledger_of((0, audio(480)), (5_000, ResponsePaused("r", "i"))).answers
    assert one.holds == [Hold(5_000, 5_000)]


def test_the_end_of_an_answer_that_is_held_is_no_second_decision() -> None:
    held = ((0, audio(480)), (5_000, ResponsePaused("r", "i", 200.0)))
    ended = ((7_000, SpeechStarted("u", 100.0)), (7_500, ResponseDone("r", "cancelled", "turn_detected")))
    (one,) = ledger_of(*held, *ended).answers
    assert one.holds == [Hold(5_000, 4_800)]
    (one,) = ledger_of(*held, (6_000, ResponseResumed("r", "i")), *ended).answers
    assert one.holds == [Hold(5_000, 4_800, resumed_at=6_000), Hold(7_000, 7_000)]


def test_text_before_the_first_sound_belongs_to_the_answer() -> None:
    told = ((0, TextDelta("r", "one")), (0, audio(480)), (0, audio(960)), (9, TextDelta("r", " two")))
    (one,) = ledger_of(*told, (9, TextDone("r", "one two"))).answers
    assert one.pieces == [Piece("one", 0), Piece(" two", 960)]
    assert one.transcript == "one two"


@pytest.mark.parametrize(
    ("inputs", "unbroken"),
    [
        ([480, 960, 1_440], True),
        ([480, 1_440], False),  # one is missing
        ([480, 960, 960], False),  # one came twice
        ([None, None], True),  # the server does not tell
    ],
)
def test_frames_that_are_missing_or_come_twice_are_noticed(inputs: list[int | None], unbroken: bool) -> None:
    (one,) = ledger_of(*((0, audio(input_samples)) for input_samples in inputs)).answers
    assert one.unbroken == unbroken


def test_after_a_pause_frames_may_have_been_made_later_but_not_earlier() -> None:
    held = ((0, audio(480)), (9, ResponsePaused("r", "i")), (9, ResponseResumed("r", "i")))
    assert ledger_of(*held, (9, audio(9_600))).answers[0].unbroken
    assert not ledger_of(*held, (9, audio(480))).answers[0].unbroken
    assert not ledger_of(*held, (9, audio(9_600)), (9, audio(19_200))).answers[0].unbroken


def test_samples_that_are_passed_over_or_played_again_are_counted() -> None:
    one = answer(heard=0)
    spans = [Span("i", 0, 0, 100), Span("i", 100, 100, 20, fading=True), Span("i", 100, 120, 50)]
    one.play(Block(0, np.zeros(170, np.float32), spans))
    assert (one.heard, one.passed, one.repeated) == (150, 0, 0)
    one.play(Block(170, np.zeros(30, np.float32), [Span("i", 170, 170, 10), Span("i", 175, 180, 10)]))
    assert (one.heard, one.passed, one.repeated) == (185, 20, 5)


def test_stop_and_decision_are_measured_to_the_last_sample() -> None:
    stopped = answer(status="cancelled", holds=[Hold(23_800, 23_400)])
    verdict = judge_interruption("x", stopped, onset=20_400)
    assert (verdict.outcome, verdict.stop_ms, verdict.decision_to_silence_ms) == ("stopped", 150.0, 25.0)
    early = answer(status="cancelled", holds=[Hold(15_000, 15_000, resumed_at=16_000)])
    assert judge_interruption("x", early, onset=20_400).decision_to_silence_ms is None


@pytest.mark.parametrize(
    ("changes", "left_out", "outcome"),
    [
        ({"holds": [Hold(20_100, 20_000, 21_060)]}, 0, "resumed"),
        ({"holds": [Hold(20_100, 20_000, 21_060)], "passed": 120}, 120, "resumed"),
        ({"holds": [Hold(20_100, 20_000, 21_060)], "passed": 240}, 120, "lost or repeated"),
        ({"repeated": 1}, 0, "lost or repeated"),
        ({"unbroken": False}, 0, "lost or repeated"),
        ({"transcript": "one two two three"}, 0, "lost or repeated"),
        ({"transcript": "one three"}, 0, "lost or repeated"),
        ({}, 0, "not noticed"),
        ({"status": "cancelled"}, 0, "stopped"),
        ({"hearing": ItemHearing("i", 12_000, 19_000)}, 0, "ended before"),
    ],
)
def test_what_came_of_a_backchannel(changes: dict[str, object], left_out: int, outcome: str) -> None:
    assert judge_aside("x", answer(**changes), 20_000, left_out, WHOLE).outcome == outcome


def test_how_long_a_backchannel_held_the_answer() -> None:
    held = answer(holds=[Hold(20_100, 20_000, 21_060), Hold(21_100, 21_100, 21_580)])
    assert judge_aside("x", held, 20_000, 0, None).paused_ms == 60.0


@pytest.mark.parametrize(
    ("heard", "transcript", "exact", "words_off"),
    [
        (12_000, "one two three", True, 0),
        (9_601, "one two three", True, 0),
        (9_600, "one two three", False, 1),
        (9_600, "one two", True, 0),
        (12_000, "one two", False, -1),
        (0, "", True, 0),
    ],
)
def test_what_is_remembered_is_compared_with_what_was_heard(
    heard: int, transcript: str, exact: bool, words_off: int
) -> None:
    recall = judge_recall(answer(heard=heard, transcript=transcript), lag_ms=90, lead_ms=0)
    assert (recall.exact, recall.words_off) == (exact, words_off)


def test_a_word_is_heard_when_its_sound_begins_not_when_it_is_written() -> None:
    assert judge_recall(answer(heard=10_000), 0, lead_ms=40).heard == "two"
    assert judge_recall(answer(heard=10_561), 0, lead_ms=40).heard == "three"


@pytest.fixture(scope="module")
def sayings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("speech")
    wav.save(folder / "long_one.wav", speech(500))
    wav.save(folder / "interrupt_one.wav", silence(100), speech(900))
    wav.save(folder / "backchannel_hm.wav", speech(130))
    return folder


def test_the_kinds_of_recordings(sayings: Path) -> None:
    corpus = load_corpus(sayings)
    kinds = (corpus.requests, corpus.long, corpus.interruptions, corpus.backchannels)
    assert [one.name for (one,) in kinds] == ["long_one", "long_one", "interrupt_one", "backchannel_hm"]


def test_against_a_server(sayings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = sayings / "found.json"
    options = ["--turns", "0", "--interruptions", "1", "--backchannels", "1", "--recalls", "2"]
    patient = ["--timeout-s", "60", "--pause-s", "0.3", "--word-lead-ms", "0"]
    with running_server(Script()) as server:
        command = ["bench", "--url", server.url, "--wav", str(sayings), "--json", str(found)]
        assert main([*command, *options, *patient]) == 0
    report = json.loads(found.read_text())
    assert (report["interruptions"], report["interruptions_stopped"]) == (1, 1)
    assert 0 <= report["decision_to_silence_ms"]["p50"] <= report["stop_time_ms"]["p50"]
    assert report["backchannels_resumed"] + report["backchannels_not_noticed"] == report["backchannels"] == 1
    assert report["recalls"] == report["recalls_exact"] == 2
    assert [one["lag_ms"] for one in report["each_recall"]] != [0, 0]
    shown = capsys.readouterr().out
    assert "heard history: 2 answers cut, with the speaker" in shown
    assert "ms late; 2 remembered up to the last word heard" in shown
    assert report["recalls_not_possible"] == 0
    assert "backchannels: 1, 1 left the answer whole" in shown
