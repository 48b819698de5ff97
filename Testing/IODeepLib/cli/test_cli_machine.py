"""The command where a machine lacks what it is used to: standard output, a home folder, UTF-8."""

from __future__ import annotations

import itertools
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from command import DEMO, Answer, refused

from IODeepLib.cli.verbs import VERBS
from IODeepLib.disk.files import clear_left

COMMAND = f"{sys.executable} -m IODeepLib.cli"

LEFT = """
import os, signal
from IODeepLib.disk.files import temporary_folder
with temporary_folder() as folder:
    (folder / "image.dcm").write_text("of a patient")
    os.kill(os.getpid(), signal.SIGKILL)
"""
# The least that each verb is called with; most of it is not there.
CALLS = {
    "pack": ["no.onnx", "--recipe", "no.json", "--out", "out"],
    "unpack": ["no", "--out", "out"],
    "show": ["no"],
    "assess": ["no", "accepted", "--by", "A", "--out", "out"],
    "list": ["."],
    "select": ["no", "--models", "no"],
    "run": ["no", "--models", "no", "--out", "out"],
    "serve": [],
    "batch": ["no", "--models", "no", "--out", "out"],
    "cohort": ["no", "--model", "no", "--out", "out"],
    "evaluate": ["no", "no", "--out", "out"],
    "tune": ["no", "no", "--out", "out"],
    "check": ["no", "no", "--out", "out"],
    "push": ["no", "no"],
    "pull": ["1.2.3", "no", "--out", "out"],
    "retire": ["no", "no"],
    "sign": ["no"],
    "shrink": ["no", "no", "--to", "fp16", "--out", "out"],
    "federate": ["status", "no"],
    "cache": [],
    "key": ["new", "Somebody", "--out", "out", "--pass-phrase", "env:NONE"],
    "trust": ["list"],
    "import": ["kaapana", "no", "--out", "out"],
    "demo": ["--out", "file"],
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_clears_away_what_a_killed_one_left(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, iodeep: Callable[..., Answer]
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    killed = subprocess.run(
        [sys.executable, "-c", LEFT], check=False, env=os.environ | {"TMPDIR": str(temporary)}
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(list(temporary.rglob("image.dcm"))) == 1
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("IODEEP_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    iodeep(verb, *CALLS[verb])
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("planted", ["link", "lock", "file", "empty"])
def test_what_others_put_into_the_temporary_folder(
    planted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may write there; nothing that they point to is touched."""
    mine, temporary = tmp_path / "mine", tmp_path / "temporary"
    for folder in (mine, temporary):
        folder.mkdir()
    for name in ("lock", "new", "former"):
        (mine / name).write_text("mine")
    place = temporary / ".iodeep-abcdefgh.part"
    if planted == "link":
        place.symlink_to(mine, target_is_directory=True)
    elif planted == "file":
        place.write_text("")
    else:
        place.mkdir()
        if planted == "lock":
            (place / "lock").symlink_to(mine / "lock")
            (place / "new").symlink_to(mine, target_is_directory=True)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    clear_left()
    assert {path.name: path.read_text() for path in mine.iterdir()} == dict.fromkeys(
        ("lock", "new", "former"), "mine"
    )
    assert not (temporary / "iodeep").exists()


@pytest.mark.parametrize(
    ("closed", "form"),
    [
        *itertools.product([">&-", ">&- <&-", ">&- 2>&- <&-"], ["", "--json"]),
        ("<&-", ""),
        ("2>&-", "--json"),  # these two run
    ],
)
def test_closed_standard_files(closed: str, form: str, packed: Path, tmp_path: Path) -> None:
    """It is said before a run, and no result file is taken for one of them."""
    out = tmp_path / "r"
    call = f"run '{DEMO}/mr_t1' --models '{packed}' --out '{out}' {form}"
    answer = subprocess.run(
        ["/bin/sh", "-c", f"{COMMAND} {call} {closed}"], capture_output=True, text=True, check=False
    )
    if ">&- " not in f"{closed} " or closed.startswith("2"):
        assert answer.returncode == 0, answer
        assert answer.stdout
        assert (out / "segmentation.dcm").read_bytes()[128:132] == b"DICM"
        return
    assert answer.returncode == 4
    assert not out.exists()
    if "2>" not in closed:
        refused(Answer(4, answer.stdout, answer.stderr), 4, "standard output is closed")


def test_output_to_a_full_disk(packed: Path) -> None:
    answer = subprocess.run(
        ["/bin/sh", "-c", f"{COMMAND} list '{packed}' > /dev/full"],
        capture_output=True,
        text=True,
        check=False,
    )
    refused(Answer(answer.returncode, "", answer.stderr), 4, "standard output", "No space left")


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user that has no HOME, and of whom the system knows nothing."""

    def nobody(_: int) -> None:
        raise KeyError("uid not found")

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("IODEEP_CACHE", "IODEEP_CONFIG", "IODEEP_OUTBOX"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("homeless")
def test_without_a_home_folder_files_are_read(
    packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    assert iodeep("list", packed).status == 0
    assert (
        iodeep("run", DEMO / "mr_t1", "--models", packed, "--out", tmp_path / "r", "--json").status
        == 0
    )
    refused(iodeep("list", "nowhere"), 4, "nowhere is no folder")


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize(
    ("variable", "value", "call"),
    [
        ("", "", ["list", "dicomweb+http://127.0.0.1:9"]),
        ("", "", ["cache"]),
        ("", "", ["push", "MODELS", "dimse://X@127.0.0.1:9"]),
        ("IODEEP_CONFIG", "~/iodeep.toml", ["list", "nowhere"]),
        ("IODEEP_CACHE", "~/cache", ["cache"]),
        ("IODEEP_CACHE", "~nobody-of-this-name/cache", ["cache"]),
    ],
)
def test_without_a_home_folder_what_lies_there_is_asked_for(
    variable: str,
    value: str,
    call: list[str],
    packed: Path,
    monkeypatch: pytest.MonkeyPatch,
    iodeep: Callable[..., Answer],
) -> None:
    if variable:
        monkeypatch.setenv(variable, value)
    refused(iodeep(*(str(packed) if w == "MODELS" else w for w in call)), 2, "home folder")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all names are Unicode")
def test_folders_whose_names_are_no_utf_8(
    packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    odd = [
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)) for name in (b"\xff", b"\xe9\x1b")
    ]
    images, models = odd
    shutil.copytree(DEMO / "mr_t1", images)
    shutil.copytree(packed, models)
    assert "brain-tissue" in iodeep("list", models).out
    (listed,) = json.loads(iodeep("list", models, "--json").out)["models"]
    assert Path(listed["path"]) == models / "card.dcm"
    assert iodeep("select", images, "--models", models).status == 0
    out = tmp_path / os.fsdecode(b"r\xfe")
    assert iodeep("run", images, "--models", packed, "--out", out).status == 0
    assert len(list(out.iterdir())) == 4
    call = ["run", images, "--models", models, "--out", tmp_path / "s"]
    refused(iodeep(*call), 4, "which is no UTF-8", "rename the folder")
    assert not (tmp_path / "s").exists()
