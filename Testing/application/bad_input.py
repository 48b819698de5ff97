"""What may go wrong, in the real Slicer: one message, and the scene as it was.

Docs/testing.md says how to run this.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import qt
import slicer
from DICOMLib import DICOMUtils

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE))
import panel  # noqa: E402
from panel import contains, nothing_changes, said  # noqa: E402
from steps import dialogs, finish, picture, step, wait  # noqa: E402

_work = Path(tempfile.mkdtemp(prefix="iodeep-"))
_work.chmod(0o755)  # for a user who may read and not write
(_work / "temporary").mkdir()
_database = _work / "database"


class Bench:
    """What the steps work on: a database with two models and an image, which is loaded."""

    def __init__(self) -> None:
        for name, make in (("demo", panel.make_model), ("slow", panel.make_slow_model)):
            make(_work / name)
            DICOMUtils.importDicom(str(_work / name), slicer.dicomDatabase, copyFiles=True)
        DICOMUtils.importDicom(str(panel.DEMO / "mr_t1"), slicer.dicomDatabase, copyFiles=True)

    def reset(self) -> None:
        """As after loading the image: the fast model is chosen."""
        slicer.mrmlScene.Clear()
        self.image = panel.load_image()
        models = {model.card.name: model for model in panel.logic().findModels().models}
        self.slow = models.pop("slow")
        (self.demo,) = models.values()
        panel.open_panel()
        panel.choose(self.demo)


def _database_closed(bench: Bench) -> str:
    with nothing_changes():
        slicer.dicomDatabase.closeDatabase()
        try:
            panel.open_panel()
            assert not panel.find("applyButton").enabled
            return contains(said("modelsLabel"), "database is not open", "DICOM module")
        finally:
            slicer.dicomDatabase.openDatabase(str(_database / "ctkDICOM.sql"))
            panel.open_panel()


def _database_gone(bench: Bench) -> str:
    away = _database.with_name("away")
    with nothing_changes():
        _database.rename(away)
        try:
            panel.open_panel()
            assert not panel.find("applyButton").enabled
            return contains(said("modelsLabel"), "not there any more", "import")
        finally:
            away.rename(_database)
            panel.open_panel()


def _model_moved_away(bench: Bench) -> str:
    """After it was listed: the run fails before it begins, or in the process."""
    with nothing_changes(), _away(bench.demo.parts[0].path):
        return contains(panel.apply_and_wait(), bench.demo.parts[0].path.name)


def _image_moved_away(bench: Bench) -> str:
    """The voxels are in the scene; only saving needs the files."""
    path = slicer.dicomDatabase.fileForInstance(
        bench.image.GetAttribute("DICOM.instanceUIDs").split()[0]
    )
    assert "Done" in panel.apply_and_wait()
    panel.until(lambda: panel.find("saveButton").enabled)
    with nothing_changes(), _away(Path(path)):
        return contains(panel.save(), "DICOM database")


def _weights_missing(bench: Bench) -> str:
    with nothing_changes(), _away(bench.demo.parts[0].path):
        panel.open_panel()
        panel.choose(bench.demo)
        assert not panel.find("applyButton").enabled
        return contains(said(), "weights", "import")


def _newer_card(bench: Bench) -> str:
    import pydicom
    from pydicom.uid import generate_uid

    folder = _work / "newer"
    shutil.copytree(_work / "demo", folder)
    card = pydicom.dcmread(folder / "card.dcm")
    card[0x0017, 0x0010].value = "IODEEP 2"
    card.CreatorVersionUID = generate_uid()
    card.save_as(folder / "card.dcm")
    with nothing_changes():
        panel.look_in(str(folder))
        wait(0.5)
        text = said("modelsLabel").splitlines()[0]  # another one is on its weights
        panel.look_in("")
        wait(0.5)
        return contains(text, "card.dcm", "Update IODeep")


def _plugin_disabled(bench: Bench) -> str:
    """The module reads the database without the browser's plugin."""
    settings = qt.QSettings()
    settings.beginWriteArray("DICOM/disabledPlugins")
    settings.setArrayIndex(0)
    settings.setValue("DICOMIODeepPlugin", "disabled")
    settings.endArray()
    try:
        assert "DICOMIODeepPlugin" not in DICOMUtils.getDefaultPluginClassNames()
        bench.reset()
        return contains(panel.apply_and_wait(), "Done")
    finally:
        settings.remove("DICOM/disabledPlugins")


def _image_deleted(bench: Bench) -> str:
    panel.start_and_wait_for_network()
    slicer.mrmlScene.RemoveNode(bench.image)
    with nothing_changes():
        return contains(panel.wait_for_end(), "image was removed")


def _database_read_only(bench: Bench) -> str:
    assert "Done" in panel.apply_and_wait()
    panel.until(lambda: panel.find("saveButton").enabled)
    files = {path for path in _database.rglob("*") if path.is_file()}
    with nothing_changes(), _read_only(_database):
        text = contains(panel.save(), "did not take the file", "permissions")
    assert {path for path in _database.rglob("*") if path.is_file()} == files
    return text


def _broken_runtime(bench: Bench) -> str:
    broken = _work / "broken"
    broken.mkdir()
    (broken / "onnxruntime.py").write_text(
        "raise ImportError('DLL load failed while importing onnxruntime_pybind11_state')"
    )
    code = f"import sys; sys.path.insert(0, {str(broken)!r})"
    with nothing_changes(), panel.worker_that_first_runs(code, _work / "first"):
        return contains(panel.apply_and_wait(), "ONNX Runtime", "DLL load failed", "Visual C++")


