"""What may go wrong between the panel and a PACS, in the real Slicer: one message, nothing half.

Docs/testing.md says how to run this.
"""

from __future__ import annotations

import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

import slicer

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent)]
import panel  # noqa: E402
import served  # noqa: E402
from pacs.proxy import Fault, Proxy, proxy  # noqa: E402
from panel import caption, contains, find, nothing_changes, said  # noqa: E402
from served import cached, half_written, look_in, rows  # noqa: E402
from steps import dialogs, finish, gaps, picture, step, wait  # noqa: E402

_BALLAST = 40_000_000  # bytes of weights
_SOME = 20_000_000  # of them; more than cards have
_fault: list[Fault | None] = [None]


def _fetching() -> None:
    """Press Apply, and wait until weights arrive that stop arriving."""
    _fault[0] = Fault(answered=_SOME, stall=True)
    before = _proxy.bytes_answered
    panel.apply()
    panel.until(lambda: _proxy.bytes_answered - before >= _SOME and half_written())
    wait(0.5)


def _cancelled() -> str:
    with nothing_changes(), gaps() as found:
        _fetching()
        contains(said(), "Fetching")
        picture("fetching", slicer.modules.iodeep.widgetRepresentation())
        find("cancelButton").click()
        text = contains(said(), "Canceled")
    assert len(cached()) == 1 and not half_written()
    return f"{text} The window stood still for {max(found):.2f} s at most."


def _gone() -> str:
    """The server breaks every connection in the middle of the weights, and does not come back."""
    _fault[0] = Fault(answered=_SOME)
    with nothing_changes(), gaps() as found:
        text = contains(panel.apply_and_wait(), f"127.0.0.1:{_proxy.port}")
    assert len(cached()) == 1 and not half_written()
    assert find("applyButton").enabled
    return f"{text} The window stood still for {max(found):.2f} s at most."


def _waiting() -> str:
    """Another process fetches the same weights: it is said; then this one has them, too."""
    _fetching()
    panel_run = panel.logic()._runs[-1]
    (model,) = panel.logic().findModels("pacs").models
    other = panel.logic().start(_image, model, source="pacs")
    panel.until(lambda: other.poll().value != "running" or "another" in other.message)
    text = contains(other.message, "another process fetches")
    _fault[0] = None
    panel_run.cancel()
    panel.until(lambda: other.poll().value != "running")
    assert other.outcome().found is not None
    panel.open_panel()
    assert caption("applyButton") == "Apply"
    return text


def _retired_meanwhile() -> str:
    """It was listed, then withdrawn, and its weights are not here yet."""
    shutil.rmtree(served.CACHE)
    look_in("pacs")
    assert caption("applyButton").startswith("Fetch")
    served.retire(_orthanc, "misses small lesions")
    with nothing_changes():
        text = contains(panel.apply_and_wait(), "was retired since", "misses small lesions")
    picture("retired_meanwhile", slicer.modules.iodeep.widgetRepresentation())
    assert len(look_in("pacs").splitlines()) == 1 and not rows()
    return text


def _steps() -> None:
    slicer.util.selectModule("IODeep")
    panel.open_panel()
    look_in("pacs")
    step("Canceled while weights are fetched", _cancelled)
    step("The server goes away meanwhile", _gone)
    step("Another process fetches", _waiting)
    step("Retired meanwhile", _retired_meanwhile)
    step("No dialog", lambda: dialogs() == [] or dialogs())


with ExitStack() as stack:
    _orthanc, _model = stack.enter_context(served.orthanc(ballast=_BALLAST))
    _proxy: Proxy = stack.enter_context(proxy(_orthanc.http_port, lambda _: _fault[0]))
    served.name_servers({"pacs": f"dicomweb+http://127.0.0.1:{_proxy.port}/dicom-web"}, timeout=5)
    _image = panel.load_image()
    _steps()
shutil.rmtree(served.WORK, ignore_errors=True)
finish()
