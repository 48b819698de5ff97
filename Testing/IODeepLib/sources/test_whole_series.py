"""A part of a series is never taken for the whole, whatever a server says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from command import DEMO, Answer, refused
from pacs.hostile import Files, serving
from pydicom.uid import generate_uid

from IODeepLib.sources import retries
from IODeepLib.sources.find import source_of

COUNT = 8
FIRST, ALL = range(5), range(COUNT)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "_sleep", lambda seconds: None)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Neighbouring slices of one series, whose UIDs are not of the kind that models have."""
    folder, uids = tmp_path_factory.mktemp("images"), (generate_uid(), generate_uid())
    for path in sorted((DEMO / "mr_t1").iterdir())[:COUNT]:
        image = pydicom.dcmread(path)
        image.StudyInstanceUID, image.SeriesInstanceUID = uids
        image.save_as(folder / path.name)
    return sorted(folder.iterdir())


def series_uid(images: list[Path]) -> str:
    return str(pydicom.dcmread(images[0], stop_before_pixels=True).SeriesInstanceUID)


SENT_IN_PART = {
    "206": {"status": "206 Partial Content"},
    "200, nothing counted": {},
    "200, counted": {"count": COUNT},
    "206, counted": {"status": "206 Partial Content", "count": COUNT},
    "206, the part counted": {"status": "206 Partial Content", "count": len(FIRST)},
    "an instance in the series search": {"extra": {"00080018": {"vr": "UI", "Value": ["1.2.3"]}}},
    "listed in pages of two": {"page": 2},
    "counted in words": {"extra": {"00201209": {"vr": "IS", "Value": ["many"]}}},
    "counted as none": {"count": 0},
    "counted in 5000 digits": {"extra": {"00201209": {"vr": "IS", "Value": ["1" * 5000]}}},
}


@pytest.mark.parametrize("how", SENT_IN_PART.values(), ids=SENT_IN_PART)
def test_what_is_missing_is_asked_for(images: list[Path], tmp_path: Path, how: dict) -> None:
    with serving(Files(images, retrieved=FIRST, **how)) as server:
        files = source_of(server.source).objects(series_uid(images), tmp_path)
        assert len(files) == COUNT
        assert sum(request.kind == "one" for request in server.requests) == COUNT - len(FIRST)


NOT_KNOWN = {
    "neither counted nor listed": ({"listed": None}, "neither counts nor lists"),
    "more counted than listed": ({"listed": FIRST, "count": COUNT}, "lists 5, and counts 8"),
    "fewer listed than sent": ({"retrieved": ALL, "listed": FIRST}, "sent 8 instances"),
    "a search that gives two, whatever is asked": (
        {"retrieved": ALL, "page": 2, "knows_offset": False},
        "sent 8 instances",
    ),
    "206, the part counted and nothing listed": (
        {"status": "206 Partial Content", "count": len(FIRST), "listed": None},
        "neither counts nor lists",
    ),
}


@pytest.mark.parametrize(("how", "words"), NOT_KNOWN.values(), ids=NOT_KNOWN)
@pytest.mark.parametrize("verb", ["run", "pull"])
def test_what_cannot_be_known_is_refused(
    images: list[Path],
    packed: Path,
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    how: dict,
    words: str,
    verb: str,
) -> None:
    out = tmp_path / "out"
    with serving(Files(images, **{"retrieved": FIRST, **how})) as server:
        call = {
            "pull": ("pull", series_uid(images), server.source),
            "run": ("run", server.source, "--series", series_uid(images), "--models", packed),
        }
        refused(iodeep(*call[verb], "--out", out), 5, words)
    assert not out.exists()


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_an_image_of_another_study_or_series(
    images: list[Path], tmp_path: Path, iodeep: Callable[..., Answer], keyword: str
) -> None:
    other = pydicom.dcmread(images[2])
    setattr(other, keyword, generate_uid())
    other.save_as(tmp_path / "other.dcm")
    good = Files(images, count=COUNT)
    good.paths = [*images[:2], tmp_path / "other.dcm", *images[3:]]  # it is called as before
    with serving(good) as server:
        answer = iodeep("pull", series_uid(images), server.source, "--out", tmp_path / "o")
    refused(
        answer, 5, "sent the instance", f"whose {keyword.replace('Instance', ' Instance ')[:-3]}"
    )
    assert not (tmp_path / "o").exists()
