"""Who published a model, in the real Slicer: the signs, the filter, the window, and the policies.

Keys, signatures and the list are made with the command. Docs/testing.md says how to run this.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import qt
import slicer
from DICOMLib import DICOMUtils

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE))
import panel  # noqa: E402
from panel import contains, find, in_sight, said  # noqa: E402
from steps import finish, gaps, picture, step, wait  # noqa: E402

_UID = "2.25.314159"
_STYLES = ("Light Slicer", "Dark Slicer")
_MANY = 60
_SIZES = ((1280, 720), (1920, 1080))
_FIT, _TITLE, _VERSION = 0, 1, 4  # columns
_work = Path(tempfile.mkdtemp(prefix="iodeep-"))
_config = _work / "iodeep.toml"
_models: dict[str, Any] = {}
os.environ |= {"IODEEP_CONFIG": str(_config), "IODEEP_MEMORY": str(_work / "memory")}


def _iodeep(*words: object) -> str:
    """What the command prints."""
    from IODeepSlicer.work.worker_process import slicerPython

    call = [slicerPython(), "-m", "IODeepLib.cli", *map(str, words)]
    paths = (str(_HERE.parents[1]), os.environ.get("PYTHONPATH", ""))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(call, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _believe(key: str, *options: str) -> str:
    from IODeepLib.trust.certificates import read_certificates

    certificate = _work / key / "certificate.pem"
    (one,) = read_certificates(certificate)
    known = ("--name", key, "--fingerprint", one.fingerprint)
    _iodeep("trust", "add", certificate, *known, *options)
    return one.fingerprint


def _policy(policy: str) -> None:
    """Say it above what the file says already."""
    tables = _config.read_text().partition("[[")
    _config.write_text(f'[trust]\npolicy = "{policy}"\n\n[[{tables[2]}')


def _prepare() -> str:
    _config.write_text("")
    for name in ("Radiology", "Stranger", "Former"):
        new = ("key", "new", f"{name} AI", "--organization", "University Hospital")
        _iodeep(*new, "--out", _work / name, "--no-pass-phrase")
    made = (
        ("ours", "Radiology", {"version": "1.2.0", "model_uid": _UID}),
        ("stranger's", "Stranger", {"version": "99.0.0", "model_uid": _UID}),
        ("former", "Former", {"name": "former", "title": "Brain of a former partner"}),
        ("changed", "Radiology", {"name": "changed", "title": "Changed after it was signed"}),
        ("nobody's", "", {"name": "nobodys", "title": "Tissue of the brain, by nobody"}),
    )
    for name, key, changes in made:
        folder = _work / "models" / name
        _models[name] = panel.make_model(folder, **changes)
        if key:
            _sign(folder, key)
    _change(_models["changed"].card.path)
    return f"{len(_models)} models"


def _sign(folder: Path, key: str) -> None:
    files = (_work / key / f"{part}.pem" for part in ("key", "certificate"))
    options = zip(("--key", "--certificate"), files, strict=True)
    _iodeep("sign", folder, *(word for pair in options for word in pair))


def _change(path: Path) -> None:
    import pydicom

    dataset = pydicom.dcmread(path)
    dataset.Manufacturer = "Somebody else"
    dataset.save_as(path)


def _rows() -> list[str]:
    """What the table shows: title, version, and what the sign means."""
    table = find("modelTable")
    found = []
    for row in range(table.rowCount):
        title, version = table.item(row, _TITLE), table.item(row, _VERSION).text()
        spoken = title.data(qt.Qt.AccessibleTextRole)
        meaning = spoken.removeprefix(f"{title.text()}: ")
        assert not title.icon().isNull() and meaning in title.toolTip(), title.toolTip()
        found.append(f"{title.text()} {version}: {meaning}")
    return found


def _signs() -> list[str]:
    return sorted(row.partition(": ")[2] for row in _rows())


def _chosen() -> str:
    table = find("modelTable")
    return table.item(table.currentRow(), _VERSION).text() if table.selectedItems() else ""


def _nothing_said() -> str:
    panel.open_panel()
    panel.look_in(str(_work / "models"))
    panel.choose(_models["nobody's"])
    assert find("applyButton").enabled, said()
    contains(said("publisherLabel"), "Nothing proves who published it: unsigned")
    unknown = ["Signed by somebody unknown here"] * 3
    assert _signs() == ["Not signed", "Signature bad", *unknown], _signs()
    return str(len(_rows()))


def _trusted() -> str:
    _believe("Radiology")
    _believe("Former", "--until", "2020-01-01")
    slicer.modules.iodeep.widgetRepresentation().self().panel.models.choose("")
    panel.look_again()
    assert _chosen() == "1.2.0", "a stranger's higher version took the place of a trusted one"
    assert find("applyButton").enabled, said()
    assert _signs() == [
        "Not signed",
        "Signature bad",
        "Signed and trusted",
        "Signed by a publisher who may not speak for this model",
        "Signed by somebody unknown here",
    ], _signs()
    assert "newer" not in said("modelsLabel"), said("modelsLabel")
    contains(_rows()[0], "(Radiology) 1.2.0")
    assert any("(unknown signer) 99.0.0" in row for row in _rows()), _rows()
    card = find("cardBrowser").toPlainText()
    for words in ("Publisher, as proved", "CN=Radiology AI,O=University Hospital", "valid until"):
        assert words in card, card
    return contains(said("publisherLabel"), "Signed by Radiology, trusted; valid until")


def _filter() -> str:
    before = len(_rows())
    find("trustedOnlyCheckBox").click()
    wait(0.3)
    assert _signs() == ["Signed and trusted"], _signs()
    text = contains(
        said("modelsLabel").replace("\n", " "), "Not shown because they are not trusted"
    )
    picture("trusted-only")
    find("trustedOnlyCheckBox").click()
    wait(0.3)
    assert len(_rows()) == before
    return text


def _window() -> Any:
    models = slicer.modules.iodeep.widgetRepresentation().self().panel.models
    return models._publisher._window


def _details() -> str:
    find("publisherButton").click()
    wait(0.5)
    window = _window()
    assert window.isShown and slicer.app.activeModalWidget() is None
    text = window.ui.publisherBrowser.toPlainText()
    for words in (
        "Signed and trusted",
        "trusted: Radiology",
        f"warn ({_config})" if "policy" in _config.read_text() else "warn (no file",
        "card, part 1",
        "CN=Radiology AI,O=University Hospital",
        "Time stamp",
        "none",
        "PrivateDataElementCharacteristicsSequence",
    ):
        assert words in text, (words, text)
    slicer.app.clipboard().setText("")
    window.ui.copyFingerprintButton.click()
    found = slicer.app.clipboard().text()
    assert found == _fingerprint("Radiology"), found
    assert found.replace(":", "")[:16] in text.replace(":", ""), text
    for style in _STYLES:
        _use(style)
        picture(f"trusted-window-{style.split()[0].lower()}", window.root)
    panel.choose(_models["changed"])  # the window follows
    text = window.ui.publisherBrowser.toPlainText()
    assert "Signature bad" in text and "It is not run on this computer" in text, text
    window.ui.closePublisherButton.click()
    wait(0.2)
    assert not window.isShown
    return f"{len(text)} characters"


def _fingerprint(key: str) -> str:
    from IODeepLib.trust.certificates import read_certificates

    return read_certificates(_work / key / "certificate.pem")[0].fingerprint


def _bad_is_never_run() -> str:
    panel.choose(_models["changed"])
    assert not find("applyButton").enabled
    contains(said("publisherLabel"), "Not run on this computer")
    return contains(said(), "This model is not run here", "Details… has more")


def _warned() -> str:
    panel.choose(_models["stranger's"])
    statement = contains(said("publisherLabel"), "Not proved to be of a trusted publisher")
    contains(panel.apply_and_wait(), "Done")
    wait(0.5)
    contains(said("warningLabel"), "⚠ Publisher: nothing proves", "CN=Stranger AI")
    picture("trusted-warned")
    from IODeepSlicer.scene import nodes

    document = nodes.documentOf(panel.logic().getParameterNode().result)
    assert any("nothing proves" in note for note in document["notes"]), document["notes"]
    contains(document["provenance"]["trust"], "CN=Stranger AI")
    return statement


def _trusted_is_run() -> str:
    panel.choose(_models["ours"])
    contains(panel.apply_and_wait(), "Done")
    wait(0.5)
    assert "ublisher" not in said("warningLabel") + said("notesLabel"), said("warningLabel")
    document = panel.logic().getParameterNode().result
    from IODeepSlicer.scene import nodes

    return contains(nodes.documentOf(document)["provenance"]["trust"], "trusted: Radiology")


@contextmanager
def _no_result() -> Iterator[None]:
    before = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    yield
    assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode") == before


def _required_meanwhile() -> str:
    """The policy is changed after the models were listed: the run itself refuses."""
    panel.choose(_models["stranger's"])
    assert find("applyButton").enabled, said()
    _policy("require")
    with _no_result():
        text = panel.apply_and_wait()
    return contains(text, "CN=Stranger AI", "not in this site's list")


def _required() -> str:
    panel.look_again()
    panel.choose(_models["stranger's"])
    table = find("modelTable")
    assert table.item(table.currentRow(), _FIT).text() == "not run"
    assert not find("applyButton").enabled
    with _no_result():
        find("applyButton").click()
        wait(0.5)
    contains(said("publisherLabel"), "Not run on this computer", "CN=Stranger AI")
    picture("trusted-required")
    from IODeepLib import NoModelFitsError

    volume = panel.logic().getParameterNode().inputVolume
    model = next(
        one
        for one in panel.logic().findModels(_work / "models").models
        if one.card.version == "99.0.0"
    )
    try:
        panel.logic().run(volume, model)
    except NoModelFitsError as error:
        contains(str(error), "is not run here", "CN=Stranger AI")
    else:
        raise AssertionError("it was run")
    text = contains(said(), "This model is not run here", "ask who runs this computer")
    panel.choose(_models["ours"])
    contains(panel.apply_and_wait(), "Done")
    return text


def _link() -> str:
    """A name alone means the trusted one."""
    models = slicer.modules.iodeep.widgetRepresentation().self().panel.models
    panel.choose(_models["nobody's"])
    models.chooseByLabel(_models["ours"].card.name, str(_work / "models"))
    wait(0.3)
    assert _chosen() == "1.2.0", _chosen()
    return _chosen()


def _mistake() -> str:
    """A list that cannot be read: nobody can say who is trusted, so that nothing is offered."""
    before = _config.read_text()
    _config.write_text(before.replace('"require"', '"requires"'))
    panel.look_again()
    text = contains(said("modelsLabel"), str(_config), "requires")
    assert find("modelTable").rowCount == 0 and not find("applyButton").enabled
    _config.write_text(before)
    panel.look_again()
    assert find("modelTable").rowCount > 0
    return text


def _many() -> str:
    """Models that nobody has read yet: the window goes on while they are read and judged."""
    for number in range(_MANY):
        panel.make_model(_work / "many" / str(number), name=f"many-{number}", title=f"N. {number}")
    _sign(_work / "many", "Radiology")
    wait(2.5)  # what was changed only just now is not remembered
    with gaps() as found:
        panel.look_in(str(_work / "many"))
        panel.until(lambda: find("modelTable").rowCount >= _MANY)
    assert _signs().count("Signed and trusted") == _MANY, _signs()
    with gaps() as again:
        panel.look_again()
    panel.look_in(str(_work / "models"))
    panel.until(lambda: find("modelTable").rowCount == len(_models))
    stood, stood_again = max(found), max(again)
    return f"{_MANY} models: the window stood still for {stood:.2f} s, again {stood_again:.2f} s"


def _use(style: str) -> None:
    slicer.app.setStyle(style)
    slicer.app.setPalette(slicer.app.style().standardPalette())
    wait(0.2)


def _looks() -> str:
    """At each size, in each style: who published it is in sight with the choice and Apply."""
    from IODeepSlicer.panel.widgets import scrollTo

    _policy("warn")
    panel.look_again()
    for width, height in _SIZES:
        for style in _STYLES:
            _use(style)
            slicer.util.mainWindow().setGeometry(0, 0, width, height)
            for name in ("ours", "stranger's"):
                panel.choose(_models[name])
                wait(0.5)
                scrollTo(find("publisherLabel"))
                scrollTo(find("resultTable"))
                picture(f"trusted-{width}x{height}-{style.split()[0].lower()}-{name[:4]}")
                found = in_sight("publisherLabel", "publisherButton", "applyButton", "resultTable")
    return found


def _run() -> None:
    with DICOMUtils.TemporaryDICOMDatabase(str(_work / "database")):
        slicer.util.mainWindow().setGeometry(0, 0, *_SIZES[0])
        DICOMUtils.importDicom(str(panel.DEMO / "mr_t1"), slicer.dicomDatabase, copyFiles=True)
        panel.load_image()
        step("Keys, models, signatures", _prepare)
        step("Nothing is said", _nothing_said)
        step("The trusted one is chosen", _trusted)
        step("Trusted only", _filter)
        step("The window", _details)
        step("A bad signature", _bad_is_never_run)
        step("Warned", _warned)
        step("The trusted one is run", _trusted_is_run)
        step("Required meanwhile", _required_meanwhile)
        step("Required", _required)
        step("By name", _link)
        step("A mistake in the list", _mistake)
        step("Many signed models", _many)
        step("Pictures", _looks)
    shutil.rmtree(_work, ignore_errors=True)
    finish()


_run()
