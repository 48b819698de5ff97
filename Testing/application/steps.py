"""What the scripts for the real Slicer share: steps with a verdict, pictures, an end."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import qt
import slicer

OUT = Path(os.environ.get("IODEEP_PICTURES", "slicer_pictures")).resolve()

_ROOT = Path(__file__).resolve().parents[2]
_OUTSIDE = "outside of the steps"

_failed: list[str] = []
_dialogs: list[str] = []
_answers: list[str] = []


def step(name: str, action: Callable[[], object]) -> None:
    """Do one step; print what it returned, or what went wrong, and how long it took."""
    start = time.perf_counter()
    try:
        found = action()
    except Exception:
        _failed.append(name)
        traceback.print_exc()
        found = "FAILED"
    print(f"{name}: {found} [{time.perf_counter() - start:.2f} s]", flush=True)


def dialogs() -> list[str]:
    """The texts of the dialogs that were closed since the last call."""
    found = list(_dialogs)
    _dialogs.clear()
    return found


def answer(button: str) -> None:
    """The next question is answered by a click on this button, and its picture taken."""
    _answers.append(button)


def picture(name: str, widget: qt.QWidget | None = None) -> None:
    """Save a picture of the main window, or of a widget."""
    slicer.app.processEvents()
    slicer.util.forceRenderAllViews()
    slicer.app.processEvents()
    OUT.mkdir(parents=True, exist_ok=True)
    (widget or slicer.util.mainWindow()).grab().save(str(OUT / f"{name}.png"))


def wait(seconds: float) -> None:
    """Let Slicer work."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        slicer.app.processEvents()
        time.sleep(0.01)


@contextmanager
def gaps() -> Iterator[list[float]]:
    """The seconds between one turn of the event loop and the next, for as long as this lasts."""
    found, last = [], [time.perf_counter()]

    def tick() -> None:
        now = time.perf_counter()
        found.append(now - last[0])
        last[0] = now

    timer = qt.QTimer()
    timer.setInterval(5)
    timer.connect("timeout()", tick)
    timer.start()
    try:
        yield found
    finally:
        timer.stop()


def finish() -> None:
    """Print the verdict and quit; the exit status is 1 if a step failed."""
    sys.excepthook = sys.__excepthook__  # Slicer's own modules quit with errors now and then
    print(f"FAILED: {', '.join(_failed)}" if _failed else "PASSED", flush=True)
    sys.stdout.flush()
    slicer.util.exit(1 if _failed else 0)


def _close_dialog() -> None:
    # A modal dialog would stop the script for ever.
    dialog = slicer.app.activeModalWidget()
    if dialog is not None and dialog.inherits("QMessageBox"):
        _dialogs.append(f"{dialog.text} {dialog.detailedText}".strip())
        if not _answers:
            dialog.accept()
            return
        picture("question", dialog)
        wanted = _answers.pop(0)
        next(each for each in dialog.buttons() if each.text.replace("&", "") == wanted).click()


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType) -> None:
    """What no step has caught ends Slicer, too, which would wait for ever otherwise."""
    traceback.print_exception(kind, error, trace)
    ours = any(_is_ours(frame.filename) for frame in traceback.extract_tb(trace))
    if ours and _OUTSIDE not in _failed:  # a timer may bring it again and again
        _failed.append(_OUTSIDE)
        finish()


def _is_ours(file: str) -> bool:
    """Whether the script, which has no file where Slicer runs it, or a file of ours."""
    return file == "<string>" or Path(file).is_relative_to(_ROOT)


sys.excepthook = _uncaught
_timer = qt.QTimer()
_timer.interval = 1000
_timer.connect("timeout()", _close_dialog)
_timer.start()
