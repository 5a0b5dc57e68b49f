"""From the facade's words to the session and the outbox: what an action calls, whose sound an event has."""

from __future__ import annotations

from voicert.server.realtime import actions as todo
from voicert.server.realtime.items import Event
from voicert.session import Session


def carry_out(session: Session, action: todo.Action) -> None:
    """Does one action. What comes of it the session tells by events.

    Raises:
        InputError: the session cannot use it.
    """
    match action:
        case todo.Push(pcm):
            session.push(pcm)
        case todo.Commit():
            session.commit()
        case todo.ClearInput():
            session.clear()
        case todo.Respond(longest_ms, brief):
            session.respond(longest_ms, brief)
        case todo.Say(text):
            session.say(text)
        case todo.Recount(pcm, item_id):
            session.recount(pcm, item_id)
        case todo.TruncateItem(item, samples):
            session.truncate(item, samples)
        case todo.ToolOutput(call_id, output):
            session.tool_output(call_id, output)
        case todo.CancelResponse(response):
            session.cancel(response)
        case todo.HeardUpTo(item, samples, stopped):
            session.heard(item, samples, stopped)
        case todo.Configure(settings):
            session.update(settings)
        case todo.Instruct(brief):
            session.brief(brief)


def sound_of(event: Event) -> str | None:
    """The id of the response whose sound an event carries."""
    return event["response_id"] if event["type"] == "response.output_audio.delta" else None


def cancelled_response(event: Event) -> str | None:
    """The id of the response that an event says is cancelled."""
    if event["type"] == "response.done" and event["response"]["status"] == "cancelled":
        return event["response"]["id"]
    return None
