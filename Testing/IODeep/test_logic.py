"""The module's logic and the console examples of the user guide, in Slicer's own core."""

from __future__ import annotations

import json
import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import slicer
import slicer_application
from IODeepSlicer.scene import images, nodes
from IODeepSlicer.work.runner import State
from IODeepSlicer.work.waiting import wait
from msgspec.structs import replace

from IODeep import IODeepLogic
from IODeepLib.cli.main import main
from IODeepLib.errors import CancelledError, IODeepError, NoModelFitsError, UsageError
from IODeepLib.model_object import Model
from IODeepLib.pipeline import run
from IODeepLib.publish import pack
from IODeepLib.series import find_series

pytestmark = pytest.mark.usefixtures("scene")

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "Docs" / "user-guide.md"
EXAMPLE = ROOT / "examples" / "07_slicer_console.py"
DEMO = ROOT / "IODeepLib" / "demo_data"


@pytest.fixture
def logic(scene: object) -> Iterator[IODeepLogic]:
    one = IODeepLogic()
    yield one
    one.cleanup()


def test_it_gives_what_the_library_gives(logic: IODeepLogic, study: Path, network: Model) -> None:
    volume = slicer_application.load(study)
    slicer_application.insert(network.card.path.parent)
    segmentation = logic.run(volume)
    (series,) = find_series(study)
    expected = run(series, network).segmentation
    turn = images.imageOf(volume).grid.axis_map(expected.grid.orientation)
    for value, mask in slicer_application.labels_of(segmentation, volume).items():
        np.testing.assert_array_equal(turn.apply(mask), expected.array == value)
    assert {1, 2} <= set(np.unique(expected.array))


def test_its_command_gives_the_same(
    logic: IODeepLogic, study: Path, network: Model, tmp_path: Path
) -> None:
    """Whatever lies beside: the log shows the command for those who go on outside of Slicer."""
    volume = slicer_application.load(study)
    one = logic.start(volume, network, "cpu", threads=1, labels=["white"])
    wait(one)
    program, *arguments = shlex.split(one.command)
    assert program == "iodeep"
    arguments[-1] = str(tmp_path / "it's new")
    assert main(arguments) == 0
    written = json.loads(Path(arguments[-1], "result.json").read_text(encoding="utf-8"))
    found = one.outcome().document
    for key in ("provenance", "volumes_ml", "left_out", "series_instance_uids"):
        assert written[key] == found[key]
    assert found["threads"] == 1 and "threads: 1" in one.log


def test_no_command_does_the_same_for_an_image_that_is_in_no_file(
    logic: IODeepLogic, network: Model
) -> None:
    volume = slicer.util.addVolumeFromArray(np.zeros((4, 5, 6), np.int16))
    volume.SetAttribute(images.SAID["Modality"], "CT")
    assert logic.start(volume, network).command == ""


def test_a_run_that_is_cancelled_gives_nothing(
    logic: IODeepLogic, study: Path, network: Model
) -> None:
    volume = slicer_application.load(study)
    one = logic.start(volume, network)
    slicer.mrmlScene.Clear(0)
    assert one.poll() is State.CANCELLED
    with pytest.raises(CancelledError):
        one.outcome()


def test_a_model_that_does_not_fit_is_refused_with_the_reason(
    logic: IODeepLogic, study: Path, network: Model
) -> None:
    volume = slicer_application.load(study)
    slicer.mrmlScene.RemoveNode(volume)
    other = slicer.util.addVolumeFromArray(np.zeros((4, 5, 6), np.int16))
    other.SetAttribute(images.SAID["Modality"], "MR")
    with pytest.raises(NoModelFitsError, match="Modality"):
        logic.start(other, network)


def test_a_script_gets_no_model_that_another_one_equals(
    logic: IODeepLogic, study: Path, network: Model
) -> None:
    volume = slicer_application.load(study)
    folder = network.card.path.parent
    slicer_application.insert(folder)
    twin = pack(
        folder.parent / "three.onnx",
        replace(network.card.recipe, name="twin"),
        Path(slicer.dicomDatabase.databaseDirectory, "twin"),
    )
    slicer_application.insert(twin.card.path.parent)
    with pytest.raises(UsageError, match="2 models fit") as caught:
        logic.run(volume)
    assert "logic.select(volume).equals" in caught.value.next_step
    (first, _) = logic.select(volume).equals
    assert logic.run(volume, first.model) is not None


def test_without_models_select_says_so(logic: IODeepLogic, study: Path) -> None:
    volume = slicer_application.load(study)
    with pytest.raises(IODeepError):
        _ = logic.select(volume).best
    slicer.dicomDatabase.isOpen = False
    assert logic.findModels().models == ()


def test_the_user_guides_examples(
    logic: IODeepLogic,
    study: Path,
    network: Model,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    volume = slicer_application.load(study)
    monkeypatch.setattr(slicer.util, "getModuleLogic", lambda name: logic)
    examples = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) >= 2
    names: dict[str, object] = {"slicer": slicer}
    places = {
        "/path/to/models": network.card.path.parent,
        "/path/to/model.onnx": DEMO / "demo_network.onnx",
        "/path/to/recipe.json": DEMO / "recipe.json",
        "/path/to/study": study,
        "/path/to/result": tmp_path / "result",
    }
    for example in examples:
        code = example
        for placeholder, path in places.items():
            code = code.replace(placeholder, str(path))
        exec(compile(code, GUIDE.name, "exec"), names)  # noqa: S102  what a reader would type
    seg, report = names["uids"]
    assert all(slicer.dicomDatabase.fileForInstance(uid) for uid in (seg, report))
    assert nodes.imageNodeOf(names["segmentation"]) is volume


def test_the_example_of_the_console(
    logic: IODeepLogic, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(slicer.util, "getModuleLogic", lambda name: logic)
    names = runpy.run_path(str(EXAMPLE))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "brain-tissue-t1-demo@1.1.0 fits"
    assert any(line.startswith("White Matter: ") for line in lines)
    seg, report = lines[-1].removeprefix("saved ").split()
    assert all(slicer.dicomDatabase.fileForInstance(uid) for uid in (seg, report))
    assert nodes.imageNodeOf(names["segmentation"]) is names["volume"]
