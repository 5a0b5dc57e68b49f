"""The exceptions that a client raises on purpose.

ClientError
├── WireError         the server sent something that is not the protocol
├── Disconnected      the connection cannot be made or has ended
├── SoundFileError    a sound file cannot be read or written
└── DeviceError       a microphone or speaker cannot be used
"""


class ClientError(Exception):
    """Base of all deliberate errors: the message is one sentence that tells the user what to do."""


class WireError(ClientError):
    """The server sent something that is not the protocol."""


class Disconnected(ClientError):  # noqa: N818  (it names what happened, as websockets' ConnectionClosed does)
    """The connection cannot be made or has ended."""


class SoundFileError(ClientError):
    """A sound file cannot be read or written."""


class DeviceError(ClientError):
    """A microphone or speaker cannot be used."""
