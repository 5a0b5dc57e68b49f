"""The command as a person runs it: one sentence and exit code 2 for a mistake, a quick end on a signal."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.talker import WAIT_S, talking
from voicert import __version__

ROOT = Path(__file__).parents[1]
TLS = ROOT / "tests" / "support" / "tls"


def environment() -> dict[str, str]:
    """Ours, with the packages of this repository on the path and no settings from outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VOICERT_")}
    folders = [ROOT, ROOT / "codecs", ROOT / "clients"]
    return {**kept, "PYTHONPATH": os.pathsep.join(map(str, folders))}


def voicert(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end."""
    command = [sys.executable, "-m", "voicert", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=WAIT_S, cwd=ROOT, env=environment() | variables
    )


def sentence(result: subprocess.CompletedProcess[str]) -> str:
    """The one line on stderr of a command that was refused."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("voicert")
    assert lines[0].endswith(".")
    return lines[0]


@contextmanager
def listening() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The server with the scripted model as a process of its own, and its WebSocket's address."""
    command = [sys.executable, str(ROOT / "tests" / "support" / "server.py"), "--port", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=environment(), cwd=ROOT
    ) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.startswith("voicert is listening on http://127.0.0.1:"), process.communicate()[1]
            yield process, line.split()[-1].replace("http", "ws", 1) + "/v1/realtime"
        finally:
            process.kill()


def test_version() -> None:
    result = voicert("--version")
    assert (result.returncode, result.stdout) == (0, f"voicert {__version__}\n")


def test_help_tells_every_setting() -> None:
    result = voicert("serve", "--help")
    assert result.returncode == 0
    for text in ("--port", "--tls-cert", "--max-sessions", "--interrupt-min-ms", "VOICERT_PORT", "--config"):
        assert text in result.stdout


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], "COMMAND"),
        (["sing"], "invalid choice: 'sing'"),
        (["serve", "--loud"], "unrecognized arguments: --loud"),
        (["serve", "--port"], "--port: expected one argument"),
        (["serve", "--port", "many"], "--port must be a whole number from 0 to 65535, not 'many'."),
        (["serve", "--config", "absent.toml"], "Cannot read the config file absent.toml: No such file"),
        (["serve", "--config", "pyproject.toml"], "has an unknown section [build-system]"),
        (["serve", "--config", "LICENSE.toml/x"], "Cannot read the config file"),
        (["serve", "--tls-cert", "absent.pem"], "tls_key is missing"),
        (
            ["serve", "--tls-cert", "a.pem", "--tls-key", "b.pem"],
            "Cannot read the TLS file a.pem: No such file",
        ),
        (["serve", "--tls-cert", "README.md", "--tls-key", "README.md"], "cannot be used: "),
        (["serve", "--host", "no.such.host.invalid"], "The host 'no.such.host.invalid' is not known"),
        (["serve", "--host", "192.0.2.1", "--port", "0"], "192.0.2.1 is not one of this machine"),
        (["serve", "--model", "no-such-model", "--port", "0"], "no-such-model"),
        (
            ["serve", "--host", "0.0.0.0", "--port", "0"],
            "Other machines can reach 0.0.0.0, and no key is set",
        ),
        (["serve", "--port", "0", "--api-keys", "short"], "Key 1 of api_keys cannot be used"),
        (["serve", "--port", "0", "--trusted-proxies", "nginx"], "must be addresses or networks: 'nginx'"),
        (["serve", "--tls-self-signed", "--tls-folder", "README.md"], "Cannot keep a TLS certificate in"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(arguments: list[str], wanted: str) -> None:
    assert wanted in sentence(voicert(*arguments))


def test_mistakes_in_the_environment_and_a_config_file_named_there() -> None:
    assert "VOICERT_PORT must be" in sentence(voicert("serve", VOICERT_PORT="x"))
    assert "Cannot read the config file absent" in sentence(voicert("serve", VOICERT_CONFIG="absent"))


def test_a_key_that_does_not_fit(tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    other.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", encoding="utf-8")
    result = voicert("serve", "--tls-cert", str(TLS / "localhost.crt"), "--tls-key", str(other))
    assert "The TLS files" in sentence(result)


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = voicert("serve", "--port", str(port))
    assert f"Port {port} on 127.0.0.1 is in use" in sentence(result)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_server_with_a_goodbye(sent: signal.Signals) -> None:
    with listening() as (process, url):
        async with talking(url) as talker:
            await talker.receive()
            process.send_signal(sent)
            assert (await talker.closed()) == (1001, "The server is stopping.")
        out, err = await asyncio.to_thread(process.communicate, timeout=WAIT_S)
        assert (process.returncode, out, err) == (0, "", "")


async def test_a_client_that_does_not_read_cannot_hold_up_the_end() -> None:
    with listening() as (process, url), socket.socket() as narrow:
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        narrow.connect(("127.0.0.1", urlsplit(url).port))
        async with talking(url, sock=narrow, max_queue=1, close_timeout=0.1) as talker:
            await talker.send("session.update", session={"instructions": "x" * 60_000})
            for _ in range(60):
                await talker.send("session.update", session={})
            process.send_signal(signal.SIGTERM)
            out, err = await asyncio.to_thread(process.communicate, timeout=WAIT_S)
            assert (process.returncode, out) == (0, ""), err


def test_a_server_with_a_certificate_of_its_own_making_tells_what_to_trust(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    variables = {"VOICERT_API_KEYS": "sk-test-0123456789abcdef", "VOICERT_TLS_FOLDER": str(tmp_path)}
    command = [sys.executable, "-m", "voicert", "serve", "--port", "0", "--tls-self-signed"]
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=environment() | variables, cwd=ROOT
    ) as process:
        try:
            assert process.stdout
            first, second = process.stdout.readline(), process.stdout.readline()
            assert first.startswith("voicert is listening on https://127.0.0.1:"), process.communicate()[1]
            assert second == f"Clients that check its certificate need {tmp_path / 'ca.crt'}\n"
        finally:
            process.terminate()
        out, err = process.communicate(timeout=WAIT_S)
        assert (process.returncode, out, err) == (0, "", "")
