"""Where keys come from: a setting and a file of the server, headers and subprotocols of its clients."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.test_server_access import KEY, OTHER
from voicert.config import ServerConfig
from voicert.errors import ConfigError
from voicert.server.access import configured_keys, shown_by


@pytest.mark.parametrize(
    ("headers", "subprotocols", "shown"),
    [
        ({}, (), None),
        ({"authorization": "Bearer abc"}, (), "abc"),
        ({"authorization": "bearer  abc "}, (), "abc"),
        ({"authorization": "Basic abc"}, (), None),
        ({"authorization": "Bearer "}, ("openai-insecure-api-key.k",), "k"),
        ({"authorization": "Bearer abc"}, ("realtime", "openai-insecure-api-key.k"), "abc"),
        ({}, ("realtime", "openai-insecure-api-key.k", "x"), "k"),
        ({}, ("realtime",), None),
    ],
)
def test_where_a_key_is_shown(
    headers: dict[str, str], subprotocols: tuple[str, ...], shown: str | None
) -> None:
    assert shown_by(headers, subprotocols) == shown


def test_keys_come_from_the_setting_and_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# of the household\n{OTHER}  # the kitchen\n\n{KEY}\n", encoding="utf-8")
    assert configured_keys(ServerConfig(api_keys=(KEY,), api_keys_file=path)) == (KEY, OTHER)
    assert configured_keys(ServerConfig()) == ()


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        (ServerConfig(api_keys=(KEY, "too-short")), "Key 2 of api_keys cannot be used: a key is 16 or more"),
        (ServerConfig(api_keys=("with a space in the middle",)), "Key 1 of api_keys"),
        (ServerConfig(api_keys=("ek_0123456789abcdef",)), "does not begin with ek_"),
        (ServerConfig(api_keys_file=Path("absent")), "Cannot read the file of API keys absent: No such file"),
        (ServerConfig(host="0.0.0.0"), "Other machines can reach 0.0.0.0, and no key is set"),
        (ServerConfig(host="::"), "Other machines can reach ::"),
        (ServerConfig(host="my.home"), "--open-access to let anyone talk"),
    ],
)
def test_keys_that_cannot_be_used_are_told_without_showing_them(config: ServerConfig, wanted: str) -> None:
    with pytest.raises(ConfigError) as error:
        configured_keys(config)
    assert wanted in str(error.value)
    assert not any(key in str(error.value) for key in config.api_keys)


def test_files_without_a_key_and_files_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("# nothing yet\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="has no key in it"):
        configured_keys(ServerConfig(api_keys_file=path))
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        configured_keys(ServerConfig(api_keys_file=path))


def test_a_server_for_others_opens_with_a_key_or_on_purpose() -> None:
    open_to_all = ServerConfig(host="0.0.0.0", open_access=True)
    assert configured_keys(open_to_all) == ()
    assert configured_keys(replace(open_to_all, open_access=False, api_keys=(KEY,))) == (KEY,)
