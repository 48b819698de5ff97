"""What stands in objects and in `result.json` may have been written by anybody."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from command import Answer
from makers.packed_models import altered
from makers.results import PROVENANCE, three_labels
from makers.series import Stack
from pydicom.dataset import Dataset

from IODeepLib.errors import InputError
from IODeepLib.results import make_seg
from IODeepLib.results.origin.origin import Origin, origin_of
from IODeepLib.results.origin.record import read_record
from IODeepLib.results.origin.voxel_counts import counted_voxels
from IODeepLib.series import find_series


@pytest.fixture
def seg(tmp_path: Path) -> Path:
    """The file of a segmentation."""
    (series,) = find_series(Stack().write(tmp_path / "images"))
    made = make_seg(three_labels(series.volume().grid), series, PROVENANCE)
    assert made is not None
    made.save(tmp_path / "seg.dcm")
    return tmp_path / "seg.dcm"


def said_in(path: Path) -> Origin:
    found = origin_of(path)
    assert isinstance(found, Origin)
    return found


def _deep(levels: int) -> str:
    return "[" * levels + "]" * levels


GOOD = json.loads(PROVENANCE.parameters())
PARAMETERS = {
    "no JSON": "{",
    "deep": _deep(100_000),
    "deep inside": '{"options": {"a": ' + _deep(400) + "}}",
    "nested": json.dumps(GOOD | {"options": {"a": {"b": {"c": 1}}}}),
    "long": json.dumps(GOOD | {"options": {"a": "x" * 20_000}}),
    "wrong types": json.dumps(GOOD | {"card": 7}),
    "a path": json.dumps(GOOD | {"card": "../../etc/passwd"}),
    "a digest with more": json.dumps(GOOD | {"network_sha256": "ab" * 32 + "\n"}),
    "a list": "[]",
    "not a number": '{"options": NaN}',
    "a key twice": '{"card": "1.2", "card": "1.3"}',
}


@pytest.mark.parametrize("text", PARAMETERS.values(), ids=PARAMETERS)
def test_algorithm_parameters_are_checked_at_the_door(
    text: str, seg: Path, iodeep: Callable[..., Answer]
) -> None:
    def change(dataset: Dataset) -> None:
        for segment in dataset.SegmentSequence:
            segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters = text

    altered(seg, change)
    found = said_in(seg)
    assert found.parameters is None
    (fault,) = found.faults
    assert "Algorithm Parameters" in fault and len(fault) < 500
    # The equipment still says which network it was.
    assert found.network_sha256 == PROVENANCE.network_digest
    for form in ([], ["--json"]):
        answer = iodeep("show", seg, *form)
        assert answer.status == 4
        assert "Algorithm Parameters" in answer.out
        assert "Traceback" not in answer.err


def test_segments_that_name_different_networks(seg: Path) -> None:
    def change(dataset: Dataset) -> None:
        (algorithm,) = dataset.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence
        algorithm.AlgorithmParameters = json.dumps(GOOD | {"card": "1.2.3"})

    altered(seg, change)
    assert "2 different things" in said_in(seg).faults[0]


HOSTILE = "\x1b[2J\u202e\x9b2J\nOK  all is well"


def test_texts_command_no_terminal_and_make_no_lines(
    seg: Path, iodeep: Callable[..., Answer]
) -> None:
    def change(dataset: Dataset) -> None:
        dataset.SeriesDescription = dataset.DerivationDescription = HOSTILE
        dataset.ContentCreatorName = HOSTILE
        for item in dataset.ContributingEquipmentSequence:
            item.Manufacturer = item.ManufacturerModelName = HOSTILE
            item.SoftwareVersions = HOSTILE
        for segment in dataset.SegmentSequence:
            said = GOOD | {"provider": HOSTILE, "options": {HOSTILE: HOSTILE}}
            (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
            algorithm.AlgorithmParameters = json.dumps(said)

    altered(seg, change)
    answer = iodeep("show", seg)
    assert not [c for c in answer.out + answer.err if not c.isprintable() and c != "\n"]
    assert not [line for line in answer.out.splitlines() if line.startswith("OK")]


def test_uids_that_are_paths_are_no_uids(seg: Path, iodeep: Callable[..., Answer]) -> None:
    def references(dataset: Dataset) -> None:
        (series,) = dataset.ReferencedSeriesSequence
        series.SeriesInstanceUID = "../../../etc"

    altered(seg, references)
    found = said_in(seg)
    assert not found.named.images and found.named.odd == 5
    answer = iodeep("show", seg, "--images", seg.parent / "images")
    assert answer.status == 4
    assert "5 references that are no UIDs" in answer.out

    def own(dataset: Dataset) -> None:
        dataset.SeriesInstanceUID = "../../etc"

    altered(seg, own)
    with pytest.raises(InputError, match="SeriesInstanceUID"):
        origin_of(seg)


def too_many_frames(dataset: Dataset) -> None:
    dataset.NumberOfFrames = 2**31 - 1


def no_segments(dataset: Dataset) -> None:
    del dataset.PerFrameFunctionalGroupsSequence


def huge(dataset: Dataset) -> None:
    dataset.Rows = dataset.Columns = 65535


def twice(dataset: Dataset) -> None:
    for item in dataset.SegmentSequence:
        item.SegmentLabel = "the same"


@pytest.mark.parametrize("change", [too_many_frames, no_segments, huge, twice])
def test_voxels_that_cannot_be_counted(change: Callable[[Dataset], None], seg: Path) -> None:
    before = counted_voxels(seg, said_in(seg).header).voxels
    dataset = pydicom.dcmread(seg)
    stored = int(dataset.pixel_array.sum())
    assert sum(before.values()) == stored > 0
    altered(seg, change)
    with pytest.raises(ValueError, match=r"\w"):
        counted_voxels(seg, said_in(seg).header)


def _record(**changes: Any) -> dict[str, Any]:
    return {
        "schema": "iodeep-result/1",
        "study_instance_uid": "1.2",
        "series_instance_uids": ["1.3"],
        "series": "a series",
        "provenance": PROVENANCE.to_json(),
        **changes,
    }


RECORDS = {
    "no JSON": b"{",
    "no text": b"\xff\xfe\x00",
    "nothing": b"",
    "deep": _deep(100_000).encode(),
    "long": b'"' + b"x" * 5_000_000 + b'"',
    "another schema": json.dumps(_record(schema="iodeep-result/9")).encode(),
    "a UID that is a path": json.dumps(_record(sop_instance_uid="../x")).encode(),
    "no provenance": json.dumps(_record(provenance=None)).encode(),
    "voxels in words": json.dumps(
        _record(measurements={"segments": [{"label": "a", "voxels": "many"}]})
    ).encode(),
}


@pytest.mark.parametrize("content", RECORDS.values(), ids=RECORDS)
def test_records_are_checked_at_the_door(
    content: bytes, seg: Path, iodeep: Callable[..., Answer]
) -> None:
    path = seg.parent / "result.json"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_record(path)
    answer = iodeep("show", seg.parent)
    assert answer.status == 4
    assert "differs          result.json: " in answer.out  # and the objects are shown
    assert PROVENANCE.network_digest in answer.out


def test_a_good_record_is_read(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(_record()), "utf-8")
    assert read_record(tmp_path / "result.json").provenance.title == PROVENANCE.title


@pytest.mark.parametrize("content", [b"", b"localhost\n", b"\0" * 200, b"{}", b"\x89PNG\r\n"])
def test_a_file_that_is_no_dicom_object_is_called_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"file: .*wanted: a DICOM object"):
        origin_of(path)
