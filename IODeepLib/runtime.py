"""The ONNX Runtime session over the weights where they lie in the DICOM files.

The architecture's external data is pointed at the weights instances themselves, with the place of
each payload added to the tensor's own. ONNX Runtime maps the tensors into memory from there: the
session of a large network is ready at once, and takes next to no memory of its own.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from IODeepLib.errors import IODeepError, ModelError, UsageError
from IODeepLib.model_object import Model, Weights, read_architecture
from IODeepLib.onnx_file import ExternalData
from IODeepLib.pieces import joined
from IODeepLib.providers import AUTO, CPU, choose, options_of, usable_cores

_log = logging.getLogger(__name__)

# Above this many bytes of weights, what copies them is switched off: packing them for matrix
# multiplication, and reordering them for 2D convolution. Below, that costs neither memory nor time.
_LEAVE_IN_PLACE = 64 * 2**20
_SILENT = 4  # ONNX Runtime's severity "fatal": its errors arrive as exceptions
# What its allocators say on every system; the exception has no class that does.
_NO_MEMORY = ("Failed to allocate memory", "bad_alloc", "bad allocation")
_FOLDER_KEY = "session.model_external_initializers_file_folder_path"
_NO_PREPACKING = "session.disable_prepacking"

# ONNX Runtime's names of types, where they differ from NumPy's.
_NUMPY_NAMES = {"float": "float32", "double": "float64"}
_TYPES = {
    *("float16", "float32", "float64", "bool"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
}


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """An input or output of a network.

    Attributes:
        name: its name.
        shape: its sizes, None for an open one.
        dtype: its NumPy type, such as "float32".
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    def __str__(self) -> str:
        sizes = ", ".join("any" if size is None else str(size) for size in self.shape)
        return f"{self.name} {self.dtype}[{sizes}]"


class Session:
    """A network that is ready to run. Made by `open_session`.

    Attributes:
        label: the model's name and version.
        inputs, outputs: the network's tensors.
        providers: the execution providers that really run it, the first one most of it.
        notes: what should be said in the result, such as a provider that did not start.
        threads: how many threads it computes with; 0 if ONNX Runtime decides.
    """

    def __init__(self, session: Any, label: str, notes: Sequence[str], threads: int) -> None:
        self._session: Any = session
        self.label = label
        self.notes = tuple(notes)
        self.threads = threads
        self.providers: tuple[str, ...] = tuple(session.get_providers())
        self.inputs = tuple(_info(item, label) for item in session.get_inputs())
        self.outputs = tuple(_info(item, label) for item in session.get_outputs())

    def run(
        self, feeds: Mapping[str, NDArray[Any]], outputs: Sequence[str] | None = None
    ) -> list[NDArray[Any]]:
        """The outputs for one array an input: those named, or all of them, in their order.

        Raises:
            ModelError: the arrays do not fit the network, or it fails.
            MemoryError: the network's own values do not fit into memory.
        """
        import onnxruntime

        silent = onnxruntime.RunOptions()
        silent.log_severity_level = _SILENT
        try:
            results: list[NDArray[Any]] = self._session.run(outputs, dict(feeds), silent)
        except Exception as error:  # ONNX Runtime's errors have no common class
            if any(words in str(error) for words in _NO_MEMORY):
                raise MemoryError(_reason(error)) from None
            given = ", ".join(f"{k} {v.dtype.name}{list(v.shape)}" for k, v in feeds.items())
            raise ModelError(
                f"{self.label} fails on {given} ({_reason(error)})",
                "; ".join(map(str, self.inputs)),
                "check the recipe against the network"
                + ("" if self.providers[0] == CPU else f", or run it without {self.providers[0]}"),
            ) from None
        return results


