"""Of the last results a picture and figures are kept for the page, and no more than that."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from IODeepLib.results.result import OCCLUSION_PICTURE_NAME, PICTURE_NAME
from IODeepLib.results.same_run import DOCUMENT_NAME
from IODeepLib.service import kept
from IODeepLib.service.kept import Row, keep, picture_of, rows_of

UID = "2.25.1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "kept").mkdir()
    return tmp_path / "kept"


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """What a run has written, as far as it counts here."""
    found = tmp_path / "result"
    found.mkdir()
    one = {"label": "liver", "volume_ml": 12.5, "long_axis_mm": None, "voxels": 3}
    write(found, {"measurements": {"segments": [one]}})
    (found / "overlay.png").write_bytes(b"a picture")
    return found


def write(result: Path, document: object) -> None:
    (result / "result.json").write_text(json.dumps(document))


def test_names_are_those_of_results() -> None:
    assert kept.DOCUMENT == DOCUMENT_NAME
    assert kept.PICTURES == (PICTURE_NAME, OCCLUSION_PICTURE_NAME)


def test_a_picture_and_what_was_measured(folder: Path, result: Path) -> None:
    assert picture_of(folder, UID) is None
    assert rows_of(folder, UID) == []
    keep(folder, UID, result)
    picture = picture_of(folder, UID)
    assert picture is not None
    assert picture.read_bytes() == b"a picture"
    assert rows_of(folder, UID) == [Row("liver", 12.5)]
    write(result, {"values": {"bleeding": 0.25}})
    keep(folder, UID, result)
    assert rows_of(folder, UID) == [Row("bleeding", value=0.25)]


def test_large_pictures_are_not_kept(folder: Path, result: Path) -> None:
    (result / "overlay.png").write_bytes(b"x" * 1_000_001)
    keep(folder, UID, result)
    assert picture_of(folder, UID) is None
    assert rows_of(folder, UID)


def test_the_oldest_go(folder: Path, result: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_MOST_RESULTS", 3)
    for number in range(5):
        keep(folder, f"2.25.{number}", result)
        for path in folder.glob(f"2.25.{number}.*"):
            os.utime(path, (number, number))
    assert sorted(path.name for path in folder.glob("*.json")) == [
        "2.25.2.json",
        "2.25.3.json",
        "2.25.4.json",
    ]
    assert len(list(folder.iterdir())) == 6


@pytest.mark.parametrize("content", [None, "", "[", "[]", '{"measurements": {"segments": [{}]}}'])
def test_whatever_is_wrong_the_result_is_stored(
    content: str | None, folder: Path, result: Path
) -> None:
    if content is None:
        (result / "result.json").unlink()
    else:
        (result / "result.json").write_text(content)
    keep(folder, UID, result)
    assert rows_of(folder, UID) == []
    keep(folder / "missing", UID, result)
