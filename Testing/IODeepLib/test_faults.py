"""What a run does when the machine fails it: the whole result or none, one line, and no traceback.

How it ends at any moment by a signal is in test_cli; `make fuzz` tries many moments.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from fuzzing.moments import COMMAND, DEMO, RESULTS
from makers import networks
from makers.packed_models import flip
from makers.recipes import liver_recipe
from onnx import helper, numpy_helper

from IODeepLib.disk.byte_ranges import ByteRange
from IODeepLib.errors import ImageError, IODeepError, ModelError
from IODeepLib.model_object import Model, verify, write_model
from IODeepLib.pipeline import run
from IODeepLib.recipe import read_recipe, recipe_to_json
from IODeepLib.series import find_series
from IODeepLib.sources.folder import find_model

NETWORK, RECIPE = DEMO / "demo_network.onnx", DEMO / "recipe.json"
PACK = ["pack", NETWORK, "--recipe", RECIPE, "--out"]


def called(*arguments: object, **more: object) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    call = [*COMMAND, *map(str, arguments)]
    return subprocess.run(call, stderr=subprocess.PIPE, text=True, check=False, **more)


def limited(what: str, limit: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The same, under a limit of the system (setrlimit)."""
    code = f"import os, resource as r, sys; r.setrlimit(r.RLIMIT_{what}, ({limit}, {limit})); "
    code += "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    call = [sys.executable, "-c", code, *COMMAND[1:], *map(str, arguments)]
    return subprocess.run(call, stderr=subprocess.PIPE, text=True, check=False)


def refused(answer: subprocess.CompletedProcess[str], *words: str) -> None:
    """Status 4 and one line, which has the words."""
    assert answer.returncode == 4, answer
    (line,) = answer.stderr.splitlines()
    assert line.startswith("iodeep: ")
    assert "; next: " in line
    for word in words:
        assert word in line


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Makes a file system of so many KiB in memory; of one that is full up, root is refused too."""
    place = tmp_path / "disk"

    def make(size: int, *options: str) -> Path:
        place.mkdir(exist_ok=True)
        mounting = ["mount", "-t", "tmpfs", "-o", ",".join((f"size={size}k", *options)), "tmpfs"]
        if os.geteuid() or subprocess.run([*mounting, place], check=False).returncode:
            pytest.skip("only root may mount a disk here")
        return place

    yield make
    subprocess.run(["umount", "--quiet", place], check=False)


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """The demonstration network, packed in the folder `models`."""
    return write_model(NETWORK, read_recipe(RECIPE), tmp_path / "models")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A copy of the demonstration series."""
    return Path(shutil.copytree(DEMO / "mr_t1", tmp_path / "images"))


# --- where it writes ------------------------------------------------------------------------


def test_a_full_disk(small_disk: Callable[[int], Path], model: Model, tmp_path: Path) -> None:
    disk = small_disk(24)
    assert model.card.path is not None
    models = model.card.path.parent
    for arguments in (
        [*PACK, disk / "out"],
        ["unpack", models, "--out", disk / "out"],
        ["run", DEMO / "mr_t1", "--models", models, "--out", disk / "out"],
    ):
        refused(called(*arguments), "No space left on device", "room")
        assert list(disk.iterdir()) == []


def test_files_that_may_not_grow(model: Model, tmp_path: Path) -> None:
    """The same fault without a disk of its own: no file may be longer than 8 KiB."""
    out = tmp_path / "results" / "out"
    answer = limited("FSIZE", 8192, *PACK, out)
    refused(answer, "File too large")
    assert list(out.parent.iterdir()) == []


def test_a_folder_that_can_only_be_read(small_disk: Callable[..., Path]) -> None:
    disk = small_disk(100, "ro")
    refused(called(*PACK, disk / "out"), "Read-only file system")


