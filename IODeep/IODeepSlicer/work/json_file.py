"""Records of the library as JSON files, for another process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def writeJson(path: Path, value: Any, array: Callable[[Any], Any] | None = None) -> None:
    """Write `value` as JSON; `array` makes plain values of an array, or names its file."""
    from msgspec.json import encode
    from pydicom.dataset import Dataset

    def plain(value: Any) -> Any:
        if isinstance(value, Dataset):
            return value.to_json(suppress_invalid_tags=True)
        if isinstance(value, Path):
            return str(value)
        if array is None:
            raise TypeError(f"no plain value of {value!r}")
        return array(value)

    path.write_bytes(encode(value, enc_hook=plain))


def readJson(path: Path, kind: Any) -> Any:
    """What `writeJson` wrote, as a `kind`."""
    from msgspec.json import decode

    return decode(path.read_bytes(), type=kind, dec_hook=objectsIn(path.parent))


def objectsIn(folder: Path) -> Callable[[Any, Any], Any]:
    """Makes what JSON has not: paths, headers, and arrays, of which some are files in `folder`."""
    import numpy as np
    from pydicom.dataset import Dataset

    def made(kind: Any, value: Any) -> Any:
        if kind is Path:
            return Path(value)
        if kind is Dataset:
            return Dataset.from_json(value)
        if isinstance(value, str):
            return np.load(folder / value, allow_pickle=False)
        return np.array(value)

    return made
