"""``POST /v1/realtime/client_secrets``: a short-lived key for somebody else, bound to a session."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from voicert.server.access import Caller, Denied
from voicert.server.realtime import Facade, Outcome
from voicert.server.realtime.reading import Fields, Refused, decode
from voicert.server.service import Service

MAX_BODY = 1 << 18  # bytes
LIFETIME_S, SHORTEST_S, LONGEST_S = 600, 10, 7_200  # as OpenAI has them


async def create_secret(request: Request, caller: Caller, service: Service) -> dict[str, Any]:
    """The answer to a request whose caller has shown a key.

    Raises:
        Denied: 400 or 413, what is wrong with the request.
        Refused: likewise, with the name of the field at fault.
    """
    body = await _read_body(request)
    fields = Fields(body)
    session = dict(body["session"]) if fields.child("session") is not None else {}
    lifetime_s = _lifetime_s(fields.child("expires_after"))
    fields.finish()
    described = describe(service, session)
    value, expires_at = service.access.mint(caller, session, lifetime_s)
    return {"value": value, "expires_at": expires_at, "session": described}


def begin(facade: Facade, session: Mapping[str, Any]) -> Outcome | None:
    """Lays the configuration of a client secret over a facade's defaults; the outcome when it is refused."""
    if not session:
        return None
    outcome = facade.receive(
        json.dumps({"type": "session.update", "session": {"type": "realtime", **session}})
    )
    return outcome if any(event["type"] == "error" for event in outcome.events) else None


def describe(service: Service, session: Mapping[str, Any]) -> dict[str, Any]:
    """The full configuration that a conversation with this secret will begin with.

    Raises:
        Refused: a field of it is unknown or asks for what is not there.
    """
    facade = service.new_facade(secrets.token_hex(6))
    refused = begin(facade, session)
    if refused is not None:
        error = refused.events[0]["error"]
        raise Refused(error["message"], error["code"], error["param"])
    described: dict[str, Any] = facade.open().events[0]["session"]
    return described


async def _read_body(request: Request) -> dict[str, Any]:
    """The JSON object that was sent; nothing sent is an empty one."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Denied(413, "request_too_large", f"The body may have {MAX_BODY} bytes at most.")
    if not body.strip():
        return {}
    try:
        return decode(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Refused("The body is not UTF-8 text.", "invalid_json") from error


def _lifetime_s(expires_after: Fields | None) -> int:
    if expires_after is None:
        return LIFETIME_S
    expires_after.choice("anchor", ("created_at",))
    seconds = expires_after.number("seconds", SHORTEST_S, LONGEST_S)
    expires_after.finish()
    return LIFETIME_S if seconds is None else int(seconds)
