"""ONNX models read and rewritten without loading them, and without the `onnx` package."""

from IODeepLib.onnx_file.model import OnnxFile
from IODeepLib.onnx_file.tensor import DATA_TYPES, DataType, ExternalData, Initializer

__all__ = ["DATA_TYPES", "DataType", "ExternalData", "Initializer", "OnnxFile"]
