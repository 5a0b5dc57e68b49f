"""How one session takes turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from voicert.errors import ConfigError

Detection: TypeAlias = Literal["auto", "manual"]
Interrupt: TypeAlias = Literal["model", "vad", "both", "off"]
STOP_WORDS = ("stop", "quiet", "enough", "wait", "sorry")
MURMURS = (
    "mm", "mmm", "mhm", "mm-hm", "hm", "hmm", "uh", "uh-huh", "huh", "aha", "ah", "oh", "yeah", "yes", "yep",
    "okay", "ok", "right", "sure", "really", "wow", "nice", "cool", "good", "interesting", "true", "exactly",
)  # fmt: skip


@dataclass(frozen=True)
class TurnSettings:
    """When speech counts as begun, as ended and as an interruption.

    A voice of ``pause_ms`` over the assistant pauses it. Then either the voice is over, and the assistant
    goes on; or it is an interruption, because the model falls silent by itself ("model"), because the voice
    lasts for ``interrupt_min_ms`` or was a word ("vad"), or because of whichever comes first ("both").

    Raises:
        ConfigError: a value is out of range.
    """

    detection: Detection = "auto"  # who ends the user's turn: the model and the voice, or the client's commit
    create_response: bool = True  # the model answers by itself; else only when asked to
    vad_aggressiveness: int = 2  # 0..3, how readily the voice detector takes a sound for noise
    min_speech_ms: int = 60  # speech while the assistant is silent begins after this much voice
    silence_ms: int = 500  # speech ends after this much quiet, or as soon as the model answers
    interrupt: Interrupt = "vad"  # what cuts a response; "off": speech over it is only reported
    pause_ms: int = 100  # voice that pauses a speaking assistant
    interrupt_min_ms: int = 360  # and voice that cuts it, if it changes like words; most murmurs are shorter
    interrupt_sound_ms: int = 700  # any other sound that does; coughs and noises are shorter
    interrupt_words: tuple[str, ...] = STOP_WORDS  # these cut it, however short, once understood
    murmurs: tuple[str, ...] = MURMURS  # these alone do not, once understood, unless they last
    resume_ms: int = 200  # quiet after which a paused assistant goes on
    forget_noises: bool = True  # the model forgets a sound that was no interruption; else it has heard it
    echo_guard: bool = True  # the assistant's own voice in the microphone is no voice of the user
    send_ahead_ms: int = 200  # audio that may be sent before it is due at the listener's speaker
    longest_response_ms: int = 120_000  # a longer one is cut
    idle_timeout_ms: int | None = None  # quiet after an answer that makes the assistant speak again
    frame_timing: bool = False  # report every frame's way through the engine

    def __post_init__(self) -> None:
        if not 0 <= self.vad_aggressiveness <= 3:
            raise ConfigError(f"vad_aggressiveness must be 0 to 3, not {self.vad_aggressiveness}")
        for name, kind in (("detection", Detection), ("interrupt", Interrupt)):
            value, known = getattr(self, name), get_args(kind)
            if value not in known:
                raise ConfigError(f"{name} must be one of {', '.join(known)}, not {value}")
        for name in (
            "min_speech_ms",
            "silence_ms",
            "pause_ms",
            "interrupt_min_ms",
            "interrupt_sound_ms",
            "resume_ms",
        ):
            value = getattr(self, name)
            if not 20 <= value <= 10_000:
                raise ConfigError(f"{name} must be 20 to 10000 ms, not {value}")
        if not 20 <= self.longest_response_ms <= 600_000:
            raise ConfigError(f"longest_response_ms must be 20 to 600000 ms, not {self.longest_response_ms}")
        if not 20 <= self.send_ahead_ms <= 60_000:
            raise ConfigError(f"send_ahead_ms must be 20 to 60000 ms, not {self.send_ahead_ms}")
        if self.idle_timeout_ms is not None and not 1000 <= self.idle_timeout_ms <= 600_000:
            raise ConfigError(f"idle_timeout_ms must be 1000 to 600000 ms, not {self.idle_timeout_ms}")
