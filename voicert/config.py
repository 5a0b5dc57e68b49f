"""Every setting of the server, in one frozen tree, read from four places and validated once.

A value is taken from the first of these that gives it: the command line (``--port 8400``), the environment
(``VOICERT_PORT=8400``), the TOML file (``port = 8400`` under ``[server]``), the default below.
Field names are unique over the whole tree, so that an option needs no section in its name.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, cast, get_args, get_type_hints

from voicert.errors import ConfigError
from voicert.setting import About, Setting, from_text, from_toml

_HOST = "address to listen on; 0.0.0.0 is every IPv4 interface"
_PREFIX = "path under which a proxy shows this server, such as /voice, when the proxy does not strip it"
_PROXIES = "addresses or networks of proxies whose X-Forwarded headers are believed"
_KEYS = "keys that clients must show; better given in the environment or a file, since others see options"
_KEYS_FILE = "file with one such key a line; # begins a comment"
_OPEN = "let anyone talk who reaches an address beyond this machine, without a key"
_SELF_SIGNED = "TLS with a certificate of its own making, for development"
_TLS_FOLDER = "folder that keeps that certificate (default ~/.cache/voicert/tls)"
_ORIGINS = "origins of web pages that may connect besides the server's own and loopback ones; * is any"
_MESSAGE = "largest message of a client; a larger one closes its connection (1009)"
_OUTGOING = "most that waits for a client to read; past it the connection is closed (1008)"
_MESSAGES = "messages a second from one client, on average over ten seconds; 0 is any number"
_PER_KEY = "conversations at once with one key, or from one address when no keys are needed; 0 is any number"
_DURATION = "seconds until a conversation is ended; 0 is never"
_IDLE = "seconds without a message of the client until its conversation is ended; 0 is never"
_PING = "seconds between pings, and the most a client may take to answer one"
_INTERRUPT = (
    "what cuts an answer: the model falls silent, a voice that lasts, whichever comes first; or nothing"
)
_FORGET = "the model forgets a sound over its answer that was no interruption"
_SOUND = "sound that cuts it although it does not change like words, in ms"
_GUARD = "the assistant's own voice, heard by a microphone without echo cancellation, is no voice of the user"
_AHEAD = "sound sent before it is due at the listener's speaker, in ms"
_MODEL = "bundled model by name, or another by its folder or its name on the Hugging Face hub"
_SEED = "seed of the draws of a model that samples, the same for all conversations; -1 gives each its own"
_DEVICE = "where PyTorch runs it: auto, cpu, cuda, cuda:1, mps; auto is cuda where there is one, else cpu"
_DTYPE = "numbers that it computes with; auto is bfloat16 on a GPU and float32 on a CPU"
_VOICE = "PersonaPlex: the voice that it takes, a WAV file or a published one such as NATF2.pt"
_TEXT = "PersonaPlex: who it is and what it shall do"
_ANSWER_END = "an answer is over after so long without a word, in ms"
_RECORD = "folder in which every session is recorded as tokens, for voicert replay; nothing is if unset"
_RECORD_AUDIO = "record a stereo WAV file of each session too, as it was heard; needs record"
_LEVEL = "what is written to stderr"


@dataclass(frozen=True)
class ServerConfig:
    """Where the server listens and what one connection may cost."""

    host: Annotated[str, About(_HOST)] = "127.0.0.1"
    port: Annotated[int, About("TCP port; 0 picks a free one", 0, 65535)] = 8400
    tls_cert: Annotated[Path | None, About("PEM file with the certificate chain; needs tls_key")] = None
    tls_key: Annotated[Path | None, About("PEM file with the private key; needs tls_cert")] = None
    tls_self_signed: Annotated[bool, About(_SELF_SIGNED)] = False
    tls_folder: Annotated[Path | None, About(_TLS_FOLDER)] = None
    api_keys: Annotated[tuple[str, ...], About(_KEYS, secret=True)] = field(default=(), repr=False)
    api_keys_file: Annotated[Path | None, About(_KEYS_FILE)] = None
    open_access: Annotated[bool, About(_OPEN)] = False
    allow_origins: Annotated[tuple[str, ...], About(_ORIGINS)] = ()
    trusted_proxies: Annotated[tuple[str, ...], About(_PROXIES)] = ()
    path_prefix: Annotated[str, About(_PREFIX, optional=True)] = ""
    max_sessions_per_key: Annotated[int, About(_PER_KEY, 0, 1024)] = 0
    max_session_s: Annotated[float, About(_DURATION, 0, 7 * 86_400)] = 0.0
    idle_s: Annotated[float, About(_IDLE, 0, 86_400)] = 900.0
    max_messages_per_s: Annotated[float, About(_MESSAGES, 0, 100_000)] = 500.0
    max_message_bytes: Annotated[int, About(_MESSAGE, 1024, 64 << 20)] = 4 << 20
    max_outgoing_bytes: Annotated[int, About(_OUTGOING, 64 << 10, 1 << 30)] = 4 << 20
    ping_s: Annotated[float, About(_PING, 0.1, 3600)] = 10.0
    shutdown_s: Annotated[float, About("seconds that clients get to say goodbye at the end", 0, 60)] = 3.0
    log_level: Annotated[str, About(_LEVEL, choices=("debug", "info", "warning", "error"))] = "warning"


@dataclass(frozen=True)
class EngineConfig:
    """Which model runs and how wide."""

    model: Annotated[str, About(_MODEL)] = "nano"
    max_sessions: Annotated[int, About("conversations at once; the next is refused (1013)", 1, 1024)] = 4
    threads: Annotated[int, About("CPU threads of the model", 1, 256)] = 1
    seed: Annotated[int, About(_SEED, -1, 2**31 - 1)] = -1
    record: Annotated[Path | None, About(_RECORD)] = None
    record_audio: Annotated[bool, About(_RECORD_AUDIO)] = False


@dataclass(frozen=True)
class ModelOptions:
    """How a model of the Moshi family runs; the bundled model leaves no choice."""

    device: Annotated[str, About(_DEVICE)] = "auto"
    dtype: Annotated[str, About(_DTYPE, choices=("auto", "float32", "bfloat16"))] = "auto"
    int8: Annotated[bool, About("weights of 8 bits: less memory, and faster on a CPU")] = False
    voice_prompt: Annotated[Path | None, About(_VOICE)] = None
    text_prompt: Annotated[str, About(_TEXT, optional=True)] = ""
    answer_end_ms: Annotated[int, About(_ANSWER_END, 80, 10_000)] = 1200


@dataclass(frozen=True)
class SessionConfig:
    """How turns are told apart in every conversation."""

    vad_aggressiveness: Annotated[int, About("how readily a sound is taken for noise", 0, 3)] = 2
    min_speech_ms: Annotated[int, About("voice that begins the user's turn, in ms", 20, 10_000)] = 60
    silence_ms: Annotated[int, About("quiet that ends the user's turn, in ms", 20, 10_000)] = 500
    interrupt: Annotated[str, About(_INTERRUPT, choices=("model", "vad", "both", "off"))] = "vad"
    pause_ms: Annotated[int, About("voice that pauses a speaking assistant, in ms", 20, 10_000)] = 100
    interrupt_min_ms: Annotated[int, About("voice that cuts it, in ms", 20, 10_000)] = 360
    interrupt_sound_ms: Annotated[int, About(_SOUND, 20, 10_000)] = 700
    resume_ms: Annotated[int, About("quiet after which it goes on, in ms", 20, 10_000)] = 200
    forget_noises: Annotated[bool, About(_FORGET)] = True
    echo_guard: Annotated[bool, About(_GUARD)] = True
    send_ahead_ms: Annotated[int, About(_AHEAD, 20, 60_000)] = 200


@dataclass(frozen=True)
class Config:
    """The whole configuration."""

    server: ServerConfig = ServerConfig()
    engine: EngineConfig = EngineConfig()
    session: SessionConfig = SessionConfig()
    model: ModelOptions = ModelOptions()


_SECTIONS: Mapping[str, type] = {
    "server": ServerConfig,
    "engine": EngineConfig,
    "model": ModelOptions,
    "session": SessionConfig,
}


def settings() -> Iterator[Setting]:
    """Every leaf of the tree, in its order."""
    for section, cls in _SECTIONS.items():
        kinds = get_type_hints(cls, include_extras=True)
        for leaf in fields(cls):
            kind, about = get_args(kinds[leaf.name])
            yield Setting(section, leaf.name, kind, leaf.default, about)


def load_config(options: Mapping[str, str], environ: Mapping[str, str], path: Path | None = None) -> Config:
    """The configuration from command line options (by field name), the environment and a TOML file.

    Raises:
        ConfigError: a value is of the wrong type or out of range, a name is unknown, or the file cannot be
            read; the sentence names the source.
    """
    in_file = _read_file(path) if path is not None else {}
    values: dict[str, dict[str, object]] = {section: {} for section in _SECTIONS}
    for setting in settings():
        if setting.name in options:
            value = from_text(setting, options[setting.name], setting.flag)
        elif setting.variable in environ:
            value = from_text(setting, environ[setting.variable], setting.variable)
        elif setting.name in in_file.get(setting.section, {}):
            source = f"{setting.name} in {path}"
            value = from_toml(setting, in_file[setting.section][setting.name], source)
        else:
            continue
        values[setting.section][setting.name] = value
    config = Config(
        **{name: cls(**values[name]) for name, cls in _SECTIONS.items()}  # pyright: ignore[reportArgumentType]
    )
    _check_together(config)
    return config


def _check_together(config: Config) -> None:
    server = config.server
    if (server.tls_cert is None) != (server.tls_key is None):
        missing = "tls_key" if server.tls_key is None else "tls_cert"
        raise ConfigError(f"TLS needs both tls_cert and tls_key, and {missing} is missing.")
    if server.tls_cert is not None and server.tls_self_signed:
        raise ConfigError("TLS is either by tls_cert and tls_key or by tls_self_signed, not by both.")
    if server.path_prefix and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", server.path_prefix):
        raise ConfigError(f"path_prefix must be a path like /voice, not {server.path_prefix!r}.")
    if config.engine.record_audio and config.engine.record is None:
        raise ConfigError("record_audio needs record, the folder to record to.")


def _read_file(path: Path) -> dict[str, dict[str, object]]:
    """The sections of a TOML file, with every name known."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"Cannot read the config file {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"The config file {path} is not UTF-8 text.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The config file {path} is not valid TOML: {error}.") from error
    names: dict[str, list[str]] = {section: [] for section in _SECTIONS}
    for setting in settings():
        names[setting.section].append(setting.name)
    for section, content in data.items():
        if section not in names:
            known = _hint(section, list(names))
            raise ConfigError(f"The config file {path} has an unknown section [{section}]; {known}.")
        if not isinstance(content, dict):
            raise ConfigError(f"In the config file {path}, {section} must be a table: write [{section}].")
        for name in cast(dict[str, object], content):
            if name not in names[section]:
                known = _hint(name, names[section])
                raise ConfigError(f"The config file {path} has an unknown setting {name}; {known}.")
    return data


def _hint(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"the nearest known is {close[0]}" if close else f"known are {', '.join(known)}"
