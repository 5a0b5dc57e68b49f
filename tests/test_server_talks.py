"""Whole conversations, facade, session and model together: whoever speaks in whatever way gets an answer."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.scripted import Script, silence, speech
from tests.support.talks import HandEngine, Talk
from voicert.server.realtime import Extras

WORDS = Script(words=("one", " two", " three", " four", " five"))
SPOKEN = "one two three four five"


def append(talk: Talk, *parts: NDArray[np.float32]) -> None:
    """All at once."""
    pcm = (np.concatenate(parts) * 32_767).astype("<i2").tobytes()
    assert talk.ask("input_audio_buffer.append", audio=base64.b64encode(pcm).decode()) == []


def live(talk: Talk, *parts: NDArray[np.float32]) -> None:
    """In real time, in chunks of 20 ms."""
    for chunk in np.concatenate(parts).reshape(-1, 480):
        append(talk, chunk)
        talk.engine.run(0.02)


def turn_detection(talk: Talk, value: Any) -> None:
    talk.ask("session.update", session={"audio": {"input": {"turn_detection": value}}})


def typed(talk: Talk, text: str) -> None:
    words = [{"type": "input_text", "text": text}]
    talk.ask("conversation.item.create", item={"type": "message", "role": "user", "content": words})


def of(talk: Talk, kind: str) -> list[dict[str, Any]]:
    return [event for event in talk.events if event["type"] == kind]


def answers(talk: Talk) -> list[str]:
    """Transcripts of the finished answers."""
    items = [item for event in of(talk, "response.done") for item in event["response"]["output"]]
    return [item["content"][0]["transcript"] for item in items if item["type"] == "message"]


def shown(talk: Talk, item_id: str) -> str:
    (event,) = talk.ask("conversation.item.retrieve", item_id=item_id)
    transcript: str = event["item"]["content"][0]["transcript"]
    return transcript


def answering(words_heard: float = 2.5) -> tuple[Talk, str]:
    """A talk amid its first answer, and the id of the answer's item."""
    talk = Talk(HandEngine(1, WORDS))
    live(talk, speech(500), silence(100))
    live(talk, silence(round(words_heard * 10) * 20))
    return talk, of(talk, "response.output_item.added")[0]["item"]["id"]


@pytest.mark.parametrize("commit", [True, False])
@pytest.mark.parametrize("by_hand", [True, False])
def test_a_file_that_is_uploaded_at_once_is_answered(commit: bool, by_hand: bool) -> None:
    talk = Talk(HandEngine(1, WORDS))
    if by_hand:
        turn_detection(talk, None)
    append(talk, speech(700))
    if commit or by_hand:
        talk.ask("input_audio_buffer.commit")
    if by_hand:
        talk.ask("response.create")
    talk.engine.run(4)
    assert answers(talk) == [SPOKEN]
    (committed,) = of(talk, "input_audio_buffer.committed")
    (transcribed,) = of(talk, "conversation.item.input_audio_transcription.completed")
    assert transcribed["item_id"] == committed["item_id"]
    assert transcribed["transcript"] == "hello there there there"
    assert bool(of(talk, "input_audio_buffer.speech_started")) == (not by_hand)


def test_a_live_microphone_is_answered() -> None:
    talk = Talk(HandEngine(1, WORDS))
    live(talk, speech(700), silence(3000))
    assert answers(talk) == [SPOKEN]


def test_a_commit_without_speech_makes_an_item_too() -> None:
    talk = Talk(HandEngine(1, WORDS))
    append(talk, silence(300))
    talk.ask("input_audio_buffer.commit")
    talk.engine.run(2)
    assert len(of(talk, "input_audio_buffer.committed")) == 1
    assert answers(talk) == []


def test_by_hand_the_model_holds_its_tongue_until_asked() -> None:
    talk = Talk(HandEngine(1, WORDS))
    turn_detection(talk, None)
    for _ in range(2):
        live(talk, speech(500), silence(1500))
        talk.ask("input_audio_buffer.commit")
        talk.engine.run(3)
    assert len(of(talk, "input_audio_buffer.committed")) == 2
    assert of(talk, "response.created") == []
    talk.ask("response.create")
    talk.engine.run(4)
    assert answers(talk) == [SPOKEN]


