"""The file of a cohort: what was written is read, and what was altered by hand is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from makers.cohorts import written_patient

from IODeepLib.cohort import Cohort, collect, load, read_cohort, write_cohort
from IODeepLib.errors import InputError
from IODeepLib.model_object import Model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Studies of two patients."""
    folder = tmp_path_factory.mktemp("cohort")
    for seed in range(2):
        written_patient(folder / "studies" / f"{seed}", seed, "Patient^Secret")
    return folder


@pytest.fixture(scope="module")
def cohort(folder: Path, model: Model) -> Cohort:
    return collect(folder / "studies", model)


def test_what_was_written_is_read(cohort: Cohort, folder: Path) -> None:
    write_cohort(cohort, folder / "cohort.json")
    assert read_cohort(folder / "cohort.json") == cohort
    text = (folder / "cohort.json").read_text()
    assert "Secret" not in text
    assert str(folder) not in text  # all of it moves together


def test_it_moves_with_what_it_names(
    cohort: Cohort, folder: Path, tmp_path: Path, model: Model
) -> None:
    write_cohort(cohort, folder / "cohort.json")
    shutil.copytree(folder, tmp_path / "moved")
    moved = read_cohort(tmp_path / "moved" / "cohort.json")
    assert moved.root == str(tmp_path / "moved" / "studies")
    for case in moved.cases:
        assert load(case, model).truth.any()
    assert moved.digest == cohort.digest


def test_a_cohort_elsewhere_names_its_root_in_full(cohort: Cohort, tmp_path: Path) -> None:
    write_cohort(cohort, tmp_path / "deep" / "cohort.json")
    assert read_cohort(tmp_path / "deep" / "cohort.json") == cohort


def first_file(said: dict[str, Any], path: str) -> None:
    said["cases"][0]["images"][0]["files"][0] = path


ALTERED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a path that leaves": (lambda said: first_file(said, "../../secret.dcm"), "within the root"),
    "a whole path": (lambda said: first_file(said, "/etc/passwd"), "within the root"),
    "a path with a null": (lambda said: first_file(said, "a\0b"), "within the root"),
    "a truth that leaves": (
        lambda said: said["cases"][0]["truths"][0].update(file="a/../../b"),
        "within the root",
    ),
    "a patient in two splits": (
        lambda said: said["cases"].append({**said["cases"][0], "split": "validation"}),
        "a second one for this patient",
    ),
    "a label of nobody": (
        lambda said: said["cases"][0]["truths"][0]["segments"].append({"number": 9, "label": 99}),
        "the label 99",
    ),
    "no digest": (lambda said: said["cases"][0]["images"][0].update(sha256="12"), "sha256"),
    "no UID": (lambda said: said["cases"][0]["images"][0].update(series_uid="x"), "series_uid"),
    "no files": (lambda said: said["cases"][0]["images"][0].update(files=[]), "files"),
    "a split of its own": (lambda said: said["cases"][0].update(split="mine"), "split"),
    "a negative patient": (lambda said: said["cases"][0].update(patient=-1), "patient"),
    "a key of its own": (lambda said: said.update(run="rm"), "not known here"),
    "another schema": (lambda said: said.update(schema="iodeep-cohort/9"), "iodeep-cohort/1"),
    "no cases": (lambda said: said.pop("cases"), "cases"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_what_was_altered_is_refused(name: str, cohort: Cohort, tmp_path: Path) -> None:
    change, words = ALTERED[name]
    path = tmp_path / "cohort.json"
    write_cohort(cohort, path)
    said = json.loads(path.read_text())
    change(said)
    path.write_text(json.dumps(said))
    with pytest.raises(InputError) as caught:
        read_cohort(path)
    assert words in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b'{"a":' * 5000, b"null"])
def test_what_is_no_cohort(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "cohort.json").write_bytes(content)
    with pytest.raises(InputError):
        read_cohort(tmp_path / "cohort.json")


def test_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(InputError):
            read_cohort(path)
