"""Function tools as a client defines them, and which of them the model is to use."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from voicert.server.realtime.capabilities import Capabilities
from voicert.server.realtime.reading import Fields, Refused

Tool: TypeAlias = dict[str, Any]

MAX_TOOLS = 128
MAX_TOOLS_CHARS = 65_536  # of all definitions together, as JSON: they are kept and shown again


def read_tools(given: Fields, can: Capabilities) -> tuple[Tool, ...] | None:
    """The field ``tools``; None when it is absent.

    Raises:
        Refused: a tool is no function or badly defined, or the model calls none.
    """
    listed = given.objects("tools", MAX_TOOLS)
    if listed is None:
        return None
    tools = tuple(_read_tool(tool) for tool in listed)
    if tools and not can.tools:
        raise can.lacks("The model calls no tools", given.name("tools"))
    if len(json.dumps(tools)) > MAX_TOOLS_CHARS:
        name = given.name("tools")
        message = f"The definitions in '{name}' are longer than {MAX_TOOLS_CHARS} characters together."
        raise Refused(message, "string_above_max_length", name)
    return tools


def _read_tool(given: Fields) -> Tool:
    kind = given.choice("type", ("function", "mcp")) or "function"
    if kind == "mcp":
        name = given.name("type")
        message = f"'{name}': MCP tools are not supported; define functions."
        raise Refused(message, "unsupported_value", name)
    tool: Tool = {"type": kind, "name": given.need_text("name", 64)}
    description = given.text("description")
    if description is not None:
        tool["description"] = description
    parameters = given.child("parameters")
    if parameters is not None:
        tool["parameters"] = parameters.data
    given.finish(ignored=("strict",))
    return tool


def read_tool_choice(given: Fields, can: Capabilities) -> str | None:
    """The field ``tool_choice``; None when it is absent.

    Raises:
        Refused: a call is to be forced, which no model here can be made to do.
    """
    name = given.name("tool_choice")
    if isinstance(given.data.get("tool_choice"), dict) or given.data.get("tool_choice") == "required":
        given.seen.add("tool_choice")
        if not can.tools:
            raise can.lacks("The model calls no tools", name)
        message = f"'{name}': a call cannot be forced; use 'auto' or 'none'."
        raise Refused(message, "unsupported_value", name)
    return given.choice("tool_choice", ("auto", "none"))
