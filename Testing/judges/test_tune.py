"""A model tuned by the command: better on the patients for test, and silent on all of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Answer, refused
from makers.cohorts import images_of, organ_model, organs, write_seg
from pydicom import dcmread

torch = pytest.importorskip("torch")

from IODeepLib.model_object import Model, verify  # noqa: E402
from IODeepLib.series import find_series  # noqa: E402
from IODeepLib.sources.folder import find_model  # noqa: E402

# The network finds a liver only where it is brighter than it is here.
THRESHOLD = 170.0
QUICK = ["--steps", "80", "--validate-every", "20", "--rate", "0.05", "--no-augmentation"]
DATE = "20250314"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Patients in `studies`, and a model that is not made for their scanner in `model/packed`."""
    folder = tmp_path_factory.mktemp("site")
    for seed in range(8):
        place = folder / "studies" / f"patient-{seed}"
        truth = organs(seed)
        images_of(truth, seed).write(place / "images")
        (series,) = find_series(place / "images")
        write_seg(place / "seg.dcm", series, truth)
    organ_model(folder / "model", threshold=THRESHOLD)
    organ_model(folder / "good")
    return folder


@pytest.fixture
def cohort(site: Path, iodeep: Callable[..., Answer]) -> Path:
    """Its file, with somebody in each split."""
    path = site / "cohort.json"
    if not path.exists():
        call = ["cohort", site / "studies", "--models", site / "model" / "packed"]
        answer = iodeep(*call, "--model", "organs", "--shares", "50,25,25", "--out", path)
        assert answer.status == 0, answer.err
    return path


@pytest.fixture
def tuned(
    site: Path, cohort: Path, iodeep: Callable[..., Answer], tmp_path: Path
) -> tuple[dict[str, Any], Model]:
    """What the command said, and the new version."""
    out = tmp_path / "tuned"
    answer = iodeep("tune", site / "model", cohort, "--out", out, *QUICK, "--json")
    assert answer.status == 0, answer.err
    assert not (tmp_path / "tuned.work").exists()
    return json.loads(answer.out), find_model(out)


def test_it_is_better_and_says_so(
    tuned: tuple[dict[str, Any], Model], site: Path, iodeep: Callable[..., Answer], tmp_path: Path
) -> None:
    said, model = tuned
    parent = find_model(site / "model" / "packed")
    dice = said["measured"]["dice"]["Liver"]
    assert dice["before"] < 0.3 and dice["after"] > 0.9 and dice["patients"] == 2
    assert (model.label, said["parent"]) == ("organs@1.1.0", "organs@1.0.0")
    verify(model), verify(parent)
    assert model.card.parent_uid == parent.card.sop_instance_uid
    assert model.card.networks[0].digest == parent.card.networks[0].digest
    measured = {(one.label, one.metric): one.value for one in model.card.recipe.card.performance}
    assert measured["Liver", "Dice, after tuning, n = 2"] == pytest.approx(dice["after"], abs=1e-4)
    assert "4 patients" in model.card.recipe.card.training_data
    shown = iodeep("show", model.card.path.parent)
    assert shown.status == 0 and "organs" in shown.out
    images = site / "studies" / "patient-0" / "images"
    out = tmp_path / "result"
    ran = iodeep("run", images, "--models", model.card.path.parent, "--out", out, "--json")
    assert ran.status == 0, ran.err


def test_nothing_of_a_patient_is_in_it(tuned: tuple[dict[str, Any], Model], site: Path) -> None:
    said, model = tuned
    assert model.card.path is not None
    files = [model.card.path, *(part.path for part in model.weights())]
    words = {str(site).encode(), b"Secret", DATE.encode(), b"patient-"}
    rows = set()
    for path in (site / "studies").rglob("*.dcm"):
        dataset = dcmread(path)
        keywords = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "PatientID")
        words |= {str(dataset[k].value).encode() for k in (*keywords, "FrameOfReferenceUID")
                  if k in dataset and len(str(dataset[k].value)) > 3}  # fmt: skip
        if dataset.Modality == "MR":
            rows |= {row.tobytes() for row in dataset.pixel_array}
            rows |= {row.astype(np.float32).tobytes() for row in dataset.pixel_array}
    packed = b"".join(path.read_bytes() for path in files) + json.dumps(said).encode()
    assert [word for word in words if word in packed] == []
    assert len(rows) > 1000 and not any(row in packed for row in rows)


def test_what_became_worse_is_not_written(
    site: Path, cohort: Path, iodeep: Callable[..., Answer], tmp_path: Path
) -> None:
    """The validation split, by which the best weights are taken, says nothing here of the test."""
    lying = json.loads(cohort.read_text())
    for case in lying["cases"]:
        for segment in (s for t in case["truths"] for s in t["segments"]):
            if case["split"] != "test":  # liver is taken for spleen, and spleen for liver
                segment["label"] = 3 - segment["label"]
    other = cohort.with_name("lying.json")
    other.write_text(json.dumps(lying))
    model, out = site / "good", tmp_path / "tuned"
    answer = iodeep("tune", model, other, "--out", out, *QUICK)
    refused(answer, 4, "became no better", "--even-if-worse")
    assert not out.exists()
    told = iodeep("tune", model, other, "--out", out, *QUICK, "--even-if-worse", "--json")
    assert told.status == 0, told.err
    dice = json.loads(told.out)["measured"]["dice"]["Liver"]
    assert dice["after"] < 0.5 < dice["before"]


def test_somebody_must_be_held_out(
    site: Path, cohort: Path, iodeep: Callable[..., Answer], tmp_path: Path
) -> None:
    whole = json.loads(cohort.read_text())
    for case in whole["cases"]:
        case["split"] = "train"
    other = cohort.with_name("all.json")
    other.write_text(json.dumps(whole))
    answer = iodeep("tune", site / "model", other, "--out", tmp_path / "tuned", *QUICK)
    refused(answer, 2, "8 cases to train on and 0 cases")
