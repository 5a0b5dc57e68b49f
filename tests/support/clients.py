"""The stock clients of the OpenAI Realtime protocol, run as processes of their own.

``scripts/test`` installs them into a folder and names it in ``VOICERT_CLIENTS``: ``bin/python`` has those for
Python, ``node_modules`` those for JavaScript. What is missing there is a failure. Without that variable
the tests that need them are skipped. Their drivers are in ``tests/clients``.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

DRIVERS = Path(__file__).parents[1] / "clients"
WAIT_S = 120  # generous: the machine may be busy, and a driver gives up by itself before

Report = dict[str, Any]


def clients_folder() -> Path:
    """Where the clients are installed; skips the test when they are not."""
    folder = os.environ.get("VOICERT_CLIENTS")
    if not folder:
        pytest.skip("the stock clients are installed by scripts/test (VOICERT_CLIENTS)")
    return Path(folder)


def node_folder(folder: Path, scripts: Path = DRIVERS) -> Path:
    """Copies scripts for Node into a folder where they find the clients as they would in an app."""
    folder.mkdir(exist_ok=True)
    for script in scripts.glob("*.mjs"):
        shutil.copy(script, folder)
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(clients_folder().resolve() / "node_modules")
    return folder


def command_of(script: Path) -> list[str]:
    """What runs a Python or JavaScript file with the stock clients at hand."""
    if script.suffix == ".mjs":
        node = shutil.which("node")
        assert node, "node is not on the path"
        return [node, str(script)]
    return [str(clients_folder() / "bin" / "python"), "-W", "ignore", str(script)]


async def run(
    script: Path, arguments: Sequence[str] = (), stdin: bytes = b"", **variables: str
) -> tuple[str, str]:
    """Runs a script to its end; stdout and stderr.

    Raises:
        AssertionError: it failed, with what it wrote.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI", "VOICERT"))}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command_of(script), *arguments, stdin=pipe, stdout=pipe, stderr=pipe, env=kept | variables
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(stdin), WAIT_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, f"{script.name} failed:\n{err.decode()[-6000:]}"
    return out.decode(), err.decode()


async def report_of(script: Path, arguments: Sequence[str], stdin: bytes = b"", **variables: str) -> Any:
    """What a driver reports: the last line that it prints."""
    out, _ = await run(script, arguments, stdin, **variables)
    return json.loads(out.splitlines()[-1])
