"""Server events, one JSON object a line on stdin, through the strictest parsers of the Python clients.

Prints the problems as one JSON list. The first two take an event that they do not know for a problem too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from agents.realtime.openai_realtime import get_server_event_type_adapter
from openai.types.realtime import RealtimeServerEvent
from pipecat.services.openai.realtime.events import parse_server_event
from pydantic import TypeAdapter

AGENTS = get_server_event_type_adapter()
OPENAI: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)


def problems_with(line: str) -> list[str]:
    """What the parsers say against one event."""
    event = json.loads(line)
    for_agents = dict(event)
    if for_agents.get("previous_item_id", "") is None:
        for_agents["previous_item_id"] = ""  # as the SDK does itself before it parses
    parsers: dict[str, Callable[[], object]] = {
        "openai": lambda: OPENAI.validate_python(event),
        "openai-agents": lambda: AGENTS.validate_python(for_agents),
        "pipecat": lambda: parse_server_event(line),
    }
    found: list[str] = []
    for name, parse in parsers.items():
        try:
            parse()
        except Exception as error:
            found.append(f"{name} rejects {event['type']}: {str(error)[:600]}")
    return found


if __name__ == "__main__":
    print(json.dumps([problem for line in sys.stdin if line.strip() for problem in problems_with(line)]))
