"""Files and standard streams of the command line; ``-`` is standard input or output."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import sys
from collections.abc import Generator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

from voicert_codecs.base import CodecError

STANDARD = "-"


@contextlib.contextmanager
def opened(name: str) -> Generator[io.BufferedIOBase]:
    """The bytes of a file, or of standard input.

    Raises:
        CodecError: it cannot be opened.
    """
    if name == STANDARD:
        yield cast(io.BufferedIOBase, sys.stdin.buffer)
        return
    try:
        stream = open(name, "rb")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise CodecError(f"cannot read {name} ({error.strerror})") from error
    with stream:
        yield stream


class Output:
    """Where a result goes; as a context manager, a file appears under its name only when all went well.

    Until then it is written under another name in the same folder, which an error takes away. What is
    written to standard output, or to a name that is no regular file, is there at once.

    Raises:
        CodecError: it cannot be opened or written.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._unfinished: Path | None = None  # what has the final name only at the end
        self._final = Path(os.path.realpath(name))  # a link stays one
        self._start: int | None = None  # where the output begins in a stream that can be rewound
        with self._named():
            if name == STANDARD:
                if sys.stdout.isatty():
                    raise CodecError("this is not for a terminal to show; give a file or a pipe")
                self._stream: BinaryIO = sys.stdout.buffer
            elif self._final.exists() and not self._final.is_file():
                self._stream = self._final.open("wb")
            else:
                unfinished = self._final.with_name(f".{self._final.name}.{secrets.token_hex(4)}.part")
                self._stream = unfinished.open("xb")
                self._unfinished, self._start = unfinished, 0

    def write(self, data: bytes) -> None:
        """Writes all of it; nothing stays behind in a buffer."""
        with self._named():
            self._stream.write(data)
            self._stream.flush()

    def rewrite_beginning(self, data: bytes) -> None:
        """Writes over the first bytes, now that more is known; does nothing where that cannot be done."""
        if self._start is None:
            return
        with self._named():
            end = self._stream.tell()
            self._stream.seek(self._start)
            self._stream.write(data)
            self._stream.seek(end)

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._named():
                if self.name != STANDARD:
                    self._stream.close()
                if self._unfinished and error is None:
                    self._unfinished.replace(self._final)
        finally:
            if self._unfinished:
                self._unfinished.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _named(self) -> Generator[None]:
        try:
            yield
        except BrokenPipeError:
            raise  # whoever read the output has gone, which is no error to report
        except OSError as error:
            shown = "standard output" if self.name == STANDARD else self.name
            raise CodecError(f"cannot write {shown} ({error.strerror})") from error
