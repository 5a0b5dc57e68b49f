"""ONNX Runtime on the CPU, as all codecs use it."""

from __future__ import annotations

from pathlib import Path

import onnxruntime as ort

from voicert_codecs.base import CodecError


def open_session(path: Path, threads: int) -> ort.InferenceSession:
    """An ONNX Runtime session on the CPU.

    Numbers too small for the normal range become 0 in it: long silence would be many times slower otherwise.

    Raises:
        CodecError: the file is missing or no ONNX graph.
    """
    if not path.is_file():
        raise CodecError(f"the weights {path} are missing; reinstall voicert or export them again")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises several unrelated types here
        raise CodecError(f"cannot load the weights {path}: {error}") from error
