"""The Python packages that IODeep needs in Slicer: what lacks, and how it is installed.

Only what lacks is installed. Whatever is there, bundled with Slicer or brought by another
extension, is pinned to its version, so that it is never replaced. ONNX Runtime counts as there in
whichever variant it is installed, since two variants cannot stand side by side.
"""

from __future__ import annotations

import functools
import importlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from IODeepLib.errors import IODeepError

# What the module needs; a test holds it equal with the library's pyproject.toml, as the file says.
REQUIREMENTS = tuple(
    line
    for line in (Path(__file__).parents[1] / "Resources" / "requirements.txt")
    .read_text(encoding="utf-8")
    .splitlines()
    if line and not line.startswith("#")
)

# Without ONNX Runtime everything can be looked at, fetched, saved and sent.
READING = tuple(item for item in REQUIREMENTS if not item.startswith("onnxruntime"))

# What reads networks of other programs, beside all that; running them needs none of it.
FOR_IMPORTING = (
    "torch>=2.6",
    "onnx>=1.17",
    "dynamic-network-architectures>=0.4",
    "monai>=1.4",
    "PyYAML>=6",
)

# What servers that speak DIMSE need beside it.
FOR_DIMSE = ("pynetdicom>=3.0,<4",)

# Distributions that supply the module onnxruntime.
ONNXRUNTIME_VARIANTS = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "onnxruntime-openvino",
    "onnxruntime-qnn",
)


class RequirementsError(IODeepError):
    """Python packages lack, or are too old."""


class NotInstalledError(RequirementsError):
    """What lacks was not installed; whoever was asked knows it already."""


def installedVersions() -> dict[str, str]:
    """Version by normalized name of every distribution that Slicer's Python finds."""
    return dict(_versionsIn(tuple((place, _changed(place)) for place in sys.path)))


def _changed(place: str) -> int:
    """When a package was last installed into this folder, or removed; 0 where there is none."""
    try:
        return Path(place).stat().st_mtime_ns
    except OSError:
        return 0


@functools.lru_cache(maxsize=1)  # each run asks, and reading them all takes 0.1 s
def _versionsIn(_places: tuple[tuple[str, int], ...]) -> Mapping[str, str]:
    importlib.invalidate_caches()
    versions: dict[str, str] = {}
    for distribution in metadata.distributions():
        said = distribution.metadata  # read anew whenever it is asked for
        if said["Name"]:  # what an interrupted installation leaves behind has none
            versions.setdefault(_normalized(said["Name"]), said["Version"])
    return versions


def missingRequirements(
    versions: Mapping[str, str] | None = None, needed: Sequence[str] | None = None
) -> list[str]:
    """Those of `needed`, or `REQUIREMENTS`, that are not installed in any version or variant."""
    versions = installedVersions() if versions is None else versions
    needed = REQUIREMENTS if needed is None else needed
    return [item for item in needed if not _installed(item, versions)]


def outdatedRequirements(
    versions: Mapping[str, str] | None = None, needed: Sequence[str] | None = None
) -> list[str]:
    """What is installed but too old, in words: "pydicom 2.4.4 (3.0.1 or later)"."""
    from packaging.requirements import Requirement

    versions = installedVersions() if versions is None else versions
    needed = REQUIREMENTS if needed is None else needed
    outdated = []
    for item in needed:
        specifier = Requirement(item).specifier
        oldest = next(iter(specifier)).version
        outdated += [
            f"{name} {version} ({oldest} or later)"
            for name, version in _installed(item, versions)
            if not specifier.contains(version, prereleases=True)
        ]
    return outdated


def checkRequirements(needed: Sequence[str] | None = None) -> None:
    """Do nothing if all of `needed`, or `REQUIREMENTS`, is there; never ask, never install.

    Raises:
        RequirementsError: something lacks or is too old; the message names it.
    """
    _check(installedVersions(), needed)


@functools.cache  # but not what it raises
def checkReading() -> None:
    """Do nothing if images and networks can be read; never ask, never install.

    Raises:
        RequirementsError: as of `checkRequirements`; it names all that lacks, to run them too.
    """
    versions = installedVersions()
    if missingRequirements(versions, READING) or outdatedRequirements(versions, READING):
        _check(versions, None)


