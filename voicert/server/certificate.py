"""The TLS files of the server: given by the operator, or for development of its own making, in a folder.

ca.crt       an authority of this machine; clients that trust it trust the server
server.crt   the server's certificate, signed by it, and the authority's after it
server.key   the server's key, readable by its owner only
"""

from __future__ import annotations

import fcntl
import os
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from voicert.config import ServerConfig
from voicert.errors import ConfigError

AUTHORITY, CERTIFICATE, KEY = "ca.crt", "server.crt", "server.key"


def with_certificate(config: ServerConfig) -> ServerConfig:
    """The configuration with TLS files that work, made first where they are to be of the server's own making.

    Raises:
        ConfigError: a file cannot be read or written, is not PEM, is encrypted, or key and certificate do not
            fit.
    """
    if config.tls_self_signed:
        folder = folder_of(config)
        try:
            _keep_certificate(folder, config.host)
        except OSError as error:
            raise ConfigError(f"Cannot keep a TLS certificate in {folder}: {error.strerror}.") from error
        config = replace(config, tls_cert=folder / CERTIFICATE, tls_key=folder / KEY)
    check_tls(config)
    return config


def folder_of(config: ServerConfig) -> Path:
    """Where the server keeps a certificate of its own making."""
    return config.tls_folder or Path.home() / ".cache" / "voicert" / "tls"


def authority_of(config: ServerConfig) -> Path:
    """The file that clients need to trust a certificate of the server's own making."""
    return folder_of(config) / AUTHORITY


def _keep_certificate(folder: Path, host: str) -> None:
    """Makes a certificate unless a good one is there."""
    from voicert.server import self_signed  # its library takes a moment, and most servers need none

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    names, now = self_signed.local_names(host), datetime.now(UTC)
    with _alone_in(folder):
        files = [folder / name for name in (AUTHORITY, CERTIFICATE, KEY)]
        if all(path.is_file() for path in files) and self_signed.is_good(files[1].read_bytes(), names, now):
            return
        made = self_signed.make(names, now)
        _write(folder / KEY, made.key, 0o600)
        _write(folder / AUTHORITY, made.authority, 0o644)
        _write(folder / CERTIFICATE, made.chain, 0o644)


@contextmanager
def _alone_in(folder: Path) -> Generator[None]:
    """Two servers that start at once do not mix their files."""
    with (folder / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(path: Path, content: bytes, mode: int) -> None:
    """Writes a file whole: nobody sees half of it, and at no time with other rights."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    new.replace(path)


def check_tls(config: ServerConfig) -> None:
    """Loads the TLS files once.

    Raises:
        ConfigError: a file cannot be read, is not PEM, is encrypted, or key and certificate do not fit.
    """
    if config.tls_cert is None or config.tls_key is None:
        return
    for path in (config.tls_cert, config.tls_key):
        _check_readable(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    refuse: Callable[[], str] = str  # an empty password, so that nobody is asked for one
    try:
        context.load_cert_chain(config.tls_cert, config.tls_key, refuse)
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or "no PEM certificate and unencrypted key"
        files = f"{config.tls_cert} and {config.tls_key}"
        raise ConfigError(
            f"The TLS files {files} cannot be used: {reason.replace('_', ' ').lower()}."
        ) from error


def _check_readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise ConfigError(f"Cannot read the TLS file {path}: {error.strerror}.") from error
