"""Networks whose figures are known beforehand, evaluated from end to end."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Answer, refused

pytest.importorskip("monai")

from makers.cohorts import images_of, organ_model, organs, write_seg, written_patient

from IODeepLib import pipeline
from IODeepLib.cohort import Cohort, Split, collect, load, write_cohort
from IODeepLib.errors import CancelledError, OutputError, UsageError
from IODeepLib.evaluation import evaluate, mean_dice, read_evaluation
from IODeepLib.evaluation.measures import NOT_FOUND, measure
from IODeepLib.evaluation.records import Metric
from IODeepLib.model_object import Model
from IODeepLib.series import find_series

PATIENTS = 7


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Studies; a network that finds all exactly, and one that takes spleens for livers."""
    folder = tmp_path_factory.mktemp("site")
    for seed in range(PATIENTS):
        written_patient(folder / "studies" / f"{seed}", seed, spleen=seed != 2)
    organ_model(folder / "models" / "good", version="1.1.0")
    organ_model(folder / "models" / "bad", threshold=151.0)
    return folder


@pytest.fixture(scope="module")
def models(site: Path) -> list[Model]:
    from IODeepLib.sources.folder import find_model

    return [find_model(site / "models" / name) for name in ("bad", "good")]


@pytest.fixture(scope="module")
def cohort(site: Path, models: list[Model]) -> Cohort:
    made = collect(site / "studies", models[0], shares=(0, 0, 100))
    write_cohort(made, site / "cohort.json")
    return made


