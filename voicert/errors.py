"""The exceptions that voicert raises on purpose.

VoicertError
├── ConfigError      a setting is missing, unreadable or out of range
├── ModelError       a model cannot be found, read or run
├── TapeError        a recording cannot be read, or does not fit the model
├── CapacityError    every slot is taken
└── InputError       a session was given something it cannot use
"""


class VoicertError(Exception):
    """Base of all deliberate errors: the message is one sentence that tells the user what to do."""


class ConfigError(VoicertError):
    """A setting is missing, unreadable or out of range."""


class ModelError(VoicertError):
    """A model cannot be found, read or run."""


class TapeError(VoicertError):
    """A recording cannot be read, or does not fit the model."""


class CapacityError(VoicertError):
    """Every slot is taken; the caller is refused at the door."""


class InputError(VoicertError):
    """A session was given something it cannot use; only that session pays.

    Args:
        message: what was wrong and what to do.
        code: a stable machine-readable name, such as ``input_audio_buffer_overflow``.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code
