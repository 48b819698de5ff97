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
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from IODeepLib.errors import IODeepError

# What the library depends on; a test holds this equal with its pyproject.toml, but for three
# floors. ONNX Runtime may be one that cannot be ended while it opens a network: here the process is
# that runs it. What requests 2.33 mends is a function that nobody here calls (extract_zipped_paths,
# CVE-2026-25645): no reason to refuse a Slicer that was built with an older one. platformdirs 4.12
# is for those who have no home folder, and cannot use Slicer.
REQUIREMENTS = (
    "pydicom>=3.0.1",
    "numpy>=1.26",
    "SimpleITK>=2.4",
    "highdicom>=0.27",
    "onnxruntime>=1.26",
    "requests>=2.32.4",
    "urllib3>=2.2.2",
    "Pillow>=10.1",
    "filelock>=3.30",
    "msgspec>=0.19",
    "platformdirs>=4.0",
    "psutil>=6.0",
)

# And what servers that speak DIMSE need.
FOR_DIMSE = ("pynetdicom>=3.0,<4",)

# Distributions that supply the module onnxruntime.
ONNXRUNTIME_VARIANTS = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "onnxruntime-openvino",
    "onnxruntime-qnn",
)

_NAME = "IODeep"


class RequirementsError(IODeepError):
    """Python packages lack, and were not installed."""


def installedVersions() -> dict[str, str]:
    """Version by normalized name of every distribution that Slicer's Python finds."""
    importlib.invalidate_caches()
    versions: dict[str, str] = {}
    for distribution in metadata.distributions():
        said = distribution.metadata  # read anew whenever it is asked for
        if said["Name"]:  # what an interrupted installation leaves behind has none
            versions.setdefault(_normalized(said["Name"]), said["Version"])
    return versions


def missingRequirements(
    versions: Mapping[str, str] | None = None, more: Sequence[str] = ()
) -> list[str]:
    """Those of `REQUIREMENTS`, and `more`, that are not installed in any version or variant."""
    versions = installedVersions() if versions is None else versions
    return _missing((*REQUIREMENTS, *more), versions)


def outdatedRequirements(versions: Mapping[str, str] | None = None) -> list[str]:
    """What is installed but too old, in words: "pydicom 2.4.4 (3.0.1 or later)"."""
    versions = installedVersions() if versions is None else versions
    return _outdated(REQUIREMENTS, versions)


def checkRequirements(more: Sequence[str] = ()) -> None:
    """Do nothing if all is there, and `more`; never ask, never install.

    Raises:
        RequirementsError: something lacks or is too old; the message names it.
    """
    _check(installedVersions(), more)


@functools.cache  # but not what it raises
def checkReading() -> None:
    """Do nothing if images and networks can be read, for which alone ONNX Runtime may lack.

    Raises:
        RequirementsError: as of `checkRequirements`.
    """
    versions = installedVersions()
    needed = [item for item in REQUIREMENTS if not item.startswith("onnxruntime")]
    if _missing(needed, versions) or _outdated(needed, versions):
        _check(versions)


def _check(versions: Mapping[str, str], more: Sequence[str] = ()) -> None:
    outdated = outdatedRequirements(versions)
    if outdated:
        raise RequirementsError(
            f"Slicer's Python has {', '.join(outdated)}",
            "the versions in parentheses",
            "update Slicer, or the extension that brought an old version",
        )
    missing = missingRequirements(versions, more)
    if missing:
        raise RequirementsError(
            f"Slicer's Python lacks {', '.join(missing)}",
            "all Python packages of IODeep",
            "open the IODeep module again, which offers to install them",
        )


