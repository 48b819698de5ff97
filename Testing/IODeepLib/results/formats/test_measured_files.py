"""Files for research in millimeters and milliliters, as SimpleITK measures them.

Runs of a network find blobs of known place and volume, in series that lie as series do.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from makers.placed_blobs import BLOBS, LAYOUTS, PIXEL, network, write

from IODeepLib.model_object import Model
from IODeepLib.pipeline import run
from IODeepLib.results import also
from IODeepLib.series import find_series

KINDS = ["axial", "tilted by 18.5 degrees", "one missing, tilted", "two distances", "oblique"]
KINDS += ["decubitus", "sagittal", "multi-frame", "single slice"]
NAMES = ["nifti", "nrrd", "rtstruct"]
# As `results/test_readers.py` has them, which says why.
VOLUME, CENTRE = 0.05, min(PIXEL) / 2


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Model]:
    folder = tmp_path_factory.mktemp("models")
    return {spatial: network(folder / f"{spatial}d", spatial) for spatial in (2, 3)}


@pytest.mark.parametrize("layout", KINDS)
def test_blobs_lie_where_they_are(models: dict[int, Model], tmp_path: Path, layout: str) -> None:
    (series,) = find_series(write(LAYOUTS[layout], tmp_path / "images", SliceThickness="3.2"))
    flat = len(series.frames) == 1
    result = run(series, models[2 if flat else 3])
    assert result.segmentation is not None
    assert result.also_refused(NAMES) == {}
    written = {path.name for path in result.save(tmp_path / "out", also=NAMES)}
    assert {name for kind in NAMES for name in also.KINDS[kind].files} <= written
    for name in ("segmentation.nii.gz", "segmentation.seg.nrrd"):
        image = SimpleITK.ReadImage(str(tmp_path / "out" / name))
        shape = SimpleITK.LabelShapeStatisticsImageFilter()
        shape.Execute(image)
        for label in result.segmentation.labels:
            milliliters = shape.GetPhysicalSize(label.value) / 1000
            assert milliliters == pytest.approx(result.segmentation.volumes()[label.name], rel=1e-4)
            blob = BLOBS[label.name]
            if not flat:
                assert milliliters == pytest.approx(blob.millilitres, rel=VOLUME)
                apart = np.array(shape.GetCentroid(label.value)) - blob.centre
                assert np.linalg.norm(apart) < CENTRE
