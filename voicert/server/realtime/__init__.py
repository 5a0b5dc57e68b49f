"""The OpenAI Realtime protocol without I/O: messages and session events in, actions and wire events out."""

from voicert.server.realtime.actions import Outcome
from voicert.server.realtime.facade import Facade
from voicert.server.realtime.settings import Extras

__all__ = ["Extras", "Facade", "Outcome"]
