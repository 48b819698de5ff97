"""What goes to the process that does the work, and what comes back: plain files, no code in them.

For a run, the folder holds `job.json`, the voxels of each image as NumPy files and its header as
DICOM JSON (PS3.18 Annex F); later `result.json` and, for a segmentation, its labels as a NumPy
file. For packing a network, it holds `packing.json` and `recipe.json`; later the instances. For
asking a server for its models, it holds `source.json`; later `listing.json`. For sending files to a
server, it holds `sending.json`; later `sent.json`.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepSlicer.array_file import readArray, writeArray
from IODeepSlicer.servers import Address

if TYPE_CHECKING:
    from IODeepLib.classification import Classification
    from IODeepLib.geometry import Grid
    from IODeepLib.model_object import Model
    from IODeepLib.pipeline import Options
    from IODeepLib.recipe import Label, Recipe
    from IODeepLib.result import Result
    from IODeepLib.segmentation import Segmentation
    from IODeepLib.series import Image, VolumeImage

_JOB, _RESULT, _LABELS = "job.json", "result.json", "labels.npy"
_PACKING, _RECIPE, _PACKED = "packing.json", "recipe.json", "packed"
_SOURCE, _LISTING = "source.json", "listing.json"
_SENDING, _SENT = "sending.json", "sent.json"


@dataclass(frozen=True)
class Job:
    """A model, the options, and the images: the first one is what the result lies on.

    Attributes:
        source: the server from which weights come that are not here; None if all are here.
    """

    model: Model
    options: Options
    images: Sequence[Image]
    source: Address | None = None


def writeJob(folder: Path, job: Job) -> Generator[None, None, None]:
    """Put `job` into `folder`, a piece at each step."""
    paths = [job.model.card.path, *(part.path for part in job.model.parts if part is not None)]
    images = []
    for i, image in enumerate(job.images):
        volume = image.volume()
        yield from writeArray(folder / f"image-{i}.npy", volume.array)
        images.append(
            {
                "name": getattr(image, "name", image.description),
                "affine": volume.grid.affine.tolist(),
                "frame_of_reference": volume.grid.frame_of_reference,
                "geometry_fault": image.geometry_fault,
                "problems": list(image.problems),
                "header": image.header.to_json_dict(suppress_invalid_tags=True),
            }
        )
    options = job.options
    document = {
        "model": [str(path) for path in paths],
        "source": job.source,
        "seg_type": options.seg_type.value,
        "provider": options.provider,
        "threads": options.threads,
        "labels": options.labels,
        "images": images,
    }
    (folder / _JOB).write_text(json.dumps(document), encoding="utf-8")


def readJob(folder: Path) -> Job:
    """The job in `folder`."""
    from IODeepLib.pipeline import Options
    from IODeepLib.results import SegmentationType
    from IODeepLib.sources.folder import models_in_files

    document = json.loads((folder / _JOB).read_text(encoding="utf-8"))
    library = models_in_files([Path(path) for path in document["model"]])
    for problem in library.problems:
        raise problem.error
    (model,) = library.models
    labels = document["labels"]
    options = Options(
        SegmentationType(document["seg_type"]),
        document["provider"],
        document["threads"],
        tuple(labels) if labels is not None else None,
    )
    images = [_image(folder, i, each) for i, each in enumerate(document["images"])]
    return Job(model, options, images, document["source"])


def _image(folder: Path, index: int, said: dict[str, Any]) -> VolumeImage:
    import numpy as np
    from pydicom.dataset import Dataset

    from IODeepLib.geometry import Grid, Volume
    from IODeepLib.series import VolumeImage

    array = np.load(folder / f"image-{index}.npy", allow_pickle=False)
    grid = Grid(array.shape, np.array(said["affine"]), said["frame_of_reference"])
    return VolumeImage(
        Volume(array, grid),
        Dataset.from_json(said["header"]),
        said["name"],
        said["geometry_fault"],
        tuple(said["problems"]),
    )


def writeResult(folder: Path, result: Result) -> None:
    """Put what a run gave into `folder`."""
    if result.segmentation is not None:
        for _ in writeArray(folder / _LABELS, result.segmentation.array):
            pass
    (folder / _RESULT).write_text(json.dumps(result.document()), encoding="utf-8")


def readResult(
    folder: Path, labels: Sequence[Label], grid: Grid
) -> Generator[None, None, tuple[Segmentation | Classification, dict[str, Any]]]:
    """What was found, and everything about the run in plain values; read a piece at each step.

    Args:
        folder: where `writeResult` put it.
        labels: all that the model has.
        grid: of the image.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    from IODeepLib.classification import Classification
    from IODeepLib.segmentation import Segmentation

    document = json.loads((folder / _RESULT).read_text(encoding="utf-8"))
    if "values" in document:
        values = tuple(document["values"][label.name] for label in labels)
        chosen = tuple(label for label in labels if label.name in document["chosen"])
        return Classification(tuple(labels), values, chosen), document
    kept = tuple(label for label in labels if label.name not in document["left_out"])
    array = yield from readArray(folder / _LABELS)
    return Segmentation(array, grid, kept), document


def writePacking(folder: Path, onnxFile: Path, recipe: Recipe) -> None:
    """Say in `folder` which network is to be packed."""
    from IODeepLib.recipe import recipe_to_json

    (folder / _PACKING).write_text(json.dumps({"onnx": str(onnxFile)}), encoding="utf-8")
    (folder / _RECIPE).write_text(recipe_to_json(recipe), encoding="utf-8")


def readPacking(folder: Path) -> tuple[Path, Recipe]:
    """The network that is to be packed, and its recipe."""
    from IODeepLib.recipe import read_recipe

    document = json.loads((folder / _PACKING).read_text(encoding="utf-8"))
    return Path(document["onnx"]), read_recipe(folder / _RECIPE)


def packedFolder(folder: Path) -> Path:
    """Where the instances of a packed network lie."""
    return folder / _PACKED


def writeSource(folder: Path, server: Address) -> None:
    """Say in `folder` which server is to be asked for its models."""
    (folder / _SOURCE).write_text(json.dumps(server), encoding="utf-8")


def readSource(folder: Path) -> Address:
    """The server that is to be asked."""
    return json.loads((folder / _SOURCE).read_text(encoding="utf-8"))


def writeListing(folder: Path, cards: Sequence[Path]) -> None:
    """Put into `folder` where the cards and notices lie that a server has."""
    (folder / _LISTING).write_text(json.dumps([str(path) for path in cards]), encoding="utf-8")


def readListing(folder: Path) -> list[Path]:
    """Where the cards and notices lie that a server has."""
    return [Path(path) for path in json.loads((folder / _LISTING).read_text(encoding="utf-8"))]


def writeSending(folder: Path, files: Sequence[Path], server: Address) -> None:
    """Say in `folder` which files are to be sent where."""
    document = {"files": [str(path) for path in files], "server": server}
    (folder / _SENDING).write_text(json.dumps(document), encoding="utf-8")


def readSending(folder: Path) -> tuple[list[Path], Address]:
    """The files that are to be sent, and where."""
    document = json.loads((folder / _SENDING).read_text(encoding="utf-8"))
    return [Path(path) for path in document["files"]], document["server"]


def writeSent(folder: Path, files: Sequence[Path]) -> None:
    """Put into `folder` which files the server did not have before."""
    (folder / _SENT).write_text(json.dumps([str(path) for path in files]), encoding="utf-8")


def readSent(folder: Path) -> list[Path]:
    """The files that the server did not have before."""
    return [Path(path) for path in json.loads((folder / _SENT).read_text(encoding="utf-8"))]
