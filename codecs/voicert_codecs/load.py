"""Opens a codec by name, folder, file or place on the Hugging Face hub.

Only what the codec needs is imported: the bundled one and exported graphs run without PyTorch.
"""

from __future__ import annotations

import importlib
import json
import re
import struct
from pathlib import Path
from typing import Any, cast

from voicert_codecs.base import Codec, CodecError
from voicert_codecs.hub import CONFIG, codec_in, needed, official, read_json

BUNDLED = "nano"
TORCH_KINDS = ("encodec", "mimi")  # names of packages whose module `load` has `open_codec`
NAMES = (BUNDLED, *TORCH_KINDS)
EXPORT_CARD = "codec.json"  # in a folder that `voicert codec export` made
MOST_HEADER_BYTES = 1 << 26  # of a safetensors file


def load(
    name: str | Path,
    *,
    codebooks: int | None = None,
    device: str = "cpu",
    threads: int = 1,
    packed: bool = True,
    graphs: bool = False,
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
        graphs: single frames run as CUDA graphs, on a CUDA device.

    Raises:
        CodecError: there is no such codec, it cannot be read, has not so many codebooks, or a package or a
            device that it needs is missing.
    """
    text, path = str(name), Path(name).expanduser()
    without_torch = _without_torch(None if text == BUNDLED else path, threads)
    if without_torch is not None:
        return _with_codebooks(without_torch, codebooks)
    if text in TORCH_KINDS:
        kind, place = text, None
    elif not path.exists() and re.fullmatch(r"[\w.-]+/[\w.-]+", text):
        place = codec_in(text)
        kind = kind_of(place)
    else:
        kind, place = kind_of(path), path
    with needed(f"the codec {text}"):
        module: Any = importlib.import_module(f"voicert_codecs.{kind}.load")
    opened = module.open_codec(place or official(kind), codebooks, device, packed=packed, graphs=graphs)
    return cast(Codec[Any], opened)


def kind_of(path: Path) -> str:
    """Which of TORCH_KINDS a checkpoint is for; only the names of its tensors are read.

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
            header = file.read(min(length, MOST_HEADER_BYTES))
            if len(header) != length:
                raise ValueError("cut off")
            return list(cast(dict[str, Any], json.loads(header)))
        except (struct.error, ValueError) as error:
            raise CodecError(f"{path} is no safetensors file, or a damaged one") from error


def _without_torch(path: Path | None, threads: int) -> Codec[Any] | None:
    """The bundled codec when None, and what else runs by ONNX Runtime."""
    if path is not None and (path / EXPORT_CARD).is_file():
        from voicert_codecs.onnx_codec import OnnxCodec

        return OnnxCodec(path, threads)
    if path is None or (path / "encoder.onnx").is_file():
        from voicert_codecs.nano.runtime import NanoCodec

        return NanoCodec(path, threads)
    return None


def _with_codebooks(codec: Codec[Any], codebooks: int | None) -> Codec[Any]:
    """A codec that leaves no choice, when its number is the one that is asked for.

    Raises:
        CodecError: it is another.
    """
    if codebooks not in (None, codec.num_codebooks):
        raise CodecError(f"{codec.name} has {codec.num_codebooks} codebooks; no other number can be chosen")
    return codec


def _kind_in_folder(path: Path) -> str:
    """``config.json`` names the codec, as in folders of the hub, or a single checkpoint tells by itself."""
    if (path / CONFIG).is_file():
        about = read_json(path / CONFIG)
        if about.get("model_type") in TORCH_KINDS:
            return str(about["model_type"])
        if "mimi_name" in about:  # Kyutai's, of a speech model
            return "mimi"
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
