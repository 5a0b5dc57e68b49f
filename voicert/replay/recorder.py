"""Records sessions to a folder, one file each, on a thread of its own: a slow disk delays nobody."""

from __future__ import annotations

import dataclasses
import logging
import os
import queue
import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from voicert import __version__
from voicert.engine import Frame, Stepped
from voicert.errors import ConfigError
from voicert.models.base import Bundle, Ints, Sampling
from voicert.replay.audio import HeardAudio
from voicert.replay.entries import BRIEF, Note, Packer, Step
from voicert.replay.tape import Header, block, opening

log = logging.getLogger(__name__)
BLOCK_S = 1.0  # of steps in a block; what a crash may cost
WAITING = 10_000  # jobs that may wait for the disk, about a minute of 32 sessions; then recording ends
EVERY_FRAME = {"ResponseAudio", "FrameTiming"}  # events that are not kept; the steps tell more
Job = Callable[[], None]


class Recorder:
    """Records every session of a server. `close` waits until all is written.

    Raises:
        ConfigError: the folder cannot be made or written to.
    """

    def __init__(self, bundle: Bundle, folder: Path, audio: bool = False) -> None:
        self._bundle, self._folder, self._audio = bundle, folder, audio
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot record to {folder}: {error.strerror}") from error
        if not os.access(folder, os.W_OK):
            raise ConfigError(f"cannot record to {folder}: it cannot be written to")
        self._jobs: queue.Queue[Job | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._work, name="voicert-recorder", daemon=True)
        self._thread.start()

    def tape(self, sampling: Sampling) -> SessionTape:
        """A new file for a session that begins now."""
        model, codec, now = self._bundle.model, self._bundle.codec, datetime.now(UTC)
        header = Header(
            model=model.name,
            identity=self._bundle.identity,
            sampling=dataclasses.asdict(sampling),
            frame_rate=model.frame_rate,
            sample_rate=codec.sample_rate,
            frame_size=codec.frame_size,
            codebooks=codec.num_codebooks,
            codebook_size=codec.codebook_size,
            pad=model.pad_id,
            started=now.isoformat(timespec="milliseconds"),
            version=__version__,
            options=dict(self._bundle.options),
        )
        path = self._folder / f"{now:%Y-%m-%dT%H-%M-%S}-{secrets.token_hex(3)}.tape"
        return SessionTape(path, header, self._audio, self._submit)

    def close(self) -> None:
        """Ends the thread after the last job; tapes should be closed before."""
        self._jobs.put(None)
        self._thread.join()

    def _submit(self, job: Job) -> bool:
        """False when too much waits already."""
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            return False
        return True

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


class SessionTape:
    """One session's recording: see :class:`voicert.engine.Tape`."""

    def __init__(self, path: Path, header: Header, audio: bool, submit: Callable[[Job], bool]) -> None:
        self.path = path
        self._submit = submit
        self._lock = threading.Lock()  # steps come from the engine's thread, notes from any
        self._packer = Packer(header.codebooks, header.codebook_size, header.pad)
        self._frame_size = header.frame_size
        self._per_block = max(1, round(BLOCK_S * header.frame_rate))
        self._entries, self._steps = bytearray(), 0  # of the block in the making
        self._position = 0  # steps of the session, without those that were undone
        self._open = True
        self._file: BinaryIO | None = None
        self._sound = HeardAudio(path.with_suffix(".wav"), header.sample_rate) if audio else None
        self._do(lambda: self._begin(opening(header)))

    # ---- for any thread

    def step(self, frame: Frame, heard: Ints, stepped: Stepped, codes: Ints) -> None:
        step = Step(
            heard, codes, stepped.text, stepped.user_text, stepped.wants, frame.hush, frame.start,
            frame.user_text, frame.rewind, frame.retake, stepped.retaken,
        )  # fmt: skip
        with self._lock:
            if not self._open:
                return
            self._position += 1 - frame.rewind
            if frame.brief:
                self._entries += self._packer.note(Note(BRIEF, dataclasses.asdict(frame.brief)))
            self._entries += self._packer.step(step)
            self._steps += 1
            if sound := self._sound:
                at, pcm = (self._position - 1) * self._frame_size, frame.pcm.copy()
                self._do(lambda: sound.user(at, pcm))
            if self._steps >= self._per_block:
                self._flush()

    def note(self, kind: str, values: Mapping[str, object]) -> None:
        plain = {name: _plain(value) for name, value in values.items()}
        with self._lock:
            if not self._open:
                return
            if plain.get("event", {}).get("is") not in EVERY_FRAME:
                self._entries += self._packer.note(Note(kind, plain))
            if sound := self._sound:
                at, given = self._position * self._frame_size, dict(values)
                self._do(lambda: sound.note(at, kind, given))

    def close(self) -> None:
        with self._lock:
            if self._open:
                self._open = False
                self._flush()
                self._do(self._end)

    # ---- under the lock

    def _flush(self) -> None:
        if self._entries:
            data = bytes(self._entries)
            self._entries, self._steps = bytearray(), 0
            self._do(lambda: self._append(data))

    def _do(self, job: Job) -> None:
        if not self._submit(lambda: self._guarded(job)) and self._open:
            self._open = False
            log.error("the disk is too slow: the recording %s ends here", self.path)

    # ---- on the recorder's thread

    def _guarded(self, job: Job) -> None:
        try:
            job()
        except Exception as error:  # a full disk must not reach the session
            with self._lock:
                told, self._open = not self._open, False
            if not told:
                log.error("the recording %s ends here: %s", self.path, error)

    def _begin(self, data: bytes) -> None:
        # Nobody but the server's user may read what was said.
        self._file = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", 0)
        self._file.write(data)
        if self._sound:
            self._sound.open()

    def _append(self, entries: bytes) -> None:
        if self._file:
            self._file.write(block(entries))
        if self._sound:
            self._sound.update_header()

    def _end(self) -> None:
        if self._file:
            self._file.close()
        if self._sound:
            self._sound.close()


def _plain(value: object) -> Any:
    """What JSON can hold of a value; sound is told by its length."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"is": type(value).__name__, **fields}
    if isinstance(value, np.ndarray):
        return len(cast("NDArray[Any]", value))
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
