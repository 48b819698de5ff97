"""Arrays that stay in the memory of a graphics card, and small models that compute with them there.

From there to the host and back is a long way: what a network of a hundred classes gives for a patch
takes as long to bring down as to compute. With ONNX Runtime an array on the card is an OrtValue.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from IODeepLib.errors import ModelError
from IODeepLib.network.onnx_runtime import is_for_lack_of_memory, onnx_runtime, reason
from IODeepLib.network.providers import CPU, CUDA, options_of

# Where ONNX Runtime's arrays lie, by the provider that computes with them. With those of the CPU
# all works alike, which shows what is copied where there is no card.
MEMORY = {CUDA: "cuda", CPU: "cpu"}
_SILENT = 4

Array = Any  # ONNX Runtime's OrtValue


class Device:
    """The memory beside one provider.

    Attributes:
        memory: ONNX Runtime's name of it.
    """

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self.memory = MEMORY[provider]

    def uploaded(self, array: NDArray[Any]) -> Array:
        """A copy of `array` there.

        Raises:
            MemoryError: there is no room for it.
            ModelError: the card does not work.
        """
        try:
            return onnx_runtime().OrtValue.ortvalue_from_numpy(array, self.memory, 0)
        except Exception as error:  # ONNX Runtime's errors have no common class
            raise _failure(error) from None

    def program(self, model: bytes) -> Program:
        """A small model that is ready to run there.

        Raises:
            MemoryError: there is no room for it.
            ModelError: the card does not work.
        """
        onnxruntime = onnx_runtime()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _SILENT
        options.intra_op_num_threads = 1
        provider = self._provider, options_of(self._provider, 1)
        try:
            session = onnxruntime.InferenceSession(model, options, providers=[provider])
        except Exception as error:  # ONNX Runtime's errors have no common class
            raise _failure(error) from None
        return Program(session, self.memory)


class Program:
    """A small model that computes with arrays on a device; it has one output.

    What it makes there goes with it: the memory is free again when both are.
    """

    def __init__(self, session: Any, memory: str) -> None:
        self._session, self._memory = session, memory
        self._output = session.get_outputs()[0].name

    def made(self, there: Mapping[str, Array], here: Mapping[str, NDArray[Any]]) -> Array:
        """A new array there.

        Args:
            there: inputs that are there already.
            here: inputs that are copied.

        Raises:
            MemoryError: there is no room for it.
            ModelError: the card does not work.
        """
        binding = self._bound(there, here)
        binding.bind_output(self._output, self._memory)
        self._run(binding)
        return binding.get_outputs()[0]

    def change(
        self, array: Array, there: Mapping[str, Array], here: Mapping[str, NDArray[Any]]
    ) -> None:
        """Write into an array there, which may be one of the inputs; else as `made`."""
        binding = self._bound(there, here)
        binding.bind_ortvalue_output(self._output, array)
        self._run(binding)

    def bring(
        self,
        into: NDArray[Any],
        there: Mapping[str, Array],
        here: Mapping[str, NDArray[Any]],
    ) -> None:
        """Write into an array here, which is contiguous; else as `made`."""
        binding = self._bound(there, here)
        place = into.ctypes.data
        binding.bind_output(self._output, "cpu", 0, into.dtype.type, list(into.shape), place)
        self._run(binding)

    def _bound(self, there: Mapping[str, Array], here: Mapping[str, NDArray[Any]]) -> Any:
        binding = self._session.io_binding()
        for name, array in there.items():
            binding.bind_ortvalue_input(name, array)
        for name, values in here.items():
            binding.bind_cpu_input(name, values)
        return binding

    def _run(self, binding: Any) -> None:
        options = onnx_runtime().RunOptions()
        options.log_severity_level = _SILENT
        try:
            self._session.run_with_iobinding(binding, options)
        except Exception as error:  # ONNX Runtime's errors have no common class
            raise _failure(error) from None


def _failure(error: Exception) -> Exception:
    if is_for_lack_of_memory(error):
        return MemoryError(reason(error))
    return ModelError(
        f"blending on the graphics card fails ({reason(error)})",
        "a card and a driver that this ONNX Runtime works with",
        "run it on the CPU: provider 'cpu'",
    )
