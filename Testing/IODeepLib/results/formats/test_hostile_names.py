"""Names of labels that are more than names somewhere, through every format that a result has."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK
from command import Answer, refused
from judges import report_by_dcmtk, standard_errors
from makers.recipes import label, recipe_json
from makers.series import Stack
from makers.summing_networks import model_of, sums

from IODeepLib.cli.main import main

NAMES = [
    '=HYPERLINK("http://example.org";"x")',
    "@SUM(A1)",
    "+1+cmd|' /C calc'!A0",
    "-2+3; =4",
    "\uff1d1",
    "a, b; =c \"d\" 'e'",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "&lt;b&gt; &amp; ]]> <!--",
    "Segment1_Name:x|TerminologyEntry:y~z^w",
    "%s %n {0} {name} ${jndi:ldap://x}",
    "../../etc/passwd",
    "CON",
    '{"a": [1]}',
    "O'Neil; DROP TABLE x",
    "肝 Печень كبد",
    "\U0001f600" * 15,
    "\u202eexe.txt",  # and what no recipe may say: a picture stands for it
    "a\u2066b\u200fc\ufeff",
    "x" * 64,
]
ALSO = "nifti,nrrd,rtstruct,sheet,html,sc,csv"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result with a segment of each name."""
    folder = tmp_path_factory.mktemp("names")
    values = [100 * i for i in range(len(NAMES) + 1)]  # of the voxels of each label
    voxels = np.zeros((4, 20, 22), np.int16)
    for i, value in enumerate(values[1:]):
        voxels[i % 4, 3 * (i // 4) : 3 * (i // 4) + 2, 3:9] = value
    nearest = sums(
        [[value / 50] for value in values], spatial=3, bias=[-(v**2) / 100 for v in values]
    )
    images = Stack(voxels).write(folder / "images")
    labels = [label(i, name) for i, name in enumerate(NAMES, 1)]
    model_of(folder, nearest, output={"channels": len(values), "labels": labels})
    where = ["--models", str(folder / "model"), "--out", str(folder / "out"), "--also", ALSO]
    assert main(["run", str(images), *where]) == 0
    return folder / "out"


def shown_names(out: Path) -> list[str]:
    """As `result.json` has them: without what commands a window."""
    document = json.loads((out / "result.json").read_text("utf-8"))
    names = [one["label"] for one in document["measurements"]["segments"]]
    assert len(set(names)) == len(NAMES)
    assert [n for n, given in zip(names, NAMES, strict=True) if n != given] == names[17:19]
    assert not [c for name in names for c in name if not c.isprintable()]
    return names


def test_no_cell_of_a_table_is_computed(out: Path) -> None:
    for name, column in (("measurements.csv", "label"), ("segmentation.labels.csv", "Name")):
        with (out / name).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == len(NAMES)
        for row in rows:
            assert None not in row and None not in row.values()  # as many cells as columns
            # A reader who takes semicolons or tabs for separators, too.
            for cell in re.split("[;\t]", row[column]):
                assert not cell.strip().startswith(("=", "+", "-", "@", "\uff1d")), cell
    assert not re.search(
        r'[\\<]|[^,\n]"[^,\n]', (out / "segmentation.labels.csv").read_text("utf-8")
    )


def test_the_page_has_no_element_of_theirs(out: Path) -> None:
    tags, texts = set(), []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.add(tag)
            assert not any(key.startswith("on") for key, _ in attrs)

        def handle_data(self, data: str) -> None:
            texts.append(data)

    Reader(convert_charrefs=True).feed((out / "report.html").read_text("utf-8"))
    assert "script" not in tags
    text = " ".join(texts)
    assert [name for name in shown_names(out) if name not in text] == []


def test_each_segment_of_a_nrrd_keeps_its_own_fields(out: Path) -> None:
    image = SimpleITK.ReadImage(str(out / "segmentation.seg.nrrd"))
    keys = [key for key in image.GetMetaDataKeys() if re.match(r"Segment\d+_", key)]
    assert {key.split("_")[0] for key in keys} == {f"Segment{i}" for i in range(len(NAMES))}
    for i, name in enumerate(shown_names(out)):
        assert image.GetMetaData(f"Segment{i}_Name") == name.replace("<", "‹").replace("&lt;", "‹")
        tags = image.GetMetaData(f"Segment{i}_Tags").rstrip("|").split("|")
        assert [tag.split(":")[0] for tag in tags] == [
            *("Segmentation.Status", "TerminologyEntry"),
            *("DICOM.SegmentAlgorithmType", "DICOM.SegmentAlgorithmName"),
        ]


def test_the_table_of_a_nifti_is_xml(out: Path) -> None:
    content = gzip.decompress((out / "segmentation.nii.gz").read_bytes())
    size, code = np.frombuffer(content, "<i4", 2, 352)
    assert code == 30
    root = ElementTree.fromstring(content[360 : 352 + size].rstrip(b"\0"))  # noqa: S314  ours
    assert [one.text for one in root.iter("Label")] == shown_names(out)


def test_dicom_objects_have_one_value_for_each(out: Path) -> None:
    names = shown_names(out)
    found = {path.name: pydicom.dcmread(path) for path in out.glob("*.dcm")}
    segments = [one.SegmentLabel for one in found["segmentation.dcm"].SegmentSequence]
    regions = [one.ROIName for one in found["rtstruct.dcm"].StructureSetROISequence]
    assert segments == regions == names
    report = highdicom.sr.srread(out / "report.dcm").content
    groups = report.get_volumetric_roi_measurement_groups()
    assert [group.tracking_identifier for group in groups] == names
    said = report_by_dcmtk(out / "report.dcm")
    assert all(f'"Tracking Identifier")="{name}">' in said for name in names)
    assert {name: standard_errors(out / name) for name in found} == {name: [] for name in found}


def test_what_was_written_is_found_again(out: Path, iodeep: Callable[..., Answer]) -> None:
    answer = iodeep("show", out, "--models", out.parent / "model")
    assert answer.status == 0
    assert f"{len(NAMES)} segments with as many voxels" in answer.out
    assert not [c for c in answer.out if not c.isprintable() and c != "\n"]


@pytest.mark.parametrize("name", ["a\\b", "a\nb", "a\x00b", "\t", " ", "", "x" * 65])
def test_what_is_no_name_in_any_format_is_refused(
    name: str, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    recipe = recipe_json(output={"labels": [label(1, "x") | {"name": name}]})
    (tmp_path / "recipe.json").write_text(json.dumps(recipe), "utf-8")
    places = ("--recipe", tmp_path / "recipe.json", "--out", tmp_path / "model")
    refused(iodeep("pack", tmp_path / "n.onnx", *places), 4, "$.output.labels[0].name")
