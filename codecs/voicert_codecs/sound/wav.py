"""The frame of a WAV file around its samples: read from a stream, and written to one."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

from voicert_codecs.base import CodecError
from voicert_codecs.sound.samples import SampleFormat

INTEGER, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE  # format codes; the last one says that the code follows later
ENDLESS = 0x7FFF0000  # programs that write to a pipe give sizes from here on, or 0, for "until the end"
MOST_FORMAT_BYTES = 1024
SKIP_BYTES = 1 << 16
HEAD_BYTES = 44  # of a file written here


@dataclass(frozen=True)
class WavBeginning:
    """What stands before the samples."""

    format: SampleFormat
    data_bytes: int | None  # None: the samples go on to the end of the stream


def read_beginning(stream: io.BufferedIOBase) -> WavBeginning:
    """Reads up to the first sample. Takes RIFF, and RF64 for more than 4 GiB.

    Raises:
        CodecError: it is no WAV file that can be used.
    """
    riff = read_exactly(stream, 12)
    if riff[:4] not in (b"RIFF", b"RF64") or riff[8:12] != b"WAVE":
        raise CodecError("it does not begin as a WAV file")
    sound: SampleFormat | None = None
    long_bytes: int | None = None  # of the samples in an RF64 file
    while True:
        head = read_exactly(stream, 8)
        if not head:
            raise CodecError("it has no samples")
        name, size = head[:4], int.from_bytes(head[4:].ljust(4, b"\0"), "little")
        match name:
            case b"data":
                if sound is None:
                    raise CodecError("its samples come before their format")
                if riff[:4] == b"RF64" and size == 0xFFFFFFFF and long_bytes is not None:
                    return WavBeginning(sound, long_bytes)
                return WavBeginning(sound, None if size == 0 or size >= ENDLESS else size)
            case b"fmt ":
                sound = _format(read_exactly(stream, min(size, MOST_FORMAT_BYTES)))
                _skip(stream, max(size - MOST_FORMAT_BYTES, 0) + size % 2)
            case b"ds64" if size >= 28:
                long_bytes = int(struct.unpack_from("<8xQ", read_exactly(stream, 28).ljust(28, b"\0"))[0])
                _skip(stream, size - 28 + size % 2)
            case _:
                _skip(stream, size + size % 2)


def read_exactly(stream: io.BufferedIOBase, length: int) -> bytes:
    """``length`` bytes, or fewer where the stream ends."""
    data = b""
    while len(data) < length and (more := stream.read1(length - len(data))):
        data += more
    return data


def _skip(stream: io.BufferedIOBase, length: int) -> None:
    while length > 0 and (passed := stream.read1(min(length, SKIP_BYTES))):
        length -= len(passed)


def _format(body: bytes) -> SampleFormat:
    try:
        code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
        if code == EXTENSIBLE:
            (code,) = struct.unpack_from("<H", body, 24)
    except struct.error as error:
        raise CodecError("its format is cut off") from error
    if code not in (INTEGER, FLOAT):
        raise CodecError(
            f"its samples have the WAV format {code}, not {INTEGER} (integers) or {FLOAT} (floats)"
        )
    return SampleFormat(rate, channels, bits, "integer" if code == INTEGER else "float")


def beginning(rate: int, data_bytes: int | None) -> bytes:
    """The 44 bytes before the samples of a 16-bit mono file; None where the length is not known yet.

    A file of more than 2 GiB says "until the end" too, as other programs do.
    """
    if data_bytes is None or data_bytes + HEAD_BYTES >= ENDLESS:
        whole = size = 0xFFFFFFFF
    else:
        whole, size = data_bytes + HEAD_BYTES - 8, data_bytes
    form = struct.pack("<HHIIHH", INTEGER, 1, rate, 2 * rate, 2, 16)
    riff = b"RIFF" + struct.pack("<I", whole) + b"WAVE"
    return riff + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size)
