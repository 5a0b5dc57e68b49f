"""From the facade's words to the session and the outbox: what an action calls, whose sound an event has."""

from __future__ import annotations

from voicert.server.realtime.actions import Action, CancelResponse, Configure, HeardUpTo, Push
from voicert.server.realtime.items import Event
from voicert.session import Session


def carry_out(session: Session, action: Action) -> None:
    """Does one action.

    Raises:
        InputError: the session cannot use it.
    """
    match action:
        case Push(pcm):
            session.push(pcm)
        case CancelResponse(response):
            session.cancel(response)
        case HeardUpTo(item, samples):
            session.heard(item, samples)
        case Configure(settings):
            session.update(settings)


def sound_of(event: Event) -> str | None:
    """The id of the response whose sound an event carries."""
    return event["response_id"] if event["type"] == "response.output_audio.delta" else None


def cancelled_response(event: Event) -> str | None:
    """The id of the response that an event says is cancelled."""
    if event["type"] == "response.done" and event["response"]["status"] == "cancelled":
        return event["response"]["id"]
    return None