def open_session(
    model: Model,
    *,
    providers: str | Sequence[str] = "auto",
    threads: int | None = None,
    to_run: bool = True,
) -> Session:
    """A session that uses the weights in the DICOM files. They are not verified: see `verify`.

    Args:
        model: a model with all its parts.
        providers: "auto" for the best one that works, or the names of those to use; then it is an
            error if the first of them does not start.
        threads: how many threads to compute with; None for the physical cores that this process
            may use, or OMP_NUM_THREADS.
        to_run: whether it will be run, and not only asked for its inputs and outputs: preparing
            the weights for that can take as much memory as they have, or more.

    Raises:
        ModelError: a part is missing, the architecture was altered, or ONNX Runtime refuses it.
        UsageError: a provider is not there, or does not start.
        IODeepError: ONNX Runtime itself cannot be loaded.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise IODeepError(
            f"ONNX Runtime cannot be loaded ({_reason(error)})",
            "the Python package onnxruntime, and the system libraries that it needs",
            "install onnxruntime; on Windows also Microsoft's Visual C++ runtime (vc_redist.x64)",
        ) from error

    network, folder = _placed(model)
    candidates = choose(providers, onnxruntime.get_available_providers())
    threads = usable_cores() if threads is None else threads
    automatic = providers == AUTO
    notes: list[str] = []
    # Automatically, one after the other; ONNX Runtime adds the CPU for what one cannot do.
    for attempt in [[name] for name in candidates] if automatic else [candidates]:
        options = _options(model, folder, threads, attempt)
        if not to_run:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.add_session_config_entry(_NO_PREPACKING, "1")
        try:
            session = onnxruntime.InferenceSession(
                network,
                options,
                providers=[(name, options_of(name, threads)) for name in attempt],
                enable_fallback=0,
            )
        except Exception as error:  # ONNX Runtime's errors have no common class
            failure = _reason(error)
        else:
            running = session.get_providers()
            if attempt[0] in running:
                _log.info("%s runs with %s", model.label, ", ".join(running))
                return Session(session, model.label, notes, threads)
            failure = f"it would run with {', '.join(running)} instead"
        if not automatic or attempt[0] == CPU:
            raise _refused(model, attempt[0], failure)
        notes.append(f"{attempt[0]} did not start ({failure})")
        _log.warning("%s: %s", model.label, notes[-1])
    raise _refused(model, CPU, "; ".join(notes) or "it has no execution provider")


def _placed(model: Model) -> tuple[bytes, Path | None]:
    """The ModelProto with its external data in the DICOM files, and the folder they count from."""
    parts = model.weights()
    onnx, part_of = read_architecture(model)
    if not parts:
        return joined(onnx.rewritten({})), None
    folder, locations = _locations(parts)
    places = {}
    for tensor in onnx.tensors:
        if tensor.external:
            index = part_of[tensor.name]
            offset = parts[index].payload.offset + tensor.external.offset
            places[tensor.name] = ExternalData(locations[index], offset, tensor.external.length)
    return joined(onnx.rewritten(places)), folder


def _locations(parts: Sequence[Weights]) -> tuple[Path, list[str]]:
    """The folder above all parts, and where each one lies in it."""
    paths = [part.path.resolve() for part in parts]  # ONNX Runtime follows no links out
    try:
        folder = Path(os.path.commonpath([path.parent for path in paths]))
    except ValueError:
        raise ModelError(
            "the weights lie on several drives (" + ", ".join(map(str, paths)) + ")",
            "all parts of a model on one drive",
            "copy them into one folder",
        ) from None
    return folder, [path.relative_to(folder).as_posix() for path in paths]


def _options(model: Model, folder: Path | None, threads: int, attempt: Sequence[str]) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    if folder is not None:
        options.add_session_config_entry(_FOLDER_KEY, str(folder))
    if sum(part.length for part in model.card.manifest.parts) > _LEAVE_IN_PLACE:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.add_session_config_entry(_NO_PREPACKING, "1")
    if "DmlExecutionProvider" in attempt:
        options.enable_mem_pattern = False  # DirectML has no memory patterns
    return options


def _info(item: Any, label: str) -> TensorInfo:
    kind = item.type.removeprefix("tensor(").removesuffix(")")
    kind = _NUMPY_NAMES.get(kind, kind)
    if kind not in _TYPES:
        raise ModelError(
            f"{label} has the input or output {item.name!r} of the type {item.type}",
            "tensors of numbers",
            "export the network with such inputs and outputs",
        )
    shape = (size if isinstance(size, int) else None for size in item.shape)
    return TensorInfo(item.name, tuple(shape), kind)


def _refused(model: Model, provider: str, reason: str) -> IODeepError:
    if provider == CPU:
        return ModelError(
            f"ONNX Runtime refuses {model.label} ({reason})",
            "a network that this ONNX Runtime can run",
            "verify the model with 'iodeep show', or update onnxruntime",
        )
    return UsageError(
        f"{provider} does not run {model.label} ({reason})",
        "an execution provider that works on this machine",
        f"install what {provider} needs, or let the provider be chosen ('auto')",
    )


def _reason(error: Exception) -> str:
    """ONNX Runtime's message on one line, without the prefix of its class."""
    text = " ".join(str(error).split())
    return text.removeprefix("[ONNXRuntimeError] : ")[:300]
