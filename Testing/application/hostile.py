"""Text of others in the real Slicer: nothing that it shows takes it for HTML.

A network, a series and a folder whose every text is made to be taken for HTML: for each, the panel,
the DICOM browser, the tree of the module Data and the dialogs are walked through. Docs/testing.md
says how to run this.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pydicom
import qt
import slicer
from DICOMLib import DICOMUtils
from pydicom.uid import generate_uid

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE))
import panel  # noqa: E402
from panel import find  # noqa: E402
from steps import dialogs, finish, picture, step, wait  # noqa: E402

_MARK = "evil.invalid"
_TEXTS = {
    "an image": f'<img src="file://{_MARK}/share/a.png">',
    "a link": f"<a href='https://{_MARK}/'>click</a>",
    "a style": f"<b style='background:url(file://{_MARK}/a.png)'>x</b>",
    "the end of a table": f"</td></tr></table><img src=//{_MARK}/a.png>",
    "a direction": f"\u202e<img src=//{_MARK}/a.png>",
    "a document": f"<!DOCTYPE html><img src=//{_MARK}/a.png>",
}
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_work = Path(tempfile.mkdtemp(prefix="iodeep-"))


class _Shown(NamedTuple):
    where: str
    text: str
    rich: bool


def _rich(text: str) -> bool:
    return bool(qt.Qt.mightBeRichText(text))


def _shown(root: qt.QWidget) -> Iterator[_Shown]:
    """Every text that `root` and what is in it show, and whether Qt takes it for HTML."""
    for widget in (root, *slicer.util.findChildren(root)):
        if not widget.isWidgetType():
            continue
        name = f"{widget.className()} {widget.objectName}"
        for kind in ("toolTip", "statusTip", "whatsThis"):
            text = getattr(widget, kind)
            yield _Shown(f"{name}.{kind}", text, _rich(text))
        if widget.inherits("QLabel"):
            guessed = widget.textFormat == qt.Qt.AutoText and _rich(widget.text)
            yield _Shown(name, widget.text, guessed or widget.textFormat == qt.Qt.RichText)
        if widget.inherits("QTextBrowser"):
            yield _Shown(name, widget.html, True)
        if widget.inherits("QAbstractItemView") and widget.model() is not None:
            yield from _items(name, widget.model(), qt.QModelIndex())


def _items(name: str, model: Any, parent: qt.QModelIndex) -> Iterator[_Shown]:
    for row in range(model.rowCount(parent)):
        for column in range(model.columnCount(parent)):
            index = model.index(row, column, parent)
            tip = str(model.data(index, qt.Qt.ToolTipRole) or "")
            yield _Shown(f"{name} tooltip {row},{column}", tip, _rich(tip))
            yield _Shown(f"{name} {row},{column}", str(model.data(index) or ""), False)
        yield from _items(name, model, model.index(row, 0, parent))


def _check(root: qt.QWidget) -> int:
    """How many of its texts are of others; each must be text, and no character be obeyed."""
    count = 0
    volumes = {node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")}
    for where, text, rich in _shown(root):
        count += _MARK in text
        if rich:
            document = qt.QTextDocument()
            document.setHtml(text)
            tags = re.findall(r"<[^>]*>", document.toHtml())  # where words are, < is escaped
            assert not any(_MARK in tag for tag in tags), (where, text)
        # Slicer's reader names a volume as it likes, and Slicer's box of nodes lists it so.
        slicers = where.startswith("QComboBoxListView") and text in volumes
        if _MARK in text and not slicers:
            assert not _OBEYED.search(text), (where, text)
    return count


def _hostile_model(text: str, folder: Path) -> Any:
    from msgspec.structs import asdict, replace

    from IODeepLib import read_recipe
    from IODeepLib.text.foreign import printable

    recipe = read_recipe(panel.DEMO / "recipe.json")
    about = asdict(recipe.card)
    words = {key: text for key, value in about.items() if isinstance(value, str)}
    labels = tuple(
        replace(
            label,
            name=f"{printable(text)[:50]} {i}",
            type=replace(label.type, meaning=printable(text)[:60].strip()),
        )
        for i, label in enumerate(recipe.output.labels)
    )
    return panel.make_model(
        folder,
        title=printable(text),
        card=replace(recipe.card, **words),
        output=replace(recipe.output, labels=labels),
    )


def _hostile_series(text: str, folder: Path) -> str:
    folder.mkdir()
    uid, study = generate_uid(), generate_uid()
    for path in sorted((panel.DEMO / "mr_t1").iterdir()):
        header = pydicom.dcmread(path)
        header.SpecificCharacterSet = "ISO_IR 192"
        header.SeriesInstanceUID, header.StudyInstanceUID = uid, study
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        header.SeriesDescription = header.StudyDescription = text[:64]
        header.PatientID, header.PatientName = "1", "Doe^Jane"
        header.save_as(folder / path.name)
    return uid


def _module() -> qt.QWidget:
    return slicer.modules.iodeep.widgetRepresentation()


def _through_all(name: str) -> str:
    text = _TEXTS[name]
    slicer.mrmlScene.Clear()
    with DICOMUtils.TemporaryDICOMDatabase(str(_work / f"database {name}")):
        model = _hostile_model(text, _work / f"model {name}")
        uid = _hostile_series(text, _work / f"mr {name}")
        for folder in (f"model {name}", f"mr {name}"):
            DICOMUtils.importDicom(str(_work / folder), slicer.dicomDatabase, copyFiles=True)
        counts = {"browser": _browser()}
        (node_id,) = DICOMUtils.loadSeriesByUID([uid])
        card = model.card
        DICOMUtils.loadSeriesByUID([card.series_instance_uid])  # its node, and opens the module
        wait(1)
        panel.open_panel()
        find("inputSelector").setCurrentNode(slicer.util.getNode(node_id))
        panel.choose(model)
        counts["panel"] = _check(_module())
        assert counts["panel"] >= 10, counts
        picture(f"hostile_{name.replace(' ', '_')}")
        find("applyButton").click()
        panel.wait_for_end()
        panel.figures()
        find("keepButton").click()
        counts["result"] = _check(_module())
        look = _work / f"<img src=x>{name}"
        look.mkdir()
        panel.look_in(str(look) + text[:20])
        counts["messages"] = _check(_module())
        panel.look_in("")
        slicer.util.selectModule("Data")
        wait(0.5)
        data = slicer.modules.data.widgetRepresentation()
        ours = [s for s in _shown(data) if s.rich and _MARK in s.text and "IODeep" in s.text]
        assert not ours, ours
        _our_nodes_are_tame()
    return str(counts)


def _browser() -> int:
    """What our reader offers: names, tooltips and warnings, as the browser's table shows them."""
    from DICOMLib.DICOMBrowser import DICOMLoadableTable

    database = slicer.dicomDatabase
    lists = [database.filesForSeries(u) for u in DICOMUtils.allSeriesUIDsInDatabase(database)]
    by_plugin, _ = DICOMUtils.getLoadablesFromFileLists(lists, ["DICOMIODeepPlugin"])
    parent = qt.QWidget()  # which takes the table with it when it goes
    table = DICOMLoadableTable(parent)
    table.setLoadables(by_plugin)
    count = _check(table)
    for loadables in by_plugin.values():
        for each in loadables:
            for text in (each.name, each.tooltip, each.warning):
                assert not _rich(text) and "<" not in text, text
    assert count > 0
    return count


def _our_nodes_are_tame() -> None:
    names = []
    for kind in ("vtkMRMLSegmentationNode", "vtkMRMLTextNode", "vtkMRMLTableNode"):
        names += [node.GetName() for node in slicer.util.getNodesByClass(kind)]
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        segmentation = node.GetSegmentation()
        names += [segmentation.GetSegment(i).GetName() for i in segmentation.GetSegmentIDs()]
    assert names and not any("<" in name for name in names), names


for name in _TEXTS:
    step(name, partial(_through_all, name))
step("Dialogs", dialogs)
shutil.rmtree(_work, ignore_errors=True)
finish()
