"""Between server and speaker: what silences an answer, holds it or lets it end, and what is reported."""

from __future__ import annotations

import json

from voicert_clients.joins import FADE
from voicert_clients.playback import Playback
from voicert_clients.player import Player
from voicert_clients.wire import (
    AudioDelta,
    AudioDone,
    Event,
    ResponseDone,
    ResponsePaused,
    ResponseResumed,
    ResponseStarted,
    SessionReady,
    SpeechStarted,
)

from tests.support.speaker import FRAME, NOISE, frame, played


def play(*events: Event) -> Player:
    player = Player(Playback(target_ms=20))
    for event in events:
        player.handle(event)
    return player


ANSWER = (ResponseStarted("r1"), AudioDelta("r1", "i1", frame(), 480), AudioDelta("r1", "i1", frame(), 960))


def test_speech_of_the_user_silences_the_answer_and_its_late_samples() -> None:
    player = play(*ANSWER)
    player.playback.render(100)
    player.handle(SpeechStarted("u1", 0.0))
    player.handle(AudioDelta("r1", "i1", frame(), 1_440))
    player.playback.render(FADE)
    assert not player.silent  # the server has not ended it yet
    player.handle(ResponseDone("r1", "cancelled", "turn_detected"))
    assert player.silent


def test_a_cancelled_answer_falls_silent_without_speech() -> None:
    player = play(*ANSWER)
    player.playback.render(100)
    player.handle(ResponseDone("r1", "cancelled", "client_cancelled"))
    player.playback.render(FADE)
    assert player.silent


def test_speech_does_not_silence_where_the_server_does_not_interrupt() -> None:
    player = play(SessionReady("m", interrupts=False, voicert=True), *ANSWER, SpeechStarted("u1", 0.0))
    assert player.playback.queued == 960


def test_a_completed_answer_plays_to_its_end() -> None:
    player = play(*ANSWER, AudioDone("i1"), ResponseDone("r1", "completed", ""))
    assert not player.silent
    assert player.playback.render(960).pcm.all()
    assert player.silent


def test_servers_that_speak_ahead_are_not_cut() -> None:
    deltas = [AudioDelta("r1", "i1", frame(), None) for _ in range(100)]
    player = play(SessionReady("other", interrupts=True, voicert=False), ResponseStarted("r1"), *deltas)
    assert player.playback.dropped == 0


def playing(samples: int = 700) -> Player:
    """An answer of which so much was played."""
    player = Player(Playback(target_ms=20))
    player.handle(ResponseStarted("r1"))
    for number in range(5):
        player.handle(AudioDelta("r1", "i1", NOISE[number * FRAME : (number + 1) * FRAME], None))
    played(player.playback, samples)
    return player


def told(report: str | None) -> tuple[str, int, bool] | None:
    """The item and position of a heard report, and whether the position is final."""
    if report is None:
        return None
    body = json.loads(report)
    assert body["type"] == "voicert.heard"
    return body["item_id"], body["heard_samples"], body["stopped"]


def test_a_pause_of_the_server_stops_the_speaker_and_tells_where() -> None:
    player = playing()
    assert told(player.handle(ResponsePaused("r1", "i1"))) == ("i1", 700, True)
    played(player.playback, FADE)
    assert not played(player.playback, 1_000)[0].any()
    assert player.handle(ResponseResumed("r1", "i1")) is None
    assert played(player.playback, 1_000)[0].any()


def test_an_interruption_after_a_pause_tells_the_same_position_only_once() -> None:
    player = playing()
    player.handle(ResponsePaused("r1", "i1"))
    assert player.handle(SpeechStarted("u1", 0.0)) is None
    assert player.handle(ResponseDone("r1", "cancelled", "turn_detected")) is None
    played(player.playback, FADE)
    assert player.silent
    assert player.playback.heard() == ("i1", 700)


def test_a_flush_tells_where_the_fade_ends() -> None:
    player = playing()
    assert told(player.handle(SpeechStarted("u1", 0.0))) == ("i1", 700 + FADE, True)


def test_an_answer_that_is_cut_before_it_began_was_not_heard() -> None:
    player = playing(0)
    assert told(player.handle(SpeechStarted("u1", 0.0))) == ("i1", 0, True)


def test_the_next_answer_ends_a_pause() -> None:
    player = playing()
    player.handle(ResponsePaused("r1", "i1"))
    player.handle(ResponseDone("r1", "completed", ""))
    player.handle(ResponseStarted("r2"))
    assert played(player.playback, 1_000)[0].any()


def test_a_pause_of_an_answer_that_was_cut_is_too_late() -> None:
    player = playing()
    player.interrupt()
    assert player.handle(ResponsePaused("r1", "i1")) is None
    assert not player.playback.paused


def test_who_wants_silence_ends_the_answer_or_cuts_its_tail() -> None:
    running, ending, silent = playing(), playing(), Player(Playback())
    ending.handle(ResponseDone("r1", "completed", ""))
    report, cancel = running.stop()
    assert (told(report), json.loads(cancel)) == (("i1", 700 + FADE, True), {"type": "response.cancel"})
    report, truncate = ending.stop()
    where = {"item_id": "i1", "content_index": 0, "audio_end_ms": (700 + FADE) // 24}
    assert (told(report), json.loads(truncate)) == (
        ("i1", 700 + FADE, True),
        {"type": "conversation.item.truncate", **where},
    )
    assert silent.stop() == []


def test_the_tail_after_the_end_of_the_response_is_reported_too() -> None:
    player = playing()
    player.handle(ResponseDone("r1", "completed", ""))
    assert told(player.heard_report()) == ("i1", 700, False)
    played(player.playback, 300)
    assert told(player.heard_report()) == ("i1", 1_000, False)


def test_the_heard_position_is_told_when_it_has_moved() -> None:
    player = playing(0)
    assert player.heard_report() is None
    player.playback.render(700)
    report = player.heard_report()
    assert report is not None
    assert json.loads(report) == {
        "type": "voicert.heard",
        "item_id": "i1",
        "content_index": 0,
        "heard_samples": 700,
        "stopped": False,
    }
    assert player.heard_report() is None
    player.handle(AudioDone("i1"))
    player.playback.render(5 * FRAME - 700)
    player.playback.render(128)
    final = json.loads(player.heard_report() or "{}")
    assert (final["heard_samples"], final["stopped"]) == (5 * FRAME, True)
    assert player.heard_report() is None
