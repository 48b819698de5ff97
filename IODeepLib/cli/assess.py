"""Say of a result that it is accepted, amended or rejected, as a DICOM SR."""

from __future__ import annotations

import argparse
from pathlib import Path

from IODeepLib.cli import console

_VERDICTS = ("accepted", "amended", "rejected")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "result", type=Path, metavar="FILE", help="segmentation of IODeep; a report where none is"
    )
    parser.add_argument("verdict", choices=_VERDICTS, help="what it is")
    parser.add_argument(
        "--by", required=True, metavar="NAME", help="who says so, as DICOM has names: Doe^Jane"
    )
    parser.add_argument("--reason", default="", metavar="TEXT", help="why; needed to reject")
    parser.add_argument(
        "--correction", type=Path, metavar="FILE", help="the segmentation that is right instead"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the SR")


def run(options: argparse.Namespace) -> None:
    from datetime import datetime

    from IODeepLib.results.assessment import Verdict, make_assessment

    made = make_assessment(
        options.result,
        Verdict(options.verdict),
        by=options.by,
        when=datetime.now().astimezone(),
        reason=options.reason,
        correction=options.correction,
    )
    made.save(options.out)
    document = {"path": str(options.out), "sop_instance_uid": made.sop_instance_uid}
    console.emit(options, document, str(options.out))
