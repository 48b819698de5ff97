"""Cases as a network reads them: images and truth on its own voxels, kept on the disk.

The way there is that of a run: what `inference.preprocess` makes of the images, and the label that
most of each voxel has.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from IODeepLib.disk.files import whole_folder
from IODeepLib.errors import ImageError
from IODeepLib.geometry import Grid, Volume
from IODeepLib.inference.label_channels import most_of_voxels
from IODeepLib.inference.preprocess import Prepared, prepare
from IODeepLib.inference.suv import in_suv
from IODeepLib.recipe import Input, Interpolation, Label, Outside, Recipe
from IODeepLib.series import Image
from IODeepLib.training.trainable import trained_stage
from IODeepLib.voxels.resample import resample

_log = logging.getLogger(__name__)

# Of all prepared cases on the disk; what is left over is prepared anew whenever it is drawn.
MOST_BYTES = 64 * 2**30
# Of a disk that others write on, too.
_LEFT_FREE = 2 * 2**30
# Of each label in each case, places that patches are cut around.
_MOST_PLACES = 10_000
_IMAGE, _TRUTH, _PLACES, _ABOUT = "image.npy", "truth.npy", "places.npy", "about.json"


class Loaded(Protocol):
    """What is trained on: a case of `cohort.load`."""

    @property
    def series(self) -> Image:
        """What fills the first channel."""

    @property
    def others(self) -> Sequence[Image]:
        """What fills the other ones, in their order."""

    @property
    def truth(self) -> npt.NDArray[Any]:
        """(slice, row, column) label values on the voxels of `series`, or (label, ...) bool."""

    @property
    def patient(self) -> int:
        """Whose it is: an opaque number."""

    @property
    def unknown(self) -> Sequence[int]:
        """Values of labels of which nobody says whether they are there."""


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A case on the network's voxels.

    Attributes:
        image: (channel, a0, a1, a2) float32, in the working orientation.
        truth: (1, a0, a1, a2) label values, or (label, a0, a1, a2) 0 and 1 for labels that may
            overlap.
        places: (n, 4): the place of a label in the recipe's list, and a voxel that has it; in the
            order of the labels.
        grid: where the voxels lie.
        patient: whose it is: an opaque number.
        unknown: values of labels that may be anywhere.
    """

    image: npt.NDArray[np.float32]
    truth: npt.NDArray[np.unsignedinteger]
    places: npt.NDArray[np.int32]
    grid: Grid
    patient: int
    unknown: tuple[int, ...]


def example(case: Loaded, recipe: Recipe) -> Example:
    """A case as the network reads it.

    Raises:
        ImageError: an image cannot be read, or the truth does not lie on its voxels.
    """
    stage = trained_stage(recipe)
    images, channels = (case.series, *case.others), recipe.series_channels
    if len(images) != len(channels):
        raise ImageError(
            f"a case with {len(images)} images for {len(channels)} channels",
            "an image for each channel of the model",
            "collect the cohort with this model",
        )
    input_, _ = in_suv(stage.input, images)
    volumes = [
        image.volume(None, channel.color) for image, channel in zip(images, channels, strict=True)
    ]
    source = volumes[0].grid
    if case.truth.shape[-3:] != source.shape:
        raise ImageError(
            f"a truth of {case.truth.shape[-3:]} voxels on an image of {source.shape}",
            "a truth on the voxels of its image",
            "collect the cohort again",
        )
    prepared = prepare(volumes, input_, sized=case.series.has_voxel_size)
    truth = _on_network(case.truth, source, prepared, input_)
    places = _places(truth, recipe.labels)
    return Example(
        prepared.array, truth, places, prepared.network, case.patient, tuple(case.unknown)
    )


def _on_network(
    truth: npt.NDArray[Any], source: Grid, prepared: Prepared, input_: Input
) -> npt.NDArray[np.unsignedinteger]:
    if truth.ndim == 3:
        labels = Volume(truth, source).turned(prepared.axis_map)
        return np.ascontiguousarray(most_of_voxels(labels, prepared.network, input_))[None]
    result = np.empty((len(truth), *prepared.network.shape), np.uint8)
    for layer, there in zip(truth, result, strict=True):
        seen = Volume(layer.astype(np.float32), source).turned(prepared.axis_map)
        share = resample(
            seen, prepared.network, interpolation=Interpolation.LINEAR, outside=Outside.ZERO
        )
        np.greater_equal(share.array, 0.5, out=there)
    return result


def _places(
    truth: npt.NDArray[np.unsignedinteger], labels: Sequence[Label]
) -> npt.NDArray[np.int32]:
    found = [np.empty((0, 4), np.int32)]
    generator = np.random.default_rng(0)
    for number, label in enumerate(labels):
        mask = truth[number] != 0 if len(truth) > 1 else truth[0] == label.value
        flat = np.flatnonzero(mask)
        if len(flat) > _MOST_PLACES:
            flat = np.sort(generator.choice(flat, _MOST_PLACES, replace=False))
        voxels = np.stack(np.unravel_index(flat, mask.shape), 1).astype(np.int32)
        found.append(np.insert(voxels, 0, number, axis=1))
    return np.concatenate(found)


class Store(Sequence[Example]):
    """Examples in a folder, made when they are first asked for.

    Args:
        folder: where they lie; each is there whole or not at all.
        cases: what they are made of; each is asked for when its example is not there.
        recipe: of the network.
        most_bytes: all of them together.
    """

    def __init__(
        self, folder: Path, cases: Sequence[Loaded], recipe: Recipe, most_bytes: int = MOST_BYTES
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._cases, self._recipe, self._most = folder, cases, recipe, most_bytes

    def __len__(self) -> int:
        return len(self._cases)

    def __iter__(self) -> Iterator[Example]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> Example:  # type: ignore[override]
        place = self._folder / str(number)
        if place.exists():
            return _read(place)
        made = example(self._cases[number], self._recipe)
        size = made.image.nbytes + made.truth.nbytes + made.places.nbytes
        there = sum(file.stat().st_size for file in self._folder.rglob("*.npy"))
        free = shutil.disk_usage(self._folder).free - _LEFT_FREE
        if size > min(self._most - there, free):
            _log.warning("no room to keep case %d of %d: it is prepared again", number, len(self))
            return made
        with whole_folder(place) as new:
            _write(made, new)
        return _read(place)


def _write(made: Example, folder: Path) -> None:
    for name, array in ((_IMAGE, made.image), (_TRUTH, made.truth), (_PLACES, made.places)):
        np.save(folder / name, array, allow_pickle=False)
    about = {
        "affine": made.grid.affine.tolist(),
        "patient": made.patient,
        "unknown": list(made.unknown),
    }
    (folder / _ABOUT).write_text(json.dumps(about), encoding="utf-8")


def _read(folder: Path) -> Example:
    about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
    image, truth, places = (
        np.load(folder / name, mmap_mode="r", allow_pickle=False)
        for name in (_IMAGE, _TRUTH, _PLACES)
    )
    grid = Grid(image.shape[1:], np.array(about["affine"]))
    return Example(image, truth, places, grid, about["patient"], tuple(about["unknown"]))
