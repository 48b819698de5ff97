from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from IODeepSlicer import requirements
from packaging.requirements import Requirement

# What Slicer 5.12.3 bundles of it (Slicer/Slicer, SuperBuild/External_python-*.cmake).
BUNDLED = {
    "pydicom": "3.0.2",
    "numpy": "2.4.6",
    "simpleitk": "2.5.5",
    "highdicom": "0.27.0",
    "requests": "2.34.2",
    "urllib3": "2.7.0",
    "pillow": "12.2.0",
    "cryptography": "48.0.0",
}
BROUGHT = {"onnxruntime", "filelock", "msgspec", "platformdirs", "psutil"}
# And with what IODeep brings, but for ONNX Runtime.
HERE = {
    **BUNDLED,
    "filelock": "4.3.1",
    "msgspec": "0.22.0",
    "platformdirs": "4.14.8",
    "psutil": "7.2.2",
}


def test_the_requirements_are_the_librarys_own():
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    ours = {Requirement(item).name: item for item in project["dependencies"]}
    slicers = {Requirement(item).name: item for item in requirements.REQUIREMENTS}
    assert slicers.keys() == ours.keys()
    differ = {name for name in ours if ours[name] != slicers[name]}
    assert differ == {"onnxruntime", "requests", "platformdirs"}


@pytest.mark.parametrize(
    ("name", "version", "in_slicer"),
    [
        ("onnxruntime", "1.22.1", False),  # opens /etc/passwd
        ("onnxruntime", "1.24.4", False),  # crashes on addresses in memory
        ("onnxruntime", "1.30.0", True),  # cannot be ended while it opens a network
        ("requests", "2.31.0", False),  # CVE-2024-35195
        ("requests", "2.32.3", False),  # CVE-2024-47081
        ("requests", "2.32.5", True),  # CVE-2026-25645
    ],
)
def test_versions_with_known_faults_are_not_installed(name, version, in_slicer):
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    for items, taken in ((project["dependencies"], False), (requirements.REQUIREMENTS, in_slicer)):
        [item] = [item for item in items if Requirement(item).name == name]
        assert Requirement(item).specifier.contains(version) is taken


def test_what_lacks_in_slicer():
    missing = [Requirement(item).name for item in requirements.missingRequirements(BUNDLED)]
    assert set(missing) == BROUGHT
    assert requirements.missingRequirements(HERE) == ["onnxruntime>=1.26"]
    for versions in (BUNDLED, HERE):
        assert requirements.outdatedRequirements(versions) == []


@pytest.mark.parametrize("variant", requirements.ONNXRUNTIME_VARIANTS)
def test_any_variant_of_onnxruntime_will_do(variant):
    versions = {**HERE, variant: "1.26.0"}
    assert requirements.missingRequirements(versions) == []
    assert requirements.outdatedRequirements(versions) == []


@pytest.mark.parametrize("variant", requirements.ONNXRUNTIME_VARIANTS)
@pytest.mark.parametrize("version", ["1.22.1", "1.24.4", "1.25.9"])
def test_no_variant_is_used_that_follows_foreign_external_data(variant, version):
    """Also beside a newer one: either may supply the module."""
    beside = next(one for one in requirements.ONNXRUNTIME_VARIANTS if one != variant)
    for versions in ({**HERE, variant: version}, {**HERE, variant: version, beside: "1.30.0"}):
        assert requirements.outdatedRequirements(versions) == [
            f"{variant} {version} (1.26 or later)"
        ]


def test_an_old_package_is_named_and_not_replaced():
    versions = {**HERE, "pydicom": "2.4.4", "onnxruntime-gpu": "1.20"}
    assert requirements.missingRequirements(versions) == []
    assert requirements.outdatedRequirements(versions) == [
        "pydicom 2.4.4 (3.0.1 or later)",
        "onnxruntime-gpu 1.20 (1.26 or later)",
    ]


def test_a_preview_of_a_version_is_not_too_old():
    assert requirements.outdatedRequirements({**HERE, "numpy": "2.5.0rc1"}) == []


def test_the_check_passes_where_the_tests_run():
    requirements.checkRequirements()


@pytest.mark.parametrize(
    ("versions", "said"),
    [(HERE, "lacks onnxruntime"), ({**HERE, "pydicom": "2.4.4"}, "has pydicom 2.4.4")],
)
def test_the_check_says_what_is_wrong(monkeypatch, versions, said):
    monkeypatch.setattr(requirements, "installedVersions", lambda: versions)
    with pytest.raises(requirements.RequirementsError, match=said):
        requirements.checkRequirements()


def slicer_that(monkeypatch, pip_ensure):
    """Let Slicer's own function be this one."""
    monkeypatch.setitem(sys.modules, "slicer", ModuleType("slicer"))
    packaging = SimpleNamespace(pip_ensure=pip_ensure)
    monkeypatch.setitem(sys.modules, "slicer.packaging", packaging)


