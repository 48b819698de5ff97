"""What torch saved, read without running any of it.

A checkpoint is a pickle, and a pickle is a program. PyTorch's own reader (`weights_only`) knows
tensors and plain values; what a few frameworks put beside them is allowed by name here, and nothing
else: neither what a file asks for nor what is installed makes that list longer.
"""

from __future__ import annotations

import logging
import re
import zipfile
from pathlib import Path
from typing import Any

from IODeepLib.errors import ModelError
from IODeepLib.importers import packages
from IODeepLib.importers.packages import first_line

_log = logging.getLogger(__name__)

_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
_MOST_ENTRIES = 100_000
_NEXT = "save it again, or ask for another copy"


def read_checkpoint(path: Path, *, arrays: bool = False) -> dict[str, Any]:
    """The object that torch saved in a file: tensors, numbers, texts, lists and mappings.

    Tensors stay in the file, mapped into memory, until they are used.

    Args:
        path: what torch.save wrote.
        arrays: whether NumPy's arrays may be in it, too.

    Raises:
        ModelError: it cannot be read, is damaged, or holds anything else.
    """
    torch = packages.torch()
    _check_archive(path)
    try:
        with torch.serialization.safe_globals(_safe_globals(arrays)):
            value = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # whatever a hostile file makes of PyTorch's reader
        _log.debug("torch.load", exc_info=True)
        raise _refused(path, str(error)) from None
    if not isinstance(value, dict):
        raise ModelError(
            f"{path}, which holds a {type(value).__name__}",
            "a checkpoint: names and tensors",
            _NEXT,
        )
    return value


def _safe_globals(arrays: bool) -> list[Any]:
    """NumPy's numbers, which nnU-Net puts into the log of a training, by their names in 1 and 2.

    And its arrays, in which MONAI keeps the architectures that a search found.
    """
    import numpy as np

    multiarray = np._core.multiarray  # type: ignore[attr-defined]
    scalar, remake = multiarray.scalar, multiarray._reconstruct
    return [
        *((remake, (remake, "numpy.core.multiarray._reconstruct"), np.ndarray) if arrays else ()),
        scalar,
        (scalar, "numpy.core.multiarray.scalar"),
        np.dtype,
        *(np.dtypes.Float64DType, np.dtypes.Float32DType, np.dtypes.Int64DType),
    ]


def _check_archive(path: Path) -> None:
    """Refuse what is no file of torch.save, or takes more memory than it has bytes."""
    try:
        size = path.stat().st_size
        if not zipfile.is_zipfile(path):
            raise ModelError(
                f"{path}, {size} bytes, which is damaged, or no checkpoint in PyTorch's ZIP format",
                "a file of torch.save from PyTorch 1.6 or later, whole",
                _NEXT,
            )
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise ModelError(f"{path} cannot be read ({error})", "a checkpoint", _NEXT) from None
    if len(entries) > _MOST_ENTRIES:
        raise ModelError(f"{path} with {len(entries)} entries", f"{_MOST_ENTRIES} at most", _NEXT)
    packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if packed or sum(entry.file_size for entry in entries) > size:
        raise ModelError(
            f"{path}, whose entries are compressed or overlap",
            "entries as torch.save stores them",
            _NEXT,
        )


def _refused(path: Path, reason: str) -> ModelError:
    named = _GLOBAL.search(reason)
    if named is None:
        return ModelError(
            f"{path}, which PyTorch cannot read ({first_line(reason)})",
            "a whole checkpoint",
            _NEXT,
        )
    return ModelError(
        f"{path} asks for {named[1]}, and nothing of it was run",
        "tensors and plain values alone",
        "if you trust it, save its state_dict alone: torch.save(model.state_dict(), ...)",
    )
