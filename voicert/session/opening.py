"""The door: a slot of the engine for a new conversation."""

from __future__ import annotations

from voicert.engine import Engine
from voicert.errors import ConfigError
from voicert.models.base import Sampling
from voicert.session.session import Session, Sink
from voicert.session.settings import TurnSettings
from voicert.session.vad import SAMPLE_RATE, WINDOW


def open_session(
    engine: Engine, sink: Sink, settings: TurnSettings | None = None, sampling: Sampling | None = None
) -> Session:
    """Takes a slot of the engine for a new conversation.

    Args:
        engine: where it runs.
        sink: gets each frame's events, in order and never two at a time, on the engine's thread or on that of
            a caller of the session. If it raises, the session is over.
        settings: how turns are taken.
        sampling: how tokens are drawn; the bundle's own way when None.

    Raises:
        CapacityError: every slot is taken.
        ConfigError: the codec does not run at 24 kHz in multiples of 20 ms.
    """
    codec = engine.bundle.codec
    if codec.sample_rate != SAMPLE_RATE or codec.frame_size % WINDOW:
        raise ConfigError(f"a codec must give {SAMPLE_RATE} Hz in multiples of {WINDOW} samples")
    session = Session(engine, sink, settings or TurnSettings())
    engine.join(session, sampling or engine.bundle.sampling)
    return session
