"""What goes to the process that does the work, and what comes back: plain files, no code in them.

For a run, the folder holds `job.json`, the voxels of each image as NumPy files and its header as
DICOM JSON (PS3.18 Annex F); later `result.json` and, for a segmentation, its labels and perhaps its
confidence as NumPy files. For packing a network, it holds `packing.json` and `recipe.json`; later
the instances. For asking a server for its models, it holds `source.json`; later `listing.json`. For
fetching what goes into the DICOM database, it holds `origin.json`; later the files. For sending
files to a server, it holds `sending.json`; later `sent.json`. For the question what can compute, it
holds nothing; later `devices.json`. For asking a service what becomes of a study, it holds
`question.json`; later `seen.json`. For surfaces, it holds `layers.json` and the labels as NumPy
files; later the surfaces as VTK files. What goes there to be measured or saved: `segments_job`,
`save_job`.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepSlicer.sources.servers import Address
from IODeepSlicer.work.array_file import readArray, writeArray
from IODeepSlicer.work.json_file import objectsIn, readJson, writeJson

if TYPE_CHECKING:
    import numpy as np

    from IODeepLib.geometry import Grid
    from IODeepLib.inference.classification import Classification
    from IODeepLib.inference.segmentation import Segmentation
    from IODeepLib.model_object import Model
    from IODeepLib.pipeline import Options
    from IODeepLib.recipe import Label, Recipe
    from IODeepLib.results.result import Result
    from IODeepLib.series import VolumeImage
    from IODeepLib.service.client import StudySeen

_JOB, _RESULT = "job.json", "result.json"
_LABELS, _CONFIDENCE = "labels.npy", "confidence.npy"
_PACKING, _RECIPE, _PACKED = "packing.json", "recipe.json", "packed"
_SOURCE, _LISTING = "source.json", "listing.json"
_SENDING, _SENT = "sending.json", "sent.json"
_ORIGIN = "origin.json"
_DEVICES, _LAYERS = "devices.json", "layers.json"
_QUESTION, _SEEN = "question.json", "seen.json"


@dataclass(frozen=True)
class Job:
    """A model, the options, and the images: the first one is what the result lies on.

    Attributes:
        source: the server from which weights come that are not here; None if all are here.
    """

    model: Model
    options: Options
    images: Sequence[VolumeImage]
    source: Address | None = None


@dataclass(frozen=True)
class Origin:
    """Where files come from that are to go into the DICOM database.

    Attributes:
        path: a folder or ZIP file with models; None if a server is asked.
        server: the one that is asked.
        card: SOP Instance UID of the card of the model that is wanted from there; "" for images.
        study: Study Instance UID of the images that are wanted from there.
    """

    path: Path | None = None
    server: Address = ""
    card: str = ""
    study: str = ""


def writeJob(folder: Path, job: Job) -> Generator[None, None, None]:
    """Put `job` into `folder`, a piece at each step."""
    names = {}
    for i, image in enumerate(job.images):
        names[id(image.voxels.array)] = f"image-{i}.npy"
        yield from writeArray(folder / f"image-{i}.npy", image.voxels.array)
    parts = [part.path for part in job.model.parts if part is not None]
    document = {
        "model": [job.model.card.path, *parts],
        "source": job.source,
        "options": job.options,
        "images": job.images,
    }
    writeJson(folder / _JOB, document, lambda array: names.get(id(array)) or array.tolist())


def readJob(folder: Path) -> Job:
    """The job in `folder`."""
    from msgspec import convert

    from IODeepLib.pipeline import Options
    from IODeepLib.series import VolumeImage
    from IODeepLib.sources.folder import models_in_files

    document = readJson(folder / _JOB, dict[str, Any])
    catalog = models_in_files([Path(path) for path in document["model"]])
    for problem in catalog.problems:
        raise problem.error
    (model,) = catalog.models
    images = convert(document["images"], list[VolumeImage], dec_hook=objectsIn(folder))
    return Job(model, convert(document["options"], Options), images, document["source"])


def writeResult(folder: Path, result: Result) -> None:
    """Put what a run gave into `folder`."""
    if result.segmentation is not None:
        for _ in writeArray(folder / _LABELS, result.segmentation.array):
            pass
        if result.segmentation.confidence is not None:
            for _ in writeArray(folder / _CONFIDENCE, _percent(result.segmentation.confidence[0])):
                pass
    document = result.document() | {"threads": result.threads}
    if result.segmentation is not None:
        document["fingerprints"] = result.segmentation.fingerprints()
    (folder / _RESULT).write_text(json.dumps(document), encoding="utf-8")


def _percent(probability: np.ndarray) -> np.ndarray:
    """(k, j, i) uint8, at least 1 where the network looked, see `Segmentation.confidence`."""
    import numpy as np

    from IODeepLib.inference.segmentation import CERTAIN

    percent = np.empty(probability.shape, np.uint8)
    for plane, target in zip(probability, percent, strict=True):
        target[...] = np.maximum(np.rint(plane * np.float32(100 / CERTAIN)), plane != 0)
    return percent


def readConfidence(folder: Path) -> Generator[None, None, np.ndarray | None]:
    """(k, j, i) percent, where it was asked for and there is any; read a piece at each step."""
    path = folder / _CONFIDENCE
    return (yield from readArray(path)) if path.exists() else None


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
    from IODeepLib.inference.classification import Classification
    from IODeepLib.inference.segmentation import Segmentation

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

    writeJson(folder / _PACKING, onnxFile)
    (folder / _RECIPE).write_text(recipe_to_json(recipe), encoding="utf-8")


def readPacking(folder: Path) -> tuple[Path, Recipe]:
    """The network that is to be packed, and its recipe."""
    from IODeepLib.recipe import read_recipe

    return readJson(folder / _PACKING, Path), read_recipe(folder / _RECIPE)


def packedFolder(folder: Path) -> Path:
    """Where the instances of a packed network lie."""
    return folder / _PACKED


def writeSource(folder: Path, server: Address) -> None:
    """Say in `folder` which server is to be asked for its models."""
    writeJson(folder / _SOURCE, server)


def readSource(folder: Path) -> Address:
    """The server that is to be asked."""
    return readJson(folder / _SOURCE, Address)


def writeListing(folder: Path, cards: Sequence[Path]) -> None:
    """Put into `folder` where the cards and notices lie that a server has."""
    writeJson(folder / _LISTING, cards)


def readListing(folder: Path) -> list[Path]:
    """Where the cards and notices lie that a server has."""
    return readJson(folder / _LISTING, list[Path])


def writeSending(folder: Path, files: Sequence[Path], server: Address) -> None:
    """Say in `folder` which files are to be sent where."""
    writeJson(folder / _SENDING, (files, server))


def readSending(folder: Path) -> tuple[list[Path], Address]:
    """The files that are to be sent, and where."""
    return readJson(folder / _SENDING, tuple[list[Path], Address])


def writeSent(folder: Path, files: Sequence[Path]) -> None:
    """Put into `folder` which files the server did not have before."""
    writeJson(folder / _SENT, files)


def readSent(folder: Path) -> list[Path]:
    """The files that the server did not have before."""
    return readJson(folder / _SENT, list[Path])


def writeDevices(folder: Path, providers: Sequence[str], version: str) -> None:
    """Put into `folder` what ONNX Runtime can compute on, and its version."""
    writeJson(folder / _DEVICES, (providers, version))


def readDevices(folder: Path) -> tuple[list[str], str]:
    """What ONNX Runtime can compute on, the best first, and its version."""
    return readJson(folder / _DEVICES, tuple[list[str], str])


def writeQuestion(folder: Path, service: str, studyUID: str, *, order: bool) -> None:
    """Say in `folder` which service is asked about which study, and whether to run it."""
    writeJson(folder / _QUESTION, (service, studyUID, order))


def readQuestion(folder: Path) -> tuple[str, str, bool]:
    """The service that is asked, the study, and whether it is to be run."""
    return readJson(folder / _QUESTION, tuple[str, str, bool])


def writeSeen(folder: Path, seen: StudySeen) -> None:
    """Put into `folder` what a service knows of a study."""
    writeJson(folder / _SEEN, seen)


def readSeen(folder: Path) -> StudySeen:
    """What a service knows of a study."""
    from IODeepLib.service.client import StudySeen

    return readJson(folder / _SEEN, StudySeen)


def writeOrigin(folder: Path, origin: Origin) -> None:
    """Say in `folder` what is to be fetched from where."""
    writeJson(folder / _ORIGIN, origin)


def readOrigin(folder: Path) -> Origin:
    """What is to be fetched from where."""
    return readJson(folder / _ORIGIN, Origin)


def writeLayers(folder: Path, layers: Sequence[dict[str, Any]], parameters: dict[str, str]) -> None:
    """Say in `folder` what its NumPy files hold, and how surfaces are made of them."""
    writeJson(folder / _LAYERS, (layers, parameters))


def readLayers(folder: Path) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """What the NumPy files in `folder` hold, and how surfaces are made of them."""
    return readJson(folder / _LAYERS, tuple[list[dict[str, Any]], dict[str, str]])
