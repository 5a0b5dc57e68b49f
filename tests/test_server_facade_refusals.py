"""Whatever a client sends, a bad message gets one error that names what was wrong, and does nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.facades import ask, new_facade, refusal


def item(**fields: Any) -> str:
    return json.dumps({"type": "conversation.item.create", "item": fields})


def message(**part: Any) -> str:
    return item(type="message", role="user", content=[part])


@pytest.mark.parametrize(
    ("text", "code", "param"),
    [
        ("{", "invalid_json", None),
        ("", "invalid_json", None),
        ("[1]", "invalid_json", None),
        ('"text"', "invalid_json", None),
        ("null", "invalid_json", None),
        ('{"type": NaN}', "invalid_json", None),
        ("[" * 100_000, "invalid_json", None),
        ('{"type": ' + "9" * 5000 + "}", "invalid_json", None),
        (b"\x00\x01", "invalid_json", None),
        ("{}", "missing_required_parameter", "type"),
        ('{"type": null}', "missing_required_parameter", "type"),
        ('{"type": 1}', "invalid_type", "type"),
        ('{"type": "session.updat"}', "unknown_event", "type"),
        ('{"type": "\\ud800"}', "unknown_event", "type"),
        ('{"type": "output_audio_buffer.clear"}', "unsupported_event", "type"),
        ('{"type": "input_audio_buffer.clear", "event_id": 5}', "invalid_type", "event_id"),
        ('{"type": "input_audio_buffer.clear", "more": 5}', "unknown_parameter", "more"),
        ('{"type": "input_audio_buffer.commit"}', "input_audio_buffer_commit_empty", None),
        ('{"type": "input_audio_buffer.append"}', "missing_required_parameter", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": 5}', "invalid_type", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "AA"}', "invalid_audio", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "A A="}', "invalid_audio", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "ä"}', "invalid_audio", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "AAAA"}', "invalid_audio", "audio"),  # 3 bytes
        ('{"type": "session.update"}', "missing_required_parameter", "session"),
        ('{"type": "session.update", "session": []}', "invalid_type", "session"),
        ('{"type": "response.cancel"}', "response_cancel_not_active", None),
        ('{"type": "response.create", "response": 1}', "invalid_type", "response"),
        ('{"type": "conversation.item.retrieve"}', "missing_required_parameter", "item_id"),
        (
            '{"type": "conversation.item.retrieve", "item_id": "x"}',
            "item_retrieve_invalid_item_id",
            "item_id",
        ),
        ('{"type": "conversation.item.delete", "item_id": "x"}', "item_delete_invalid_item_id", "item_id"),
        (
            '{"type": "conversation.item.truncate", "item_id": "x", "content_index": 0, "audio_end_ms": 0}',
            "item_truncate_invalid_item_id",
            "item_id",
        ),
        (
            '{"type": "conversation.item.truncate", "item_id": "x", "audio_end_ms": 1.5}',
            "invalid_type",
            "audio_end_ms",
        ),
        ('{"type": "voicert.heard", "item_id": "x"}', "missing_required_parameter", "heard_samples"),
        ('{"type": "voicert.heard", "item_id": "x", "heard_samples": -1}', "invalid_value", "heard_samples"),
        ('{"type": "voicert.heard", "item_id": "x", "heard_samples": true}', "invalid_type", "heard_samples"),
        (
            '{"type": "voicert.heard", "item_id": "x", "heard_samples": 1, "content_index": 1}',
            "invalid_value",
            "content_index",
        ),
        ('{"type": "conversation.item.create"}', "missing_required_parameter", "item"),
        (item(type="mcp_call"), "invalid_value", "item.type"),
        (item(type="message"), "missing_required_parameter", "item.role"),
        (item(type="message", role="developer", content=[]), "invalid_value", "item.role"),
        (item(type="message", role="user"), "missing_required_parameter", "item.content"),
        (item(type="message", role="user", content="hi"), "invalid_type", "item.content"),
        (item(type="message", role="user", content=["hi"]), "invalid_type", "item.content[0]"),
        (item(type="message", role="user", content=[]), "unsupported_text", "item.content"),
        (item(type="message", role="user", content=[], id=""), "invalid_value", "item.id"),
        (item(type="message", role="user", content=[], voice=1), "unknown_parameter", "item.voice"),
        (message(text="hi"), "missing_required_parameter", "item.content[0].type"),
        (message(type="input_text"), "missing_required_parameter", "item.content[0].text"),
        (message(type="input_text", text=""), "unsupported_text", "item.content"),
        (message(type="output_text", text="x"), "invalid_value", "item.content[0].type"),
        (message(type="input_text", text="x " * 20_000), "string_above_max_length", "item.content[0].text"),
        (message(type="input_image", image_url="data:"), "unsupported_by_model", "item.content[0].type"),
        (message(type="input_audio"), "missing_required_parameter", "item.content[0].audio"),
        (message(type="input_audio", audio=""), "invalid_audio", "item.content"),
        (message(type="input_audio", audio="AAA"), "invalid_audio", "item.content[0].audio"),
        (message(type="input_audio", audio="AAAA"), "invalid_audio", "audio"),
        (item(type="function_call", name="f"), "missing_required_parameter", "item.arguments"),
        (item(type="function_call_output", call_id="c"), "missing_required_parameter", "item.output"),
        (item(type="function_call_output", call_id="c", output=""), "invalid_tool_call_id", "item.call_id"),
        (
            '{"type": "conversation.item.create", "previous_item_id": "x", '
            '"item": {"type": "message", "role": "system", "content": []}}',
            "item_create_invalid_previous_item_id",
            "previous_item_id",
        ),
        (
            '{"type": "response.create", "response": {"conversation": "none"}}',
            "unsupported_by_model",
            "response.conversation",
        ),
        ('{"type": "response.create", "response": {"input": []}}', "unsupported_by_model", "response.input"),
        (
            '{"type": "response.create", "response": {"metadata": {"a": 1}}}',
            "invalid_type",
            "response.metadata.a",
        ),
        (
            '{"type": "response.create", "response": {"output_modalities": []}}',
            "invalid_value",
            "response.output_modalities",
        ),
        (
            '{"type": "response.create", "response": {"audio": {"input": {}}}}',
            "unknown_parameter",
            "response.audio.input",
        ),
    ],
)
def test_a_bad_message_is_answered_with_an_error(text: str | bytes, code: str, param: str | None) -> None:
    facade = new_facade()
    error = refusal(facade, text)
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)
    assert error["message"]
    json.dumps(error).encode()
    assert ask(facade, "input_audio_buffer.clear").events[0]["type"] == "input_audio_buffer.cleared"
    assert ask(facade, "response.create").events[0]["type"] == "response.created"


def test_an_error_tells_which_message_was_at_fault() -> None:
    facade = new_facade()
    assert refusal(facade, {"type": "x", "event_id": "mine"})["event_id"] == "mine"
    assert refusal(facade, {"type": "x"})["event_id"] is None
    assert len(refusal(facade, {"type": "x", "event_id": "m" * 600})["event_id"]) == 512


def test_metadata_is_bounded() -> None:
    facade = new_facade()
    for metadata in ({str(n): "" for n in range(17)}, {"k" * 65: ""}, {"k": "v" * 513}):
        error = refusal(facade, {"type": "response.create", "response": {"metadata": metadata}})
        assert error["param"].startswith("response.metadata")


def test_text_is_refused_when_the_model_reads_none() -> None:
    error = refusal(new_facade(able=frozenset()), message(type="input_text", text="hello"))
    assert (error["code"], error["param"]) == ("unsupported_by_model", "item.content")


KINDS = (
    "session.update",
    "response.create",
    "response.cancel",
    "conversation.item.create",
    "conversation.item.truncate",
    "voicert.heard",
    "x",
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
FIELDS = ("audio", "input", "output", "turn_detection", "format", "type", "rate", "voice", "voicert", "tools")
MORE = ("role", "content", "metadata", "conversation", "output_modalities", "call_id", "arguments", "name")
NAMES = st.text(max_size=5) | st.sampled_from(FIELDS + MORE)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(KINDS)},
        optional={
            "session": st.dictionaries(NAMES, VALUES, max_size=5),
            "response": st.dictionaries(NAMES, VALUES, max_size=5),
            "item": st.dictionaries(NAMES, VALUES, max_size=5),
            "item_id": VALUES,
            "previous_item_id": VALUES,
            "audio_end_ms": VALUES,
            "heard_samples": VALUES,
            "event_id": VALUES,
            "response_id": VALUES,
        },
    )
)
def test_any_json_gets_a_sendable_answer_and_never_an_exception(data: dict[str, Any]) -> None:
    outcome = new_facade().receive(json.dumps(data))
    assert len(outcome.events) <= 2
    for event in outcome.events:
        assert event["event_id"].startswith("event_")
        json.dumps(event).encode("ascii")


@settings(deadline=None, derandomize=True)
@given(st.text() | st.binary())
def test_any_message_is_survived(text: str | bytes) -> None:
    assert new_facade().receive(text).events[0]["type"] == "error"
