"""A result in sentences, for whoever reads a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.recipe import Label
from IODeepLib.results.maps.occlusion import sentence as occlusion_sentence
from IODeepLib.results.maps.parametric_map import map_obstacle
from IODeepLib.series import ImageSeries

if TYPE_CHECKING:
    from IODeepLib.results.result import Result


def sentences(result: Result) -> Iterator[str]:
    """The result for people, a line each."""
    yield f"{result.model.label} on {result.series.label} with {result.provider}"
    if result.empty:
        yield "it found nothing: no segmentation is written"
    elif result.segmentation is not None:
        for name, volume in result.segmentation.volumes().items():
            found = f"{volume:10.1f} mL" if result.series.has_voxel_size else " found"
            yield f"  {name:<24} {found if volume else ' not found'}{_sure_of(result, name)}"
    if result.classification is not None:
        for label, value in zip(
            result.classification.labels, result.classification.values, strict=True
        ):
            chosen = "  <-" if label in result.classification.chosen else ""
            yield f"  {label.name:<24} {value:10.4g} {_unit(label)}{chosen}".rstrip()
    if result.seg is not None and result.want_seg_on_slices and result.seg_on_slices is None:
        yield f"no second DICOM SEG is written: {_why_not_on_slices(result)}"
    asked = result.occlusion is not None or result.confidence is not None
    if asked and not result.maps():
        yield f"no DICOM map is written: {_why_no_map(result)}"
    if result.occlusion is not None:
        yield occlusion_sentence(result.occlusion)
    if result.left_out:
        yield f"left out, as asked: {', '.join(result.left_out)}"
    for note in result.notes:
        yield f"note: {note}"


def _why_no_map(result: Result) -> str:
    stored = [image for image in result.channels if isinstance(image, ImageSeries)]
    errors = [error for error in map(map_obstacle, stored) if error is not None]
    return str(errors[0]) if errors else "the images are in memory only"


def _sure_of(result: Result, name: str) -> str:
    one = (result.confidence or {}).get(name)
    return "" if one is None else f", mean probability {one.mean_probability:.3f}"


def _why_not_on_slices(result: Result) -> str:
    if isinstance(result.series.slices, SliceStack):
        return "what was found lies between the slices"
    return "the first one lies on the slices themselves"


def _unit(label: Label) -> str:
    return label.unit.value if label.unit else ""
