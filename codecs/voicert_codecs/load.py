"""Opens a codec by name, folder, file or place on the Hugging Face hub.

Only what the codec needs is imported: the bundled one and exported graphs run without PyTorch.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import re
import struct
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from voicert_codecs.base import Codec, CodecError

BUNDLED = "nano"
GRAPHS = "codec.json"  # in a folder that `voicert codec export` made
MOST_HEADER_BYTES = 1 << 26  # of a safetensors file


@dataclass(frozen=True)
class Kind:
    """A codec that PyTorch runs."""

    module: str  # has `open_codec(path, codebooks, device, packed=)`
    repository: str  # where the hub has the official weights
    files: tuple[str, ...]  # what to fetch of it


TORCH_KINDS = {
    "encodec": Kind(
        "voicert_codecs.encodec.load", "facebook/encodec_24khz", ("config.json", "model.safetensors")
    ),
    "mimi": Kind(
        "voicert_codecs.mimi.load",
        "kyutai/moshiko-pytorch-bf16",
        ("tokenizer-e351c8d8-checkpoint125.safetensors",),
    ),
}
NAMES = (BUNDLED, *TORCH_KINDS)


def load(
    name: str | Path,
    *,
    codebooks: int | None = None,
    device: str = "cpu",
    threads: int = 1,
    packed: bool = True,
) -> Codec[Any]:
    """Opens a codec.

    Args:
        name: "nano" (bundled), "encodec" or "mimi" (official weights from the Hugging Face hub); the folder
            or file of a codec: an export, a checkpoint of the ``encodec`` package, Kyutai's or Hugging Face's
            safetensors; or a repository of the hub, such as "facebook/encodec_24khz".
        codebooks: how many are used, where the codec leaves a choice; None for its usual number.
        device: where PyTorch runs it: "cpu", "cuda", "mps".
        threads: of ONNX Runtime; PyTorch has a setting of its own.
        packed: PyTorch's weights rearranged for speed; False for a codec that will be exported.

    Raises:
        CodecError: there is no such codec, it cannot be read, has not so many codebooks, or a package or a
            device that it needs is missing.
    """
    text = str(name)
    path = Path(name).expanduser()
    if text == BUNDLED:
        from voicert_codecs.nano.runtime import NanoCodec

        return with_codebooks(NanoCodec(threads=threads), codebooks)
    if text in TORCH_KINDS:
        kind = TORCH_KINDS[text]
        return _open(kind, fetched(kind.repository, kind.files), codebooks, device, packed)
    if path.is_dir() and (path / GRAPHS).is_file():
        from voicert_codecs.onnx_codec import OnnxCodec

        return with_codebooks(OnnxCodec(path, threads), codebooks)
    if path.is_dir() and (path / "encoder.onnx").is_file():
        from voicert_codecs.nano.runtime import NanoCodec

        return with_codebooks(NanoCodec(path, threads), codebooks)
    if not path.exists() and re.fullmatch(r"[\w.-]+/[\w.-]+", text):
        path = fetched(text, ("config.json", "model.safetensors"))
    return _open(TORCH_KINDS[kind_of(path)], path, codebooks, device, packed)


def with_codebooks(codec: Codec[Any], codebooks: int | None) -> Codec[Any]:
    """A codec that leaves no choice, when its number is the one that is asked for.

    Raises:
        CodecError: it is another.
    """
    if codebooks not in (None, codec.num_codebooks):
        raise CodecError(f"{codec.name} has {codec.num_codebooks} codebooks; no other number can be chosen")
    return codec


def kind_of(path: Path) -> str:
    """Which codec of TORCH_KINDS a checkpoint is for; only the names of its tensors are read.

    Raises:
        CodecError: there is no such file, or it is no checkpoint of a codec.
    """
    try:
        if path.is_dir():
            return _kind_in_folder(path)
        if path.suffix == ".safetensors":
            return _kind_of_tensors(path, safetensors_names(path))
        with path.open("rb") as file:
            is_pickle = file.read(2) in (b"PK", b"\x80\x02")
    except OSError as error:
        names = ", ".join(NAMES)
        raise CodecError(
            f"there is no codec {path}: give {names}, a folder, a file, "
            "or a repository of the Hugging Face hub such as facebook/encodec_24khz"
        ) from error
    if not is_pickle:
        raise CodecError(f"{path} is no checkpoint of a codec: neither safetensors nor torch's format")
    return "encodec"  # the only one that is given out in torch's own format


def safetensors_names(path: Path) -> list[str]:
    """The names of the tensors in a safetensors file.

    Raises:
        CodecError: it is damaged.
    """
    with path.open("rb") as file:
        try:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > MOST_HEADER_BYTES:
                raise ValueError
            return list(cast(dict[str, Any], json.loads(file.read(length))))
        except (struct.error, ValueError) as error:
            raise CodecError(f"{path} is no safetensors file, or a damaged one") from error


def fetched(repository: str, names: tuple[str, ...]) -> Path:
    """Files of the Hugging Face hub: the one that was asked for, or the folder of several.

    Raises:
        CodecError: huggingface_hub is not installed, or the hub does not give them.
    """
    with needed("the Hugging Face hub"):
        hub: Any = importlib.import_module("huggingface_hub")
    log = logging.getLogger("huggingface_hub")
    level = log.level
    log.setLevel(logging.CRITICAL)  # it reports every retry; the outcome is told below
    try:
        paths = [Path(hub.hf_hub_download(repository, name)) for name in names]
    except Exception as error:  # the hub's own, the HTTP client's and the system's
        reason = (str(error) or type(error).__name__).strip().splitlines()[0].split(". ")[0]
        raise CodecError(f"cannot fetch {repository} from the Hugging Face hub: {reason}") from error
    finally:
        log.setLevel(level)
    return paths[0] if len(paths) == 1 else paths[0].parent


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


def _open(kind: Kind, path: Path, codebooks: int | None, device: str, packed: bool) -> Codec[Any]:
    with needed(f"the codec in {path.name}"):
        module: Any = importlib.import_module(kind.module)
    return cast(Codec[Any], module.open_codec(path, codebooks, device, packed=packed))


def _kind_in_folder(path: Path) -> str:
    """``config.json`` names the codec, as in folders of the hub, or a single checkpoint tells by itself."""
    config = path / "config.json"
    if config.is_file():
        try:
            read: Any = json.loads(config.read_text(encoding="utf-8"))
        except ValueError as error:
            raise CodecError(f"{config} is not JSON: {error}") from error
        named = cast(dict[str, Any], read).get("model_type") if isinstance(read, dict) else None
        if named in TORCH_KINDS:
            return str(named)
    checkpoints = [*path.glob("*.safetensors"), *path.glob("*.th")]
    if len(checkpoints) == 1:
        return kind_of(checkpoints[0])
    raise CodecError(f"{path} holds no codec: neither an export nor one checkpoint of EnCodec or Mimi")


def _kind_of_tensors(path: Path, names: list[str]) -> str:
    if any(name.startswith(("quantizer.rvq_first.", "quantizer.semantic_")) for name in names):
        return "mimi"
    if any(name.startswith("quantizer.") for name in names):
        return "encodec"
    raise CodecError(f"{path} is no checkpoint of EnCodec or Mimi: it has no quantizer")
