"""The user's turns on the wire: speech, commits, timeouts, transcripts, and what they cost."""

from __future__ import annotations

import pytest

from tests.support.facades import (
    answer,
    ask,
    configure,
    done,
    kinds,
    new_facade,
    refusal,
    retrieve,
    spoken_turn,
)
from voicert.server.realtime import Extras
from voicert.server.realtime.history import KEEP_ITEMS
from voicert.session import events as said

COMMITTED = ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]
DELTA = "conversation.item.input_audio_transcription.delta"
COMPLETED = "conversation.item.input_audio_transcription.completed"


def test_what_is_understood_early_waits_for_its_item() -> None:
    facade = new_facade()
    early = facade.translate([said.SpeechStarted(1, 100), said.UserText(1, "hel"), said.UserText(1, "lo")])
    assert kinds(early) == ["input_audio_buffer.speech_started"]
    events = facade.translate([said.SpeechStopped(1, 900), said.UserText(1, " you")])
    assert kinds(events) == ["input_audio_buffer.speech_stopped", *COMMITTED, DELTA, DELTA]
    assert [event["delta"] for event in events[4:]] == ["hello", " you"]
    assert events[3]["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    (completed,) = facade.translate([said.UserDone(1, "hello you", 800)])
    assert completed["transcript"] == "hello you"
    assert completed["usage"] == {"type": "duration", "seconds": 0.8}
    item = retrieve(facade, completed["item_id"])
    assert item["content"] == [{"type": "input_audio", "transcript": "hello you"}]


def test_a_turn_committed_by_hand_has_no_speech_events() -> None:
    facade = new_facade()
    assert facade.translate([said.UserText(1, "hi"), said.UserDone(1, "hi", 500)]) == []
    events = facade.translate([said.TurnCommitted(1, 0, 500)])
    assert kinds(events) == [*COMMITTED, DELTA, COMPLETED]
    assert len({event.get("item_id", event.get("item", {}).get("id")) for event in events}) == 1
    assert events[-1]["usage"] == {"type": "duration", "seconds": 0.5}
    late = facade.translate(
        [said.TurnCommitted(2, 500, 900), said.UserText(2, "so"), said.UserDone(2, "so", 400)]
    )
    assert kinds(late) == [*COMMITTED, DELTA, COMPLETED]


def test_an_idle_timeout_commits_the_silence() -> None:
    events = new_facade().translate([said.IdleTimeout(1, 2000, 7000)])
    assert kinds(events) == ["input_audio_buffer.timeout_triggered", *COMMITTED]
    timeout = events[0]
    assert (timeout["audio_start_ms"], timeout["audio_end_ms"]) == (2000, 7000)
    assert timeout["item_id"] == events[1]["item_id"] == events[2]["item"]["id"]


def test_no_transcription_is_sent_when_it_is_switched_off() -> None:
    facade = new_facade()
    configure(facade, audio={"input": {"transcription": None}})
    assert not [kind for kind in kinds(spoken_turn(facade, 1)) if "transcription" in kind]
    configure(facade, audio={"input": {"transcription": {"model": "whisper-1"}}})
    assert kinds(spoken_turn(facade, 2))[-2:] == [DELTA, COMPLETED]


def test_items_follow_each_other() -> None:
    facade = new_facade()
    first = spoken_turn(facade, 1)[2]
    second = next(event for event in answer(facade, 1, 2) if event["type"] == "conversation.item.added")
    ended = facade.translate([done(2, "w0 w1")])
    third = spoken_turn(facade, 3)[2]
    assert first["previous_item_id"] is None
    assert second["previous_item_id"] == first["item_id"]
    assert ended[-2]["previous_item_id"] == first["item_id"]
    assert third["previous_item_id"] == second["item"]["id"]


def test_usage_counts_frames_and_pieces_once() -> None:
    facade = new_facade()
    spoken_turn(facade, 1)
    typed = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "three more words"}],
    }
    ask(facade, "conversation.item.create", item=typed)
    answer(facade, 1, 2)
    usage = facade.translate([done(2, "w0 w1")])[-1]["response"]["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (43, 22, 65)
    details = usage["input_token_details"]
    assert (details["text_tokens"], details["audio_tokens"], details["cached_tokens"]) == (3, 40, 0)
    assert usage["output_token_details"] == {"text_tokens": 2, "audio_tokens": 20}
    answer(facade, 2, 3)
    usage = facade.translate([done(3, "w0 w1", response=2)])[-1]["response"]["usage"]
    assert usage["input_tokens"] == 0


def test_an_endless_conversation_keeps_a_bounded_number_of_items() -> None:
    facade = new_facade()
    ids: list[str] = []
    for number in range(1, 2 * KEEP_ITEMS + 50):
        committed = spoken_turn(facade, number)[1:3]
        ids.append(committed[1]["item_id"])
        assert committed[1]["previous_item_id"] == (ids[-2] if len(ids) > 1 else None)
    gone = refusal(facade, {"type": "conversation.item.retrieve", "item_id": ids[0]})
    assert gone["code"] == "item_retrieve_invalid_item_id"
    told = [ask(facade, "conversation.item.retrieve", item_id=item_id).events[0]["type"] for item_id in ids]
    assert told == ["error"] * (len(ids) - KEEP_ITEMS) + ["conversation.item.retrieved"] * KEEP_ITEMS


def test_frames_are_reported_in_groups_and_before_the_end() -> None:
    facade = new_facade(Extras(frames=True))
    frame = said.FrameTiming(480, 0.12345, 1.0, 2.0, 3.0, 2, False)
    events = facade.translate([said.ResponseStarted(1, 1), *[frame] * 60])
    assert [len(event["frames"]) for event in events if event["type"] == "voicert.frames"] == [25, 25]
    last = facade.translate([done(1, "")])
    assert kinds(last[:1] + last[-1:]) == ["voicert.frames", "response.done"]
    assert len(last[0]["frames"]) == 10
    assert last[0]["frames"][0]["queue_ms"] == 0.123


@pytest.mark.parametrize("asked", [True, False])
def test_a_failed_session_says_so_and_leaves_nothing_open(asked: bool) -> None:
    facade = new_facade()
    if asked:
        ask(facade, "response.create")
    *closed, error = facade.translate([said.SessionFailed("model_error", "the model could not go on")])
    assert (error["error"]["type"], error["error"]["code"]) == ("server_error", "model_error")
    assert [event["response"]["status"] for event in closed] == (["failed"] if asked else [])
