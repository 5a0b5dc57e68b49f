"""Responses on the wire: asked for or not, spoken or written, cancelled, paused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.facades import FRAME, answer, ask, configure, done, kinds, new_facade, refusal, retrieve
from voicert.server.realtime import Extras, Facade
from voicert.server.realtime.actions import CancelResponse, Respond, TruncateItem
from voicert.session import events as said


def created(facade: Facade, **response: Any) -> dict[str, Any]:
    """The response that a response.create is answered with."""
    outcome = ask(facade, "response.create", response=response)
    assert outcome.actions == [Respond()]
    assert kinds(outcome.events) == ["response.created"]
    shown: dict[str, Any] = outcome.events[0]["response"]
    return shown


def test_the_chain_of_a_spoken_answer() -> None:
    facade = new_facade()
    events = answer(facade, 1, 1, words=1)
    delta = "response.output_audio.delta"
    assert kinds(events) == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        *[delta] * 10,
    ]
    assert events[1]["item"]["content"] == []
    assert (events[1]["item"]["status"], events[3]["part"]) == (
        "in_progress",
        {"type": "audio", "transcript": ""},
    )
    ended = facade.translate([done(1, "w0")])
    assert kinds(ended) == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    response = ended[-1]["response"]
    assert (response["status"], response["status_details"]) == ("completed", None)
    assert response["output"] == [ended[3]["item"]] == [ended[4]["item"]]
    assert response["output"][0]["content"] == [{"type": "output_audio", "transcript": "w0"}]
    of_response = [e for e in [*events[1:], *ended[:-1]] if e["type"].startswith("response.")]
    assert {event["response_id"] for event in of_response} == {response["id"]}
    assert {event["output_index"] for event in of_response} == {0}


def test_an_interrupted_answer_is_incomplete_and_ends_where_it_was_heard() -> None:
    facade = new_facade()
    item_id = answer(facade, 1, 1)[1]["item"]["id"]
    cut = said.ResponseDone(1, 1, "cancelled", "turn_detected", "w0", 9600, 2400)
    ended = facade.translate([cut])
    assert ended[-1]["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    item = retrieve(facade, item_id)
    assert (item["status"], item["content"][0]["transcript"]) == ("incomplete", "w0")
    late = {"item_id": item_id, "content_index": 0, "audio_end_ms": 300}
    assert ask(facade, "conversation.item.truncate", **late).actions == [TruncateItem(1, 2400)]


def test_an_answer_that_was_asked_for() -> None:
    facade = new_facade()
    response = created(facade, metadata={"turn": "7"}, instructions="Be short.", output_modalities=["audio"])
    assert (response["metadata"], response["status"], response["output"]) == (
        {"turn": "7"},
        "in_progress",
        [],
    )
    events = answer(facade, 1, 1)
    assert kinds(events)[0] == "response.output_item.added"
    assert events[0]["response_id"] == response["id"]
    (last,) = facade.translate([done(1, "w0 w1")])[-1:]
    assert (last["response"]["id"], last["response"]["metadata"]) == (response["id"], {"turn": "7"})
    assert answer(facade, 2, 2)[0]["response"]["metadata"] is None


@pytest.mark.parametrize("begun", [True, False])
def test_there_is_one_answer_at_a_time(begun: bool) -> None:
    facade = new_facade()
    response_id = created(facade)["id"]
    if begun:
        answer(facade, 1, 1)
    error = refusal(facade, {"type": "response.create", "event_id": "mine"})
    assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "mine")
    assert response_id in error["message"]


def test_cancel_names_the_running_response() -> None:
    facade = new_facade()
    response_id = answer(facade, 7, 1)[0]["response"]["id"]
    assert ask(facade, "response.cancel").actions == [CancelResponse(7)]
    assert ask(facade, "response.cancel", response_id=response_id).actions == [CancelResponse(7)]
    other = refusal(facade, {"type": "response.cancel", "response_id": "resp_x"})
    assert other["code"] == "response_cancel_not_active"
    assert other["message"].startswith("Cancellation failed")


def test_an_answer_can_be_cancelled_before_it_begins() -> None:
    facade = new_facade()
    response_id = created(facade, metadata={"a": "b"})["id"]
    outcome = ask(facade, "response.cancel", response_id=response_id)
    assert outcome.actions == [CancelResponse(None)]
    (ended,) = outcome.events
    response = ended["response"]
    assert (response["id"], response["status"], response["output"]) == (response_id, "cancelled", [])
    assert (response["metadata"], response["usage"]["total_tokens"]) == ({"a": "b"}, 0)
    assert refusal(facade, {"type": "response.cancel"})["code"] == "response_cancel_not_active"
    created(facade)


def test_a_written_answer() -> None:
    facade = new_facade()
    configure(facade, output_modalities=["text"])
    events = answer(facade, 1, 1)
    assert kinds(events) == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
    ]
    assert events[3]["part"] == {"type": "text", "text": ""}
    assert events[0]["response"]["output_modalities"] == ["text"]
    ended = facade.translate([done(1, "w0 w1")])
    assert kinds(ended)[:2] == ["response.output_text.done", "response.content_part.done"]
    assert (ended[0]["text"], ended[1]["part"]) == ("w0 w1", {"type": "text", "text": "w0 w1"})
    assert ended[-1]["response"]["output"][0]["content"] == [{"type": "output_text", "text": "w0 w1"}]
    assert ended[-1]["response"]["usage"]["output_token_details"] == {"text_tokens": 2, "audio_tokens": 0}


def test_one_answer_can_differ_from_the_session() -> None:
    facade = new_facade()
    telephone = {"output": {"format": {"type": "audio/pcmu"}, "voice": "other"}}
    shown = created(facade, output_modalities=["text"], audio=telephone)
    assert shown["output_modalities"] == ["text"]
    assert shown["audio"]["output"] == {"format": {"type": "audio/pcmu"}, "voice": "other"}
    assert "response.output_text.delta" in kinds(answer(facade, 1, 1))
    facade.translate([done(1, "w0 w1")])
    assert "response.output_audio.delta" in kinds(answer(facade, 2, 2))


def test_one_answer_can_have_a_limit_of_its_own() -> None:
    facade = new_facade()
    outcome = ask(facade, "response.create", response={"max_output_tokens": 25})
    assert outcome.actions == [Respond(500)]
    assert outcome.events[0]["response"]["max_output_tokens"] == 25
    ask(facade, "response.cancel")
    configure(facade, max_output_tokens=25)
    assert ask(facade, "response.create").actions == [Respond()]
    ask(facade, "response.cancel")
    assert ask(facade, "response.create", response={"max_output_tokens": "inf"}).actions == [Respond(120_000)]


def test_a_change_of_settings_waits_for_the_next_answer() -> None:
    facade = new_facade()
    answer(facade, 1, 1)
    configure(facade, output_modalities=["text"])
    events = facade.translate([said.ResponseText(1, 1, " on"), said.ResponseAudio(1, 1, FRAME, 0)])
    assert kinds(events) == ["response.output_audio_transcript.delta", "response.output_audio.delta"]


def test_pauses_are_told_to_those_who_can_hold() -> None:
    plain, holding = new_facade(), new_facade(Extras(playback=True))
    for facade in (plain, holding):
        answer(facade, 1, 1)
    paused = said.ResponsePaused(1, 1, 4800, 900, 780)
    resumed = said.ResponseResumed(1, 1, 4000, 300, "too_short")
    assert plain.translate([paused, resumed]) == []
    hold, go = holding.translate([paused, resumed])
    assert (hold["type"], hold["audio_end_ms"], hold["input_ms"]) == ("voicert.response.paused", 200, 900)
    assert (go["type"], go["reason"], go["paused_ms"]) == ("voicert.response.resumed", "too_short", 300)
    assert (hold["response_id"], hold["item_id"]) == (go["response_id"], go["item_id"])
    holding.translate([done(1, "w0 w1")])
    assert kinds(holding.translate([paused])) == ["voicert.response.paused"]
    assert holding.translate([said.ResponsePaused(2, 1, 0, 0, 0)]) == []
