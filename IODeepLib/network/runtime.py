"""The ONNX Runtime session over the weights where they lie in the DICOM files.

ONNX Runtime maps the tensors into memory from there: the session of a large network is ready at
once, and takes next to no memory of its own. It is opened, and runs, where it can be ended.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from IODeepLib.errors import IODeepError, ModelError, UsageError
from IODeepLib.machine.cores import usable_cores
from IODeepLib.machine.interruptible import interruptible
from IODeepLib.model_object import Model
from IODeepLib.network.device import Array, Device
from IODeepLib.network.layout.trying import MOST_WEIGHTS, rewritten
from IODeepLib.network.onnx_runtime import find_cuda, is_for_lack_of_memory, onnx_runtime, reason
from IODeepLib.network.placement import placed
from IODeepLib.network.providers import AUTO, CPU, CUDA, OPENVINO, choose, options_of

_log = logging.getLogger(__name__)

# Above this many bytes of weights, what copies them is switched off: packing them for matrix
# multiplication, and reordering them for 2D convolution. Below, that costs neither memory nor time.
# It stays on for networks that read slices: they are a third slower without. They take two to three
# times the memory of their weights for it.
_LEAVE_IN_PLACE = 64 * 2**20
_SILENT = 4  # ONNX Runtime's severity "fatal": its errors arrive as exceptions
_FOLDER_KEY = "session.model_external_initializers_file_folder_path"
_NO_PREPACKING = "session.disable_prepacking"
# Unasked, it takes bytes with "ORTM" in the fifth place, as the name of a producer may put it
# there, for a model in a format of its own: another model than the one that was checked.
_FORMAT = ("session.load_model_format", "ONNX")

# Sees the arrays that a network is given, by the names of its inputs.
Watch = Callable[[Mapping[str, NDArray[Any]]], None]

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


class Source(NamedTuple):
    """What a session was opened from: the ModelProto, and the folder of its external data."""

    content: bytes
    folder: Path | None


class Session:
    """A network that is ready to run. Made by `open_session`.

    Attributes:
        label: the model's name and version, and the name of the network where it has several.
        inputs, outputs: the network's tensors.
        providers: the execution providers that really run it, the first one most of it.
        device: where its results can stay, if that is not here.
        uses_cores: whether it computes with the processor's cores.
        notes: what should be said in the result, such as a provider that did not start.
        threads: how many threads it computes with; 0 if ONNX Runtime decides.
        engine: the first of the providers, and whether it runs a rewritten graph.
    """

    def __init__(
        self,
        session: Any,
        label: str,
        notes: Sequence[str],
        threads: int,
        cancelled: Callable[[], bool] | None = None,
        watch: Watch | None = None,
        source: Source | None = None,
    ) -> None:
        self._session: Any = session
        self._cancelled, self._watch = cancelled, watch
        self._source = source
        self._rewritten: dict[tuple[tuple[int, ...], ...], Session] = {}
        self.label = label
        self.notes = tuple(notes)
        self.threads = threads
        self.providers: tuple[str, ...] = tuple(session.get_providers())
        self.uses_cores = self.providers[0] in (CPU, OPENVINO)
        self.device = Device(CUDA) if self.providers[0] == CUDA else None
        self.inputs = tuple(_info(item, label) for item in session.get_inputs())
        self.outputs = tuple(_info(item, label) for item in session.get_outputs())

    def run(
        self, feeds: Mapping[str, NDArray[Any]], outputs: Sequence[str] | None = None
    ) -> list[NDArray[Any]]:
        """The outputs for one array an input: those named, or all of them, in their order.

        Ctrl-C ends it within a second or two, and so does the `cancelled` of `open_session`.

        Raises:
            CancelledError: `cancelled` said so.
            ModelError: the arrays do not fit the network, or it fails.
            MemoryError: the network's own values do not fit into memory.
        """
        if self._watch is not None:
            self._watch(feeds)
        shapes = tuple(array.shape for array in feeds.values())
        return self._rewritten.get(shapes, self).run_once(feeds, outputs)

    @property
    def engine(self) -> str:
        return self.providers[0] + (" (rewritten graph)" if self._rewritten else "")

    def rewrite(self, shape: tuple[int, ...]) -> None:
        """Run inputs of `shape` by a faster graph, where there is one: see `network.layout`.

        Raises:
            CancelledError: `cancelled` said so.
        """
        kinds = {item.dtype for item in (*self.inputs, *self.outputs)}
        if self._source is None or len(self.inputs) > 1 or kinds != {"float32"}:
            return

        def opened(content: bytes) -> Session:
            options = _options(None, self.threads, [CPU])
            if len(content) > _LEAVE_IN_PLACE:
                _leave_in_place(options)
            made = _made(content, options, [(CPU, {})], self._cancelled)
            if isinstance(made, Exception):
                raise _refused(self.label, CPU, reason(made))
            return Session(made, self.label, (), self.threads, self._cancelled)

        declared = self.inputs[0].shape
        found = rewritten(self, *self._source, declared, shape, opened)
        if found is not None:
            self._rewritten = {(shape,): found}

    def run_once(
        self, feeds: Mapping[str, NDArray[Any]], outputs: Sequence[str] | None = None
    ) -> list[NDArray[Any]]:
        """The same as `run` with the graph as it was opened; nobody watches."""
        options = _silent_run()

        def end() -> None:
            options.terminate = True  # ONNX Runtime asks before every node

        def work() -> list[NDArray[Any]]:
            try:
                results: list[NDArray[Any]] = self._session.run(outputs, dict(feeds), options)
            except Exception as error:  # ONNX Runtime's errors have no common class
                raise self._failed(feeds, error) from None
            return results

        return interruptible(work, end, self._cancelled)

    def run_on(self, device: Device, feeds: Mapping[str, NDArray[Any]], output: str) -> Array:
        """The output of this name, which stays on the device.

        It takes as long as it takes, in this thread: others would cost as much time as a card needs
        for some patches.

        Raises:
            ModelError, MemoryError: as `run`.
        """
        if self._watch is not None:
            self._watch(feeds)
        binding = self._session.io_binding()
        for name, values in feeds.items():
            binding.bind_cpu_input(name, values)
        binding.bind_output(output, device.memory)
        try:
            self._session.run_with_iobinding(binding, _silent_run())
        except Exception as error:  # ONNX Runtime's errors have no common class
            raise self._failed(feeds, error) from None
        return binding.get_outputs()[0]

    def _failed(self, feeds: Mapping[str, NDArray[Any]], error: Exception) -> Exception:
        if is_for_lack_of_memory(error):
            return MemoryError(reason(error))
        given = ", ".join(f"{k} {v.dtype.name}{list(v.shape)}" for k, v in feeds.items())
        return ModelError(
            f"{self.label} fails on {given} ({reason(error)})",
            "; ".join(map(str, self.inputs)),
            "check the recipe against the network"
            + ("" if self.providers[0] == CPU else f", or run it without {self.providers[0]}"),
        )


def _silent_run() -> Any:
    options = onnx_runtime().RunOptions()
    options.log_severity_level = _SILENT
    return options


def open_session(
    model: Model,
    network: str = "",
    *,
    providers: str | Sequence[str] = "auto",
    threads: int | None = None,
    to_run: bool = True,
    cancelled: Callable[[], bool] | None = None,
    watch: Watch | None = None,
) -> Session:
    """A session that uses the weights in the DICOM files. They are not verified: see `verify`.

    Args:
        model: a model with all its parts.
        network: which of its networks; the only one of a model has no name.
        providers: "auto" for the best one that works, or the names of those to use; then it is an
            error if the first of them does not start.
        threads: how many threads to compute with; None for the physical cores that this process
            may use, or OMP_NUM_THREADS.
        to_run: whether it will be run, and not only asked for its inputs and outputs: preparing
            the weights for that can take as much memory as they have, or more.
        cancelled: asked all the time, now and whenever it runs.
        watch: called with what it is given, an array for each input, before each run.

    Raises:
        CancelledError: `cancelled` said so.
        ModelError: a part is missing, the architecture was altered, or ONNX Runtime refuses it.
        UsageError: a provider is not there, or does not start.
        IODeepError: ONNX Runtime itself cannot be loaded.
        MemoryError: the network's constants do not fit into memory.
    """
    try:
        onnxruntime = onnx_runtime()
    except ImportError as error:
        raise IODeepError(
            f"ONNX Runtime cannot be loaded ({reason(error)})",
            "the Python package onnxruntime, and the system libraries that it needs",
            "install onnxruntime; on Windows also Microsoft's Visual C++ runtime (vc_redist.x64)",
        ) from error

    content, folder, notes = placed(model, network)
    label = f"{model.label}, network {network}" if network else model.label
    weights = sum(part.length for part in model.card.parts_of(network))
    candidates = choose(providers, onnxruntime.get_available_providers())
    threads = usable_cores() if threads is None else threads
    automatic = providers == AUTO
    # Automatically, one after the other; ONNX Runtime adds the CPU for what one cannot do.
    for attempt in [[name] for name in candidates] if automatic else [candidates]:
        options = _options(folder, threads, attempt)
        if weights > _LEAVE_IN_PLACE and not _reads_slices(model, network):
            _leave_in_place(options)
        if not to_run:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.add_session_config_entry(_NO_PREPACKING, "1")
        if CUDA in attempt:
            find_cuda()
        offered = [(name, options_of(name, threads)) for name in attempt]
        made = _made(content, options, offered, cancelled)
        if isinstance(made, Exception):
            failure = reason(made)
            if attempt[0] == CPU and is_for_lack_of_memory(made):
                raise MemoryError(failure)
        else:
            running = made.get_providers()
            if attempt[0] in running:
                _log.info("%s runs with %s, threads: %d", label, ", ".join(running), threads)
                source = Source(content, folder) if running == [CPU] else None
                source = source if weights <= MOST_WEIGHTS else None
                return Session(made, label, notes, threads, cancelled, watch, source)
            failure = f"it would run with {', '.join(running)} instead"
        if not automatic or attempt[0] == CPU:
            raise _refused(label, attempt[0], failure)
        notes.append(f"{attempt[0]} did not start ({failure})")
        _log.warning("%s: %s", label, notes[-1])
    raise _refused(label, CPU, "; ".join(notes) or "it has no execution provider")


def _made(
    content: bytes,
    options: Any,
    providers: Sequence[tuple[str, dict[str, str]]],
    cancelled: Callable[[], bool] | None,
) -> Any:
    """ONNX Runtime's session, or why there is none; opening can be ended."""
    make = functools.partial(_opened, content, options, providers)
    end = functools.partial(options.set_load_cancellation_flag, True)
    return interruptible(make, end, cancelled)


