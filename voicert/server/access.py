"""Who may come in: API keys, and client secrets that holders of a key have made for somebody else.

    the operator ── API key ──▶ an app's own server ── POST /v1/realtime/client_secrets ──▶ ek_… ──▶ a browser

Keys are kept and compared as digests and appear nowhere else; people and logs see a key's name.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicert.config import ServerConfig
from voicert.errors import ConfigError
from voicert.server.origin import is_loopback
from voicert.server.secret import PREFIX, Secret, open_secret, seal

SHORTEST_KEY = 16  # characters
_KEY = re.compile(r"[A-Za-z0-9._~-]+")  # what both a header and the name of a subprotocol can carry
_PROTOCOL = "openai-insecure-api-key."


class Denied(Exception):  # noqa: N818 - an answer to the caller, not a failure of the server
    """Somebody may not come in; becomes an HTTP error.

    Args:
        status: of HTTP.
        code: stable machine-readable name.
        message: a sentence for the developer of the client; never with what was shown as a key.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Caller:
    """Who came in."""

    name: str  # of the key, or the caller's address where no key is needed
    secret: Secret | None = None  # the client secret that was shown instead of a key


class Access:
    """The keys of one server. ``clock`` gives seconds since the epoch."""

    def __init__(self, keys: Sequence[str], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._keys = {_name(key): _digest(key) for key in keys}
        self._seals = {_name(key): _sealing_key(key.encode()) for key in keys}
        if not keys:  # secrets are of use without keys too: they carry a configuration
            self._seals = {"": _sealing_key(secrets.token_bytes(32))}

    @property
    def needs_key(self) -> bool:
        return bool(self._keys)

    def admit(self, shown: str | None, address: str, secrets_too: bool = False) -> Caller:
        """Lets a caller in who shows the right key, or anyone where none is needed.

        Args:
            shown: the key or client secret, None for none.
            address: of the caller.
            secrets_too: whether a client secret opens this door.

        Raises:
            Denied: 401 with ``missing_api_key`` or ``invalid_api_key``, 403 for a secret at the wrong door.
        """
        if shown is not None and shown.startswith(PREFIX):
            if not secrets_too:
                message = "A client secret opens conversations only; this needs an API key."
                raise Denied(403, "insufficient_permissions", message)
            secret = open_secret(shown, self._seals, self._clock())
            if secret is None:
                raise Denied(401, "invalid_api_key", "The client secret is not of this server, or expired.")
            return Caller(secret.key or address, secret)
        if not self._keys:
            return Caller(address)
        if shown is None:
            message = "No API key was shown: send the header 'Authorization: Bearer KEY', or in a browser "
            message += f"the WebSocket subprotocols 'realtime' and '{_PROTOCOL}KEY'."
            raise Denied(401, "missing_api_key", message)
        name = self._find(shown)
        if name is None:
            raise Denied(401, "invalid_api_key", "Incorrect API key provided.")
        return Caller(name)

    def mint(self, caller: Caller, session: Mapping[str, Any], lifetime_s: int) -> tuple[str, int]:
        """A client secret bound to a session configuration, and when it expires in seconds since the epoch.

        Raises:
            Denied: the configuration is too long for a secret.
        """
        key = caller.name if caller.name in self._seals else ""
        secret = Secret(key, int(self._clock()) + lifetime_s, dict(session))
        value = seal(secret, self._seals[key])
        if value is None:
            message = "The session is too long for a client secret; send its texts by session.update instead."
            raise Denied(400, "session_too_long", message)
        return value, secret.expires_at

    def _find(self, shown: str) -> str | None:
        """The name of a key; compares with all of them, so that the time tells nothing."""
        digest, found = _digest(shown), None
        for name, known in self._keys.items():
            if hmac.compare_digest(digest, known):
                found = name
        return found


def shown_by(headers: Mapping[str, str], subprotocols: Sequence[str] = ()) -> str | None:
    """The key that a request shows: in its Authorization header, or as a browser does, in a subprotocol."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    for name in subprotocols:
        if name.startswith(_PROTOCOL):
            return name.removeprefix(_PROTOCOL)
    return None


def configured_keys(config: ServerConfig) -> tuple[str, ...]:
    """The keys of the setting and of the file, and a check that a server open to others has one.

    Raises:
        ConfigError: a key cannot be used, the file cannot be read, or other machines could come in unasked.
    """
    keys = [(key, "api_keys") for key in config.api_keys]
    if config.api_keys_file is not None:
        keys += [(key, str(config.api_keys_file)) for key in _read_keys(config.api_keys_file)]
    for number, (key, source) in enumerate(keys, 1):
        if len(key) < SHORTEST_KEY or not _KEY.fullmatch(key) or key.startswith(PREFIX):
            raise ConfigError(
                f"Key {number} of {source} cannot be used: a key is {SHORTEST_KEY} or more letters, digits "
                f"and any of . _ ~ - and does not begin with {PREFIX}."
            )
    if not keys and not is_loopback(config.host) and not config.open_access:
        raise ConfigError(
            f"Other machines can reach {config.host}, and no key is set that they would have to show: "
            f"set VOICERT_API_KEYS to a secret of {SHORTEST_KEY} or more characters, or --open-access to let "
            "anyone talk."
        )
    return tuple(dict.fromkeys(key for key, _ in keys))


def _read_keys(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"Cannot read the file of API keys {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"The file of API keys {path} is not UTF-8 text.") from error
    keys = [line.partition("#")[0].strip() for line in lines]
    if not any(keys):
        raise ConfigError(f"The file of API keys {path} has no key in it.")
    return [key for key in keys if key]


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _name(key: str) -> str:
    """What a key is called where people can see it; tells nothing about it."""
    return "key-" + hashlib.sha256(b"voicert name of a key\0" + key.encode()).hexdigest()[:12]


def _sealing_key(key: bytes) -> bytes:
    """What signs the client secrets made with a key: they end with it, and outlive a restart."""
    return hmac.digest(key, b"voicert client secrets", "sha256")
