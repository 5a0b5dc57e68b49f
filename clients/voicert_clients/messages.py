"""What a client tells the server: the messages of the wire protocol, as JSON text. No I/O."""

from __future__ import annotations

import json

from voicert_clients.pcm import SAMPLES_PER_MS, Pcm, pcm_to_base64


def audio_message(pcm: Pcm) -> str:
    """The message that gives the server more of the microphone."""
    return '{"type":"input_audio_buffer.append","audio":"' + pcm_to_base64(pcm) + '"}'


def heard_message(item_id: str, heard_samples: int, stopped: bool) -> str:
    """The message that says how much of an assistant item the speaker has played.

    Args:
        stopped: the speaker stands still there: it was paused or flushed, or has played all.
    """
    where = {"item_id": item_id, "content_index": 0, "heard_samples": heard_samples}
    return json.dumps({"type": "voicert.heard", **where, "stopped": stopped})


def truncate_message(item_id: str, heard_samples: int) -> str:
    """The message that says that no more than this of an assistant item was heard."""
    where = {"item_id": item_id, "content_index": 0, "audio_end_ms": heard_samples // SAMPLES_PER_MS}
    return json.dumps({"type": "conversation.item.truncate", **where})


def cancel_message() -> str:
    """The message that ends the answer in progress."""
    return '{"type":"response.cancel"}'


def text_messages(text: str) -> tuple[str, str]:
    """The messages that give the server a typed turn of the user and ask for an answer."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    return json.dumps({"type": "conversation.item.create", "item": item}), '{"type":"response.create"}'
