import onnx
from onnxruntime.quantization import QuantFormat

class DefaultWeightOnlyQuantConfig:
    def __init__(
        self,
        block_size: int = ...,
        is_symmetric: bool = ...,
        accuracy_level: int | None = ...,
        quant_format: QuantFormat = ...,
        bits: int = ...,
    ) -> None: ...

class ONNXModel:
    model: onnx.ModelProto

class MatMulNBitsQuantizer:
    model: ONNXModel
    def __init__(
        self,
        model: onnx.ModelProto,
        *,
        nodes_to_exclude: list[str] | None = ...,
        algo_config: DefaultWeightOnlyQuantConfig,
    ) -> None: ...
    def process(self) -> None: ...
