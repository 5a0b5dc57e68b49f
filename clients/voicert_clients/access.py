"""How a client is let in: its key, and which certificates it takes."""

from __future__ import annotations

import argparse
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from voicert_clients.errors import Disconnected

KEY_VARIABLE = "VOICERT_API_KEY"


@dataclass(frozen=True)
class Access:
    """What a connection shows and asks for."""

    key: str | None = None  # sent as a bearer token
    verify: bool = True  # False takes any certificate, as of a server that signed its own
    authority: Path | None = None  # PEM file: a certificate that it signed is taken too

    def headers(self) -> dict[str, str]:
        """Those of the handshake."""
        return {} if self.key is None else {"Authorization": f"Bearer {self.key}"}

    def context(self) -> ssl.SSLContext:
        """For a ``wss`` address.

        Raises:
            Disconnected: the file of the authority cannot be used.
        """
        context = ssl.create_default_context()
        if self.authority is not None:
            try:
                context.load_verify_locations(self.authority)
            except (OSError, ssl.SSLError) as error:
                raise Disconnected(f"Cannot use the certificates in {self.authority} ({error}).") from error
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


NO_KEY = Access()  # for a server that wants none


def add_access_arguments(parser: argparse.ArgumentParser) -> None:
    """Puts the options into a parser."""
    parser.add_argument(
        "--api-key",
        metavar="KEY",
        help=f"where the server wants one (default: ${KEY_VARIABLE})",
    )
    parser.add_argument(
        "--ca", type=Path, metavar="FILE", help="PEM file of an authority whose certificates are taken too"
    )
    parser.add_argument("--insecure", action="store_true", help="take any certificate of a wss:// server")


def chosen_access(options: argparse.Namespace) -> Access:
    """What the options and the environment say.

    Raises:
        Disconnected: the key cannot be sent.
    """
    key = options.api_key or os.environ.get(KEY_VARIABLE) or None
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise Disconnected("The API key has characters that no key has: was it copied whole?")
    return Access(key, not options.insecure, options.ca)
