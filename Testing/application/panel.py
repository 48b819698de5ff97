"""The IODeep module in the real Slicer, as a person uses it: buttons, tables, messages."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import qt
import slicer
from steps import wait

DEMO = Path(__file__).resolve().parents[2] / "IODeepLib" / "demo_data"
LONGEST = 120  # seconds that anything here may take


_NETWORK = DEMO / "demo_network.onnx"
_found: dict[str, qt.QWidget] = {}


def make_model(folder: Path, network: Path = _NETWORK, **changes: Any) -> Any:
    """The demonstration network as DICOM instances in `folder`, its recipe changed."""
    from msgspec.structs import replace

    from IODeepLib import pack, read_recipe

    recipe = replace(read_recipe(DEMO / "recipe.json"), **changes)
    return pack(network, recipe, folder)


def make_large_model(folder: Path, size: int, **changes: Any) -> Any:
    """The same with as many more bytes of weights, which it does not use."""
    from IODeepLib.onnx_file.wire import encode_delimited, encode_tag, encode_varint, fields

    network = _NETWORK.read_bytes()
    # TensorProto's dims, data_type (FLOAT), name, raw_data; GraphProto's initializer.
    shape = encode_tag(1, 0) + encode_varint(size // 4) + encode_tag(2, 0) + encode_varint(1)
    ballast = encode_delimited(8, b"ballast") + encode_delimited(9, os.urandom(size))
    pieces = []
    for field in fields(network, 0, len(network)):
        piece = network[field.start : field.end]
        if field.number == 7:  # the graph
            graph = network[field.begin : field.end] + encode_delimited(5, shape + ballast)
            piece = encode_delimited(7, graph)
        pieces.append(piece)
    path = folder.with_suffix(".onnx")
    path.write_bytes(b"".join(pieces))
    return make_model(folder, path, **changes)


def make_slow_model(folder: Path) -> Any:
    """The same, made to take its time: its patches overlap much."""
    from msgspec.structs import replace

    from IODeepLib import read_recipe

    needs = read_recipe(DEMO / "recipe.json").input
    return make_model(folder, name="slow", title="Slow", input=replace(needs, overlap=0.9))


def load_image() -> slicer.vtkMRMLScalarVolumeNode:
    """The demonstration image, which is in the database."""
    from DICOMLib import DICOMUtils

    from IODeepLib import find_series

    (series,) = find_series(DEMO / "mr_t1")
    (node_id,) = DICOMUtils.loadSeriesByUID([series.series_instance_uid])
    return slicer.util.getNode(node_id)


def find(name: str) -> qt.QWidget:
    """The widget of this name in the panel.

    Slicer looks at each widget of the panel for it, in Python: what waits would hold up the window,
    and figures would be those of the wait.
    """
    if not _found.get(name):  # PythonQt: what was deleted is false
        _found[name] = slicer.util.findChild(slicer.modules.iodeep.widgetRepresentation(), name)
    return _found[name]


def in_sight(*names: str) -> str:
    """These widgets are wholly in the visible part of the panel."""
    area: Any = find(names[0])
    while area.className() != "QScrollArea":
        area = area.parent()
    view, found = area.viewport(), {}
    for name in names:
        top = find(name).mapTo(view, qt.QPoint(0, 0)).y()
        found[name] = (top, top + find(name).height)
    hidden = {name for name, (top, bottom) in found.items() if top < 0 or bottom > view.height}
    assert not hidden, f"{found} of {view.height} pixels"
    return f"{found} of {view.height} pixels"


def caption(button: str) -> str:
    """What stands on a button of the panel."""
    return find(button).text.replace("&", "")


def said(label: str = "statusLabel") -> str:
    """What a label of the panel says, "" while it is hidden."""
    return find(label).text if find(label).visible else ""


def logic() -> Any:
    """The logic of the panel."""
    return slicer.modules.iodeep.widgetRepresentation().self().logic


def open_panel() -> None:
    """Leave the module and open it again, which makes it look again."""
    slicer.util.selectModule("Data")
    slicer.util.selectModule("IODeep")
    widget = slicer.modules.iodeep.widgetRepresentation().self()
    until(lambda: widget.panel.parameters is not None)  # the first time it takes some turns
    wait(0.5)


def choose(model: Any) -> None:
    """Choose a model, whether it fits or not."""
    slicer.modules.iodeep.widgetRepresentation().self().chooseModel(model.card.sop_instance_uid)
    wait(0.2)


@contextmanager
def chosen_in_dialog(path: Path) -> Iterator[None]:
    """The next dialog that asks for a file or folder is answered with this one."""

    def choose() -> None:
        dialog = slicer.app.activeModalWidget()
        if dialog is not None and dialog.inherits("QFileDialog"):
            timer.stop()
            slicer.util.findChild(dialog, "fileNameEdit").text = str(path)
            dialog.accept()

    timer = qt.QTimer()
    timer.setInterval(300)
    timer.connect("timeout()", choose)
    timer.start()
    try:
        yield
    finally:
        timer.stop()


def look_in(source: str) -> None:
    """Enter where models are looked for beside the database."""
    find("sourceComboBox").setEditText(source)
    look_again()


def look_again() -> None:
    """Have models looked for again; those of a folder are read first."""
    find("refreshButton").click()
    until(lambda: not said("modelsLabel").startswith("Looking in "))
    wait(0.2)


def until(condition: Callable[[], Any]) -> None:
    """Let Slicer work until the condition holds."""
    end = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < end, f"not within {LONGEST} s; the panel says: {said()}"
        wait(0.05)


def is_running() -> bool:
    return find("cancelButton").enabled


def apply() -> None:
    """Press Apply."""
    assert find("applyButton").enabled, said()
    find("applyButton").click()


def apply_and_wait() -> str:
    """Press Apply; what the panel says once the run is over."""
    apply()
    return wait_for_end()


def figures() -> dict[str, dict[str, str]]:
    """The cells of the table of the result, once all are known: by segment and column."""
    table = find("resultTable")

    def rows() -> list[list[str]]:
        columns = range(table.columnCount)
        return [[table.item(row, c).text() for c in columns] for row in range(table.rowCount)]

    until(lambda: not any("…" in row for row in rows()))
    titles = [
        table.horizontalHeaderItem(column).data(qt.Qt.UserRole)
        for column in range(table.columnCount)
    ]
    return {row[0]: dict(zip(titles[1:], row[1:], strict=True)) for row in rows()}


def save() -> str:
    """Press Save to DICOM; what the panel says once that is over."""
    until(lambda: find("saveButton").enabled)
    find("saveButton").click()
    until(lambda: said("saveLabel") != "Saving…")
    return said("saveLabel")


def wait_for_end() -> str:
    """What the panel says once the run is over."""
    from IODeepSlicer.panel import turns

    until(lambda: not is_running())
    until(lambda: not turns._waiting)  # the result and the message come in turns of their own
    wait(0.5)
    return said()


def start_and_wait_for_network() -> Any:
    """Press Apply, and wait until the network computes; the run."""
    from IODeepLib import Stage

    apply()
    assert is_running(), said()
    run = logic()._runs[-1]
    until(lambda: run.stage == Stage.INFER or not is_running())
    assert is_running(), said()
    return run


def scene() -> set[tuple[str, str]]:
    """What is in the scene: class and identifier."""
    nodes = slicer.util.getNodesByClass("vtkMRMLNode")
    return {(node.GetClassName(), node.GetID()) for node in nodes}


@contextmanager
def nothing_changes() -> Iterator[None]:
    """The block changes neither the scene nor the temporary folder, and leaves no process."""
    nodes, files = scene(), set(Path(tempfile.gettempdir()).iterdir())
    yield
    until(lambda: set(Path(tempfile.gettempdir()).iterdir()) <= files)
    assert scene() == nodes, scene() ^ nodes
    if hasattr(os, "killpg"):
        for run in logic()._runs:
            try:
                os.killpg(run.process_id, 0)
            except ProcessLookupError:
                continue
            raise AssertionError(f"process {run.process_id} is still there")


@contextmanager
def worker_that_first_runs(code: str, folder: Path) -> Iterator[None]:
    """Let each Python that is started in the block run `code` before anything else."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(code, encoding="utf-8")
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(folder), before)))
    try:
        yield
    finally:
        os.environ["PYTHONPATH"] = before


def contains(text: str, *parts: str) -> str:
    """`text`, which must hold all parts, be one message and no traceback."""
    for part in parts:
        assert part in text, f"{part!r} is not in {text!r}"
    assert "Traceback" not in text and "\n" not in text, text
    return text


sys.path.insert(0, str(DEMO.parents[1]))
