"""How fast it is in the real Slicer: prints each figure with the limit that the project sets.

A missed limit is an error at the end: run this on a machine without other work. Docs/testing.md
says how, and what was seen.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import psutil
import qt
import slicer
from DICOMLib import DICOMUtils
from msgspec.structs import replace

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE))
import panel  # noqa: E402
from steps import finish, gaps, step, wait  # noqa: E402

if TYPE_CHECKING:
    from IODeepLib import Model

_PAIRS = int(os.environ.get("IODEEP_PAIRS", "3"))
_OVERLAP = 0.93  # of patches: the run takes about half a minute on two cores
_work = Path(tempfile.mkdtemp(prefix="iodeep-"))
_missed: list[str] = []


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _costs(action: Callable[[], object]) -> np.ndarray:
    """Seconds on the clock, and seconds of processors in this process and its children."""
    before = os.times()
    seconds = _seconds(action)
    after = os.times()
    return np.array([seconds, sum(after[:4]) - sum(before[:4])])


def _verdict(value: float, limit: float, unit: str) -> str:
    figure = f"{value:.3g} {unit}, limit {limit:g} {unit}"
    if value <= limit:
        return figure
    _missed.append(figure)
    return f"{figure}: MISSED"


def _every_limit_is_kept() -> str:
    assert not _missed, "; ".join(_missed)
    return "yes"


def _import() -> str:
    """The module's file and what it imports of ours, as at Slicer's start; the best of five."""
    ours = [name for name in sys.modules if name.partition(".")[0] in ("IODeep", "IODeepSlicer")]
    before = {name: sys.modules[name] for name in ours}
    costs = []
    for _ in range(5):
        for name in ours:
            sys.modules.pop(name, None)
        processor = time.process_time()
        seconds = _seconds(lambda: importlib.import_module("IODeep"))
        costs.append((seconds, time.process_time() - processor))
    sys.modules.update(before)
    clock, processor = 1000 * np.min(costs, axis=0)
    return f"{_verdict(clock, 50, 'ms')}; of the processor {processor:.0f} ms"


def _result(array: np.ndarray, count: int) -> Callable[[], slicer.vtkMRMLSegmentationNode]:
    """What makes a segmentation node of a result: labels 1 to `count` on a new image."""
    from IODeepSlicer.scene import images, nodes

    from IODeepLib import Segmentation, read_recipe

    voxels = np.random.default_rng(0).integers(0, 1000, array.shape, np.int16)
    volume = slicer.util.addVolumeFromArray(voxels)
    (first, *_) = read_recipe(panel.DEMO / "recipe.json").output.labels
    labels = tuple(replace(first, value=n + 1, name=f"label {n + 1}") for n in range(count))
    segmentation = Segmentation(array, images.imageOf(volume).grid, labels)
    model = SimpleNamespace(label="figures", card=SimpleNamespace(title="Figures"))
    document = {"missing": [], "empty": False, "volumes_ml": {}, "notes": []}
    document["fingerprints"] = segmentation.fingerprints()  # by the process that ran the network
    return lambda: nodes.createSegmentationNode(volume, model, segmentation, document)


def _boxes() -> np.ndarray:
    """512 x 512 x 300 voxels with 50 labels all over the image."""
    array = np.zeros((300, 512, 512), np.uint8)
    for n in range(50):
        row, column = divmod(n, 10)
        array[:, 100 * row : 100 * row + 90, 50 * column : 50 * column + 45] = n + 1
    return array


def _many_labels() -> str:
    """A result of 512 x 512 x 300 voxels with 50 labels becomes a segmentation node."""
    seconds = _seconds(_result(_boxes(), 50))
    slicer.mrmlScene.Clear()
    return _verdict(seconds, 3, "s")


def _after_an_edit() -> str:
    """How long the window stands still while such a result is measured, after one was edited."""
    from IODeepSlicer.scene.segment_table import tableOf

    panel.open_panel()
    node = _result(_boxes(), 50)()
    panel.logic().getParameterNode().result = node
    with gaps() as found:
        panel.figures()
        panel.find("keepButton").click()
        wait(0.5)
    first = max(found)
    assert tableOf(node) is not None
    labelmap = node.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap")
    labelmap.SetScalarComponentFromDouble(0, 0, 150, 0, 0)
    with gaps() as found:
        labelmap.Modified()
        node.GetSegmentation().InvokeEvent(slicer.vtkSegmentation.SourceRepresentationModified)
        panel.until(lambda: panel.find("resultTable").item(0, 1).text() == "…")
        shown = panel.figures()["label 1"]
    again = max(found)
    assert shown["Voxel count"] == f"{90 * 45 * 300 - 1}", shown
    slicer.mrmlScene.Clear()
    print(f"  measured at first {first:.3f} s, after an edit {again:.3f} s", flush=True)
    return _verdict(max(first, again), 0.2, "s")


def _in_3d() -> str:
    """From a result of 256 x 256 x 256 voxels with 17 labels to its surfaces in the 3D view."""
    array = np.zeros((256, 256, 256), np.uint8)
    ball = np.linalg.norm(np.mgrid[-25:26, -25:26, -25:26], axis=0) <= 25
    for n in range(17):  # balls all over the image
        k, j, i = (30 + 64 * part for part in np.unravel_index(n, (4, 4, 4)))
        array[k - 25 : k + 26, j - 25 : j + 26, i - 25 : i + 26][ball] = n + 1
    node = _result(array, 17)()
    with gaps() as found:
        start = time.perf_counter()
        slicer.modules.iodeep.widgetRepresentation().self().panel.result.take(node)
        panel.until(lambda: node.GetSegmentation().ContainsRepresentation("Closed surface"))
        seconds = time.perf_counter() - start
        wait(1)
    slicer.mrmlScene.Clear()
    return f"{_verdict(seconds, 3, 's')}; longest gap {_verdict(max(found), 0.2, 's')}"


def _against_the_command() -> str:
    """The same network on the same files, in Slicer and by `iodeep run`, in turns.

    On a machine with other work, only the seconds that the processors took can be compared.
    """
    logic, volume = panel.logic(), panel.load_image()
    models = [m for m in logic.findModels().models if m.card.name == "figures"]
    python = shutil.which("PythonSlicer") or sys.executable
    command = [python, "-m", "IODeepLib.cli", "run", str(panel.DEMO / "mr_t1")]
    ratios = []
    for n in range(_PAIRS):
        arguments = ["--models", str(_work / "model"), "--out", str(_work / f"result-{n}")]
        alone = _costs(
            lambda arguments=arguments: subprocess.run(
                [*command, *arguments], cwd=_HERE.parents[1], check=True, capture_output=True
            )
        )
        inside = _costs(lambda: logic.run(volume, models[0]))
        ratios.append(inside / alone)
        print(
            f"  iodeep run {alone[0]:.1f} s, of processors {alone[1]:.1f} s; "
            f"in Slicer {inside[0]:.1f} s, {inside[1]:.1f} s",
            flush=True,
        )
    longer, more = 100 * (np.median(ratios, axis=0) - 1)
    return f"{_verdict(longer, 5, '% longer')}; {_verdict(more, 5, '% more of processors')}"


def _cancel(model: Model) -> str:
    """From the click on Cancel to the end of the process."""
    panel.open_panel()
    panel.choose(model)
    run = panel.start_and_wait_for_network()

    def cancel() -> None:
        panel.find("cancelButton").click()
        panel.until(lambda: not _lives(run.process_id))

    return _verdict(_seconds(cancel), 2, "s")


def _longest_gap(model: Model) -> str:
    """How long the window stands still at most while a network runs on 256 x 256 x 256 voxels.

    From Apply until two seconds after the end; the median of several runs.
    """
    volume = _loaded(np.random.default_rng(0).integers(0, 1000, (256, 256, 256), np.int16))
    panel.open_panel()
    panel.find("inputSelector").setCurrentNode(volume)
    wait(1)
    panel.choose(model)
    longest = []
    for _ in range(3):
        with gaps() as found:
            panel.find("applyButton").click()
            panel.until(lambda: not panel.is_running())
            wait(2)
        longest.append(max(found))
    print("  " + ", ".join(f"{gap:.3f} s" for gap in longest), flush=True)
    return _verdict(float(np.median(longest)), 0.2, "s")


def _in_the_queue(models: list[Model]) -> str:
    """The same while several models run on one image, one after the other."""
    panel.open_panel()
    table = panel.find("modelTable")
    names = [table.item(row, 1).text() for row in range(table.rowCount)]
    rows = [names.index(model.card.title) for model in models]
    table.clearSelection()
    table.setCurrentCell(rows[0], 1)
    flags = qt.QItemSelectionModel.Select | qt.QItemSelectionModel.Rows
    for row in rows[1:]:
        table.selectionModel().select(table.model().index(row, 0), flags)
    wait(0.5)
    assert panel.caption("applyButton") == f"Apply {len(models)} models"
    with gaps() as found:
        panel.find("applyButton").click()
        panel.until(lambda: not panel.is_running())
        wait(2)
    assert panel.said("queueLabel") == f"Done: {len(models)} of {len(models)}."
    panel.find("closeQueueButton").click()
    return _verdict(max(found), 0.2, "s")


def _published() -> str:
    """The same while a network is published."""
    recipe = _work / "published.json"
    whole = json.loads((panel.DEMO / "recipe.json").read_text(encoding="utf-8"))
    recipe.write_text(json.dumps(whole | {"name": "published"}), encoding="utf-8")
    panel.find("onnxPathLineEdit").currentPath = str(panel.DEMO / "demo_network.onnx")
    panel.find("recipePathLineEdit").currentPath = str(recipe)
    wait(0.5)
    with gaps() as found:
        panel.find("publishButton").click()
        panel.until(lambda: "In the DICOM database" in panel.find("publishStatusLabel").text)
        wait(1)
    return _verdict(max(found), 0.2, "s")


def _memory(model: Model) -> str:
    """What ten runs on 256 x 256 x 256 voxels leave in Slicer more than one, without results."""
    volume = _loaded(np.random.default_rng(0).integers(0, 1000, (256, 256, 256), np.int16))
    panel.open_panel()
    panel.find("inputSelector").setCurrentNode(volume)
    wait(1)
    panel.choose(model)
    used = []
    for _ in range(10):
        panel.find("applyButton").click()
        panel.until(lambda: not panel.is_running())
        wait(1)
        for kind in ("vtkMRMLSegmentationNode", "vtkMRMLTableNode"):
            for node in slicer.util.getNodesByClass(kind):
                slicer.mrmlScene.RemoveNode(node)
        wait(0.5)
        used.append(psutil.Process().memory_info().rss / 2**20)
    print("  " + ", ".join(f"{size:.0f} MB" for size in used), flush=True)
    return _verdict(100 * (used[-1] / used[0] - 1), 5, "% more")


def _opening() -> str:
    """From Slicer's start to this script, and to the panel; the longest gap meanwhile."""
    began = psutil.Process().create_time()
    script = time.time() - began
    with gaps() as found:
        seconds = _seconds(panel.open_panel)
        wait(1)
    print(f"  Slicer started in {script:.1f} s, the panel opened in {seconds:.2f} s", flush=True)
    return _verdict(max(found), 0.2, "s")


