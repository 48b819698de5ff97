"""What Slicer does for its modules: their folder is in Python's path, and a scene is open."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from makers import networks
from makers.recipes import label, recipe
from makers.series import Stack

from IODeepLib.model_object import Model
from IODeepLib.publish import pack

if TYPE_CHECKING:
    from IODeep import IODeepLogic

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "IODeep"))

# slicer-core has no wheel for every Python and processor; where there is one, it is installed.
if find_spec("slicer_core") is None:
    collect_ignore = [
        "scene/test_adopting.py",
        "scene/test_confidence.py",
        "scene/test_nodes.py",
        "scene/test_outputs.py",
        "scene/test_reviews.py",
        "scene/test_seg_nrrd.py",
        "scene/test_segments.py",
        "work/test_saved_objects.py",
        "work/test_saving.py",
        "work/test_saving_edits.py",
        "work/test_saving_reviews.py",
        "scene/test_slice_places.py",
        "work/test_surfaces.py",
        "scene/test_value_table.py",
        "test_logic.py",
        "test_trusted.py",
        "test_stubs.py",
        "work/test_importing.py",
        "work/test_listing.py",
        "work/test_publishing.py",
        "work/test_measuring.py",
        "work/test_queue.py",
    ]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[object]:
    """An empty scene in Slicer's core, and an empty DICOM database."""
    import slicer_application

    (tmp_path / "database").mkdir()
    yield slicer_application.start(tmp_path / "database")
    slicer_application.slicer.mrmlScene.Clear(0)


@pytest.fixture
def logic(scene: object) -> Iterator[IODeepLogic]:
    """The module's logic, on that scene; its runs end with the test."""
    from IODeep import IODeepLogic

    one = IODeepLogic()
    yield one
    one.cleanup()


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A small network that finds two labels wherever it is run."""
    folder = tmp_path_factory.mktemp("network")
    path = networks.save(networks.conv(3, channels=3, layers=1), folder / "three.onnx")
    needs = recipe(
        applies_to={"modalities": ["CT"]},
        output={"channels": 3, "labels": [label(1, "grey"), label(2, "white", laterality="R")]},
    )
    return pack(path, needs, folder / "model")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder with a CT series of 10 slices."""
    voxels = np.random.default_rng(0).integers(-1000, 500, (10, 12, 14), np.int16)
    (tmp_path / "study").mkdir()
    hounsfield = {"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "HU"}
    return Stack(voxels, common={"Modality": "CT"} | hounsfield).write(tmp_path / "study")
