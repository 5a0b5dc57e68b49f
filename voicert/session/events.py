"""What a session tells the world: a handful of facts, in the order in which they happened.

Times in ``_ms`` and ``input_samples`` are on the session's input clock: input consumed since the session
began, at 24 kHz, silence that was fed in included. ``item`` and ``response`` count from 1; users and the
assistant share the items.

Order within a session: `SpeechStarted` and `SpeechStopped` of one item alternate. Between `ResponseStarted`
and its `ResponseDone` lie all text, audio, timing and tool calls of that response, and no other response.
`UserText` and `UserDone` of an item come after its `SpeechStarted`, `TurnCommitted` or `Recounted`, possibly
long after its `SpeechStopped`. `ResponsePaused` and `ResponseResumed` of a response alternate, the first one
first; between the two no text and no audio is sent. They may come after its `ResponseDone`, while its last
sound is still on its way to the listener. `Truncated` comes after the `ResponseDone` of its item.
`SessionFailed` is the last event of all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Status: TypeAlias = Literal["completed", "cancelled", "incomplete", "failed"]
Reason: TypeAlias = Literal["turn_detected", "client_cancelled", "max_output_tokens", "error"]
ResumeReason: TypeAlias = Literal["too_short", "model_goes_on", "timeout", "off"]


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The user began to speak: a new user item."""

    item: int
    audio_start_ms: int  # start of the first voiced frame


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The user stopped, or the model began to answer: the user's audio of this item is complete."""

    item: int
    audio_end_ms: int  # end of the last voiced frame


@dataclass(frozen=True, slots=True)
class TurnCommitted:
    """Turns are committed by the client, and it has committed one: a new user item, complete."""

    item: int
    audio_start_ms: int  # of what was pushed since the last commit
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class Recounted:
    """A recording that the client put in was heard to its end: a new user item, complete."""

    item: int
    ref: str  # as it was given to `Session.recount`


@dataclass(frozen=True, slots=True)
class IdleTimeout:
    """Nobody said anything for `TurnSettings.idle_timeout_ms` after an answer; the assistant will speak.

    A new user item without speech and text; no `UserDone` follows.
    """

    item: int
    audio_start_ms: int  # end of the answer's sound
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class UserText:
    """The model understood more of what the user said."""

    item: int
    delta: str


@dataclass(frozen=True, slots=True)
class UserDone:
    """No more text of this user item will come; the transcript may be empty."""

    item: int
    transcript: str
    audio_ms: int  # duration of the user's speech


@dataclass(frozen=True, slots=True)
class ResponseStarted:
    """The model began to answer: a new assistant item."""

    response: int
    item: int


@dataclass(frozen=True, slots=True)
class ResponseText:
    """The next piece of what the assistant says."""

    response: int
    item: int
    delta: str


@dataclass(frozen=True, slots=True)
class ResponseAudio:
    """One frame of the assistant's voice."""

    response: int
    item: int
    pcm: NDArray[np.float32]  # [frame samples], 24 kHz, full scale is -1..1; not to be changed
    input_samples: int  # input consumed when this was generated


@dataclass(frozen=True, slots=True)
class ResponseDone:
    """The response is over; none of its text or audio comes after this."""

    response: int
    item: int
    status: Status
    reason: Reason | None  # None when completed
    transcript: str  # of a cut response: up to the word that was being spoken at the heard position
    audio_samples: int  # samples sent of it
    heard_samples: (
        int | None
    )  # of a cut response: the heard position, reported or estimated; else as reported


@dataclass(frozen=True, slots=True)
class ResponsePaused:
    """A voice is heard over the assistant's: nothing is sent until it is decided what it was.

    What comes next is a `ResponseResumed`, or the response is cut: by a `SpeechStarted` and then its
    `ResponseDone` (or `Truncated`, if it was done before), or by a cancel.
    """

    response: int
    item: int
    sent_samples: int  # of the item, when the pause began
    input_ms: int  # input clock at the decision to pause
    voice_start_ms: int  # input clock at the start of the first voiced frame


@dataclass(frozen=True, slots=True)
class ResponseResumed:
    """It was no interruption: the audio goes on where it was heard to end.

    What the listener's speaker still holds of the response is to be played from there; the next
    `ResponseAudio` follows right after the last one sent.
    """

    response: int
    item: int
    from_samples: int  # the heard position
    paused_ms: int  # of the input clock
    reason: ResumeReason  # too short; the model spoke on; it came and went for long; switched off meanwhile


@dataclass(frozen=True, slots=True)
class Truncated:
    """An item is cut at this sample: no more of it was heard."""

    item: int
    audio_end_samples: int
    transcript: str | None  # None: the item is so old that its text is not known here any more


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a function to be called; `Session.tool_output` answers."""

    response: int
    item: int  # a new item of its own
    call_id: str
    name: str
    arguments: str  # a JSON object


@dataclass(frozen=True, slots=True)
class TurnTiming:
    """How fast an answer came, once per response, right before its first audible frame."""

    response: int
    item: int
    input_end_ms: int | None  # end of the user's speech; None when no speech came before
    first_audio_ms: int  # input clock at the response's first frame
    first_audible_ms: int  # the same at the first frame whose peak is above -50 dBFS
    queue_ms: float  # what that first audible frame took, stage by stage
    encode_ms: float
    model_ms: float
    decode_ms: float


@dataclass(frozen=True, slots=True)
class FrameTiming:
    """One frame's way through the engine; only when `TurnSettings.frame_timing` is on."""

    input_samples: int  # input consumed, this frame included
    queue_ms: float  # from the arrival of its last sample to the start of its step
    encode_ms: float
    model_ms: float
    decode_ms: float
    batch: int  # sessions in the same step
    late: bool  # the step ended later than one frame period after the frame's input was complete


@dataclass(frozen=True, slots=True)
class SessionFailed:
    """The session is over and its slot is free; the message says why."""

    code: str  # "internal_error", "model_error" or "engine_stopped"
    message: str


Event: TypeAlias = (
    SpeechStarted
    | SpeechStopped
    | TurnCommitted
    | Recounted
    | IdleTimeout
    | UserText
    | UserDone
    | ResponseStarted
    | ResponseText
    | ResponseAudio
    | ResponsePaused
    | ResponseResumed
    | ResponseDone
    | Truncated
    | ToolCall
    | TurnTiming
    | FrameTiming
    | SessionFailed
)