def _check(versions: Mapping[str, str], needed: Sequence[str] | None) -> None:
    outdated = outdatedRequirements(versions, needed)
    if outdated:
        raise RequirementsError(
            f"Slicer's Python has {', '.join(outdated)}",
            "the versions in parentheses",
            "update Slicer, or the extension that brought an old version",
        )
    missing = missingRequirements(versions, needed)
    if missing:
        raise RequirementsError(
            f"Slicer's Python lacks {', '.join(missing)}",
            "all Python packages of IODeep",
            "open the module IODeep, which offers to install them",
        )


def ensureRequirements(
    needed: Sequence[str] | None = None, wheelFolder: Path | str | None = None
) -> None:
    """Install what lacks, after asking once for all of it; in tests of Slicer, nothing.

    Args:
        needed: what is needed; None for `REQUIREMENTS`.
        wheelFolder: install from the wheels in this folder, without internet and without asking.

    Raises:
        NotInstalledError: the user declined, or it could not be installed.
        RequirementsError: something is too old, or nothing may be installed.
    """
    versions = installedVersions()
    missing = missingRequirements(versions, needed)
    if missing and not outdatedRequirements(versions, needed):
        _install(missing, versions, wheelFolder)
    checkRequirements(needed)


def ensureImporting() -> None:
    """Install what reading networks of other programs needs and lacks, after asking once.

    Raises:
        RequirementsError: as of `ensureRequirements`.
    """
    ensureRequirements((*REQUIREMENTS, *FOR_IMPORTING))


def _install(
    missing: list[str], versions: Mapping[str, str], wheelFolder: Path | str | None
) -> None:
    from slicer.packaging import pip_ensure

    names = ", ".join(missing)
    try:
        with _constraints(versions) as constraints, _wheelsFrom(wheelFolder):
            pip_ensure(
                missing,
                constraints=constraints,
                prompt_install=wheelFolder is None,
                requester="IODeep",
            )
    except RuntimeError as error:
        raise NotInstalledError(
            f"{names} not installed, as you chose",
            "all Python packages of IODeep",
            "try again, and install them",
        ) from error
    except Exception as error:  # pip ended with a status, or could not be started
        logging.getLogger(__name__).exception("Installing %s failed", missing)
        status = getattr(error, "returncode", None)
        reason = error if status is None else f"pip ended with status {status}"
        raise NotInstalledError(
            f"{names} could not be installed ({reason})",
            "an internet connection, or a folder with wheels for this Slicer's Python",
            "see the error log (Ctrl+0), then try again",
        ) from error


def wheelOptions(wheelFolder: Path | str) -> dict[str, str]:
    """Environment variables that make pip install from a folder and from nowhere else."""
    folder = Path(wheelFolder).resolve()
    # As a URL, because pip splits this variable at spaces.
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": folder.as_uri()}


def constraintLines(versions: Mapping[str, str]) -> list[str]:
    """Pins for pip: what is installed stays as it is."""
    return [f"{name}=={version}" for name, version in sorted(versions.items())]


@contextmanager
def _constraints(versions: Mapping[str, str]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="iodeep-") as folder:
        path = Path(folder, "constraints.txt")
        path.write_text("\n".join(constraintLines(versions)) + "\n", encoding="utf-8")
        yield path


@contextmanager
def _wheelsFrom(wheelFolder: Path | str | None) -> Iterator[None]:
    """Let pip, which Slicer starts with this process's environment, see the folder only."""
    wanted = wheelOptions(wheelFolder) if wheelFolder is not None else {}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _installed(requirement: str, versions: Mapping[str, str]) -> list[tuple[str, str]]:
    """Name and version of the distributions that meet a requirement, whatever their versions.

    Where there are several, nobody knows which one supplies the module.
    """
    from packaging.requirements import Requirement

    name = _normalized(Requirement(requirement).name)
    candidates = ONNXRUNTIME_VARIANTS if name == "onnxruntime" else (name,)
    return [(one, versions[one]) for one in candidates if one in versions]


def _normalized(name: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)
