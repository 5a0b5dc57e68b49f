"""Weights from the Hugging Face hub, by its own client and its own cache on disk."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

from voicert_codecs.base import CodecError

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
OFFICIAL = {  # kind of codec: repository, and which of its files
    "encodec": ("facebook/encodec_24khz", (CONFIG, WEIGHTS)),
    "mimi": ("kyutai/moshiko-pytorch-bf16", ("tokenizer-e351c8d8-checkpoint125.safetensors",)),
}


def official(kind: str) -> Path:
    """The published weights of a codec: a file, or a folder with a configuration and weights.

    Raises:
        CodecError: as `fetched`.
    """
    repository, names = OFFICIAL[kind]
    paths = fetched(repository, *names)
    return paths[0] if len(paths) == 1 else paths[0].parent


def codec_in(repository: str) -> Path:
    """The folder of a repository's codec, with only that fetched: a speech model lies beside some.

    Raises:
        CodecError: there is none, or as `fetched`.
    """
    (config,) = fetched(repository, CONFIG)
    about = read_json(config)
    if about.get("model_type") in OFFICIAL:
        fetched(repository, WEIGHTS)
    elif isinstance(about.get("mimi_name"), str):
        fetched(repository, *(about[key] for key in ("mimi_name", "mimi_config_name") if about.get(key)))
    else:
        raise CodecError(f"{repository} on the Hugging Face hub holds no EnCodec and no Mimi")
    return config.parent


def fetched(repository: str, *names: str) -> list[Path]:
    """Files of a repository.

    Raises:
        CodecError: huggingface_hub is not installed, or the hub does not give them.
    """
    with needed("the Hugging Face hub"):
        hub: Any = importlib.import_module("huggingface_hub")
    log = logging.getLogger("huggingface_hub")
    level = log.level
    log.setLevel(logging.CRITICAL)  # it reports every retry; the outcome is told below
    try:
        return [Path(hub.hf_hub_download(repository, name)) for name in names]
    except Exception as error:  # the hub's own, the HTTP client's and the system's
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0]
        raise CodecError(f"cannot fetch {repository} from the Hugging Face hub: {reason}") from error
    finally:
        log.setLevel(level)


def lacks(repository: str, name: str, error: CodecError) -> bool:
    """Whether `fetched` failed because the hub has no such file, in contrast to no hub at all.

    Without a network it is what the hub said when it was last asked, which its client keeps on disk.
    """
    cause = type(error.__cause__).__name__
    if cause == "LocalEntryNotFoundError":
        hub: Any = importlib.import_module("huggingface_hub")
        found = hub.try_to_load_from_cache(repository, name)
        return found is not None and not isinstance(found, str)
    return cause in ("EntryNotFoundError", "RemoteEntryNotFoundError")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        CodecError: it cannot be read, or is something else.
    """
    try:
        read: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CodecError(f"cannot read {path}: {error}") from error
    if not isinstance(read, dict):
        raise CodecError(f"cannot read {path}: it is no JSON object")
    return cast(dict[str, Any], read)


@contextlib.contextmanager
def needed(what: str) -> Generator[None]:
    """Names the extra that brings the package whose import fails inside.

    Raises:
        CodecError: it does.
    """
    try:
        yield
    except ImportError as error:
        package = error.name or "a package"
        if package.startswith("voicert_codecs"):
            raise
        raise CodecError(
            f'{what} needs {package}, which is not installed; install "voicert[torch]"'
        ) from error