def test_by_hand_nobody_is_interrupted() -> None:
    talk = Talk(HandEngine(1, WORDS))
    turn_detection(talk, None)
    talk.ask("response.create")
    talk.engine.run(0.3)
    live(talk, speech(600), silence(600))
    assert answers(talk) == [SPOKEN]


def test_what_was_cleared_was_never_said() -> None:
    talk = Talk(HandEngine(1, WORDS))
    turn_detection(talk, None)
    live(talk, speech(500))
    talk.ask("input_audio_buffer.clear")
    live(talk, silence(200))
    talk.ask("input_audio_buffer.commit")
    talk.engine.run(3)
    assert of(talk, "conversation.item.input_audio_transcription.completed")[0]["transcript"] == ""
    assert talk.engine.model.understood(talk.slot) == ""


def test_without_create_response_turns_are_told_and_answered_on_request() -> None:
    talk = Talk(HandEngine(1, WORDS))
    turn_detection(talk, {"type": "server_vad", "create_response": False})
    live(talk, speech(500), silence(2000))
    assert len(of(talk, "input_audio_buffer.committed")) == 1
    assert of(talk, "response.created") == []
    talk.ask("response.create", response={"metadata": {"turn": "1"}})
    live(talk, silence(3000))
    assert answers(talk) == [SPOKEN]
    assert of(talk, "response.done")[0]["response"]["metadata"] == {"turn": "1"}


def test_without_interrupt_response_an_answer_goes_on_under_a_voice() -> None:
    talk = Talk(HandEngine(1, WORDS))
    turn_detection(talk, {"type": "server_vad", "interrupt_response": False, "create_response": False})
    talk.ask("response.create")
    live(talk, silence(300), speech(600), silence(1500))
    assert answers(talk) == [SPOKEN]
    assert len(of(talk, "input_audio_buffer.speech_started")) == 1


def test_a_typed_turn() -> None:
    talk = Talk(HandEngine(1, WORDS))
    typed(talk, "hello there")
    talk.engine.run(2)
    assert of(talk, "response.created") == []
    talk.ask("response.create")
    talk.engine.run(4)
    assert answers(talk) == [SPOKEN]
    assert talk.engine.model.understood(talk.slot) == "hello there"
    usage = of(talk, "response.done")[0]["response"]["usage"]
    assert usage["input_token_details"]["text_tokens"] == 2
    assert not of(talk, "input_audio_buffer.committed")


def test_a_call_its_result_and_the_answer() -> None:
    talk = Talk(HandEngine(1, Script(words=WORDS.words, tool="weather")))
    live(talk, speech(500), silence(1000))
    (call,) = of(talk, "response.function_call_arguments.done")
    assert call["name"] == "weather"
    assert of(talk, "response.done")[0]["response"]["status"] == "completed"
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "hello there"}
    assert [event["type"] for event in talk.ask("conversation.item.create", item=output)] == [
        "conversation.item.added",
        "conversation.item.done",
    ]
    (again,) = talk.ask("conversation.item.create", item=output)
    assert again["error"]["code"] == "unknown_call"
    talk.ask("response.create")
    talk.engine.run(4)
    assert answers(talk)[-1] == SPOKEN
    assert talk.engine.model.understood(talk.slot).endswith("hello there")


def test_a_barge_in_leaves_what_was_heard_in_list_and_model() -> None:
    talk, item_id = answering()
    live(talk, speech(600), silence(3000))
    cut, whole = answers(talk)
    assert SPOKEN.startswith(cut)
    assert 1 <= len(cut.split()) <= 3
    assert (whole, shown(talk, item_id)) == (SPOKEN, cut)
    assert talk.engine.model.written(talk.slot) == [cut, whole]
    kinds = [event["type"] for event in talk.events]
    began = len(kinds) - 1 - kinds[::-1].index("input_audio_buffer.speech_started")
    cancelled = kinds.index("response.done")
    assert "response.output_audio.delta" not in kinds[began:cancelled]