def test_figures_are_those_of_what_the_runs_find(
    models: list[Model], cohort: Cohort, tmp_path: Path
) -> None:
    found = evaluate(models, cohort, tolerances={"Spleen": 2.5}, out=tmp_path / "out")
    assert len(found.figures) == 2 * PATIENTS * 2
    assert mean_dice(found, 1) == 1.0
    for case in cohort.cases[:2]:
        loaded = load(case, models[0])
        own = pipeline.run(loaded.series, models[0]).segmentation
        assert own is not None
        for label, tolerance in zip(own.labels, (1.0, 2.5), strict=True):
            if label.value in case.unknown:
                continue
            wanted = measure(
                loaded.segmentation.mask(label),
                own.mask(label),
                loaded.series.grid.spacing,
                tolerance,
            )
            (one,) = [
                x for x in found.figures if (x.model, x.case, x.label) == (0, case.key, label.name)
            ]
            assert [one.of(metric) for metric in Metric] == [
                wanted.dice,
                wanted.surface_dice,
                wanted.hausdorff95,
            ]
    assert 0.1 < (mean_dice(found, 0) or 0) < 0.9
    assert read_evaluation(tmp_path / "out") == found
    assert len(list((tmp_path / "out" / "worst").glob("*.png"))) == 6
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("<img") == 3 + 6
    with (tmp_path / "out" / "measurements.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(found.figures)
    assert {row["tolerance_mm"] for row in rows if row["label"] == "Spleen"} == {"2.5"}


def test_what_nobody_knows_is_counted_nowhere(models: list[Model], cohort: Cohort) -> None:
    found = evaluate(models[1:], cohort, surfaces=False)
    unknown = [one for one in found.figures if one.label == "Spleen" and one.dice is None]
    assert len(unknown) == 1
    assert "nobody says" in unknown[0].why


def test_a_network_that_finds_nothing_has_a_dice_and_no_distance(
    cohort: Cohort, tmp_path: Path
) -> None:
    blind = organ_model(tmp_path / "blind", threshold=10_000.0)
    found = evaluate([blind], cohort)
    assert mean_dice(found) == 0.0
    known = [one for one in found.figures if one.reference]
    assert {(one.hausdorff95, one.why) for one in known} == {(None, NOT_FOUND)}


def test_who_is_ended_goes_on_and_runs_nothing_twice(
    models: list[Model], cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[str] = []
    run = pipeline.run

    def counted(series: Any, model: Model, *rest: Any, **more: Any) -> Any:
        if len(runs) == 5:
            raise CancelledError
        runs.append(f"{model.label} {series.series_instance_uid}")
        return run(series, model, *rest, **more)

    monkeypatch.setattr(pipeline, "run", counted)
    with pytest.raises(CancelledError):
        evaluate(models, cohort, out=tmp_path / "out")
    assert not (tmp_path / "out" / "evaluation.json").exists()
    with (tmp_path / "out" / "cases.jsonl").open("ab") as file:
        file.write(b'{"network_sha256": "12')  # killed in the middle of a line
    monkeypatch.setattr(
        pipeline,
        "run",
        lambda series, model, *rest, **more: (
            runs.append(f"{model.label} {series.series_instance_uid}")
            or run(series, model, *rest, **more)
        ),
    )
    found = evaluate(models, cohort, out=tmp_path / "out")
    assert len(runs) == len(set(runs)) == 2 * PATIENTS
    monkeypatch.setattr(pipeline, "run", run)
    assert found == evaluate(models, cohort)
    with pytest.raises(OutputError, match="other models, cases or options"):
        evaluate(models[:1], cohort, out=tmp_path / "out")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").touch()
    with pytest.raises(OutputError, match=r"mine\.txt"):
        evaluate(models, cohort, out=tmp_path / "other")


def test_what_fails_is_said_and_tried_again(
    models: list[Model], cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from IODeepLib.errors import ImageError

    run, bad = pipeline.run, cohort.cases[0].images[0].series_uid

    def failing(series: Any, *rest: Any, **more: Any) -> Any:
        if series.series_instance_uid == bad:
            raise ImageError("something of Doe^Jane", "another thing", "try again")
        return run(series, *rest, **more)

    monkeypatch.setattr(pipeline, "run", failing)
    found = evaluate(models, cohort, out=tmp_path / "out")
    assert [one.case for one in found.failures] == [cohort.cases[0].key] * 2
    assert "Doe^Jane" not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    monkeypatch.setattr(pipeline, "run", run)
    assert evaluate(models, cohort, out=tmp_path / "out").failures == ()


def test_a_model_with_other_labels_is_measured_on_what_it_has(
    cohort: Cohort, tmp_path: Path
) -> None:
    from makers.recipes import LIVER, label

    output = {"channels": 3, "labels": [label(9, "Fegato", LIVER, channel=1)]}
    found = evaluate([organ_model(tmp_path / "other", output=output)], cohort)
    assert {one.why for one in found.figures if one.label == "Spleen"} == {
        "no label of this model: not counted"
    }
    assert (mean_dice(found) or 0) > 0.8


def test_calls_that_are_wrong(models: list[Model], cohort: Cohort) -> None:
    for changes, words in (
        ({"split": Split.TRAIN}, "no case for train"),
        ({"tolerance": -1.0}, "tolerance"),
        ({"tolerances": {"Kidney": 1.0}}, "Kidney"),
    ):
        with pytest.raises(UsageError, match=words):
            evaluate(models, cohort, **changes)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="twice"):
        evaluate([models[0], models[0]], cohort)


def test_the_command_and_what_is_chosen_by_it(
    site: Path, cohort: Cohort, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    call = ["evaluate", site / "models" / "good", site / "models" / "bad", site / "cohort.json"]
    status, text, _ = iodeep(*call, "--out", tmp_path / "out", "--tolerance", "1,Spleen=2")
    assert status == 0, text
    assert "organs@1.0.0 against organs@1.1.0" in text
    assert "7 patients" in text
    assert "p = " in text
    named = ["evaluate", "organs@1.1.0", "organs@1.0.0", site / "cohort.json", "--models"]
    more = [site / "models", "--out", tmp_path / "out", "--tolerance", "1,Spleen=2", "--json"]
    said = json.loads(iodeep(*named, *more).out)
    assert said["mean_dice"][said["models"][0]["network_sha256"]] == 1.0
    refused(iodeep("evaluate", site / "models", site / "cohort.json", "--out", "x"), 2, "one model")
    study = site / "studies" / "0"
    select = ["select", study, "--models", site / "models", "--json"]
    (said,) = json.loads(iodeep(*select, "--prefer-measured", tmp_path / "out").out)
    assert said["candidates"][0]["version"] == "1.1.0"
    run = ["run", study, "--models", site / "models", "--out", tmp_path / "result", "--json"]
    assert json.loads(iodeep(*run).out)["chosen_because"] == ""


def test_an_older_version_that_measured_better_is_taken_and_the_run_says_so(
    site: Path, cohort: Cohort, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    organ_model(tmp_path / "models" / "old")
    organ_model(tmp_path / "models" / "new", threshold=151.0, version="2.0.0")
    models = [tmp_path / "models" / name for name in ("new", "old")]
    evaluated = iodeep("evaluate", *models, site / "cohort.json", "--out", tmp_path / "out")
    assert evaluated.status == 0
    run = ["run", site / "studies" / "0", "--models", tmp_path / "models", "--json", "--out"]
    assert json.loads(iodeep(*run, tmp_path / "newest").out)["provenance"]["version"] == "2.0.0"
    measured = [tmp_path / "better", "--prefer-measured", tmp_path / "out"]
    said = json.loads(iodeep(*run, *measured).out)
    assert said["provenance"]["version"] == "1.0.0"
    assert "measured better on this site's own data" in said["chosen_because"]
    assert "7 patients of cohort.json (test cases)" in said["chosen_because"]


def test_an_oblique_series_with_thick_slices(models: list[Model], tmp_path: Path) -> None:
    """Distances are in the millimeters of the series, whatever way it lies."""
    c, s = np.cos(0.4), np.sin(0.4)
    truth = organs(3)
    stack = images_of(truth, 3, directions=np.array([[c, s, 0], [0, 0, -1]]))
    stack.spacing = (6.0, 1.25, 1.0)
    stack.write(tmp_path / "images")
    (series,) = find_series(tmp_path / "images")
    write_seg(tmp_path / "seg.dcm", series, np.roll(truth, 1, axis=0))
    cohort = collect(tmp_path, models[1], shares=(0, 0, 100))
    found = evaluate(models[1:], cohort)
    (spleen,) = [one for one in found.figures if one.label == "Spleen"]
    assert spleen.hausdorff95 == pytest.approx(6.0, abs=1e-4)


@pytest.mark.long
def test_a_real_network_on_real_images(shared_data: Path, tmp_path: Path) -> None:
    """A CT of an abdomen, and what TotalSegmentator found in it; Dice by SimpleITK."""
    import SimpleITK as sitk  # noqa: N813

    from IODeepLib.model_object import write_model
    from IODeepLib.recipe import read_recipe
    from IODeepLib.sources.folder import find_model

    name = "ct_abdomen_5class"
    recipe = read_recipe(Path(__file__).parents[1] / "recipes" / f"{name}.json")
    write_model(shared_data / "models" / f"{name}.onnx", recipe, tmp_path / "model")
    model = find_model(tmp_path / "model")
    folder = shared_data / "dicom"
    shutil.copytree(folder / "ct_abdomen_totalseg_repaired", tmp_path / "site" / "images")
    shutil.copyfile(folder / "ct_abdomen_totalseg_reference_seg.dcm", tmp_path / "site" / "seg.dcm")
    cohort = collect(tmp_path / "site", model, automatic=True, shares=(0, 0, 100))
    (case,) = cohort.cases
    found = evaluate([model], cohort, out=tmp_path / "out")
    loaded = load(case, model)
    own = pipeline.run(loaded.series, model).segmentation
    assert own is not None
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(sitk.GetImageFromArray(loaded.truth), sitk.GetImageFromArray(own.array))
    for label, one in zip(own.labels, found.figures, strict=True):
        assert label.name == one.label
        if one.dice is not None and one.reference:
            assert one.dice == pytest.approx(overlap.GetDiceCoefficient(label.value))
    assert max(one.dice or 0 for one in found.figures) > 0.3
