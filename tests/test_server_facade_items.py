"""The conversation's items: put in, shown, cut and taken out; the list tells what the model remembers."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.support.facades import (
    answer,
    ask,
    done,
    kinds,
    new_facade,
    refusal,
    retrieve,
    spoken_turn,
)
from voicert.server.realtime import Extras, Facade
from voicert.server.realtime.actions import HeardUpTo, Recount, Say, TruncateItem
from voicert.server.realtime.history import KEEP_ITEMS
from voicert.session import events as said


def put(facade: Facade, item: dict[str, Any], previous_item_id: str | None = None) -> dict[str, Any]:
    """A created item, as its ``added`` event tells of it, with what it follows."""
    outcome = ask(facade, "conversation.item.create", item=item, previous_item_id=previous_item_id)
    assert kinds(outcome.events) == ["conversation.item.added", "conversation.item.done"]
    added, finished = outcome.events
    assert added["item"] == finished["item"]
    assert added["previous_item_id"] == finished["previous_item_id"]
    return {**added["item"], "after": added["previous_item_id"], "actions": outcome.actions}


def text(words: str, role: str = "user", **more: Any) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": words}], **more}


def test_typed_text_is_said_to_the_model() -> None:
    facade = new_facade()
    item = put(facade, text("hello there"))
    assert item["actions"] == [Say("hello there")]
    assert (item["status"], item["object"], item["after"]) == ("completed", "realtime.item", None)
    assert item["content"] == [{"type": "input_text", "text": "hello there"}]
    assert "voicert" not in item


def spoken(*sounds: bytes) -> dict[str, Any]:
    parts = [{"type": "input_audio", "audio": base64.b64encode(sound).decode()} for sound in sounds]
    return {"type": "message", "role": "user", "content": parts}


def test_a_spoken_item_is_heard_by_the_model() -> None:
    facade = new_facade()
    item = put(facade, spoken(b"\x00\x40" * 240, b"\x00\xc0" * 240))
    (action,) = item["actions"]
    assert isinstance(action, Recount)
    assert (action.item_id, action.pcm.tolist()) == (item["id"], [0.5] * 240 + [-0.5] * 240)
    assert item["content"] == [{"type": "input_audio", "transcript": None}]
    events = facade.translate(
        [said.Recounted(1, item["id"]), said.UserText(1, "hi"), said.UserDone(1, "hi", 20)]
    )
    assert [(e["type"].rpartition(".")[2], e["item_id"]) for e in events] == [
        ("delta", item["id"]),
        ("completed", item["id"]),
    ]
    assert retrieve(facade, item["id"])["content"] == [{"type": "input_audio", "transcript": "hi"}]
    answer(facade, 1, 2)
    ended = facade.translate([done(2, "w0 w1")])[-1]["response"]
    assert ended["usage"]["input_token_details"]["audio_tokens"] == 1


def test_a_spoken_item_has_its_time() -> None:
    """It cannot be heard while the assistant speaks, nor before sound that was appended earlier."""
    busy, by_hand = new_facade(), new_facade()
    answer(busy, 1, 1)
    create = {"type": "conversation.item.create", "item": spoken(bytes(960))}
    assert refusal(busy, create)["code"] == "conversation_already_has_active_response"
    busy.translate([done(1, "w0 w1")])
    put(busy, create["item"])
    ask(by_hand, "session.update", session={"audio": {"input": {"turn_detection": None}}})
    ask(by_hand, "input_audio_buffer.append", audio=base64.b64encode(bytes(9600)).decode())
    assert refusal(by_hand, create)["code"] == "input_audio_buffer_not_empty"
    ask(by_hand, "input_audio_buffer.clear")
    put(by_hand, create["item"])
    mixed = {"type": "input_text", "text": "hi"}
    create["item"]["content"].append(mixed)
    assert refusal(by_hand, create)["param"] == "item.content[1].type"


def test_a_spoken_item_that_cannot_be_taken_is_none() -> None:
    facade = new_facade()
    outcome = ask(facade, "conversation.item.create", item=spoken(bytes(96_000)))
    assert outcome.undo
    outcome.undo()
    answer(facade, 1, 1)
    ended = facade.translate([done(1, "w0 w1")])[-1]["response"]
    assert ended["usage"]["input_tokens"] == 0


@pytest.mark.parametrize("role", ["assistant", "system"])
def test_what_the_model_does_not_read_is_marked(role: str) -> None:
    facade = new_facade()
    item = put(facade, text("earlier", role))
    assert item["actions"] == []
    assert item["voicert"] == {"in_context": False}
    assert retrieve(facade, item["id"])["voicert"] == {"in_context": False}


def test_a_function_call_of_a_client_is_history_only() -> None:
    facade = new_facade()
    call = put(facade, {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"})
    nameless = put(facade, {"type": "function_call", "name": "f", "arguments": "{}"})
    assert nameless["call_id"].startswith("call_")
    output = put(facade, {"type": "function_call_output", "call_id": "c", "output": "1"})
    assert (call["actions"], output["actions"]) == ([], [])
    assert output["voicert"] == {"in_context": False}


def test_items_are_put_where_the_client_wants_them() -> None:
    facade = new_facade()
    first = put(facade, text("one", id="a"))
    third = put(facade, text("three"))
    second = put(facade, text("two"), previous_item_id="a")
    zeroth = put(facade, text("zero"), previous_item_id="root")
    assert (first["id"], first["after"], third["after"]) == ("a", None, "a")
    assert (second["after"], zeroth["after"]) == ("a", None)
    assert spoken_turn(facade, 1)[2]["previous_item_id"] == third["id"]


def test_of_too_many_items_the_oldest_goes_and_not_the_new_one() -> None:
    facade = new_facade()
    for number in range(KEEP_ITEMS):
        put(facade, text("x", id=f"i{number}"))
    put(facade, text("first", "system", id="new"), previous_item_id="root")
    assert retrieve(facade, "new")["content"][0]["text"] == "first"
    gone = refusal(facade, {"type": "conversation.item.retrieve", "item_id": "i0"})
    assert gone["code"] == "item_retrieve_invalid_item_id"
    assert retrieve(facade, "i1")["id"] == "i1"


def test_an_id_can_be_used_once() -> None:
    facade = new_facade()
    put(facade, text("one", id="a"))
    error = refusal(facade, {"type": "conversation.item.create", "item": text("two", id="a")})
    assert (error["code"], error["param"]) == ("item_create_duplicate_item_id", "item.id")
    ask(facade, "conversation.item.delete", item_id="a")
    put(facade, text("three", id="a"))


@pytest.mark.parametrize(
    ("audio_end_ms", "clamped", "transcript"),
    [(0, 0, ""), (100, 100, "w0"), (200, 200, "w0"), (201, 201, "w0 w1"), (10**9, 400, "w0 w1"), (-5, 0, "")],
)
def test_truncate_is_clamped_and_answered_by_what_the_session_decides(
    audio_end_ms: int, clamped: int, transcript: str
) -> None:
    facade = new_facade()
    item_id = answer(facade, 1, 3)[1]["item"]["id"]
    facade.translate([done(3, "w0 w1")])
    fields = {"item_id": item_id, "content_index": 0, "audio_end_ms": audio_end_ms}
    outcome = ask(facade, "conversation.item.truncate", **fields)
    assert (outcome.actions, outcome.events) == ([TruncateItem(3, clamped * 24)], [])
    (truncated,) = facade.translate([said.Truncated(3, clamped * 24, transcript)])
    assert truncated["type"] == "conversation.item.truncated"
    told = (truncated["item_id"], truncated["content_index"], truncated["audio_end_ms"])
    assert told == (item_id, 0, clamped)
    assert "transcript" not in truncated
    assert retrieve(facade, item_id)["content"] == [{"type": "output_audio", "transcript": transcript}]
    again = ask(facade, "conversation.item.truncate", **fields | {"audio_end_ms": 10**6})
    assert again.actions == [TruncateItem(3, clamped * 24)]


def test_a_cut_that_the_session_has_forgotten_is_made_from_what_was_sent() -> None:
    facade = new_facade(Extras(playback=True))
    item_id = answer(facade, 1, 3)[1]["item"]["id"]
    facade.translate([done(3, "w0 w1")])
    (truncated,) = facade.translate([said.Truncated(3, 4800, None)])
    assert (truncated["audio_end_ms"], truncated["transcript"]) == (200, "w0")
    assert retrieve(facade, item_id)["content"][0]["transcript"] == "w0"


def test_a_cut_item_never_grows_again() -> None:
    facade = new_facade()
    item_id = answer(facade, 1, 3)[1]["item"]["id"]
    facade.translate([done(3, "w0 w1")])
    ends = [
        facade.translate([said.Truncated(3, samples, words)])[0]["audio_end_ms"]
        for samples, words in ((4800, "w0"), (9600, "w0 w1"), (9600, None))
    ]
    assert ends == [200, 200, 200]
    assert retrieve(facade, item_id)["content"][0]["transcript"] == "w0"


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_only_speech_of_the_assistant_is_truncated(role: str) -> None:
    facade = new_facade()
    item = put(facade, text("x", role))
    message = {"type": "conversation.item.truncate", "item_id": item["id"], "content_index": 0}
    assert refusal(facade, message | {"audio_end_ms": 0})["code"] == "invalid_value"


def test_an_answer_in_progress_shows_what_was_sent_of_it() -> None:
    facade = new_facade()
    item_id = answer(facade, 1, 1, words=1)[1]["item"]["id"]
    item = retrieve(facade, item_id)
    assert (item["status"], item["content"][0]["transcript"]) == ("in_progress", "w0")


def test_heard_is_passed_on_and_never_answered() -> None:
    facade = new_facade()
    item_id = answer(facade, 1, 5)[1]["item"]["id"]
    outcome = ask(facade, "voicert.heard", item_id=item_id, content_index=0, heard_samples=77)
    assert (outcome.actions, outcome.events) == ([HeardUpTo(5, 77)], [])
    outcome = ask(facade, "voicert.heard", item_id=item_id, heard_samples=78, stopped=True)
    assert outcome.actions == [HeardUpTo(5, 78, stopped=True)]
    typed = put(facade, text("x"))["id"]
    for other in ("item_of_long_ago", typed):
        outcome = ask(facade, "voicert.heard", item_id=other, heard_samples=77)
        assert (outcome.actions, outcome.events) == ([], [])


def test_a_deleted_item_is_gone_and_what_can_be_is_forgotten() -> None:
    facade = new_facade()
    item_id = answer(facade, 1, 1)[1]["item"]["id"]
    facade.translate([done(1, "w0 w1")])
    outcome = ask(facade, "conversation.item.delete", item_id=item_id)
    assert outcome.actions == [TruncateItem(1, 0)]
    (deleted,) = outcome.events
    assert (deleted["type"], deleted["item_id"]) == ("conversation.item.deleted", item_id)
    assert facade.translate([said.Truncated(1, 0, "")]) == []
    gone = refusal(facade, {"type": "conversation.item.retrieve", "item_id": item_id})
    assert gone["code"] == "item_retrieve_invalid_item_id"
    assert spoken_turn(facade, 2)[2]["previous_item_id"] is None


def test_an_answer_deleted_while_it_is_given_ends_without_its_item() -> None:
    facade = new_facade()
    item_id = answer(facade, 1, 1)[1]["item"]["id"]
    ask(facade, "conversation.item.delete", item_id=item_id)
    ended = kinds(facade.translate([done(1, "w0 w1")]))
    assert "conversation.item.done" not in ended
    assert ended[-1] == "response.done"
