"""What ``voicert chat`` shows."""

from __future__ import annotations

import io

import numpy as np
import pytest
from voicert_clients.terminal.entry import LONGEST, TextEntry
from voicert_clients.terminal.gaps import Gaps
from voicert_clients.terminal.screen import Screen, Status, entry_line, fitted, meter, status_line
from voicert_clients.terminal.transcript import Entry, Transcript
from voicert_clients.wire import (
    AudioDelta,
    Event,
    ResponseDone,
    ResponseStarted,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    TextDone,
    TurnTiming,
    UserDone,
    UserText,
    UserTyped,
)

LISTENING = Status("listening", -60.0, None, None)


def follow(*events: Event) -> Transcript:
    transcript = Transcript()
    for event in events:
        transcript.handle(event)
    return transcript


def lines(entries: list[Entry]) -> list[str]:
    return [entry_line(entry) for entry in entries]


def test_both_sides_are_shown_in_the_order_they_began() -> None:
    transcript = follow(
        SpeechStarted("u1", 0.0),
        UserText("u1", "what is"),
        ResponseStarted("r1"),
        TextDelta("r1", " It is"),
        ResponseDone("r1", "completed", ""),
    )
    assert transcript.take_finished() == []  # the user's words may still change
    transcript.handle(UserDone("u1", "what is it"))
    assert lines(transcript.take_finished()) == ["you      what is it", "voicert  It is"]
    assert transcript.live == []


def test_an_interrupted_answer_shows_that_it_was() -> None:
    transcript = follow(TextDelta("r1", "one two"), ResponseDone("r1", "cancelled", "turn_detected"))
    assert lines(transcript.take_finished()) == ["voicert  one two …"]


def test_the_final_transcript_is_what_was_heard() -> None:
    transcript = follow(
        TextDelta("r1", "one two three"),
        TextDone("r1", "one two"),
        ResponseDone("r1", "cancelled", "turn_detected"),
    )
    assert lines(transcript.take_finished()) == ["voicert  one two …"]


def test_what_has_no_words_is_not_shown() -> None:
    transcript = follow(SpeechStarted("u1", 0.0), UserDone("u1", ""), ResponseDone("r1", "completed", ""))
    assert transcript.take_finished() == []
    assert transcript.live == []


def test_what_never_ends_does_not_hold_up_the_rest() -> None:
    transcript = follow(UserText("u0", "lost"), *(UserDone(f"u{n}", f"turn {n}") for n in range(1, 9)))
    assert lines(transcript.take_finished())[:2] == ["you      lost", "you      turn 1"]
    transcript = follow(UserText("u0", "last"))
    assert lines(transcript.take_finished(everything=True)) == ["you      last"]


def test_a_file_gets_only_finished_lines() -> None:
    out = io.StringIO()
    screen = Screen(out)
    transcript = follow(UserText("u1", "one"))
    screen.draw(transcript, LISTENING)
    assert out.getvalue() == ""
    transcript.handle(UserDone("u1", "one two"))
    screen.draw(transcript, LISTENING)
    screen.close(transcript)
    assert out.getvalue() == "you      one two\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_live_lines_are_drawn_over() -> None:
    out = Terminal()
    screen = Screen(out)
    transcript = follow(UserText("u1", "one"))
    screen.draw(transcript, LISTENING)
    first = out.getvalue()
    assert first.startswith("you      one\n")
    assert first.count("\n") == 2
    screen.draw(transcript, LISTENING)
    assert out.getvalue() == first  # nothing new, nothing drawn
    transcript.handle(UserDone("u1", "one two"))
    screen.draw(transcript, LISTENING)
    assert out.getvalue()[len(first) :].startswith("\x1b[1A\x1b[2K\x1b[1A\x1b[2Kyou      one two\n")
    screen.close(transcript)
    assert out.getvalue().endswith("\x1b[1A\x1b[2K")


