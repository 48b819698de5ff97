"""Starts a run in the real Slicer and leaves the rest to `run_all.py`, which ends Slicer.

Writes the run's process identifier into the file that IODEEP_RUN names; then quits in mid-run,
or waits to be killed if IODEEP_WAIT is set.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import slicer
from DICOMLib import DICOMUtils

sys.path.insert(0, str(Path(__file__).resolve().parent))
import panel
from steps import wait

with tempfile.TemporaryDirectory(prefix="iodeep-") as _folder:
    _work = Path(_folder)
    with DICOMUtils.TemporaryDICOMDatabase(str(_work / "database")):
        for _part in (panel.make_slow_model(_work / "slow").card.path.parent, panel.DEMO / "mr_t1"):
            DICOMUtils.importDicom(str(_part), slicer.dicomDatabase, copyFiles=True)
        panel.load_image()
        panel.open_panel()
        _run = panel.start_and_wait_for_network()
        Path(os.environ["IODEEP_RUN"]).write_text(str(_run.process_id))
        if os.environ.get("IODEEP_WAIT"):
            wait(panel.LONGEST)
slicer.util.exit(0)
