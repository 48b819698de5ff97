"""A network that is ready to run: ONNX Runtime's session, its tensors, and what runs it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from IODeepLib.errors import ModelError
from IODeepLib.machine.interruptible import interruptible
from IODeepLib.network.device import Array, Device
from IODeepLib.network.layout.trying import rewritten
from IODeepLib.network.making import (
    LEAVE_IN_PLACE,
    SILENT,
    leave_in_place,
    made_session,
    options_for,
    refused,
)
from IODeepLib.network.onnx_runtime import is_for_lack_of_memory, onnx_runtime, reason
from IODeepLib.network.providers import CPU, CUDA, OPENVINO

_log = logging.getLogger(__name__)

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
        after: Callable[[Sequence[str]], Session] | None = None,
    ) -> None:
        self._session: Any = session
        self._cancelled, self._watch = cancelled, watch
        self._source, self._after = source, after
        self._rewritten: dict[tuple[tuple[int, ...], ...], Session] = {}
        self._tried: set[tuple[int, ...]] = set()
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

    def again(self, cancelled: Callable[[], bool] | None, watch: Watch | None) -> Session:
        """This session for another run, with these two of `open_session`."""
        self._cancelled, self._watch = cancelled, watch
        for one in self._rewritten.values():
            one.again(cancelled, None)
        return self

    @property
    def engine(self) -> str:
        return self.providers[0] + (" (rewritten graph)" if self._rewritten else "")

    def proved(self, shape: tuple[int, ...]) -> Session:
        """This session after a first run, of zeros; or, where others could have been chosen for
        its provider and that fails, the session of the first of those that does not.

        A card that starts may still lack what a layer needs: a library, room, a kernel.

        Args:
            shape: that of the only input.

        Raises:
            CancelledError, ModelError, MemoryError: as `open_session`.
        """
        if self._after is None:
            return self
        [given] = self.inputs
        try:
            self.run_once({given.name: np.zeros(shape, given.dtype)})
        except (ModelError, MemoryError) as error:
            why = error.found if isinstance(error, ModelError) else f"out of memory: {error}"
            note = f"{self.providers[0]} failed in its first run ({why})"
            _log.warning("%s: %s", self.label, note)
            return self._after((*self.notes, note)).proved(shape)
        self._after = None
        return self

    def rewrite(self, shape: tuple[int, ...]) -> None:
        """Run inputs of `shape` by a faster graph, where there is one: see `network.layout`.

        Raises:
            CancelledError: `cancelled` said so.
        """
        kinds = {item.dtype for item in (*self.inputs, *self.outputs)}
        if self._source is None or len(self.inputs) > 1 or kinds != {"float32"}:
            return
        if shape in self._tried:
            return

        def opened(content: bytes, folder: Path | None = None) -> Session:
            options = options_for(folder, self.threads, [CPU])
            if len(content) > LEAVE_IN_PLACE:
                leave_in_place(options)
            made = made_session(content, options, [(CPU, {})], self._cancelled)
            if isinstance(made, Exception):
                raise refused(self.label, CPU, reason(made))
            return Session(made, self.label, (), self.threads, self._cancelled)

        declared = self.inputs[0].shape
        found = rewritten(self, *self._source, declared, shape, opened)
        self._tried.add(shape)
        if found is not None:
            self._rewritten[(shape,)] = found

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
    options.log_severity_level = SILENT
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
