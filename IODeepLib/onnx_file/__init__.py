"""ONNX models read and rewritten without loading them, and without the `onnx` package."""

from IODeepLib.onnx_file.model import OnnxFile
from IODeepLib.onnx_file.tensor import DATA_TYPES, DataType, ExternalData, Tensor

__all__ = ["DATA_TYPES", "DataType", "ExternalData", "OnnxFile", "Tensor"]
