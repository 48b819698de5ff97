"""A bundle as it lies: a folder or a ZIP file with configs/, models/ and a license."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from IODeepLib.disk.files import temporary_folder
from IODeepLib.errors import ModelError
from IODeepLib.importers.monai.config import SUFFIXES, read_object
from IODeepLib.importers.unzipped import unzip

_CONFIGS, _MODELS, _SCRIPTS, _LICENCE = "configs", "models", "scripts", "LICENSE"
_WEIGHTS = (".pt", ".pth", ".ts", ".onnx")
_LICENCE_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of a bundle that matter.

    Attributes:
        name: of its folder or ZIP file.
        root: the folder with configs/ in it.
        config: the file that describes the inference.
        metadata: what metadata.json says; {} without one.
        licence: the text of the license; "" without one.
    """

    name: str
    root: Path
    config: Path
    metadata: dict[str, Any]
    licence: str

    @property
    def scripts(self) -> Path:
        """The folder of the bundle's own Python, which is never run."""
        return self.root / _SCRIPTS

    @property
    def models(self) -> Path:
        """The folder of the weights."""
        return self.root / _MODELS

    def model(self, name: str) -> Path | None:
        """A file of weights, if it is there."""
        path = self.models / Path(name).name
        return path if path.is_file() else None


@contextmanager
def open_bundle(path: Path, config: str = "inference") -> Iterator[Bundle]:
    """The bundle in a folder or ZIP file, as long as the block goes.

    Args:
        path: the folder, or the ZIP file.
        config: name of the config in configs/, with or without its suffix.

    Raises:
        ModelError: there is none.
    """
    with _folder(path) as folder:
        root = _root(folder, path)
        found = _config(root / _CONFIGS, config)
        metadata = root / _CONFIGS / "metadata.json"
        licence = root / _LICENCE
        text = ""
        if licence.is_file():
            with licence.open(encoding="utf-8", errors="replace") as file:
                text = file.read(_LICENCE_CHARACTERS)
        yield Bundle(
            path.resolve().name.removesuffix(".zip"),
            root,
            found,
            read_object(metadata) if metadata.is_file() else {},
            " ".join(text.split()),
        )


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield path
        return
    if not path.is_file():
        raise ModelError(f"no {path}", "a bundle: a folder, or a ZIP file of it", "check the path")
    with temporary_folder() as folder:
        unzip(path, folder, lambda name: _is_wanted(PurePosixPath(name)))
        yield folder


def _is_wanted(name: PurePosixPath) -> bool:
    """Whether a file in a ZIP file is one of a bundle's; a folder may lie around all of them."""
    if name.name == _LICENCE and len(name.parts) <= 2:
        return True
    if len(name.parts) not in (2, 3):
        return False
    kind = name.parts[-2]
    if kind == _SCRIPTS:
        return name.suffix == ".py"
    return (kind == _CONFIGS and name.suffix in SUFFIXES) or (
        kind == _MODELS and name.suffix in _WEIGHTS
    )


def _root(folder: Path, path: Path) -> Path:
    within = [folder, *sorted(one for one in folder.iterdir() if one.is_dir())]
    for one in within:
        if (one / _CONFIGS).is_dir():
            return one
    raise ModelError(
        f"{path} without a folder configs", "a MONAI bundle: configs/ and models/", "check the path"
    )


def _config(folder: Path, name: str) -> Path:
    names = [name] if name.endswith(SUFFIXES) else [name + suffix for suffix in SUFFIXES]
    for one in names:
        if (folder / Path(one).name).is_file():
            return folder / Path(one).name
    others = sorted(p.name for p in folder.iterdir() if p.suffix in SUFFIXES)
    raise ModelError(
        f"no {' or '.join(names)} in configs/",
        "the config of the inference",
        f"name it with --config: one of {', '.join(others)}" if others else "check the bundle",
    )
