"""What a path holds is told by its files, and by its DICOM objects."""

from __future__ import annotations

from pathlib import Path

import pytest
from makers import first_generation, kaapana

from IODeepLib.errors import ModelError
from IODeepLib.importers.formats import Format, draft_of, format_of

ZIP = kaapana.zipped({"plans.json": b"{}"})


def test_objects_of_kaapana(tmp_path: Path) -> None:
    kaapana.write(tmp_path, ZIP, 60)
    assert format_of(tmp_path) is Format.KAAPANA
    with (
        pytest.raises(ModelError, match=r"dataset\.json|fold_"),
        draft_of(Format.KAAPANA, tmp_path, {}),
    ):
        pass


def test_an_object_of_the_first_program(tmp_path: Path) -> None:
    first_generation.write(tmp_path / "net.dcm")
    assert format_of(tmp_path) is Format.FIRST_GENERATION
    with (
        pytest.raises(ModelError, match="input_shape1"),
        draft_of(Format.FIRST_GENERATION, tmp_path, {}),
    ):
        pass


def test_files_go_before_objects(tmp_path: Path) -> None:
    first_generation.write(tmp_path / "net.dcm")
    (tmp_path / "plans.json").write_text("{}")
    assert format_of(tmp_path) is Format.NNUNET


def test_both_kinds_of_objects(tmp_path: Path) -> None:
    first_generation.write(tmp_path / "net.dcm")
    kaapana.write(tmp_path / "model", ZIP)
    with pytest.raises(ModelError, match="Kaapana and the first IODeep program"):
        format_of(tmp_path)


def test_nothing_that_is_known(tmp_path: Path) -> None:
    (tmp_path / "photograph.jpg").touch()
    for path in (tmp_path, tmp_path / "photograph.jpg"):
        with pytest.raises(ModelError, match="no trained network that is known"):
            format_of(path)
