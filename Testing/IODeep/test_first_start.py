"""Slicer before anybody has answered the question for packages, with what it bundles alone."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from IODeepSlicer import requirements
from makers import kaapana
from packaging.requirements import Requirement

from IODeepLib.model_object import Model

TESTING = Path(__file__).resolve().parents[1]
# Slicer/Slicer, SuperBuild/External_python-*.cmake
BUNDLED = {"pydicom", "numpy", "SimpleITK", "highdicom", "requests", "urllib3", "Pillow"}
BROUGHT = {Requirement(item).name for item in requirements.REQUIREMENTS} - BUNDLED

needs_slicer = pytest.mark.skipif(
    not any(metadata.distributions(name="slicer-core")), reason="slicer-core has no wheel for here"
)

PRELUDE = """
import json, sys
site, testing, work, model = sys.argv[1:]
sys.path[:0] = [testing, testing + "/../IODeep", site]
from pathlib import Path
from IODeepSlicer import requirements

def told(call):
    try:
        call()
    except requirements.RequirementsError as error:
        return error.found
    return "nothing"
"""


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Python packages that has those not that IODeep brings to Slicer."""
    ours = {part for name in BROUGHT for part in _top(name)}
    folder = tmp_path_factory.mktemp("bundled")
    for path in Path(sysconfig.get_path("platlib")).iterdir():
        if path.name not in ours and path.suffix != ".pth":
            (folder / path.name).symlink_to(path)
    return folder


def _top(name: str) -> set[str]:
    """What a distribution has beside others."""
    files = metadata.distribution(name).files
    assert files is not None
    return {file.parts[0] for file in files}


def run(bundled: Path, work: Path, code: str, model: Path | None = None) -> Any:
    """What a Python prints as JSON that has nothing else."""
    command = [sys.executable, "-I", "-S", "-c", PRELUDE + code, bundled, TESTING, work, model]
    answer = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout.splitlines()[-1])


def named(text: str) -> set[str]:
    """The packages that a message names."""
    return {
        Requirement(word).name for word in text.removeprefix("Slicer's Python lacks ").split(", ")
    }


def test_what_lacks_is_what_iodeep_brings(bundled: Path, tmp_path: Path) -> None:
    code = (
        "print(json.dumps([told(requirements.checkReading), requirements.missingRequirements()]))"
    )
    found, missing = run(bundled, tmp_path, code)
    assert named(found) == {Requirement(item).name for item in missing} == BROUGHT


def test_onnx_runtime_alone_is_no_reason_not_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    here = requirements.installedVersions()
    for name in requirements.ONNXRUNTIME_VARIANTS:
        here.pop(name, None)
    monkeypatch.setattr(requirements, "installedVersions", lambda: here)
    requirements.checkReading.cache_clear()
    requirements.checkReading()
    with pytest.raises(requirements.RequirementsError, match="onnxruntime"):
        requirements.checkRequirements()
    requirements.checkReading.cache_clear()


EVERYTHING = """
import importlib, pkgutil, slicer, slicer_application
from types import ModuleType
class Qt(ModuleType):
    __getattr__ = lambda self, name: type(name, (), {})
sys.modules |= {"qt": Qt("qt"), "ctk": Qt("ctk")}
import DICOMIODeepPlugin, IODeep, IODeepSlicer
for module in pkgutil.walk_packages(IODeepSlicer.__path__, "IODeepSlicer."):
    importlib.import_module(module.name)
from IODeepSlicer.panel.choices import fillRegions
class Box(list):
    count = property(len)
    addItem = lambda self, *item: self.append(item)
box = Box([("any region", "")])
for _ in range(2):
    fillRegions(box)
print(json.dumps(len(box)))
"""


@needs_slicer
def test_nothing_is_needed_before_something_is_done(bundled: Path, tmp_path: Path) -> None:
    assert run(bundled, tmp_path, EVERYTHING) == 1  # no region: they need packages
    everything = Path(sysconfig.get_path("platlib"))
    assert run(everything, tmp_path, EVERYTHING) > 80


