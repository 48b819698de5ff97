"""A whole ONNX model: its weights, and the model rewritten with their values elsewhere.

The weights of a network are the initializers of its graphs and the values of its Constant nodes, in
subgraphs and functions too. Each can lie in the ModelProto itself or in another file ("external
data"). They are moved out and back in by changing nothing but their data fields, in place: all
other bytes stay, so that moving out and back in gives equal bytes. Other tensors (attributes of
other nodes, sparse ones) stay in the ModelProto.
"""

from __future__ import annotations

import mmap
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PureWindowsPath

from IODeepLib.disk.byte_ranges import ByteRange, Piece
from IODeepLib.errors import ModelError
from IODeepLib.onnx_file.contents import read_contents
from IODeepLib.onnx_file.tensor import GRAPH, ExternalData, Tensor, moved_in, moved_out
from IODeepLib.onnx_file.wire import Buffer, Field, WireError, fields, replaced

_IR_VERSION, _OPSET_IMPORT = 1, 8  # of a ModelProto


class OnnxFile:
    """A ModelProto, in memory or memory-mapped.

    Args:
        buffer: its bytes.
        name: what errors call it.
        path: the file that holds the same bytes, if there is one.

    Attributes:
        buffer: its bytes.
        tensors: the weights in the order in which they stand, each with a name of its own: that of
            an initializer of the main graph is its own, others with the same name are numbered.
        largest: bytes of the largest tensor that it makes, as far as its constants tell.

    Raises:
        ModelError: the bytes are no ONNX model, or one that ONNX Runtime alone cannot run.
    """

    def __init__(self, buffer: Buffer, name: str, path: Path | None = None) -> None:
        self.name, self.path = name, path
        self.buffer = memoryview(buffer)
        try:
            self._check_outline()
            contents = read_contents(self.buffer)
        except WireError as error:
            raise ModelError(
                f"{name} cannot be read as an ONNX model ({error})",
                "an undamaged ONNX ModelProto",
                "export it or copy it again",
            ) from None
        self.tensors = tuple(self._named(contents.tensors))
        if contents.external_tensors:
            raise ModelError(
                f"{name} keeps {contents.external_tensors[0]!r}, which is neither an initializer "
                "nor a Constant, in another file",
                "such tensors in the model file itself",
                "save the model in one file (onnx.save_model without external data)",
            )
        if contents.barred:
            raise ModelError(
                f"{name} uses custom operators ({contents.barred})",
                "operators of ONNX (ai.onnx, ai.onnx.ml) or ONNX Runtime (com.microsoft)",
                "export the model without custom operators",
            )
        if contents.obeyed:
            raise ModelError(
                f"{name} has {contents.obeyed[0]!r} in its metadata, which ONNX Runtime may obey",
                "a network without settings for the program that runs it",
                "remove that entry",
            )
        if contents.endless:
            raise ModelError(
                f"{name} has {contents.endless}",
                "a network that comes to an end",
                "export it without them, or do not use it",
            )
        self.largest = contents.largest

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

    def values(self, tensor: Tensor) -> ByteRange:
        """Where the values of a tensor lie that can be moved, as little-endian bytes.

        Raises:
            ModelError: they should lie in another file, but cannot be read there.
            ValueError: the tensor cannot be moved, or this model has no file.
        """
        if self.path and tensor.inline:
            begin, end = tensor.inline
            return ByteRange(self.path, begin, end - begin)
        if self.path and tensor.external:
            return self._external_range(self.path.parent.resolve(), tensor.name, tensor.external)
        raise ValueError(f"{tensor.name!r} cannot be moved")

    def rewritten(
        self, places: Mapping[str, ExternalData | ByteRange], typed: Collection[str] = ()
    ) -> list[Piece]:
        """The ModelProto with the values of some tensors at other places.

        Args:
            places: by the tensor's name: where its values are from now on (`ExternalData`),
                or the values of an external one, which come into the ModelProto (`ByteRange`).
            typed: names of those whose values come into float_data or double_data, not raw_data.
        """
        changes: list[tuple[Sequence[Field], list[Piece]]] = []
        for tensor in self.tensors:
            place = places.get(tensor.name)
            if isinstance(place, ExternalData):
                changes.append((tensor.way, moved_out(self.buffer, tensor, place)))
            elif place is not None:
                values = moved_in(self.buffer, tensor, place, tensor.name in typed)
                changes.append((tensor.way, values))
        return replaced(self.buffer, 0, len(self.buffer), changes)

    def _check_outline(self) -> None:
        numbers = [field.number for field in fields(self.buffer, 0, len(self.buffer))]
        for number, word in (
            (_IR_VERSION, "IR version"),
            (_OPSET_IMPORT, "operator set"),
            (GRAPH, "graph"),
        ):
            if number not in numbers:
                raise WireError(f"it has no {word}")
        if numbers.count(GRAPH) > 1:
            raise WireError("it has more than one graph")

    def _named(self, tensors: Sequence[Tensor]) -> Iterator[Tensor]:
        taken: set[str] = set()
        for tensor in tensors:
            if tensor.in_main_graph:
                if not tensor.name or tensor.name in taken:
                    raise ModelError(
                        f"{self.name} has "
                        + (
                            f"two initializers {tensor.name!r}" if tensor.name else "a nameless one"
                        ),
                        "initializers with names of their own",
                        "export the model again (onnx.checker tells more)",
                    )
                taken.add(tensor.name)
        for tensor in tensors:
            name, number = tensor.name, 1
            while not tensor.in_main_graph and (not name or name in taken):
                number += 1
                name = f"{tensor.name}#{number}"
            taken.add(name)
            yield tensor if name == tensor.name else replace(tensor, name=name)

    def _external_range(self, folder: Path, name: str, place: ExternalData) -> ByteRange:
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
        return ByteRange(path, place.offset, place.length)
