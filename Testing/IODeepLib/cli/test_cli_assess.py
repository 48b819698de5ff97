"""What somebody says of a result from the command line, and what `show` says of that."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from command import Answer, refused
from makers.results import PROVENANCE, three_labels
from makers.series import Stack

from IODeepLib.results import make_seg
from IODeepLib.results.assessment import Verdict, read_assessment
from IODeepLib.series import find_series


@pytest.fixture
def seg(tmp_path: Path) -> Path:
    (series,) = find_series(Stack().write(tmp_path / "images"))
    made = make_seg(three_labels(series.volume().grid), series, PROVENANCE)
    assert made is not None
    made.save(tmp_path / "results" / "seg.dcm")
    return tmp_path / "results" / "seg.dcm"


def test_an_assessment(seg: Path, iodeep: Callable[..., Answer]) -> None:
    out = seg.with_name("assessment.dcm")
    call = ["assess", seg, "rejected", "--by", "Doe^Jane", "--out", out]
    refused(iodeep(*call), 2, "without a reason")
    assert not out.exists()
    answer = iodeep(*call, "--reason", "no liver", "--json")
    assert answer.status == 0
    made = pydicom.dcmread(out)
    assert json.loads(answer.out)["sop_instance_uid"] == made.SOPInstanceUID
    said = read_assessment(made)
    assert said is not None
    assert (said.verdict, said.by, said.reason) == (Verdict.REJECTED, "Doe^Jane", "no liver")
    (shown,) = json.loads(iodeep("show", seg.parent, "--json").out)["results"]
    (one,) = (each["assessment"] for each in shown["objects"] if each["assessment"])
    assert one == {
        "verdict": "rejected",
        "assessed": said.assessed,
        "corrected": "",
        "by": "Doe^Jane",
        "when": said.when.isoformat(),
        "reason": "no liver",
    }
    words = iodeep("show", seg.parent).out
    assert f"{said.assessed} is rejected by Doe^Jane: no liver" in words


def test_what_is_no_result(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    (image, *_) = sorted(Stack().write(tmp_path / "images").iterdir())
    call = ["accepted", "--by", "Doe^Jane", "--out", tmp_path / "a.dcm"]
    refused(iodeep("assess", image, *call), 4, "a segmentation or a report that IODeep made")
    refused(iodeep("assess", tmp_path / "nothing", *call), 4, "nothing")
    assert not (tmp_path / "a.dcm").exists()