def ensureRequirements(wheelFolder: Path | str | None = None, more: Sequence[str] = ()) -> None:
    """Install what lacks, after asking once for all of it.

    Args:
        wheelFolder: install from the wheels in this folder, without internet and without asking;
            if it is not given, the question offers to choose one.
        more: what is needed beside `REQUIREMENTS`.

    Raises:
        RequirementsError: the user declined, or it could not be installed.
    """
    import slicer

    versions = installedVersions()
    missing = missingRequirements(versions, more)
    if not missing or outdatedRequirements(versions) or slicer.app.testingEnabled():
        _check(versions, more)  # tests never change Slicer's Python
        return
    if wheelFolder is None:
        wheelFolder = _ask(missing)
    try:
        with _constraints() as constraints, _wheelsFrom(wheelFolder):
            _install(missing, constraints)
    except Exception as error:  # pip's failures differ from Slicer version to version
        logging.getLogger(__name__).exception("Installing %s failed", missing)
        status = getattr(error, "returncode", None)
        reason = error if status is None else f"pip ended with status {status}"
        raise RequirementsError(
            f"{', '.join(missing)} could not be installed ({reason})",
            "an internet connection, or a folder with wheels for this Slicer's Python",
            "see the error log (Ctrl+0), then try again",
        ) from error
    checkRequirements(more)


def wheelOptions(wheelFolder: Path | str) -> dict[str, str]:
    """Environment variables that make pip install from a folder and from nowhere else."""
    folder = Path(wheelFolder).resolve()
    # As a URL, because pip splits this variable at spaces.
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": folder.as_uri()}


def constraintLines(versions: Mapping[str, str]) -> list[str]:
    """Pins for pip: what is installed stays as it is."""
    return [f"{name}=={version}" for name, version in sorted(versions.items())]


def _ask(missing: list[str]) -> Path | None:
    """Ask for consent: None to install from the internet, or the folder that was chosen."""
    import qt
    import slicer
    from slicer.i18n import tr as _

    box = qt.QMessageBox(slicer.util.mainWindow())
    box.icon = qt.QMessageBox.Question
    box.textFormat = qt.Qt.PlainText
    box.windowTitle = _NAME
    box.text = _("IODeep needs Python packages that Slicer does not have yet: {packages}").format(
        packages=", ".join(missing)
    )
    box.informativeText = _("They are added to Slicer's Python. Nothing there is replaced.")
    install = box.addButton(_("Install"), qt.QMessageBox.AcceptRole)
    fromFolder = box.addButton(_("From a folder..."), qt.QMessageBox.ActionRole)
    box.addButton(qt.QMessageBox.Cancel)
    box.exec_()
    folder = ""
    if box.clickedButton() == fromFolder:
        folder = qt.QFileDialog.getExistingDirectory(
            slicer.util.mainWindow(), _("Folder with wheels")
        )
    if box.clickedButton() != install and not folder:
        raise RequirementsError(
            f"{', '.join(missing)} not installed, as you chose",
            "all Python packages of IODeep",
            "try again, and install them",
        )
    return Path(folder) if folder else None


def _install(missing: list[str], constraints: Path) -> None:
    import slicer

    try:
        from slicer.packaging import pip_ensure  # Slicer 5.12 and later
    except ImportError:
        _installBeforePackaging(missing, constraints)
        return
    pip_ensure(missing, constraints=constraints, prompt_install=False, requester=_NAME)
    slicer.app.processEvents()


def _installBeforePackaging(missing: list[str], constraints: Path) -> None:
    import slicer
    from slicer.i18n import tr as _

    text = _("Installing {packages}").format(packages=", ".join(missing))
    progress = slicer.util.createProgressDialog(labelText=text, maximum=0, windowTitle=_NAME)
    progress.setCancelButton(None)
    try:
        slicer.app.processEvents()
        slicer.util.pip_install(["--constraint", str(constraints), *missing])
    finally:
        progress.close()


@contextmanager
def _constraints() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="iodeep-") as folder:
        path = Path(folder, "constraints.txt")
        path.write_text("\n".join(constraintLines(installedVersions())) + "\n", encoding="utf-8")
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


def _missing(items: Iterable[str], versions: Mapping[str, str]) -> list[str]:
    return [item for item in items if not _installed(item, versions)]


def _outdated(items: Iterable[str], versions: Mapping[str, str]) -> list[str]:
    from packaging.requirements import Requirement

    outdated = []
    for item in items:
        specifier = Requirement(item).specifier
        oldest = next(iter(specifier)).version
        outdated += [
            f"{name} {version} ({oldest} or later)"
            for name, version in _installed(item, versions)
            if not specifier.contains(version, prereleases=True)
        ]
    return outdated


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