def test_a_network_whose_output_would_be_10_gb(tmp_path: Path) -> None:
    """It declares nothing, so that only the trial run can tell; here 4 GB are all there is."""
    shape = numpy_helper.from_array(np.array([1, 2, 2500, 1000, 500], np.int64), "shape")
    nodes = [
        helper.make_node("ReduceSum", ["image"], ["sum"], keepdims=1),
        helper.make_node("Expand", ["sum", "shape"], ["y"]),
    ]
    network = networks.model(nodes, [shape], {"image": [1, 1, None, None, None]}, "y")
    path = networks.save(network, tmp_path / "network.onnx")
    recipe = tmp_path / "recipe.json"
    recipe.write_text(recipe_to_json(liver_recipe()), encoding="utf-8")
    out = tmp_path / "results" / "out"
    answer = limited("AS", 4 * 2**30, "pack", path, "--recipe", recipe, "--out", out)
    refused(answer, "too little memory")
    assert list(out.parent.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_standard_output_that_is_full(model: Model) -> None:
    assert model.card.path is not None
    with Path("/dev/full").open("w") as full:
        answer = called("show", model.card.path.parent, stdout=full)
    refused(answer, "standard output cannot be written", "No space left")


@pytest.mark.parametrize("verb", ["pack", "run"])
def test_two_at_once_into_one_folder(verb: str, model: Model, tmp_path: Path) -> None:
    out = tmp_path / "results" / "out"
    assert model.card.path is not None
    run_it = ["run", DEMO / "mr_t1", "--models", model.card.path.parent, "--out", out]
    call = [*COMMAND, *map(str, [*PACK, out] if verb == "pack" else run_it)]
    both = [
        subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[1] for process in both]
    statuses = sorted(process.returncode for process in both)
    assert statuses in ([0, 0], [0, 4]), said
    for process, line in zip(both, said, strict=True):
        assert not process.returncode or "out already holds" in line or "cannot be written" in line
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    if verb == "pack":
        verify(find_model(out))
    else:
        assert {path.name for path in out.iterdir()} == RESULTS


# --- what it reads --------------------------------------------------------------------------


def vanish(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:600])


def other(path: Path) -> None:
    path.write_bytes(b"something else" * 100)


@pytest.mark.parametrize("deed", [vanish, cut, other])
@pytest.mark.parametrize("message", ["read image 5 ", "patch"])
def test_images_that_change_in_mid_run(
    deed: Callable[[Path], None], message: str, model: Model, images: Path, tmp_path: Path
) -> None:
    """Once they have been read, the run goes on without them."""
    done = False

    def progress(fraction: float, text: str) -> None:
        nonlocal done
        if text.startswith(message) and not done:
            done = True
            for path in images.iterdir():
                deed(path)

    (series,) = find_series(images)
    out = tmp_path / "out"
    try:
        run(series, model, progress=progress).save(out)
    except ImageError as error:
        assert str(images) in str(error)
        assert not out.exists()
    else:
        assert {path.name for path in out.iterdir()} == RESULTS
        assert message == "patch"
    assert done


@pytest.mark.parametrize("deed", [vanish, lambda path: flip(path, -1000)])
@pytest.mark.parametrize("which", ["card.dcm", "weights-1.dcm"])
@pytest.mark.parametrize("message", ["verifying", "patch"])
def test_models_that_change_in_mid_run(
    deed: Callable[[Path], None], which: str, message: str, model: Model
) -> None:
    (series,) = find_series(DEMO / "mr_t1")
    assert model.card.path is not None
    path = model.card.path.with_name(which)
    if which == "card.dcm" and deed is not vanish:
        [network] = model.card.networks
        assert isinstance(network.architecture, ByteRange)
        place = network.architecture.offset + 50
        deed = lambda path: flip(path, place)  # noqa: E731
    done = False

    def progress(fraction: float, text: str) -> None:
        nonlocal done
        if text.startswith(message) and not done:
            done = True
            deed(path)

    with pytest.raises(ModelError, match=r"altered|cannot be read"):
        run(series, model, progress=progress)
    assert done


def test_images_that_vanish_before_they_are_looked_at(images: Path) -> None:
    def progress(fraction: float, text: str) -> None:
        for path in images.iterdir():
            path.unlink()

    with pytest.raises(IODeepError, match="cannot be opened"):
        find_series(images, progress=progress)[0].volume()
