"""`iodeep show` of results: where they come from, and whether that still holds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from command import Answer, refused
from makers.packed_models import altered
from makers.recipes import label
from makers.results import PROVENANCE, three_labels
from makers.series import Stack
from makers.summing_networks import model_of, sums
from pacs.servers import Orthanc
from pydicom.dataset import Dataset

from IODeepLib.cli.main import main
from IODeepLib.results import Edit, StoredObject, make_seg
from IODeepLib.series import find_series
from IODeepLib.sources.folder import find_model

OUTPUT = {"channels": 3, "activation": "softmax", "labels": [label(1, "bright"), label(2, "dark")]}


def a_model(folder: Path, version: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    network = sums([[0], [1], [-1]], spatial=3, bias=[0.5, -2000, 900])
    model_of(folder, network, version=version, output=OUTPUT)


@pytest.fixture(scope="module")
def ran_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images, a model and a result with every kind of object."""
    folder = tmp_path_factory.mktemp("ran")
    values = np.arange(5 * 24 * 28, dtype=np.int16).reshape(5, 24, 28)
    images = Stack(values).write(folder / "images")
    a_model(folder, "1.0.0")
    where = ["run", str(images), "--models", str(folder / "model"), "--out", str(folder / "out")]
    assert main([*where, "--also", "sc,rtstruct", "--confidence"]) == 0
    return folder


