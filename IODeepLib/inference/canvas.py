"""What was decided, plane by plane, in arrays on the voxels of the series."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from IODeepLib.inference.decision_rule import label_type, rule_of
from IODeepLib.inference.preprocess import Prepared
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.inference.spool import Spool
from IODeepLib.recipe import Output

# Bytes of finished planes that are gathered before they are written, where the series has its
# voxels in another order than the network: single planes would touch memory far and wide.
WRITE_TOGETHER = 16 << 20


class Canvas:
    """The result, on the series' voxels, filled by planes of the working orientation."""

    def __init__(
        self, prepared: Prepared, output: Output, want_probabilities: bool, confidence_layers: int
    ) -> None:
        self._prepared, self._labels = prepared, output.labels
        shape = prepared.source.shape
        self._layers = np.zeros((rule_of(output).layers, *shape), label_type(output))
        self._writers: list[Writer | Spool | None] = [Writer(self._layers, prepared), None, None]
        self._probabilities = None
        if want_probabilities:
            self._probabilities = np.zeros((len(output.labels), *shape), np.uint8)
            self._writers[1] = Writer(self._probabilities, prepared)
        self._spool = None
        if confidence_layers:
            plane = tuple(part.stop - part.start for part in prepared.box[1:])
            self._spool = self._writers[2] = Spool((confidence_layers, *plane), np.uint16)

    def put(self, plane: int, *parts: npt.NDArray | None) -> None:
        """Write plane `plane` of the seen box: its labels, its probabilities, its confidence."""
        for writer, part in zip(self._writers, parts, strict=True):
            if writer is not None and part is not None:
                writer.put(plane, part)

    def segmentation(self, *, sure: bool) -> Segmentation:
        """All of it; its confidence only if it is `sure` that it is one."""
        confidence = None
        for writer in self._writers[:2]:
            if isinstance(writer, Writer):
                writer.flush()
        if self._spool is not None:
            with self._spool:
                confidence = self._unspooled(self._spool) if sure else None
        array = self._layers if len(self._layers) > 1 else self._layers[0]
        return Segmentation(
            array, self._prepared.source, self._labels, self._probabilities, confidence
        )

    def _unspooled(self, spool: Spool) -> npt.NDArray[np.uint16]:
        """What was laid aside while the scores took the memory."""
        array = np.zeros((spool.shape[0], *self._prepared.source.shape), np.uint16)
        writer = Writer(array, self._prepared)
        for plane, values in spool:
            writer.put(plane, values)
        writer.flush()
        return array


class Writer:
    """Writes planes of the working orientation into an array in the series' axis order."""

    def __init__(self, array: npt.NDArray, prepared: Prepared) -> None:
        self._view = prepared.axis_map.apply(array)[(slice(None), *prepared.box)]
        layers, planes, rows, columns = self._view.shape
        together = WRITE_TOGETHER // max(1, layers * rows * columns * array.itemsize)
        in_order = prepared.axis_map.order[0] == 0
        depth = 1 if in_order else min(max(1, together), max(1, planes))
        self._waiting = np.empty((layers, depth, rows, columns), array.dtype)
        self._start = self._count = 0

    def put(self, plane: int, values: npt.NDArray) -> None:
        if self._count == self._waiting.shape[1]:
            self.flush()
        if not self._count:
            self._start = plane
        self._waiting[:, self._count] = values
        self._count += 1

    def flush(self) -> None:
        planes = slice(self._start, self._start + self._count)
        self._view[:, planes] = self._waiting[:, : self._count]
        self._count = 0
