"""The command that does the same as a run in Slicer: a pure function."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.pipeline import Options
    from IODeepLib.series import ImageSeries

_OUT = "iodeep-result"


def commandLine(
    channels: Sequence[ImageSeries], model: Model, options: Options, server: str = ""
) -> str:
    """`iodeep run` on the files of the same images, as a shell takes it.

    Args:
        channels: the series that fill the network's channels; the result lies on the first.
        model: what is run.
        options: how.
        server: where the weights come from; "" if they are on this machine.
    """
    first, *others = dict.fromkeys(channels)
    files = [path for series in (first, *others) for path in series.files]
    words = ["iodeep", "run", _folder(files)]
    if others:
        words += ["--study", first.study_instance_uid]
    else:
        words += ["--series", first.series_instance_uid]
        words += ["--volume", first.split_by] if first.split_by else []
    parts = [model.card.path, *(part.path for part in model.parts if part is not None)]
    words += ["--models", server or _folder([path for path in parts if path is not None])]
    words += ["--model", model.label]
    if options.provider != "auto":
        words += ["--provider", options.provider]
    if options.threads is not None:
        words += ["--threads", str(options.threads)]
    if options.labels is not None:
        words += ["--labels", ",".join(options.labels)]
    if options.quality != "default":
        words += ["--quality", options.quality]
    words += ["--confidence"] if options.confidence else []
    words += ["--out", _OUT]
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def _folder(files: Sequence[Path]) -> str:
    """The one that has all of them."""
    return os.path.commonpath([path.parent for path in files])