@pytest.fixture
def ran(ran_once: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return shutil.copytree(ran_once, tmp_path / "ran")


@pytest.fixture
def show(ran: Path, iodeep: Callable[..., Answer]) -> Callable[..., Any]:
    """What `show --json` says of the one run in a folder or file, after `status`."""

    def shown(what: Path | str = ran / "out", *arguments: object, status: int = 0) -> Any:
        places = () if arguments else ("--models", ran / "model", "--images", ran / "images")
        answer = iodeep("show", what, *(arguments or places), "--json")
        assert answer.status == status, answer
        (one,) = json.loads(answer.out)["results"]
        return one

    return shown


def outcomes(shown: Any, *subjects: str) -> dict[str, set[str]]:
    """What came of the checks, by subject."""
    found: dict[str, set[str]] = {}
    for one in shown["checks"]:
        if not subjects or one["subject"] in subjects:
            found.setdefault(one["outcome"], set()).add(one["subject"])
    return found


def words(shown: Any, outcome: str) -> str:
    return "\n".join(one["words"] for one in shown["checks"] if one["outcome"] == outcome)


def test_a_result_is_followed_back_to_images_and_network(
    ran: Path, show: Callable[..., Any], iodeep: Callable[..., Answer]
) -> None:
    shown = show()
    card = find_model(ran / "model").card
    said = json.loads((ran / "out" / "result.json").read_text("utf-8"))["provenance"]
    assert shown["network"] == {
        "title": card.title,
        "label": card.label,
        "publisher": card.recipe.card.publisher,
        "model_uid": card.model_uid,
        "card_sop_instance_uid": card.sop_instance_uid,
        "network_sha256": card.network_digest,
        "weights_sha256": said["weights_digest"],
    }
    assert shown["run"]["provider"] == "CPUExecutionProvider"
    assert shown["run"]["options"] == {"seg_type": "BINARY"}
    (series,) = find_series(ran / "images")
    (images,) = shown["images"]
    assert set(images["sop_instance_uids"]) == set(series.sop_instance_uids)
    files = {path.name for path in (ran / "out").glob("*.dcm")}
    assert {Path(one["path"]).name for one in shown["objects"]} == files
    assert len(files) == 6
    assert set(outcomes(shown)) == {"OK"}
    numbers = words(shown, "OK")
    counts = ("voxels", "voxels_with_value")  # which no report has
    measured = json.loads((ran / "out" / "result.json").read_text("utf-8"))["measurements"]
    known = [
        one[key] for one in measured["segments"] for key in one if key not in ("label", *counts)
    ]
    count = len([value for value in known if value is not None])
    assert count > 10
    assert f"its {count} numbers are those of result.json" in numbers
    assert "2 segments with as many voxels as result.json says" in numbers
    text = iodeep("show", ran / "out", "--models", ran / "model").out
    for line in (
        "  network SHA-256  ",
        "  images           5 images of",
        "  OK               model",
    ):
        assert line in text


@pytest.mark.parametrize(
    "name",
    [
        "segmentation.dcm",
        "report.dcm",
        "rtstruct.dcm",
        "confidence.dcm",
        "sheet.dcm",
        "key_objects.dcm",
    ],
)
def test_every_object_says_by_itself_which_network_it_was(
    name: str, ran: Path, show: Callable[..., Any]
) -> None:
    shown = show(ran / "out" / name)
    checked = outcomes(shown, "model", "network_sha256", "weights_sha256", "images")
    assert {"model", "network_sha256", "weights_sha256"} <= checked["OK"]
    # A Key Object Selection names results and no images.
    assert ("images" in checked["OK"]) == (name != "key_objects.dcm")
    assert "differs" not in outcomes(shown)


def test_nothing_is_said_to_be_well_that_was_not_looked_at(
    ran: Path, show: Callable[..., Any]
) -> None:
    shown = show(ran / "out" / "report.dcm", "--models", ran / "images")
    assert outcomes(shown)["not found here"] == {"model", "report.dcm"}
    assert outcomes(shown)["not checked"] == {"images"}
    (ran / "images" / "002.dcm").unlink()
    shown = show()
    assert outcomes(shown)["not found here"] == {"images"}
    assert "1 image of 5" in words(shown, "not found here")


def flip_a_voxel(dataset: Dataset) -> None:
    content = bytearray(dataset.PixelData)
    content[3] ^= 1
    dataset.PixelData = bytes(content)


def another_number(dataset: Dataset) -> None:
    groups = next(
        one
        for one in dataset.ContentSequence
        if one.ConceptNameCodeSequence[0].CodeMeaning == "Imaging Measurements"
    )
    measured = groups.ContentSequence[1].ContentSequence
    volume = next(one for one in measured if one.ConceptNameCodeSequence[0].CodeMeaning == "Volume")
    volume.MeasuredValueSequence[0].NumericValue = "3.25"


def another_network(dataset: Dataset) -> None:
    for segment in dataset.SegmentSequence:
        (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
        said = json.loads(algorithm.AlgorithmParameters)
        said["weights_sha256"] = "ab" * 32
        algorithm.AlgorithmParameters = json.dumps(said)


@pytest.mark.parametrize(
    ("name", "change", "found"),
    [
        ("segmentation.dcm", flip_a_voxel, "voxels, in result.json"),
        ("report.dcm", another_number, "volume_ml of dark is 3.25"),
        ("segmentation.dcm", another_network, "different networks"),
    ],
)
def test_what_was_changed_since_is_found(
    name: str,
    change: Callable[[Dataset], None],
    found: str,
    ran: Path,
    show: Callable[..., Any],
    iodeep: Callable[..., Answer],
) -> None:
    altered(ran / "out" / name, change)
    shown = show(status=4)
    assert name in outcomes(shown)["differs"]
    assert found in words(shown, "differs")
    answer = iodeep("show", ran / "out")
    assert "differs" in answer.out and "; next: " in answer.err


def lie_by_a_factor(dataset: Dataset) -> None:
    (shared,) = dataset.SharedFunctionalGroupsSequence
    shared.PixelMeasuresSequence[0].SpacingBetweenSlices *= 2


@pytest.mark.parametrize("change", [None, flip_a_voxel, lie_by_a_factor])
def test_a_report_does_not_claim_a_segmentation_that_was_changed_since(
    change: Callable[[Dataset], None] | None, ran: Path, show: Callable[..., Any]
) -> None:
    """In a PACS, where no `result.json` tells of it."""
    (ran / "out" / "result.json").unlink()
    if change is None:
        shown = show()
        assert set(outcomes(shown)) == {"OK"}
        assert "2 volumes as segmentation.dcm has voxels" in words(shown, "OK")
        return
    altered(ran / "out" / "segmentation.dcm", change)
    shown = show(status=4)
    assert outcomes(shown)["differs"] == {"report.dcm"}
    assert "mL" in words(shown, "differs") and "voxels of " in words(shown, "differs")


def test_a_segmentation_without_a_size_has_no_volumes_to_compare(
    ran: Path, show: Callable[..., Any]
) -> None:
    (ran / "out" / "result.json").unlink()

    def change(dataset: Dataset) -> None:
        (shared,) = dataset.SharedFunctionalGroupsSequence
        del shared.PixelMeasuresSequence

    altered(ran / "out" / "segmentation.dcm", change)
    shown = show()
    assert outcomes(shown)["not checked"] == {"segmentation.dcm"}
    assert "how large a voxel is" in words(shown, "not checked")


def test_another_model_under_the_same_card_is_found(ran: Path, show: Callable[..., Any]) -> None:
    def other_recipe(dataset: Dataset) -> None:
        # As somebody does it who makes the digests fit.
        from IODeepLib.model_object.characteristics import sha256
        from IODeepLib.model_object.private_dictionary import Element, block_of

        block = block_of(dataset)
        assert block is not None
        text = block[Element.RECIPE].value.replace("dark", "dull")
        block[Element.RECIPE].value = text
        block[Element.RECIPE_DIGEST].value = sha256(text)

    altered(ran / "model" / "card.dcm", other_recipe)
    shown = show(status=4)
    assert outcomes(shown)["differs"] == {"network_sha256"}
    assert "weights_sha256" in outcomes(shown)["OK"]


def test_retired_models_newer_versions_and_copies_are_named(
    ran: Path, show: Callable[..., Any], iodeep: Callable[..., Answer]
) -> None:
    for version in ("1.0.0", "1.2.0", "1.10.0-rc.1"):
        a_model(ran / "more" / version, version)
    assert iodeep("retire", find_model(ran / "model").label, ran / "model").status == 0
    shutil.copytree(ran / "model", ran / "more" / "first")
    shown = show(ran / "out", "--models", ran / "more")
    notes = words(shown, "note")
    assert "is retired by now: withdrawn" in notes
    assert "1.10.0-rc.1 is in" in notes
    shutil.rmtree(ran / "more" / "first")
    shown = show(ran / "out", "--models", ran / "more")
    assert "is the same network, packed again" in words(shown, "not found here")


def test_an_edited_segmentation_names_what_it_corrects(
    tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    (series,) = find_series(Stack().write(tmp_path / "images"))
    segmentation = three_labels(series.volume().grid)
    made = make_seg(segmentation, series, PROVENANCE)
    assert made is not None
    first = made.dataset
    where = (first.StudyInstanceUID, first.SeriesInstanceUID, first.SOPInstanceUID)
    edit = Edit(frozenset((1,)), by="Doe^Jane", corrects=StoredObject(*where, first.SOPClassUID))
    edited = make_seg(segmentation, series, PROVENANCE, edit=edit)
    assert edited is not None
    edited.save(tmp_path / "edited.dcm")
    text = iodeep("show", tmp_path / "edited.dcm").out
    assert f"corrects {first.SOPInstanceUID}, by Doe^Jane" in text
    assert "not found here   edited.dcm" in text
    (tmp_path / "both").mkdir()
    made.save(tmp_path / "both" / "first.dcm")
    shutil.copy(tmp_path / "edited.dcm", tmp_path / "both")
    assert "edited.dcm: corrects first.dcm, which is here" in iodeep("show", tmp_path / "both").out


def test_what_a_network_says_of_a_whole_image(
    tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    images = Stack().write(tmp_path / "images")
    labels = [label(1, "bright", channel=0), label(2, "dim", channel=1)]
    model_of(
        tmp_path,
        sums([[0.01], [0]], spatial=3, ending="pool"),
        task="CLASSIFICATION",
        output={"activation": "softmax", "labels": labels},
    )
    out = tmp_path / "out"
    assert iodeep("run", images, "--models", tmp_path / "model", "--out", out).status == 0
    assert "its 2 numbers are those of result.json" in iodeep("show", out).out
    said = json.loads((out / "result.json").read_text("utf-8"))
    said["values"]["dim"] += 1e-6
    (out / "result.json").write_text(json.dumps(said), "utf-8")
    answer = iodeep("show", out)
    assert answer.status == 4
    assert "value of dim is" in answer.out


def test_results_in_a_pacs(
    orthanc: Orthanc, ran: Path, show: Callable[..., Any], iodeep: Callable[..., Answer]
) -> None:
    for folder in ("images", "model", "out"):
        assert iodeep("push", ran / folder, orthanc.source).status == 0
    seg = pydicom.dcmread(ran / "out" / "segmentation.dcm")
    shown = show(orthanc.source, "--series", seg.SeriesInstanceUID)
    assert [one["sop_instance_uid"] for one in shown["objects"]] == [seg.SOPInstanceUID]
    subjects = {"model", "network_sha256", "weights_sha256", "images"}
    assert outcomes(shown) == {"OK": subjects}
    shown = show(orthanc.source, "--study", seg.StudyInstanceUID)
    assert len(shown["objects"]) == 6
    assert {one["path"] for one in shown["objects"]} == {None}  # they were temporary files
    assert set(outcomes(shown)) == {"OK"}
    call = ["show", orthanc.source]
    refused(iodeep(*call), 2, "no result named", "--series")
    refused(iodeep(*call, "--series", "../etc"), 2, "a UID")
    refused(iodeep(*call, "--series", "1.2.3"), 4, "1.2.3")
    # From what was kept of the PACS, once it was asked for its models.
    assert outcomes(show(ran / "out", "--images", ran / "images"), "model") == {"OK": {"model"}}


def test_what_others_made_is_said_to_be_theirs(
    ran: Path, show: Callable[..., Any], iodeep: Callable[..., Answer]
) -> None:
    def others(dataset: Dataset) -> None:
        dataset.Manufacturer, dataset.ManufacturerModelName = "QIICR", "dcmqi\x1b[2J"
        dataset.DeviceSerialNumber = "4711"

    theirs = ran / "theirs.dcm"
    shutil.copy(ran / "out" / "segmentation.dcm", theirs)
    altered(theirs, others)
    answer = iodeep("show", theirs)
    refused(answer, 4, "theirs.dcm: Segmentation Storage by QIICR dcmqi", "which network")
    assert "\x1b" not in answer.err
    refused(iodeep("show", ran / "images"), 4, "MR Image Storage", "and 4 other objects")
    shutil.move(theirs, ran / "out" / "theirs.dcm")
    assert "not of IODeep: " in iodeep("show", ran / "out").out
    (ran / "nothing").mkdir()
    (ran / "nothing" / "notes.txt").write_text("hello")
    for what in ("nothing", "nothing/notes.txt"):
        refused(iodeep("show", ran / what), 4, "nothing")
