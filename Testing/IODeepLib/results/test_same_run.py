"""What lies in a folder of results is replaced by the same run only, or by force."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Answer, refused, without_times
from makers import networks
from makers.recipes import BRAIN, LIVER, label, recipe
from makers.series import Stack

from IODeepLib.errors import OutputError
from IODeepLib.model_object import Model, write_model
from IODeepLib.pipeline import Options, run
from IODeepLib.results import SegmentationType
from IODeepLib.series import find_series


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two series of MR, and two echoes in one of them."""
    voxels = np.arange(6 * 16 * 16, dtype=np.int16).reshape(6, 16, 16)
    for name in ("one", "other"):
        Stack(voxels).write(tmp_path / "images" / name)
    stack = Stack(voxels)
    for echo in (1, 2):
        stack.common = {"EchoNumbers": echo, "EchoTime": 10 * echo}
        stack.write(tmp_path / "images" / "echoes" / str(echo))
    return tmp_path / "images"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Two networks, the first in two versions."""
    network = networks.save(networks.conv(3, layers=2), tmp_path / "network.onnx")
    labels = [label(1, "Brain", BRAIN), label(2, "Liver", LIVER)]
    output = {"channels": 16, "labels": labels}
    for name, version in (("a", "1.0.0"), ("a", "2.0.0"), ("b", "1.0.0")):
        made = recipe(name=name, version=version, output=output)
        write_model(network, made, tmp_path / "models" / f"{name}-{version}")
    return tmp_path / "models"


@pytest.fixture
def call(
    images: Path, models: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> Callable[..., Answer]:
    """Runs a network on a series into the folder `out`."""

    def make(series: str = "one", model: str = "a@1.0.0", *options: object) -> Answer:
        target = ["--models", models, "--model", model, "--out", tmp_path / "out"]
        return iodeep("run", images / series, *target, *options)

    return make


def content(folder: Path) -> dict[str, bytes]:
    """All files with their bytes, but for the times of the run."""
    return {path.name: without_times(path.read_bytes()) for path in folder.iterdir()}


OTHERS: dict[str, tuple[Any, ...]] = {
    "another series": ("other",),
    "another version": ("one", "a@2.0.0"),
    "another network": ("one", "b@1.0.0"),
    "other labels": ("one", "a@1.0.0", "--labels", "Brain"),
    "another kind of SEG": ("one", "a@1.0.0", "--seg-type", "LABELMAP"),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_run_takes_the_place_by_force_only(
    call: Callable[..., Answer], tmp_path: Path, other: tuple[Any, ...]
) -> None:
    assert call().status == 0
    before = content(tmp_path / "out")
    words = ["out holds the result of a@1.0.0 on 7 'made'", "--force"]
    refused(call(*other), 4, *words)
    assert content(tmp_path / "out") == before
    assert call(*(*other, "a@1.0.0")[: max(2, len(other))], "--force").status == 0
    assert content(tmp_path / "out") != before
    assert sorted(p.name for p in tmp_path.iterdir() if "out" in p.name) == ["out"]


def test_the_same_run_takes_the_place(call: Callable[..., Answer], tmp_path: Path) -> None:
    assert call().status == 0
    before = content(tmp_path / "out")
    assert call("one", "a@1.0.0", "--threads", "1").status == 0
    assert content(tmp_path / "out") == before


def test_volumes_of_one_series_are_several(call: Callable[..., Answer]) -> None:
    assert call("echoes", "a@1.0.0", "--volume", "echo 1").status == 0
    refused(call("echoes", "a@1.0.0", "--volume", "echo 2"), 4, "echo 1 of 2")
    assert call("echoes", "a@1.0.0", "--volume", "echo 1").status == 0


def changed(document: dict[str, Any], *path: str, to: Any) -> str:
    """Its JSON, with another value at `path`; without it, if that is None."""
    whole = json.loads(json.dumps(document))
    holder = whole
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = to
    if to is None:
        del holder[path[-1]]
    return json.dumps(whole)


EDITS: dict[str, Callable[[dict[str, Any]], str | bytes]] = {
    "nothing": lambda d: "",
    "no JSON": lambda d: "mine",
    "no UTF-8": lambda d: b"\xff\xfe{}",
    "a list": lambda d: "[1]",
    "null": lambda d: "null",
    "deep": lambda d: "[" * 100_000 + "]" * 100_000,
    "a long number": lambda d: '{"provenance": ' + "9" * 10_000 + "}",
    "NaN": lambda d: changed(d, "series", to=float("nan")),
    "huge": lambda d: json.dumps(d) + " " * 10**8,
    "a key twice": lambda d: json.dumps(d)[:-1] + ', "series": "x"}',
    "no provenance": lambda d: changed(d, "provenance", to=None),
    "provenance of text": lambda d: changed(d, "provenance", to="x"),
    "no options": lambda d: changed(d, "provenance", "options", to=None),
    "other options": lambda d: changed(d, "provenance", "options", "seg_type", to="LABELMAP"),
    "another publisher": lambda d: changed(d, "provenance", "publisher", to="Somebody"),
    "another network": lambda d: changed(d, "provenance", "network_digest", to="0" * 64),
    "a result of IODeep 0.1": lambda d: changed(d, "provenance", "network_digest", to=None),
    "a name that is no text": lambda d: changed(d, "provenance", "name", to=[{}]),
    "no series": lambda d: changed(d, "series_instance_uids", to=None),
    "an empty list of series": lambda d: changed(d, "series_instance_uids", to=[]),
    "an empty UID": lambda d: changed(d, "series_instance_uids", to=[""]),
    "UIDs that are no text": lambda d: changed(d, "series_instance_uids", to=[1]),
    "another label": lambda d: changed(d, "series", to="mine"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_whatever_else_is_there_is_kept(
    call: Callable[..., Answer], tmp_path: Path, edit: Callable[[dict[str, Any]], str | bytes]
) -> None:
    assert call().status == 0
    path = tmp_path / "out" / "result.json"
    edited = edit(json.loads(path.read_text()))
    path.write_bytes(edited if isinstance(edited, bytes) else edited.encode())
    before = content(tmp_path / "out")
    refused(call(), 4, str(tmp_path / "out"), "--force")
    assert content(tmp_path / "out") == before
    assert call("one", "a@1.0.0", "--force").status == 0


@pytest.mark.parametrize(
    "name", ["segmentation.dcm", "overlay.png", "segmentation_on_slices.dcm", "report.dcm"]
)
def test_files_of_nobody_knows_what(call: Callable[..., Answer], tmp_path: Path, name: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    refused(call(), 4, f"holds {name}, and no result.json of this run")
    assert content(tmp_path / "out") == {name: b"mine"}


@pytest.mark.parametrize("name", ["segmentation.dcm", "result.json", "notes.txt"])
def test_what_is_no_file_of_ours_stays_under_force_too(
    call: Callable[..., Answer], tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "out" / name
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("mine")
    refused(call("one", "a@1.0.0", "--force"), 4, f"already holds {name}")
    assert (folder / "mine.txt").read_text() == "mine"


def test_a_pipe_in_the_place_of_a_result(call: Callable[..., Answer], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    os.mkfifo(tmp_path / "out" / "result.json")
    refused(call(), 4, "already holds result.json")


def test_a_file_that_the_run_does_not_write_is_not_lost(
    call: Callable[..., Answer], tmp_path: Path
) -> None:
    assert call().status == 0
    (tmp_path / "out" / "segmentation_on_slices.dcm").write_text("mine")
    before = content(tmp_path / "out")
    refused(call(), 4, "segmentation_on_slices.dcm, which this run does not write")
    assert content(tmp_path / "out") == before


def model_of(models: Path, name: str) -> Model:
    """A packed model."""
    from IODeepLib.sources.folder import find_model

    return find_model(models / name)


def test_from_the_library(images: Path, models: Path, tmp_path: Path) -> None:
    (one,), (other,) = (find_series(images / name) for name in ("one", "other"))
    model = model_of(models, "a-1.0.0")
    run(one, model).save(tmp_path / "out")
    run(one, model).save(tmp_path / "out")
    for result in (
        run(other, model),
        run(one, model_of(models, "b-1.0.0")),
        run(one, model, Options(SegmentationType.LABELMAP)),
    ):
        before = content(tmp_path / "out")
        with pytest.raises(OutputError, match=r"holds the result of a@1\.0\.0"):
            result.save(tmp_path / "out")
        assert content(tmp_path / "out") == before
    result.save(tmp_path / "out", force=True)
    assert content(tmp_path / "out") != before


def test_of_two_runs_at_once_into_one_folder_one_is_kept(
    images: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both began while it was empty."""
    from IODeepLib.results.result import Result

    series = [find_series(images / name)[0] for name in ("one", "other")]
    results = [run(item, model_of(models, "a-1.0.0")) for item in series]
    both, write, errors = threading.Barrier(2, timeout=60), Result.write, []

    def slow(self: Result, folder: Path, also: Sequence[str]) -> list[str]:
        both.wait()
        return write(self, folder, also)

    def save(result: Result) -> None:
        try:
            result.save(tmp_path / "out")
        except OutputError as error:
            errors.append(error)

    monkeypatch.setattr(Result, "write", slow)
    threads = [threading.Thread(target=save, args=[result]) for result in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 1
    assert json.loads((tmp_path / "out" / "result.json").read_text())["series_instance_uids"]


@pytest.mark.parametrize("verb", ["pack", "unpack", "pull"])
def test_other_verbs_write_into_new_folders_only(
    call: Callable[..., Answer],
    iodeep: Callable[..., Answer],
    models: Path,
    tmp_path: Path,
    verb: str,
) -> None:
    assert call().status == 0
    before = content(tmp_path / "out")
    packed = models / "a-1.0.0"
    arguments = {
        "pack": [tmp_path / "network.onnx", "--recipe", made_recipe(iodeep, packed, tmp_path)],
        "unpack": [packed],
        "pull": ["a@1.0.0", models],
    }[verb]
    refused(iodeep(verb, *arguments, "--out", tmp_path / "out"), 4, "already holds")
    assert content(tmp_path / "out") == before
    assert iodeep(verb, *arguments, "--out", tmp_path / "new").status == 0


def made_recipe(iodeep: Callable[..., Answer], packed: Path, folder: Path) -> Path:
    """The recipe of a packed network."""
    assert iodeep("unpack", packed, "--out", folder / "unpacked").status == 0
    return folder / "unpacked" / "recipe.json"