def test_one_question_and_one_installation(monkeypatch):
    versions, installed = dict(BUNDLED), []

    def pip_ensure(missing, constraints, prompt_install, requester):
        assert prompt_install and requester == "IODeep"
        assert constraints.read_text().splitlines() == requirements.constraintLines(BUNDLED)
        installed.append(missing)
        versions.update(HERE, onnxruntime="1.31.0")

    slicer_that(monkeypatch, pip_ensure)
    monkeypatch.setattr(requirements, "installedVersions", lambda: versions)
    for _ in range(2):
        requirements.ensureRequirements()
    lacking = [item for item in requirements.REQUIREMENTS if Requirement(item).name in BROUGHT]
    assert len(lacking) == len(BROUGHT)
    assert installed == [lacking]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("User declined package installation"), "as you chose"),
        (subprocess.CalledProcessError(7, "pip"), "pip ended with status 7"),
        (OSError("no room"), "no room"),
    ],
)
def test_what_is_not_installed_is_said(monkeypatch, error, said):
    def pip_ensure(missing, **_):
        raise error

    slicer_that(monkeypatch, pip_ensure)
    monkeypatch.setattr(requirements, "installedVersions", lambda: HERE)
    with pytest.raises(requirements.NotInstalledError, match=f"onnxruntime.*{said}"):
        requirements.ensureRequirements()


def test_tests_of_slicer_install_nothing(monkeypatch):
    """Slicer's own function then does nothing."""
    slicer_that(monkeypatch, lambda missing, **_: None)
    monkeypatch.setattr(requirements, "installedVersions", lambda: HERE)
    with pytest.raises(requirements.RequirementsError, match="lacks onnxruntime") as caught:
        requirements.ensureRequirements()
    assert not isinstance(caught.value, requirements.NotInstalledError)


def test_nobody_is_asked_for_what_would_not_help(monkeypatch):
    slicer_that(monkeypatch, None)  # whoever calls it gets an error of another kind
    versions = {**HERE, "pydicom": "2.4.4"}
    monkeypatch.setattr(requirements, "installedVersions", lambda: versions)
    with pytest.raises(requirements.RequirementsError, match=r"has pydicom 2\.4\.4"):
        requirements.ensureRequirements()


def test_what_is_installed_is_pinned():
    assert requirements.constraintLines({"b": "2", "a": "1"}) == ["a==1", "b==2"]
    assert "pydicom" in requirements.installedVersions()


def test_what_is_installed_meanwhile_is_seen(tmp_path, monkeypatch):
    """Or removed; and whoever changes what was said changes it for nobody else."""
    monkeypatch.syspath_prepend(str(tmp_path))
    assert requirements.installedVersions().pop("probe", None) is None
    for version in ("1.0", "2.0"):
        info = tmp_path / f"probe-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: probe\nVersion: {version}\n")
        assert requirements.installedVersions().pop("probe") == version
        assert requirements.installedVersions()["probe"] == version
        shutil.rmtree(info)
    assert "probe" not in requirements.installedVersions()


def make_wheel(folder: Path, name: str, needs: str = "") -> None:
    """A wheel that holds nothing."""
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        metadata += f"Requires-Dist: {needs}\n" if needs else ""
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def pip(folder: Path, tmp_path: Path, wanted: str) -> subprocess.CompletedProcess[str]:
    """pip, as Slicer calls it."""
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("\n".join(requirements.constraintLines({"pydicom": "3.0.2"})))
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "-c", constraints, wanted]
    environment = {**os.environ, **requirements.wheelOptions(folder)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_folder_of_wheels_is_enough(tmp_path):
    folder = tmp_path / "wheels with spaces"
    folder.mkdir()
    make_wheel(folder, "iodeep_probe")
    result = pip(folder, tmp_path, "iodeep-probe")
    assert result.returncode == 0, result.stderr
    assert "Would install iodeep-probe-1.0" in result.stdout.replace("_", "-")


def test_what_would_replace_a_package_is_not_installed(tmp_path):
    make_wheel(tmp_path, "iodeep_probe", needs="pydicom>=99")
    result = pip(tmp_path, tmp_path, "iodeep-probe")
    assert result.returncode != 0
    assert "pydicom==3.0.2" in result.stdout + result.stderr


def test_the_variables_for_pip_are_taken_back(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", "before")
    monkeypatch.delenv("PIP_NO_INDEX", raising=False)
    with requirements._wheelsFrom(tmp_path):
        assert os.environ["PIP_NO_INDEX"] == "1"
        assert os.environ["PIP_FIND_LINKS"] == tmp_path.resolve().as_uri()
    assert os.environ["PIP_FIND_LINKS"] == "before"
    assert "PIP_NO_INDEX" not in os.environ


def test_reading_needs_no_onnx_runtime(monkeypatch):
    """Who declined it is not asked again by what works without it."""
    slicer_that(monkeypatch, None)  # whoever calls it gets an error of another kind
    monkeypatch.setattr(requirements, "installedVersions", lambda: HERE)
    requirements.ensureRequirements(requirements.READING)
    with pytest.raises(requirements.RequirementsError, match="lacks onnxruntime"):
        requirements.checkRequirements()
