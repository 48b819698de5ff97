"""Two blobs of known volume and center, in series that lie as series do; and their network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from makers.recipes import LIVER, label
from makers.series import Stack, enhanced, put, save
from makers.summing_networks import model_of
from onnx import TensorProto, helper, numpy_helper

from IODeepLib.model_object import Model

SPLEEN = {"value": "78961009", "scheme": "SCT", "meaning": "Spleen"}


@dataclass(frozen=True)
class Blob:
    """An ellipsoid: its center and radii in LPS mm, and the value of its voxels."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    value: float

    @property
    def millilitres(self) -> float:
        return float(4 / 3 * np.pi * np.prod(self.radii) / 1000)

    def inside(self, points: np.ndarray) -> np.ndarray:
        return (((points - self.centre) / self.radii) ** 2).sum(axis=-1) < 1


# On both sides of the background: between neighbors, interpolation makes no third label.
BLOBS = {
    "Liver": Blob((-20.0, 6.0, -8.0), (15.0, 13.0, 18.0), 100.0),
    "Spleen": Blob((21.0, -9.0, 9.0), (14.0, 15.0, 16.0), -100.0),
}
ROWS, COLUMNS, SLICES, PIXEL, BETWEEN = 56, 60, 28, (1.9, 1.8), 3.2
_AXIAL = np.eye(3)[:2]


@dataclass(frozen=True)
class Layout:
    """How a series lies.

    Attributes:
        directions: (2, 3) along a row and along a column.
        along: millimeters of each slice along `way`, around 0.
        way: from slice to slice; None for the normal.
        decimals: of the positions.
        turned: of each cosine the largest noise.
        multiframe: whether it is one enhanced image.
    """

    directions: np.ndarray
    along: np.ndarray
    way: np.ndarray | None = None
    decimals: int = 9
    turned: float = 0.0
    multiframe: bool = False

    @property
    def normal(self) -> np.ndarray:
        return np.cross(*self.directions)

    def positions(self) -> np.ndarray:
        """(slice, 3) of the first pixel of each slice, as it truly lies."""
        way = self.normal if self.way is None else self.way
        across = PIXEL[1] * (COLUMNS - 1) / 2 * self.directions[0]
        down = PIXEL[0] * (ROWS - 1) / 2 * self.directions[1]
        return self.along[:, None] * way - across - down

    def points(self) -> np.ndarray:
        """(slice, row, column, 3) of every pixel."""
        rows, columns = np.arange(ROWS) * PIXEL[0], np.arange(COLUMNS) * PIXEL[1]
        within = (
            rows[:, None, None] * self.directions[1] + columns[None, :, None] * self.directions[0]
        )
        return self.positions()[:, None, None, :] + within


def _even(count: int = SLICES, between: float = BETWEEN) -> np.ndarray:
    return (np.arange(count) - (count - 1) / 2) * between


def _turned(degrees: float, axis: int) -> np.ndarray:
    """(2, 3) axial directions turned around a patient axis."""
    angle = np.radians(degrees)
    turn = np.eye(3)
    a, b = [i for i in range(3) if i != axis]
    turn[[a, a, b, b], [a, b, a, b]] = [np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)]
    return _AXIAL @ turn.T


def _tilted(degrees: float, *, multiframe: bool = False) -> Layout:
    """The gantry leans, the table moves along the patient."""
    along = _even(int(SLICES * 1.1))
    way = np.array([0.0, 0.0, 1.0])
    return Layout(_turned(degrees, 0), along, way, multiframe=multiframe)


_OBLIQUE = _turned(20.0, 1) @ np.linalg.qr(np.array([[9, 1, 2], [-1, 8, 1], [-2, -1, 9.0]]))[0].T
_TWO = np.concatenate([np.arange(12) * 2.5 - 30, np.arange(8) * 5.3 + 1.4])

