"""The files that are written beside the usual ones where they are asked for: `--also`.

A kind of file is a row of `KINDS`, and its writer a module that is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from IODeepLib.errors import IODeepError, UsageError
from IODeepLib.model_object import Model
from IODeepLib.recipe import Task
from IODeepLib.series import Image, ImageSeries

if TYPE_CHECKING:
    from IODeepLib.inference.segmentation import Segmentation
    from IODeepLib.results.result import Result

# Writes the files into a folder and returns their names; all are among those of the kind.
Writer = Callable[["Result", Path], list[str]]
# Why no result of these images and this model can be written so, or None.
Refusal = Callable[[Sequence[Image], Model], IODeepError | None]
# Why this one cannot.
Obstacle = Callable[["Result"], IODeepError | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file.

    Attributes:
        files: the names that its files may have.
        write: writes them.
        refusal: why there are none, as far as that is known before the run.
        obstacle: why there are none of a result; what both let pass can be written.
    """

    files: tuple[str, ...]
    write: Writer
    refusal: Refusal = lambda channels, model: None
    obstacle: Obstacle = lambda result: None


def _nifti(result: Result, folder: Path) -> list[str]:
    from IODeepLib.results.formats.nifti import write_nifti

    return write_nifti(_segmentation(result), folder, placed=result.series.has_patient_geometry)


def _nrrd(result: Result, folder: Path) -> list[str]:
    from IODeepLib.results.formats.seg_nrrd import write_seg_nrrd

    return write_seg_nrrd(_segmentation(result), folder, result.model.label)


def _rtstruct(result: Result, folder: Path) -> list[str]:
    from IODeepLib.results.formats.rtstruct import make_rtstruct, write_rtstruct

    first, *others = [one for one in dict.fromkeys(result.channels) if isinstance(one, ImageSeries)]
    dataset = make_rtstruct(_segmentation(result), first, result.provenance, others)
    return write_rtstruct(dataset, folder)


def _no_planes(channels: Sequence[Image], model: Model) -> IODeepError | None:
    """Why the images have no planes for contours."""
    from IODeepLib.results.formats.rtstruct import images_obstacle

    return _no_labels(channels, model) or images_obstacle(channels)


def _no_contours(result: Result) -> IODeepError | None:
    """Why there are no contours in the planes of images."""
    from IODeepLib.results.formats.rtstruct import contours_obstacle

    return contours_obstacle(result.channels, _segmentation(result))


def _segmentation(result: Result) -> Segmentation:
    assert result.segmentation is not None  # noqa: S101 - see `_no_labels`
    return result.segmentation


def _no_labels(channels: Sequence[Image], model: Model) -> IODeepError | None:
    """Why there are no labels on voxels."""
    if model.card.task is Task.SEGMENTATION:
        return None
    return UsageError(
        f"{model.label}, which says something of the whole image",
        "a network that segments",
        "leave out the files for label maps",
    )


def _csv(result: Result, folder: Path) -> list[str]:
    from IODeepLib.results.formats.measurement_table import write_measurements

    return write_measurements(result, folder)


def _sheet(result: Result, folder: Path) -> list[str]:
    from IODeepLib.results.pictures.sheet import write_sheet

    return write_sheet(result, folder)


def _html(result: Result, folder: Path) -> list[str]:
    from IODeepLib.results.page.report import write_report

    return write_report(result, folder)


def _captures(result: Result, folder: Path) -> list[str]:
    from IODeepLib.results.captures.write import write_captures

    return write_captures(result, folder)


def _no_study(channels: Sequence[Image], model: Model) -> IODeepError | None:
    """Why there is no study that a picture can lie in."""
    from IODeepLib.results.captures.write import capture_obstacle

    return capture_obstacle(channels)


KINDS: dict[str, Kind] = {
    "nifti": Kind(("segmentation.nii.gz", "segmentation.labels.csv"), _nifti, _no_labels),
    "rtstruct": Kind(("rtstruct.dcm",), _rtstruct, _no_planes, _no_contours),
    "nrrd": Kind(("segmentation.seg.nrrd",), _nrrd, _no_labels),
    "csv": Kind(("measurements.csv",), _csv),
    "sheet": Kind(("sheet.png",), _sheet),
    "sc": Kind(("sheet.dcm", "key_objects.dcm"), _captures, _no_study),
    "html": Kind(("report.html",), _html),
}
FILE_NAMES = tuple(name for kind in KINDS.values() for name in kind.files)


def kinds_named(words: str) -> tuple[str, ...]:
    """The kinds in a list with commas, each once, in the order of `KINDS`.

    Raises:
        UsageError: one that there is not, or none at all.
    """
    return known_kinds([word.strip() for word in words.split(",")])


def known_kinds(names: Sequence[str]) -> tuple[str, ...]:
    """The same of a list of names, which may be empty."""
    unknown = [name for name in names if name not in KINDS]
    if unknown:
        raise UsageError(
            f"no kind of file called {', '.join(map(repr, unknown))}",
            f"some of {', '.join(KINDS)}, with commas between them",
            "correct --also",
        )
    return tuple(name for name in KINDS if name in names)


def refuse(names: Sequence[str], channels: Sequence[Image], model: Model) -> None:
    """Refuse what cannot be written of any result, before a network is run for it.

    Args:
        names: the kinds that are asked for.
        channels: the images that the model will read.
        model: the model.

    Raises:
        UsageError: there is no such kind, or no file of it.
    """
    for name in known_kinds(names):
        error = KINDS[name].refusal(channels, model)
        if error is not None:
            raise UsageError(
                f"no {name} can be written: {error.found}",
                error.wanted,
                f"{error.next_step}; without {name} in --also, all else is written",
            )


def obstacles(result: Result, names: Sequence[str]) -> dict[str, IODeepError]:
    """Of the kinds that are asked for and cannot be written: why not."""
    found = {
        name: KINDS[name].refusal(result.channels, result.model) or KINDS[name].obstacle(result)
        for name in known_kinds(names)
    }
    return {name: error for name, error in found.items() if error is not None}


def write(result: Result, folder: Path, names: Sequence[str]) -> list[str]:
    """Write what is asked for into `folder`, but for what has an obstacle; the files' names.

    Raises:
        UsageError: a name that there is not.
        OutputError: a file cannot be written.
    """
    kept = obstacles(result, names)
    written = (KINDS[name].write(result, folder) for name in known_kinds(names) if name not in kept)
    return [file for files in written for file in files]
