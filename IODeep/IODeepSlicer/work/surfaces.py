"""The surfaces of segments are made in a process of its own, by Slicer's own converter.

surfaces = startSurfaces(segmentationNode)
while surfaces.poll() is State.RUNNING:
    ...
surfaces.outcome()  # from segment ID to vtkPolyData
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import vtk

from IODeepSlicer.scene.surfaces import Layer, layersOf, parametersOf
from IODeepSlicer.work.array_file import writeArray
from IODeepSlicer.work.job import writeLayers
from IODeepSlicer.work.worker_process import WorkerProcess, slicerPython

if TYPE_CHECKING:
    import slicer


class Surfaces(WorkerProcess[dict[str, vtk.vtkPolyData]]):
    """Gives the closed surface of each segment, by its ID."""

    task = "surfaces"
    clearsUp = False  # and could not: no other thread gets a turn while Slicer's code converts

    def __init__(self, python: str, layers: Sequence[Layer], parameters: Mapping[str, str]) -> None:
        """Start it.

        Args:
            python: the interpreter.
            layers: all labelmaps; the first polls hand them over, a piece at a time.
            parameters: of the conversion, by their names in Slicer.
        """
        self._layers, self._parameters = layers, parameters
        super().__init__(python)

    def _write(self, folder: Path) -> Iterator[None]:
        for number, layer in enumerate(self._layers):
            yield from writeArray(folder / f"layer-{number}.npy", layer.array)
        layers = [
            {
                "file": f"layer-{number}.npy",
                "first": layer.first,
                "ijkToRAS": layer.ijkToRAS,
                "values": dict(layer.values),
            }
            for number, layer in enumerate(self._layers)
        ]
        writeLayers(folder, layers, dict(self._parameters))

    def _take(self, folder: Path) -> Generator[None, None, dict[str, vtk.vtkPolyData]]:
        ids = [segmentId for layer in self._layers for segmentId in layer.values]
        found = {}
        for number, segmentId in enumerate(ids):
            reader = vtk.vtkXMLPolyDataReader()
            reader.SetFileName(str(folder / f"surface-{number}.vtp"))
            reader.Update()
            found[segmentId] = reader.GetOutput()
            yield
        return found


def startSurfaces(segmentationNode: slicer.vtkMRMLSegmentationNode) -> Surfaces:
    """Begin to make the surfaces of all segments, with the node's own settings of smoothing."""
    return Surfaces(slicerPython(), layersOf(segmentationNode), parametersOf(segmentationNode))
