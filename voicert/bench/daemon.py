"""A server of the bench's own: started, watched and stopped as a process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from voicert_clients.errors import ClientError

ANNOUNCEMENT = "voicert is listening on "
START_S = 600.0  # a model has to be loaded, which may have 15 GB
STOP_S = 15.0
MEGABYTE = 1024 * 1024


class DaemonError(ClientError):
    """The server cannot be started."""


@dataclass(frozen=True)
class Memory:
    """Resident memory of a process in MB; None where the system does not tell."""

    now_mb: float | None
    peak_mb: float | None


@dataclass(frozen=True)
class Daemon:
    """A running server."""

    url: str
    pid: int

    def memory(self) -> Memory:
        """What it takes at the moment, and at most so far."""
        fields = _status(self.pid)
        return Memory(fields.get("VmRSS"), fields.get("VmHWM"))


def serve_command(model: str | None) -> list[str]:
    """The command that starts a server on a free port."""
    command = [sys.executable, "-m", "voicert", "serve", "--port", "0"]
    return command if model is None else [*command, "--model", model]


@asynccontextmanager
async def running_daemon(command: Sequence[str]) -> AsyncGenerator[Daemon]:
    """Starts a server, waits until it says where it listens, and stops it at the end.

    Raises:
        DaemonError: it ended instead, or says nothing for ten minutes.
    """
    with tempfile.TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        )
        try:
            url = await _announced(process)
            if url is None:
                errors.seek(0)
                raise DaemonError(_failure(errors.read().decode(errors="replace")))
            yield Daemon(url, process.pid)
        finally:
            await _stop(process)


async def _announced(process: asyncio.subprocess.Process) -> str | None:
    """The address in the server's first lines; None when it ends or takes too long."""
    assert process.stdout is not None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_S):
            async for line in process.stdout:
                text = line.decode(errors="replace").strip()
                if text.startswith(ANNOUNCEMENT):
                    return text.removeprefix(ANNOUNCEMENT)
    return None


async def _stop(process: asyncio.subprocess.Process) -> None:
    for stop in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(stop)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await process.wait()


def _failure(errors: str) -> str:
    lines = [line for line in errors.strip().splitlines() if line.strip()]
    said = lines[-1].strip() if lines else "it said nothing"
    return f"The server did not start: {said}"


def _status(pid: int) -> dict[str, float]:
    """Fields of Linux's process status that are sizes, in MB."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return {}
    sizes: dict[str, float] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if value.endswith(" kB"):
            sizes[name] = int(value.removesuffix(" kB")) * 1024 / MEGABYTE
    return sizes
