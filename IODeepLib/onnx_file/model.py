"""A whole ONNX model: its initializers, and the model rewritten with their values elsewhere.

The weights of a network are the initializers of its main graph. Each can lie in the ModelProto
itself or in another file ("external data"). They are moved out and back in by changing nothing but
their data fields, in place: all other bytes stay, so that moving out and back in gives equal bytes.
Tensors elsewhere (attributes, subgraphs, functions, sparse ones) stay in the ModelProto.
"""

from __future__ import annotations

import mmap
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PureWindowsPath

from IODeepLib.errors import ModelError
from IODeepLib.onnx_file.operators import inspect
from IODeepLib.onnx_file.tensor import (
    ExternalData,
    Initializer,
    moved_in,
    moved_out,
    read_initializer,
)
from IODeepLib.onnx_file.wire import (
    DELIMITED,
    Buffer,
    Field,
    WireError,
    encode_tag,
    encode_varint,
    fields,
)
from IODeepLib.pieces import Piece, Span, size_of

_IR_VERSION, _GRAPH, _OPSET_IMPORT = 1, 7, 8  # of a ModelProto
_INITIALIZER = 5  # of a GraphProto


class OnnxFile:
    """A ModelProto, in memory or memory-mapped.

    Args:
        buffer: its bytes.
        name: what errors call it.
        path: the file that holds the same bytes, if there is one.

    Attributes:
        initializers: the tensors of the main graph, in their order.

    Raises:
        ModelError: the bytes are no ONNX model, or one that ONNX Runtime alone cannot run.
    """

    def __init__(self, buffer: Buffer, name: str, path: Path | None = None) -> None:
        self.name, self.path = name, path
        self._buffer = memoryview(buffer)
        try:
            self._graph = self._find_graph()
            self.initializers = tuple(self._read_initializers())
            findings = inspect(self._buffer)
        except WireError as error:
            raise ModelError(
                f"{name} cannot be read as an ONNX model ({error})",
                "an undamaged ONNX ModelProto",
                "export it or copy it again",
            ) from None
        self._check_names()
        if findings.external_tensors:
            raise ModelError(
                f"{name} keeps {findings.external_tensors[0]!r}, which is no initializer of its "
                "main graph, in another file",
                "such tensors in the model file itself",
                "save the model in one file (onnx.save_model without external data)",
            )
        if findings.operators:
            listed = "; ".join(
                f"{', '.join(sorted(names))} of {domain}"
                for domain, names in sorted(findings.operators.items())
            )
            raise ModelError(
                f"{name} uses custom operators ({listed})",
                "operators of ONNX (ai.onnx, ai.onnx.ml) or ONNX Runtime (com.microsoft)",
                "export the model without custom operators",
            )

    @classmethod
    def open(cls, path: Path | str) -> OnnxFile:
        """The model in the file at `path`, memory-mapped."""
        path = Path(path)
        try:
            with path.open("rb") as file:
                buffer = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:  # ValueError: an empty file
            raise ModelError(
                f"{path} cannot be read ({error})", "an ONNX model", "check the path"
            ) from None
        return cls(buffer, path.name, path)

    def values(self, tensor: Initializer) -> Span:
        """Where the values of a tensor lie that can be moved, as little-endian bytes.

        Raises:
            ModelError: they should lie in another file, but cannot be read there.
            ValueError: the tensor cannot be moved, or this model has no file.
        """
        if self.path and tensor.inline:
            begin, end = tensor.inline
            return Span(self.path, begin, end - begin)
        if self.path and tensor.external:
            return self._external_span(self.path.parent.resolve(), tensor.name, tensor.external)
        raise ValueError(f"{tensor.name!r} cannot be moved")

    def rewritten(
        self, places: Mapping[str, ExternalData | Span], typed: Collection[str] = ()
    ) -> list[Piece]:
        """The ModelProto with the values of some initializers at other places.

        Args:
            places: by the initializer's name: where its values are from now on (`ExternalData`),
                or the values of an external one, which come into the ModelProto (`Span`).
            typed: names of those whose values come into float_data or double_data, not raw_data.
        """
        graph: list[Piece] = []
        done = self._graph.begin
        for tensor in self.initializers:
            place = places.get(tensor.name)
            if place is None:
                continue
            if isinstance(place, ExternalData):
                changed = moved_out(self._buffer, tensor, place)
            else:
                changed = moved_in(self._buffer, tensor, place, tensor.name in typed)
            graph += [self._buffer[done : tensor.field.start], *_field(_INITIALIZER, changed)]
            done = tensor.field.end
        if not graph:
            return [self._buffer]
        graph.append(self._buffer[done : self._graph.end])
        before, after = self._buffer[: self._graph.start], self._buffer[self._graph.end :]
        return [before, *_field(_GRAPH, graph), after]

    def _find_graph(self) -> Field:
        top = list(fields(self._buffer, 0, len(self._buffer)))
        numbers = [field.number for field in top]
        for number, word in (
            (_IR_VERSION, "IR version"),
            (_OPSET_IMPORT, "operator set"),
            (_GRAPH, "graph"),
        ):
            if number not in numbers:
                raise WireError(f"it has no {word}")
        graph = top[numbers.index(_GRAPH)]
        if graph.wire_type != DELIMITED or numbers.count(_GRAPH) > 1:
            raise WireError("it has more than one graph")
        return graph

    def _read_initializers(self) -> Iterator[Initializer]:
        for field in fields(self._buffer, self._graph.begin, self._graph.end):
            if field.number == _INITIALIZER and field.wire_type == DELIMITED:
                yield read_initializer(self._buffer, field)

    def _check_names(self) -> None:
        seen: set[str] = set()
        for tensor in self.initializers:
            if not tensor.name or tensor.name in seen:
                raise ModelError(
                    f"{self.name} has "
                    + (f"two initializers {tensor.name!r}" if tensor.name else "a nameless one"),
                    "initializers with names of their own",
                    "export the model again (onnx.checker tells more)",
                )
            seen.add(tensor.name)

    def _external_span(self, folder: Path, name: str, place: ExternalData) -> Span:
        where = f"{self.name} keeps {name!r} in {place.location!r}"
        windows = PureWindowsPath(place.location)
        leads_out = place.location.startswith("/") or windows.anchor or ".." in windows.parts
        try:
            path = folder if leads_out else (folder / place.location).resolve(strict=True)
            size = path.stat().st_size
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
            raise ModelError(
                f"{where}, which cannot be read ({error})",
                "the external data beside the model",
                "copy all files of the model into one folder",
            ) from None
        if not path.is_file() or not path.is_relative_to(folder):
            raise ModelError(
                f"{where}, which is not a file in the model's own folder",
                "a relative path without '..' and without links that lead out",
                "save the model with its external data in one folder",
            )
        if place.offset + place.length > size:
            raise ModelError(
                f"{where} up to byte {place.offset + place.length}, but that has {size} bytes",
                "the whole external data file",
                "copy it again",
            )
        return Span(path, place.offset, place.length)


def _field(number: int, message: list[Piece]) -> list[Piece]:
    return [encode_tag(number, DELIMITED) + encode_varint(size_of(message)), *message]