def _opened(network: Any, options: Any, providers: Sequence[tuple[str, dict[str, str]]]) -> Any:
    """ONNX Runtime's session, or why there is none."""
    try:
        return onnx_runtime().InferenceSession(
            network, options, providers=providers, enable_fallback=0
        )
    except Exception as error:  # ONNX Runtime's errors have no common class
        return error


def _options(folder: Path | None, threads: int, attempt: Sequence[str]) -> Any:
    onnxruntime = onnx_runtime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry(*_FORMAT)
    if folder is not None:
        options.add_session_config_entry(_FOLDER_KEY, str(folder))
    if "DmlExecutionProvider" in attempt:
        options.enable_mem_pattern = False  # DirectML has no memory patterns
    return options


def _leave_in_place(options: Any) -> None:
    """Switch off what copies weights."""
    options.graph_optimization_level = onnx_runtime().GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.add_session_config_entry(_NO_PREPACKING, "1")


def _reads_slices(model: Model, network: str) -> bool:
    """Whether a network is a 2D one: its weights are small beside what it computes with them."""
    return any(
        network in stage.network_names and stage.input.spatial_dims == 2
        for stage in model.card.recipe.all_stages
    )


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


def _refused(label: str, provider: str, reason: str) -> IODeepError:
    if provider == CPU:
        return ModelError(
            f"ONNX Runtime refuses {label} ({reason})",
            "a network that this ONNX Runtime can run",
            "verify the model with 'iodeep show', or update onnxruntime",
        )
    return UsageError(
        f"{provider} does not run {label} ({reason})",
        "an execution provider that works on this machine",
        f"install what {provider} needs, or let the provider be chosen ('auto')",
    )
