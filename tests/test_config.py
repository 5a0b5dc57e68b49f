"""The configuration: where a value comes from, and what a wrong one is answered."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from voicert.config import Config, load_config, settings
from voicert.errors import ConfigError


def write(folder: Path, text: str) -> Path:
    path = folder / "voicert.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_nothing_given_is_the_defaults() -> None:
    assert load_config({}, {}) == Config()


def test_command_line_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    path = write(tmp_path, "[server]\nport = 1\nhost = 'a'\nping_s = 7\n[engine]\nmodel = 'file'\n")
    environ = {"VOICERT_PORT": "2", "VOICERT_HOST": "b"}
    config = load_config({"port": "3"}, environ, path)
    assert (config.server.port, config.server.host, config.engine.model) == (3, "b", "file")
    assert config.server.ping_s == 7.0
    assert config.engine.threads == 1


def test_every_kind_of_value_from_every_source(tmp_path: Path) -> None:
    path = write(
        tmp_path, "[server]\nallow_origins = ['https://a', 'https://b']\ntls_cert = 'c'\ntls_key = 'k'\n"
    )
    text = {"allow_origins": "https://a, https://b", "tls_cert": "c", "tls_key": "k"}
    environ = {"VOICERT_" + name.upper(): value for name, value in text.items()}
    config = load_config({}, {}, path)
    assert config == load_config(text, {}) == load_config({}, environ)
    assert config.server.allow_origins == ("https://a", "https://b")
    assert config.server.tls_cert == Path("c")


def test_names_are_unique_and_every_field_is_explained() -> None:
    known = list(settings())
    assert len({setting.name for setting in known}) == len(known)
    config = Config()
    assert len(known) == sum(len(fields(getattr(config, section.name))) for section in fields(config))
    assert all(setting.about.text for setting in known)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("port", "x", "--port must be a whole number from 0 to 65535, not 'x'"),
        ("port", "65536", "--port must be a whole number from 0 to 65535, not 65536"),
        ("port", "-1", "from 0 to 65535"),
        ("port", "80.5", "whole number"),
        ("ping_s", "nan", "--ping-s must be a number from 0.1 to 3600"),
        ("ping_s", "inf", "must be a number"),
        ("ping_s", "", "must be a number"),
        ("host", "", "--host must be a text that is not empty"),
        ("log_level", "loud", "--log-level must be one of debug, info, warning, error, not 'loud'"),
        ("max_sessions", "0", "--max-sessions must be a whole number from 1 to 1024, not 0"),
        ("vad_aggressiveness", "4", "from 0 to 3"),
        ("interrupt_min_ms", "19", "from 20 to 10000"),
        ("open_access", "perhaps", "--open-access must be yes or no, not 'perhaps'"),
        ("path_prefix", "voice", "path_prefix must be a path like /voice, not 'voice'"),
        ("path_prefix", "/voice/", "path_prefix must be a path like /voice"),
    ],
)
def test_a_wrong_option_is_named(name: str, value: str, wanted: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config({name: value}, {})
    assert wanted in str(error.value)


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(ConfigError, match="VOICERT_MAX_SESSIONS must be a whole number"):
        load_config({}, {"VOICERT_MAX_SESSIONS": "many"})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[server]\nport = '1'", "must be a whole number from 0 to 65535, not '1'"),
        ("[server]\nport = true", "must be a whole number from 0 to 65535, not True"),
        ("[server]\nping_s = true", "must be a number"),
        ("[server]\nport = 8400.0", "must be a whole number"),
        ("[server]\nhost = 1", "must be a text"),
        ("[server]\nallow_origins = 'https://a'", "must be a list of texts"),
        ("[server]\nallow_origins = [1]", "must be a list of texts"),
        ("[server]\nopen_access = 1", "must be yes or no, not 1"),
        ("[server]\nopen_access = 'yes'", "must be yes or no, not 'yes'"),
        ("[server]\ntls_cert = 1", "must be a path"),
        ("[server]\nprot = 1", "has an unknown setting prot; the nearest known is port."),
        ("[server]\nxyzzy = 1", "has an unknown setting xyzzy; known are host, port"),
        ("[serve]\nport = 1", "has an unknown section [serve]; the nearest known is server."),
        ("port = 1", "has an unknown section [port]"),
        ("server = 1", "write [server]"),
        ("[server", "is not valid TOML"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, text: str, wanted: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        load_config({}, {}, path)
    assert wanted in str(error.value)
    assert str(path) in str(error.value)


def test_unreadable_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Cannot read the config file .*: No such file or directory"):
        load_config({}, {}, tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match="Is a directory"):
        load_config({}, {}, tmp_path)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load_config({}, {}, binary)


@pytest.mark.parametrize(("given", "missing"), [("tls_cert", "tls_key"), ("tls_key", "tls_cert")])
def test_tls_needs_both_files(given: str, missing: str) -> None:
    with pytest.raises(ConfigError, match=f"{missing} is missing"):
        load_config({given: "file.pem"}, {})


def test_a_certificate_is_given_or_made_but_not_both() -> None:
    files = {"tls_cert": "c", "tls_key": "k"}
    assert load_config({"tls_self_signed": "yes"}, {}).server.tls_self_signed
    assert load_config({"tls_self_signed": "no", **files}, {}).server.tls_cert == Path("c")
    with pytest.raises(ConfigError, match="not by both"):
        load_config({"tls_self_signed": "yes", **files}, {})


def test_yes_and_no_from_every_source(tmp_path: Path) -> None:
    path = write(tmp_path, "[server]\nopen_access = true\n")
    assert load_config({}, {}, path).server.open_access
    assert not load_config({}, {"VOICERT_OPEN_ACCESS": "off"}, path).server.open_access
    assert load_config({"open_access": "1"}, {"VOICERT_OPEN_ACCESS": "off"}, path).server.open_access


def test_keys_are_never_shown(tmp_path: Path) -> None:
    config = load_config({}, {"VOICERT_API_KEYS": "one-secret-key-of-ours, another-key-of-ours"})
    assert config.server.api_keys == ("one-secret-key-of-ours", "another-key-of-ours")
    assert "secret" not in repr(config)
    path = write(tmp_path, "[server]\napi_keys = 'one-secret-key-of-ours'\n")
    with pytest.raises(ConfigError, match="must be a list of texts") as error:
        load_config({}, {}, path)
    assert "secret" not in str(error.value)
