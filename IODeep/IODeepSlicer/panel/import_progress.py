"""A window with how far it is, while models or images come into the DICOM database."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer

from IODeepSlicer.panel.questions import warn
from IODeepSlicer.panel.turns import Polls
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText
from IODeepSlicer.text.plain_text import shown
from IODeepSlicer.work.worker_process import State

if TYPE_CHECKING:
    from IODeepSlicer.work.importing import Gathering

_running: set[ImportProgress] = set()  # nobody else may hold them


class ImportProgress:
    """Polls what is begun; Slicer goes on meanwhile.

    Args:
        gathering: what is begun.
        text: what is done, for the window.
        finish: imports what has come; its value goes to `done`.
        done: called at the end, unless it failed or was canceled.
    """

    def __init__(
        self,
        gathering: Gathering,
        text: str,
        finish: Callable[[Gathering], Any],
        done: Callable[[Any], None],
    ) -> None:
        self._gathering, self._finish, self._done = gathering, finish, done
        self._dialog = slicer.util.createProgressDialog(
            labelText=shown(text), windowTitle="IODeep", maximum=1000, autoClose=False
        )
        self._dialog.autoReset = False
        self._polls = Polls(self._poll)
        self._polls.start()
        _running.add(self)

    def _poll(self) -> None:
        gathering = self._gathering
        if self._dialog.wasCanceled:
            gathering.cancel()
        elif gathering.poll() is State.RUNNING:
            self._dialog.value = round(1000 * gathering.fraction)
            return
        self._polls.cleanup()
        _running.discard(self)
        found, failed = None, None
        try:
            if gathering.poll() is not State.CANCELLED:
                found = self._finish(gathering)
        except Exception as error:
            logging.error("IODeep: %s\n%s", error, gathering.log)
            failed = error
        self._dialog.close()
        if failed is not None:
            warn(errorText(failed))
        elif gathering.poll() is not State.CANCELLED:
            self._done(found)


def importPaths(logic: Any, paths: Sequence[Path], done: Callable[[Any], None]) -> None:
    """Bring the models in folders and ZIP files into the DICOM database, one after the other.

    Args:
        logic: the module's logic.
        paths: the folders and ZIP files.
        done: called with the models of each.
    """
    if not paths:
        return
    first, *rest = paths

    def finished(models: Any) -> None:
        done(models)
        importPaths(logic, rest, done)

    try:
        gathering = logic.startImport(first)
    except Exception as error:
        warn(errorText(error))
        return
    text = _("Importing the models in {name}").format(name=first.name)
    ImportProgress(gathering, text, logic.finishImport, finished)
