"""A conversation as the world outside sees it: sound in, events out."""

from voicert.session.conversation import Conversation
from voicert.session.opening import open_session
from voicert.session.session import Session, Sink
from voicert.session.settings import TurnSettings

__all__ = ["Conversation", "Session", "Sink", "TurnSettings", "open_session"]
