"""What Slicer does for its modules: their folder is in Python's path, and a scene is open."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "IODeep"))

# slicer-core has no wheel for every Python and processor; where there is one, it is installed.
if find_spec("slicer_core") is None:
    collect_ignore = ["test_logic.py", "test_nodes.py", "test_saving.py"]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[object]:
    """An empty scene in Slicer's core, and an empty DICOM database."""
    import slicer_application

    (tmp_path / "database").mkdir()
    yield slicer_application.start(tmp_path / "database")
    slicer_application.slicer.mrmlScene.Clear(0)
