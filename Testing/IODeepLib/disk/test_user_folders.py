"""Where a user's own files lie: whoever has some already finds them there again."""

from __future__ import annotations

import sys
from pathlib import Path

import platformdirs
import platformdirs.macos
import platformdirs.windows
import pytest

from IODeepLib.disk.user_folders import cache_folder, config_folder, outbox_folder
from IODeepLib.errors import UsageError

VARIABLES = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no HOME")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of a user that has set nothing else."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (*VARIABLES, "IODEEP_CACHE", "IODEEP_OUTBOX"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def folders() -> list[Path]:
    return [config_folder(), cache_folder(), outbox_folder()]


@pytest.mark.skipif(sys.platform != "linux", reason="as Linux has it")
def test_linux(home: Path) -> None:
    below = (".config/iodeep", ".cache/iodeep", ".local/share/iodeep/outbox")
    assert folders() == [home / place for place in below]


def test_macos(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "PlatformDirs", platformdirs.macos.MacOS)
    support = "Library/Application Support/iodeep"
    below = (support, "Library/Caches/iodeep", f"{support}/outbox")
    assert folders() == [home / place for place in below]


def test_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings roam (APPDATA), and nothing else does; names are the same in any case there."""
    monkeypatch.setattr(platformdirs, "PlatformDirs", platformdirs.windows.Windows)
    names = {"CSIDL_APPDATA": "/roaming", "CSIDL_LOCAL_APPDATA": "/local"}
    monkeypatch.setattr(platformdirs.windows, "get_win_folder", names.__getitem__)
    below = ("/roaming/iodeep", "/local/iodeep/cache", "/local/iodeep/outbox")
    assert [str(folder).lower() for folder in folders()] == list(below)


def test_variables_name_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, str(tmp_path / name))
    below = ("XDG_CONFIG_HOME/iodeep", "XDG_CACHE_HOME/iodeep", "XDG_DATA_HOME/iodeep/outbox")
    assert folders() == [tmp_path / place for place in below]
    monkeypatch.setenv("IODEEP_CACHE", "~/mine")
    monkeypatch.setenv("IODEEP_OUTBOX", str(tmp_path / "out"))
    assert folders()[1:] == [tmp_path / "mine", tmp_path / "out"]


@pytest.mark.skipif(sys.platform != "linux", reason="as Linux has it")
@pytest.mark.parametrize("value", ["", " ", "relative", "../above", "~/x"])
def test_paths_that_are_not_absolute_are_ignored(
    home: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """XDG Base Directory Specification: such a path is to be considered invalid."""
    before = folders()
    for name in VARIABLES:
        monkeypatch.setenv(name, value)
    assert folders() == before


def test_nobody_knows_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    def nobody(_: int) -> None:
        raise KeyError("uid not found")

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.delenv("HOME")
    for folder in (config_folder, cache_folder, outbox_folder):
        with pytest.raises(UsageError, match="no home folder"):
            folder()
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/somebody")
    assert cache_folder() == Path("/var/cache/somebody/iodeep")