def test_long_lines_keep_their_end() -> None:
    line = entry_line(Entry("voicert", "r1", "a" * 50 + "the end"))
    assert fitted(line, 24) == "voicert  …aaaaaaathe end"
    assert fitted("short", 24) == "short"
    assert len(fitted(line, 5)) == 5


def test_the_status_has_level_state_and_latency() -> None:
    assert meter(-60.0) == "▯" * 12
    assert meter(-200.0) == "▯" * 12
    assert meter(-30.0) == "▮" * 6 + "▯" * 6
    assert meter(3.0) == "▮" * 12
    assert status_line(Status("speaking", 0.0, 181.6, 190.4)) == (
        "▮" * 12 + "  speaking    answered after 182 ms, median 190 ms"
    )


def measured(*events: Event, heard_s: float | None = 3.5) -> Gaps:
    """Gaps of a microphone that began at 1 s and an answer first heard at ``heard_s``."""
    gaps = Gaps()
    for event in events:
        gaps.handle(event)
        for _ in range(2):  # looking again takes nothing twice
            gaps.measure(lambda sample: 1.0 + sample / 24_000, lambda item: heard_s if item == "i1" else None)
    return gaps


SOUND = AudioDelta("r1", "i1", np.zeros(480, np.float32), None)
STOPPED, TIMED = SpeechStopped(2_200.0), TurnTiming("r1", 2_300.0)


@pytest.mark.parametrize(
    ("gaps", "last_ms"),
    [
        (measured(STOPPED, ResponseStarted("r1"), SOUND), 300.0),
        (measured(STOPPED, ResponseStarted("r1"), TIMED, SOUND, SOUND), 200.0),
        (measured(STOPPED, ResponseStarted("r1"), SOUND, heard_s=None), None),
        (measured(STOPPED, ResponseStarted("r1"), SOUND, heard_s=3.0), None),  # it began too early
        (measured(ResponseStarted("r1"), SOUND), None),
        (measured(STOPPED), None),
    ],
)
def test_the_gap_is_from_the_end_of_speech_to_the_first_sound(gaps: Gaps, last_ms: float | None) -> None:
    assert gaps.last_ms == (None if last_ms is None else pytest.approx(last_ms))
    assert gaps.count == (last_ms is not None)


def test_the_median_is_of_all_gaps() -> None:
    gaps = Gaps()
    for gap_s in (0.1, 0.4, 0.2):
        gaps.handle(STOPPED)
        gaps.handle(SOUND)
        gaps.measure(lambda sample: 0.0, lambda item, gap_s=gap_s: gap_s)
    assert (gaps.last_ms, gaps.median_ms, gaps.count) == (pytest.approx(200), pytest.approx(200), 3)


def written(keys: str) -> tuple[list[str], str | None]:
    """The lines that were sent, and what is being written after all keys."""
    entry = TextEntry()
    entry.begin()
    lines = [line for line in map(entry.press, keys) if line is not None]
    return lines, entry.text


@pytest.mark.parametrize(
    ("keys", "sent", "writing"),
    [
        ("what time\r", ["what time"], None),
        ("whaa\x7ft\n", ["what"], None),
        ("wrong\x15right\r", ["right"], None),
        ("never mind\x1b", [], None),
        ("  \r", [], None),
        ("é ü", [], "é ü"),
        ("a\x01\tb", [], "ab"),
        ("\x7f", [], ""),
        ("x" * (LONGEST + 5), [], "x" * LONGEST),
    ],
)
def test_a_line_is_written_key_by_key(keys: str, sent: list[str], writing: str | None) -> None:
    assert written(keys) == (sent, writing)


def test_what_is_being_written_is_shown_instead_of_the_status() -> None:
    assert status_line(Status("listening", -60.0, None, None, "what ti")) == "type     what ti▏"


def test_typed_words_are_the_users() -> None:
    assert lines(follow(UserTyped("t1", "what time")).take_finished()) == ["you      what time"]