def _old_processor(bench: Bench) -> str:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGILL)"
    with nothing_changes(), panel.worker_that_first_runs(code, _work / "first"):
        return contains(panel.apply_and_wait(), "processor")


# From when the voxels are read there is no more than what they and the libraries take.
_LITTLE_MEMORY = """
import resource, sys
import numpy, onnxruntime

def limit(event, arguments):
    if event == "open" and str(arguments[0]).endswith(".npy"):
        pages = int(open("/proc/self/statm").read().split()[0])
        room = pages * resource.getpagesize() + (80 << 20)
        resource.setrlimit(resource.RLIMIT_AS, (room, room))

sys.addaudithook(limit)
"""


def _no_memory(bench: Bench) -> str:
    with nothing_changes(), panel.worker_that_first_runs(_LITTLE_MEMORY, _work / "first"):
        return contains(panel.apply_and_wait(), "memory is not enough", "Close")


def _killed(bench: Bench) -> str:
    with nothing_changes():
        run = panel.start_and_wait_for_network()
        os.killpg(run.process_id, signal.SIGKILL)
        text = contains(panel.wait_for_end(), "signal 9", "memory")
        shown = panel.find("logText").toPlainText()
        assert shown.startswith(run.command) and shown.endswith(run.log.strip())
        return text


def _corrupt_result(bench: Bench) -> str:
    with nothing_changes():
        run = panel.start_and_wait_for_network()
        os.killpg(run.process_id, signal.SIGSTOP)
        (run._folder / "result.json").write_text("{")
        with (run._folder / "progress").open("a", encoding="utf-8") as progress:
            progress.write(json.dumps({"done": True}) + "\n")
        return contains(panel.wait_for_end(), "of no use", "log")


def _second_run(bench: Bench) -> str:
    """The panel starts none; a script may, and both give what they should."""
    panel.start_and_wait_for_network()
    assert not panel.find("applyButton").enabled
    second = panel.logic().start(bench.image, bench.demo)
    panel.until(lambda: not panel.is_running() and second.poll().value != "running")
    assert "Done" in panel.wait_for_end()
    both = [second.outcome(), panel.logic().start(bench.image, bench.demo)]
    panel.until(lambda: both[1].poll().value != "running")
    first, again = (dict(one.document) for one in (both[0], both[1].outcome()))
    for document in (first, again):
        assert document.pop("started") <= document.pop("ended")
    assert first == again
    return said()


def _scene_closed(bench: Bench) -> str:
    panel.choose(bench.slow)
    run = panel.start_and_wait_for_network()
    slicer.mrmlScene.Clear()
    text = panel.wait_for_end()
    assert run.poll().value == "cancelled"
    with nothing_changes():
        wait(1)
    return text


@contextmanager
def _away(path: Path) -> Iterator[None]:
    away = path.with_name(f"{path.name}.away")
    path.rename(away)
    try:
        yield
    finally:
        away.rename(path)


@contextmanager
def _read_only(folder: Path) -> Iterator[None]:
    """Nobody may write there; an administrator, whom nothing stops, becomes nobody meanwhile."""
    paths = [folder, *folder.rglob("*")]
    before = {path: path.stat().st_mode for path in paths}
    for path in paths:
        readable = 0o555 if path.is_dir() else 0o444
        path.chmod(before[path] & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) | readable)
    administrator = hasattr(os, "geteuid") and os.geteuid() == 0
    if administrator:
        (_work / "temporary").chmod(0o777)
        os.seteuid(65534)
    try:
        yield
    finally:
        if administrator:
            os.seteuid(0)
        for path, mode in before.items():
            path.chmod(mode)


_STEPS = (
    ("Database closed", _database_closed),
    ("Database folder gone", _database_gone),
    ("Weights moved away after they were listed", _model_moved_away),
    ("Image files moved away", _image_moved_away),
    ("Weights missing", _weights_missing),
    ("Card of a newer format", _newer_card),
    ("Plugin disabled", _plugin_disabled),
    ("Image deleted in mid-run", _image_deleted),
    ("ONNX Runtime cannot be imported", _broken_runtime),
    ("Second run", _second_run),
    ("Scene closed in mid-run", _scene_closed),
)
# Windows has neither these permissions nor signals and limits.
_POSIX_STEPS = (
    ("Database folder is read-only", _database_read_only),
    ("Processor too old", _old_processor),
    ("No memory", _no_memory),
    ("Process killed", _killed),
    ("Corrupt result", _corrupt_result),
)


def _run() -> None:
    with DICOMUtils.TemporaryDICOMDatabase(str(_database)):
        bench = Bench()
        tempfile.tempdir = str(_work / "temporary")
        for name, action in _STEPS + (_POSIX_STEPS if hasattr(os, "killpg") else ()):
            step(name, lambda action=action: bench.reset() or action(bench))
            found = dialogs()
            step(f"{name}: no dialog", lambda found=found: _none(found))
        picture("bad_input")
    tempfile.tempdir = None
    shutil.rmtree(_work, ignore_errors=True)
    finish()


def _none(found: list[str]) -> str:
    assert not found, found
    return "none"


_run()
