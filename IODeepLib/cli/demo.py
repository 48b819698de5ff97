"""The whole story on data that needs no download: pack, list, select, run, compare."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepLib.cli import arguments, console

if TYPE_CHECKING:
    from IODeepLib.inference.segmentation import Segmentation
    from IODeepLib.recipe import Recipe
    from IODeepLib.series import ImageSeries

DATA = Path(__file__).resolve().parents[1] / "demo_data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder")
    arguments.add_also(parser)
    arguments.add_signing(parser)


def run(options: argparse.Namespace) -> None:
    from IODeepLib import pipeline
    from IODeepLib.cli.select import selection_text
    from IODeepLib.disk.files import temporary_folder, whole_folder
    from IODeepLib.publish import pack
    from IODeepLib.recipe import read_recipe
    from IODeepLib.results.result import FILE_NAMES
    from IODeepLib.results.run_record import described
    from IODeepLib.results.same_run import refuse_other_run
    from IODeepLib.selection import select
    from IODeepLib.selection.publisher import refuse_to_try
    from IODeepLib.series import find_series
    from IODeepLib.sources.folder import find_models
    from IODeepLib.trust.signing import sign_files

    also = arguments.also_of(options)
    signer = arguments.signer_if_asked(options)
    recipe = read_recipe(DATA / "recipe.json")
    (series,) = find_series(DATA / "mr_t1")

    def may_replace(former: Path) -> None:
        refuse_other_run(former, described(result.channels, result.provenance), options.out, names)

    with whole_folder(options.out, FILE_NAMES, may_replace) as out, temporary_folder() as store:
        console.say("1. Pack: a network becomes DICOM instances (and four that do not fit as well)")
        for other in (recipe, *_others(recipe)):
            network = DATA / "demo_network.onnx"
            model = pack(network, other, store / other.name, signer=signer)
            refuse_to_try(model.card, signer)
            console.say(f"   {model.label}: {other.title}")
        console.say("\n2. Select: which of them fits the series?")
        selection = select(series, find_models(store).models)
        console.say(selection_text(selection))
        console.say(f"\n3. Run {selection.best.model.label}")
        with console.progress("run", upto=0.9) as progress:
            result = pipeline.run(
                series,
                selection.best.model,
                progress=progress,
                began=lambda stage: progress.begin(stage.value),
            ).beside(also)
        with console.progress("write") as progress:
            progress(0.0, "writing the results")
            names = result.write(out, also)
            if signer is not None:
                sign_files([out / name for name in names if name.endswith(".dcm")], signer)
    files = [str(options.out / name) for name in names]
    assert result.segmentation is not None  # noqa: S101 - the demo network segments
    dice = _dice(result.segmentation, series)
    lines = [
        *result.sentences(),
        "",
        "Dice against the template's own tissue masks (the network was trained on this image:",
        "this shows that the path works, not how good such a network is on patients)",
        *(f"  {name:<14}{value:.3f}" for name, value in dice.items()),
        "",
        *(f"wrote {file}" for file in files),
    ]
    console.emit(options, result.document() | {"dice": dice, "files": files}, "\n".join(lines))


def _others(recipe: Recipe) -> list[Recipe]:
    """Recipes under which the same network does not fit the demo series."""
    from msgspec.structs import replace

    from IODeepLib.codes import region_by_term
    from IODeepLib.recipe import Range

    def renamed(name: str, title: str, region: str, **changes: Any) -> Recipe:
        found = region_by_term(region)
        assert found is not None  # noqa: S101 - terms of our own table
        applies_to = replace(recipe.applies_to, anatomic_regions=(found.code,), **changes)
        channels = tuple(replace(c, modality=None) for c in recipe.series_channels)
        input_ = replace(recipe.all_stages[0].input, channels=channels)
        return replace(recipe, name=name, title=title, applies_to=applies_to, input=input_)

    return [
        renamed("liver-ct", "Liver on CT", "LIVER", modalities=("CT",)),
        renamed("knee-cartilage-mr", "Cartilage of the knee on MR", "KNEE"),
        renamed("chest-xray", "Lungs on chest radiographs", "CHEST", modalities=("DX", "CR")),
        renamed(
            "brain-fine-t1", "Brain on T1 of 1 mm or finer", "BRAIN", slice_spacing=Range(max=1.2)
        ),
    ]


def _dice(segmentation: Segmentation, series: ImageSeries) -> Mapping[str, float]:
    """Dice of each label against the reference segmentation of the demo data."""
    import highdicom
    import numpy as np

    reference = highdicom.seg.segread(DATA / "reference_seg.dcm")
    masks = reference.get_pixels_by_source_instance(
        list(series.sop_instance_uids), assert_missing_frames_are_empty=True
    )
    by_type = {
        (item.segmented_property_type.value, item.segmented_property_type.scheme_designator): i
        for i, item in enumerate(map(reference.get_segment_description, reference.segment_numbers))
    }
    dice = {}
    for label in segmentation.labels:
        found = segmentation.mask(label)
        wanted = masks[..., by_type[(label.type.value, label.type.scheme)]] != 0
        overlap = np.count_nonzero(found & wanted)
        dice[label.name] = 2 * overlap / (np.count_nonzero(found) + np.count_nonzero(wanted))
    return dice