def _loaded(array: np.ndarray) -> slicer.vtkMRMLScalarVolumeNode:
    """An image in the scene that the demonstration model fits."""
    volume = slicer.util.addVolumeFromArray(array)
    volume.SetAttribute("IODeep.Modality", "MR")
    volume.SetAttribute("IODeep.BodyPartExamined", "BRAIN")
    return volume


def _lives(process: int) -> bool:
    try:
        os.killpg(process, 0)
    except ProcessLookupError:
        return False
    return True


def _run() -> None:
    step("Longest gap while the panel opens for the first time", _opening)
    from IODeepLib import read_recipe

    needs = replace(read_recipe(panel.DEMO / "recipe.json").input, overlap=_OVERLAP)
    long = panel.make_model(_work / "model", name="figures", input=needs)
    few = replace(needs, overlap=0.0)
    quick = panel.make_model(_work / "quick", name="quick", title="Quick", input=few)
    other = panel.make_model(_work / "other", name="other", title="Other", input=few)
    step("Import of the module", _import)
    step("Segmentation of 512 x 512 x 300 with 50 labels", _many_labels)
    with DICOMUtils.TemporaryDICOMDatabase(str(_work / "database")):
        for part in (_work / "model", _work / "quick", _work / "other", panel.DEMO / "mr_t1"):
            DICOMUtils.importDicom(str(part), slicer.dicomDatabase, copyFiles=True)
        slicer.util.selectModule("IODeep")
        step("In Slicer and by the command", _against_the_command)
        step("Cancel", lambda: _cancel(long))
        step("17 labels in 3D", _in_3d)
        step("Longest gap while 50 labels are measured", _after_an_edit)
        step("Longest gap of the event loop", lambda: _longest_gap(quick))
        step("Longest gap while two models run", lambda: _in_the_queue([quick, other]))
        step("Longest gap while a network is published", _published)
        slicer.mrmlScene.Clear()
        step("Memory of ten runs", lambda: _memory(quick))
    step("Every limit is kept", _every_limit_is_kept)
    shutil.rmtree(_work, ignore_errors=True)
    finish()


_run()
