"""`iodeep cohort`, and `iodeep evaluate` as far as it goes without what measures."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Answer, refused
from makers.cohorts import organ_model, written_patient

from IODeepLib.cohort import read_cohort


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with studies and a model."""
    folder = tmp_path_factory.mktemp("site")
    organ_model(folder / "models" / "organs")
    for seed in range(3):
        written_patient(folder / "studies" / f"{seed}", seed, f"secret{seed}", spleen=seed != 1)
    written_patient(folder / "studies" / "automatic", 7, by="AUTOMATIC")
    return folder


def test_a_cohort_is_collected_and_what_is_left_out_is_told(
    site: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    out = tmp_path / "cohort.json"
    call = ["cohort", site / "studies", "--model", "organs", "--models", site / "models"]
    status, text, _ = iodeep(*call, "--out", out)
    assert status == 0
    assert "train: 1 case of 1 patient" in text
    assert "Spleen" in text
    assert "left out: 1" in text
    assert "AUTOMATIC" in text
    assert "secret" not in text
    assert len(read_cohort(out).cases) == 3
    status, text, _ = iodeep(*call, "--automatic", "--seed", "4", "--out", out, "--json")
    said = json.loads(text)
    assert status == 0
    assert {name: one["patients"] for name, one in said["splits"].items()} == {
        "train": 2,
        "validation": 1,
        "test": 1,
    }
    assert said["left_out"] == []
    assert said["digest"] == read_cohort(out).digest


def test_nothing_to_be_found_writes_nothing(
    site: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    call = ["cohort", site / "studies" / "automatic", "--model", "organs", "--models", site]
    status, text, _ = iodeep(*call, "--out", tmp_path / "cohort.json")
    assert status == 3
    assert "found no case" in text
    assert not (tmp_path / "cohort.json").exists()


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--shares", "1,2"], 2, "three whole numbers"),
        (["--shares", "70,20,20"], 2, "make 100"),
        (["--date", "20240101"], 2, "dates with a PACS"),
    ],
)
def test_calls_that_are_wrong(
    site: Path,
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    options: list[str],
    status: int,
    words: str,
) -> None:
    call = ["cohort", site / "studies", "--model", "organs", "--models", site / "models"]
    refused(iodeep(*call, "--out", tmp_path / "cohort.json", *options), status, words)


def test_measuring_without_its_packages_is_one_clear_error(
    site: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    if importlib.util.find_spec("monai") is not None:
        pytest.skip("they are here")
    models = site / "models"
    answer = iodeep("evaluate", models, tmp_path / "cohort.json", "--out", tmp_path / "out")
    refused(answer, 2, "no Python package", "pip install 'IODeepLib[train]'")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", ["x", "1,Liver=", "1,=3x"])
def test_tolerances_that_are_none(
    words: str, site: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    call = ["evaluate", site / "models", tmp_path / "cohort.json", "--out", tmp_path / "out"]
    refused(iodeep(*call, "--tolerance", words), 2, "--tolerance")


def test_an_evaluation_that_is_none(
    site: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    (tmp_path / "evaluation.json").write_text('{"schema": "iodeep-evaluation/1"}')
    call = ["select", site / "studies" / "0", "--models", site / "models", "--prefer-measured"]
    refused(iodeep(*call, tmp_path), 4, "evaluation.json")
    refused(iodeep(*call, tmp_path / "none"), 4, "cannot be read")