LAYOUTS: dict[str, Layout] = {
    "axial": Layout(_AXIAL, _even()),
    "tilted by 18.5 degrees": _tilted(18.5),
    "tilted by -18 degrees": _tilted(-18.0),
    "tilted by 30 degrees": _tilted(30.0),
    "one missing": Layout(_AXIAL, np.delete(_even(), 11)),
    "two missing": Layout(_AXIAL, np.delete(_even(), [17, 18])),
    "one missing, tilted": Layout(
        _turned(12.0, 0), np.delete(_even(), 10), np.array([0.0, 0.0, 1.0])
    ),
    "two distances": Layout(_AXIAL, _TWO),
    "one decimal": Layout(_OBLIQUE, _even(), decimals=1),
    "two decimals": Layout(_OBLIQUE, _even(64, 1.37), decimals=2),
    "three decimals": Layout(_OBLIQUE, _even(), decimals=3),
    "jittered cosines": Layout(_OBLIQUE, _even(), turned=2e-4),
    "oblique": Layout(_OBLIQUE, _even()),
    "coronal": Layout(np.array([[1.0, 0, 0], [0, 0, -1]]), _even()),
    "sagittal": Layout(np.array([[0.0, 1, 0], [0, 0, -1]]), _even()),
    "decubitus": Layout(np.array([[0.0, 1, 0], [-1, 0, 0]]), _even()),
    "from above, prone": Layout(np.array([[1.0, 0, 0], [0, -1, 0]]), _even()),
    "leaning by less than half a pixel": Layout(_AXIAL, _even(), np.array([-0.004, 0.006, 1.0])),
    "multi-frame": Layout(_OBLIQUE, _even(), multiframe=True),
    "multi-frame, tilted": _tilted(-15.0, multiframe=True),
    "multi-frame, one missing": Layout(_OBLIQUE, np.delete(_even(), 9), multiframe=True),
    "single slice": Layout(_AXIAL, np.zeros(1)),
}


def write(layout: Layout, folder: Path, **common) -> Path:
    """The series as files: MR where it is one enhanced image, CT otherwise."""
    points = layout.points()
    voxels = np.zeros(points.shape[:-1], np.int16)
    for blob in BLOBS.values():
        voxels[blob.inside(points)] = blob.value
    origins, chance = layout.positions(), np.random.default_rng(3)
    stack = Stack(voxels, (BETWEEN, *PIXEL), layout.directions, origins[0], dict(common))
    if layout.multiframe:
        order = chance.permutation(len(voxels))
        image = put(enhanced(stack, order), StudyInstanceUID=stack.study, **common)
        for frame, i in zip(image.PerFrameFunctionalGroupsSequence, order, strict=True):
            position = [f"{v:.9f}"[:16] for v in origins[i]]
            frame.PlanePositionSequence[0].ImagePositionPatient = position
        save(image, folder / "enhanced.dcm")
        return folder

    def change(i: int, ds) -> None:
        put(ds, Modality="CT", RescaleSlope=1, RescaleIntercept=0, RescaleType="HU")
        ds.ImagePositionPatient = [f"{v:.{layout.decimals}f}"[:16] for v in origins[i]]
        noise = chance.uniform(-layout.turned, layout.turned, 6)
        cosines = layout.directions.ravel() + noise
        ds.ImageOrientationPatient = [f"{v:.10f}"[:16] for v in cosines]

    return stack.write(folder, change)


def network(folder: Path, spatial: int = 3) -> Model:
    """Each voxel has the label of the nearest value: Liver, Spleen or nothing."""
    values = np.array([0.0, *(blob.value for blob in BLOBS.values())], np.float32)
    weights = [
        numpy_helper.from_array((2 * values).reshape(-1, 1, *[1] * spatial), "weights"),
        numpy_helper.from_array(-(values**2), "bias"),
    ]
    free = [None] * spatial
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "weights", "bias"], ["scores"])],
        "nearest",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [None, 1, *free])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, len(values), *free])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    return model_of(
        folder,
        model,
        name=f"blobs-{spatial}d",
        title="Blobs",
        applies_to={"modalities": ["CT", "MR"]},
        input={"axis_order": "NCZYX" if spatial == 3 else "NCYX"},
        output={"channels": 3, "labels": [label(1, "Liver", LIVER), label(2, "Spleen", SPLEEN)]},
    )