LOGIC = """
import slicer, slicer_application
slicer_application.start(Path(work))
from IODeep import IODeepLogic
import numpy
volume = slicer.util.addVolumeFromArray(numpy.zeros((4, 5, 6), "int16"))
segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
segmentation.SetAttribute("IODeep.Document", json.dumps({"empty": False}))
logic = IODeepLogic()
calls = [
    logic.findModels,
    lambda: logic.findModels("/tmp"),
    lambda: logic.findModels("dicomweb+http://127.0.0.1:9"),
    lambda: logic.select(volume),
    lambda: logic.select(volume, []),
    lambda: logic.start(volume, None),
    lambda: logic.start(volume, None, source="dimse://X@127.0.0.1:9"),
    lambda: logic.startListing("dimse://X@127.0.0.1:9"),
    lambda: logic.startSending(segmentation, "dicomweb+http://127.0.0.1:9"),
    lambda: logic.saveToDICOM(segmentation),
    lambda: logic.publish("network.onnx", "recipe.json"),
]
print(json.dumps([told(call) for call in calls]))
"""


@needs_slicer
def test_scripts_are_told_what_lacks(bundled: Path, tmp_path: Path) -> None:
    for found in run(bundled, tmp_path, LOGIC):
        assert named(found) == BROUGHT


PLUGIN = """
from types import ModuleType
import slicer, slicer_application
slicer_application.start(Path(work))
slicer_application.insert(Path(model))
slicer_application.insert(Path(testing).parent / "IODeepLib" / "demo_data" / "mr_t1")
sys.modules["qt"] = ModuleType("qt")  # for what happens once a network is loaded
from DICOMIODeepPlugin import DICOMIODeepPluginClass
plugin, database = DICOMIODeepPluginClass(), slicer.dicomDatabase
series = [
    database.filesForSeries(series)
    for patient in database.patients()
    for study in database.studiesForPatient(patient)
    for series in database.seriesForStudy(study)
]
listed = plugin.examineForImport(series)
print(json.dumps([[Path(one.files[0]).stem, one.warning, plugin.load(one)] for one in listed]))
"""


@needs_slicer
def test_the_dicom_browser_lists_and_says_what_lacks(
    bundled: Path, tmp_path: Path, network: Model
) -> None:
    listed = run(bundled, tmp_path, PLUGIN, network.card.path.parent)
    said = {uid: warning for uid, warning, loaded in listed if loaded is None}
    uids = {part.sop_instance_uid for part in network.card.manifest.parts}
    assert set(said) == {network.card.sop_instance_uid, *uids}
    card = said[network.card.sop_instance_uid]
    assert all(package in card for package in BROUGHT) and "open the module IODeep" in card


OTHERS = """
from types import ModuleType
import slicer, slicer_application
slicer_application.start(Path(work))
slicer_application.insert(Path(model))
sys.modules["qt"] = ModuleType("qt")
from DICOMIODeepPlugin import DICOMIODeepPluginClass
plugin, database = DICOMIODeepPluginClass(), slicer.dicomDatabase
[study] = database.studiesForPatient("central")
[series] = database.seriesForStudy(study)
listed = plugin.examineForImport([database.filesForSeries(series)])
print(json.dumps([[one.name, len(one.files), one.warning, plugin.load(one)] for one in listed]))
"""


@needs_slicer
def test_the_dicom_browser_names_networks_of_others(tmp_path: Path) -> None:
    folder = tmp_path / "others"
    kaapana.write(folder, kaapana.zipped({"plans.json": b"{}"}), 60)
    parts = len(list(folder.iterdir()))
    everything = Path(sysconfig.get_path("platlib"))
    [[name, count, warning, loaded]] = run(everything, tmp_path, OTHERS, folder)
    assert "stored by Kaapana" in name and "iodeep import kaapana" in warning
    assert (count, loaded) == (parts, None)
