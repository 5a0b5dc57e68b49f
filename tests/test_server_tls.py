"""Certificates: those given, and those of the server's own making."""

from __future__ import annotations

import ssl
import stat
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.support.scripted import speech
from tests.support.server import running_server
from tests.support.talker import WAIT_S, talking, turn
from voicert.config import ServerConfig
from voicert.errors import ConfigError
from voicert.server import self_signed
from voicert.server.certificate import authority_of, with_certificate

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_a_client_that_trusts_the_authority_talks(tmp_path: Path) -> None:
    config = ServerConfig(tls_self_signed=True, tls_folder=tmp_path / "tls")
    with running_server(server=config) as server:
        assert server.url.startswith("https://127.0.0.1:")
        trust = ssl.create_default_context(cafile=str(authority_of(config)))
        trust.verify_flags |= ssl.VERIFY_X509_STRICT
        async with talking(server.realtime_url, ssl=trust) as talker:
            assert (await turn(talker, speech(400))).startswith("one two")
        by_name = server.url.replace("127.0.0.1", "localhost")
        assert httpx.get(by_name + "/health", verify=trust, timeout=WAIT_S).json()["status"] == "ok"
        with pytest.raises(httpx.ConnectError, match="self-signed certificate in certificate chain"):
            httpx.get(server.url + "/health", verify=ssl.create_default_context(), timeout=WAIT_S)


def test_it_is_kept_and_its_key_is_the_owners_only(tmp_path: Path) -> None:
    config = ServerConfig(tls_self_signed=True, tls_folder=tmp_path / "a" / "tls")
    made = with_certificate(config)
    assert made.tls_cert is not None
    assert made.tls_key is not None
    assert stat.S_IMODE(made.tls_key.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.tls_key.parent.stat().st_mode) == 0o700
    before = files_in(tmp_path / "a" / "tls")
    assert with_certificate(config) == made
    assert files_in(tmp_path / "a" / "tls") == before
    (tmp_path / "a" / "tls" / "ca.crt").unlink()
    with_certificate(config)
    assert files_in(tmp_path / "a" / "tls")["server.crt"] != before["server.crt"]


def test_it_is_made_anew_for_another_name_and_near_its_end() -> None:
    names = self_signed.local_names("voice.home")
    assert {"localhost", "127.0.0.1", "::1", "voice.home"} <= set(names)
    assert not {"0.0.0.0", "::"} & set(self_signed.local_names("0.0.0.0"))
    chain = self_signed.make(names, NOW).chain
    assert self_signed.is_good(chain, names, NOW)
    assert self_signed.is_good(chain, ["localhost", "::1"], NOW)
    assert not self_signed.is_good(chain, [*names, "other.home"], NOW)
    assert not self_signed.is_good(chain, [*names, "10.1.2.3"], NOW)
    assert self_signed.is_good(chain, names, NOW + timedelta(days=366))
    assert not self_signed.is_good(chain, names, NOW + timedelta(days=367))
    assert not self_signed.is_good(chain, names, NOW - timedelta(days=1))
    assert not self_signed.is_good(b"nothing of the kind", names, NOW)


def test_openssl_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    made = self_signed.make(["localhost", "127.0.0.1", "voice.home"], datetime.now(UTC))
    (tmp_path / "ca.crt").write_bytes(made.authority)
    (tmp_path / "server.crt").write_bytes(made.chain)
    check = [
        "openssl",
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-CAfile",
        str(tmp_path / "ca.crt"),
    ]
    for asked in (["-verify_hostname", "voice.home"], ["-verify_ip", "127.0.0.1"]):
        result = subprocess.run(
            [*check, *asked, str(tmp_path / "server.crt")], capture_output=True, text=True
        )
        assert result.returncode == 0, result.stderr
    wrong = subprocess.run(
        [*check, "-verify_hostname", "evil.example", str(tmp_path / "server.crt")], capture_output=True
    )
    assert wrong.returncode != 0


def test_servers_that_start_at_once_make_one(tmp_path: Path) -> None:
    config = ServerConfig(tls_self_signed=True, tls_folder=tmp_path)
    problems: list[Exception] = []

    def start() -> None:
        try:
            with_certificate(config)  # loads what it finds: a key that does not fit would raise
        except ConfigError as error:
            problems.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert problems == []


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    config = ServerConfig(tls_self_signed=True, tls_folder=tmp_path / "file")
    with pytest.raises(ConfigError, match=r"Cannot keep a TLS certificate in .*file: File exists"):
        with_certificate(config)


def test_by_itself_it_is_kept_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    made = with_certificate(ServerConfig(tls_self_signed=True))
    assert made.tls_cert == tmp_path / ".cache" / "voicert" / "tls" / "server.crt"
