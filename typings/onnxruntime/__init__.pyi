"""The part of ONNX Runtime that this project uses; the package itself has no types."""

from collections.abc import Mapping, Sequence
from typing import Any, overload

from numpy.typing import NDArray

class SessionOptions:
    intra_op_num_threads: int
    inter_op_num_threads: int
    def add_session_config_entry(self, key: str, value: str, /) -> None: ...

class OrtValue:
    @staticmethod
    def ortvalue_from_numpy(numpy_obj: NDArray[Any]) -> OrtValue: ...
    def numpy(self) -> NDArray[Any]: ...

class IOBinding:
    def bind_cpu_input(self, name: str, arr_on_cpu: NDArray[Any]) -> None: ...
    def bind_ortvalue_input(self, name: str, ortvalue: OrtValue) -> None: ...
    def bind_ortvalue_output(self, name: str, ortvalue: OrtValue) -> None: ...
    @overload
    def bind_output(self, name: str) -> None: ...
    @overload
    def bind_output(
        self,
        name: str,
        device_type: str,
        device_id: int,
        element_type: type,
        shape: Sequence[int],
        buffer_ptr: int,
    ) -> None: ...
    def bind_input(
        self,
        name: str,
        device_type: str,
        device_id: int,
        element_type: type,
        shape: Sequence[int],
        buffer_ptr: int,
    ) -> None: ...
    def get_outputs(self) -> list[OrtValue]: ...

class ModelMetadata:
    custom_metadata_map: Mapping[str, str]

class NodeArg:
    name: str

class InferenceSession:
    def __init__(
        self, path_or_bytes: str, sess_options: SessionOptions, providers: Sequence[str]
    ) -> None: ...
    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]]
    ) -> list[NDArray[Any]]: ...
    def get_modelmeta(self) -> ModelMetadata: ...
    def get_inputs(self) -> list[NodeArg]: ...
    def io_binding(self) -> IOBinding: ...
    def run_with_iobinding(self, iobinding: IOBinding) -> None: ...
