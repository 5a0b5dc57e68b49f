"""Client secrets: short-lived keys that carry, signed, until when and for which session they are good.

    ek_ base64url( HMAC-SHA256 of the rest · zlib( JSON {"key", "exp", "session"} ) )

The server keeps none of them, so none can fill its memory.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "ek_"
LONGEST = 6_000  # characters; a line of HTTP headers has 8 192
MAC = 32  # bytes
MOST_JSON = 1 << 18  # bytes of a payload; more is not unpacked


@dataclass(frozen=True)
class Secret:
    """What a client secret says."""

    key: str  # name of the API key it was made with, "" on a server without keys
    expires_at: int  # seconds since the epoch
    session: Mapping[str, Any]  # the configuration that its conversations begin with

    @property
    def model(self) -> str | None:
        """The model that it is bound to, if any."""
        model = self.session.get("model")
        return model if isinstance(model, str) else None


def seal(secret: Secret, sealing_key: bytes) -> str | None:
    """The secret as text; None when it would be too long for a header."""
    body = {"key": secret.key, "exp": secret.expires_at, "session": dict(secret.session)}
    payload = zlib.compress(json.dumps(body, separators=(",", ":")).encode(), 9)
    sealed = hmac.digest(sealing_key, payload, "sha256") + payload
    text = PREFIX + base64.urlsafe_b64encode(sealed).decode().rstrip("=")
    return text if len(text) <= LONGEST else None


def open_secret(text: str, sealing_keys: Mapping[str, bytes], now: float) -> Secret | None:
    """What a text says that ``seal`` has made with one of the keys; None for any other text, or when expired.

    Nothing of the text is looked into before its signature is known to be right.
    """
    encoded = text.removeprefix(PREFIX)
    if len(text) > LONGEST or not encoded.isascii():
        return None
    try:
        sealed = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    mac, payload = sealed[:MAC], sealed[MAC:]
    right = [hmac.compare_digest(mac, hmac.digest(key, payload, "sha256")) for key in sealing_keys.values()]
    if not any(right):
        return None
    body = json.loads(zlib.decompressobj().decompress(payload, MOST_JSON))
    secret = Secret(body["key"], body["exp"], body["session"])
    return secret if now < secret.expires_at else None
