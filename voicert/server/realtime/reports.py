"""Our own events about time, for clients that ask for them."""

from __future__ import annotations

from voicert.server.realtime.items import Event
from voicert.session.events import FrameTiming, TurnTiming

FRAMES_PER_REPORT = 25  # about two reports a second


def turn_timing(event: TurnTiming, response_id: str, item_id: str) -> Event:
    """``voicert.turn.timing``: times in ms of the session's input, and what the first audible frame took."""
    return {
        "type": "voicert.turn.timing",
        "response_id": response_id,
        "item_id": item_id,
        "input_end_ms": event.input_end_ms,
        "first_audio_ms": event.first_audio_ms,
        "first_audible_ms": event.first_audible_ms,
        "stages_ms": {
            "queue": round(event.queue_ms, 3),
            "encode": round(event.encode_ms, 3),
            "model": round(event.model_ms, 3),
            "decode": round(event.decode_ms, 3),
        },
    }


class FrameReports:
    """Gathers frames into ``voicert.frames`` events."""

    def __init__(self) -> None:
        self._frames: list[Event] = []  # waiting for the next event

    def add(self, event: FrameTiming) -> list[Event]:
        """One more frame; an event when there are enough."""
        frame: Event = {
            "input_samples": event.input_samples,
            "queue_ms": round(event.queue_ms, 3),
            "encode_ms": round(event.encode_ms, 3),
            "model_ms": round(event.model_ms, 3),
            "decode_ms": round(event.decode_ms, 3),
            "batch": event.batch,
            "late": event.late,
        }
        self._frames.append(frame)
        return self.flush() if len(self._frames) >= FRAMES_PER_REPORT else []

    def flush(self) -> list[Event]:
        """An event with what waits, if anything does."""
        frames, self._frames = self._frames, []
        return [{"type": "voicert.frames", "frames": frames}] if frames else []
