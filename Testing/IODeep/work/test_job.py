"""What another process is handed comes there as it was."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from IODeepSlicer.work import job
from IODeepSlicer.work.job import Job, readJob, writeJob
from makers.packed_models import make_model
from pydicom.dataset import Dataset

from IODeepLib.geometry import Grid, Volume
from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.model_object import Model
from IODeepLib.pipeline import Options
from IODeepLib.results import SegmentationType
from IODeepLib.series import VolumeImage

OPTIONS = Options(SegmentationType.FRACTIONAL, "CPUExecutionProvider", 3, ("Liver",), True)


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return make_model(tmp_path)


def images() -> list[VolumeImage]:
    header = Dataset()
    header.Modality, header.PatientName, header.SliceThickness = "CT", "Müller^Änne", "2.5"
    header.ReferencePixelX0, header.DopplerCorrectionAngle = -5, math.inf  # SL, FD
    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    grid = Grid(array.shape, np.diag([1.5, -1, 1 / 3, 1]), "1.2.3")
    first = Grid((1, 4, 5), np.eye(4), "1.2.3")
    stack = SliceStack(first, np.array([[0, 0, 0], [0, 0, 1.1], [0, 0.2, 2.5]]))
    plain = VolumeImage(Volume(array, grid), header, "first")
    odd = VolumeImage(
        Volume(array.astype(np.float32)[::-1], replace(grid, frame_of_reference=None)),
        Dataset(),
        "second\x1b",
        "a gap of 3 mm",
        ("one", "two"),
        "a localizer",
        stack,
        "sheared",
        False,
        False,
        False,
    )
    return [plain, odd]


@pytest.mark.parametrize("options", [Options(), OPTIONS])
@pytest.mark.parametrize("source", [None, "pacs", {"url": "dimse://A@h:1", "timeout": 5.0}])
def test_a_job(tmp_path: Path, model: Model, options: Options, source: object) -> None:
    given = images()
    for _ in writeJob(tmp_path, Job(model, options, given, source)):
        pass
    read = readJob(tmp_path)
    assert (read.options, read.source) == (options, source)
    assert read.model.card == model.card and read.model.parts == model.parts
    assert read.options.labels is None or isinstance(read.options.labels, tuple)
    for one, other in zip(read.images, given, strict=True):
        assert one.voxels.array.dtype == other.voxels.array.dtype
        np.testing.assert_array_equal(one.voxels.array, other.voxels.array)
        assert one.voxels.grid.same_as(other.voxels.grid)
        np.testing.assert_array_equal(one.voxels.grid.affine, other.voxels.grid.affine)
        assert one.header == other.header
        assert (one.stack is None) == (other.stack is None)
        if one.stack is not None:
            assert one.stack.same_as(other.stack)
        simple = {field.name for field in fields(one)} - {"voxels", "header", "stack"}
        assert all(getattr(one, name) == getattr(other, name) for name in simple)


def test_no_voxels_in_the_json(tmp_path: Path, model: Model) -> None:
    large = Volume(np.zeros((40, 50, 60), np.int16), Grid((40, 50, 60), np.eye(4)))
    image = VolumeImage(large, Dataset(), "large")
    for _ in writeJob(tmp_path, Job(model, Options(), [image])):
        pass
    assert (tmp_path / "job.json").stat().st_size < 5000


def test_lists_of_files(tmp_path: Path) -> None:
    paths = [tmp_path / "a b.dcm", tmp_path / "ü.dcm"]
    address = {"url": "dimse://A@h:1"}
    job.writeListing(tmp_path, paths)
    job.writeSending(tmp_path, paths, address)
    job.writeSent(tmp_path, paths[:1])
    job.writeSource(tmp_path, "pacs")
    assert job.readListing(tmp_path) == paths
    assert job.readSending(tmp_path) == (paths, address)
    assert job.readSent(tmp_path) == paths[:1]
    assert job.readSource(tmp_path) == "pacs"


def test_what_is_no_job_is_a_value_error(tmp_path: Path, model: Model) -> None:
    for _ in writeJob(tmp_path, Job(model, Options(), images())):
        pass
    path = tmp_path / "job.json"
    path.write_text(path.read_text("utf-8").replace('"BINARY"', '"TERNARY"'), "utf-8")
    with pytest.raises(ValueError, match="TERNARY"):
        readJob(tmp_path)