@pytest.mark.parametrize(("audio_end_ms", "words"), [(0, 0), (250, 2), (900, 5), (10**7, 5)])
def test_a_late_truncate_cuts_list_and_model_at_the_same_word(audio_end_ms: int, words: int) -> None:
    talk, item_id = answering(words_heard=8)
    assert answers(talk) == [SPOKEN]
    for _ in range(2):  # a repeated one is answered as well, and changes nothing
        talk.ask("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=audio_end_ms)
        talk.engine.run(0.1)
    live(talk, silence(200))
    heard = " ".join(SPOKEN.split()[:words])
    assert shown(talk, item_id) == heard
    assert [said for said in talk.engine.model.written(talk.slot) if said] == ([heard] if heard else [])
    told = [event["audio_end_ms"] for event in of(talk, "conversation.item.truncated")]
    assert len(told) == 2
    assert told[0] == told[1] == min(audio_end_ms, 1040)
    talk.ask("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=10**6)
    assert shown(talk, item_id) == heard
    assert not of(talk, "error")


def test_a_truncate_amid_an_answer_ends_it() -> None:
    talk, item_id = answering()
    talk.ask("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=250)
    live(talk, silence(500))
    assert of(talk, "response.done")[0]["response"]["status"] == "cancelled"
    assert shown(talk, item_id) == "one two"
    assert talk.engine.model.written(talk.slot) == ["one two"]
    live(talk, speech(500), silence(3000))
    assert answers(talk)[-1] == SPOKEN


def test_what_a_deleted_answer_said_is_forgotten() -> None:
    talk, item_id = answering(words_heard=8)
    talk.ask("conversation.item.delete", item_id=item_id)
    live(talk, silence(200))
    assert [said for said in talk.engine.model.written(talk.slot) if said] == []


def test_a_reported_position_decides_what_was_heard() -> None:
    talk, item_id = answering()
    talk.ask("voicert.heard", item_id=item_id, heard_samples=24 * 100)
    talk.ask("response.cancel")
    talk.ask("voicert.heard", item_id=item_id, heard_samples=24 * 100, stopped=True)
    live(talk, silence(600))
    assert shown(talk, item_id) == "one"
    assert talk.engine.model.written(talk.slot) == ["one"]


def test_a_silent_user_is_spoken_to() -> None:
    talk, _ = answering(words_heard=8)
    turn_detection(talk, {"type": "server_vad", "idle_timeout_ms": 1000})
    live(talk, speech(500), silence(6000))
    assert of(talk, "input_audio_buffer.timeout_triggered")
    assert answers(talk)[:3] == [SPOKEN] * 3


def test_an_answer_ends_at_its_limit_of_tokens() -> None:
    talk = Talk(HandEngine(1, WORDS))
    talk.ask("response.create", response={"max_output_tokens": 25})
    talk.engine.run(3)
    (done,) = of(talk, "response.done")
    assert done["response"]["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert done["response"]["usage"]["output_token_details"]["audio_tokens"] == 25
    assert talk.engine.model.written(talk.slot) == answers(talk)


def test_written_answers_and_telephones() -> None:
    talk = Talk(HandEngine(1, WORDS))
    law = {"format": {"type": "audio/pcmu"}}
    talk.ask("session.update", session={"audio": {"input": law, "output": law}})
    talk.ask("response.create", response={"output_modalities": ["text"]})
    talk.engine.run(4)
    assert of(talk, "response.output_text.done")[0]["text"] == SPOKEN
    assert not of(talk, "response.output_audio.delta")
    talk.ask("response.create")
    talk.engine.run(4)
    deltas = of(talk, "response.output_audio.delta")
    assert sum(len(base64.b64decode(event["delta"])) for event in deltas) == 52 * 160


def test_a_cough_holds_the_answer_for_those_who_can_hold() -> None:
    talk = Talk(HandEngine(1, WORDS), extras=Extras(playback=True))
    live(talk, speech(500), silence(500), speech(120), silence(3000))
    assert [event["type"] for event in talk.events if "voicert." in event["type"]] == [
        "voicert.response.paused",
        "voicert.response.resumed",
    ]
    assert answers(talk) == [SPOKEN]
