"""What a name means: versions and copies of one model, or models of several publishers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command import DEMO, Answer, refused
from makers.packed_models import make_network
from makers.recipes import liver_recipe, recipe_json
from pacs.servers import Orthanc

from IODeepLib.model_object import Model, write_model
from IODeepLib.recipe import Recipe
from IODeepLib.sources.folder import find_models


def of(publisher: str, version: str = "1.2.0", **changes: object) -> Recipe:
    """A recipe for `liver`."""
    card = recipe_json()["card"] | {"publisher": publisher}
    return liver_recipe(version=version, card=card, **changes)


@pytest.fixture(params=["folder", "dicomweb"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    """An empty source."""
    (tmp_path / "place").mkdir()
    if request.param == "folder":
        return tmp_path / "place"
    orthanc: Orthanc = request.getfixturevalue("orthanc")
    return orthanc.source


@pytest.fixture
def published(
    place: object, tmp_path: Path, iodeep: Callable[..., Answer]
) -> Callable[..., list[Model]]:
    """Publishes a network under each of these recipes."""

    def publish(*recipes: Recipe) -> list[Model]:
        network = make_network(tmp_path)
        models = []
        for number, recipe in enumerate(recipes):
            models.append(write_model(network, recipe, tmp_path / f"packed-{number}"))
            assert iodeep("push", tmp_path / f"packed-{number}", place).status == 0
        return models

    return publish


def test_the_same_name_from_two_publishers(
    place: object,
    published: Callable[..., list[Model]],
    tmp_path: Path,
    iodeep: Callable[..., Answer],
) -> None:
    models = published(of("North"), of("South"))
    listed = iodeep("list", place).out
    assert "liver (North)" in listed
    assert "liver (South)" in listed
    there = json.loads(iodeep("list", place, "--json").out)["models"]
    assert {model["publisher"] for model in there} == {"North", "South"}
    uids = [model.card.study_instance_uid for model in models]
    words = ["2 different models called liver", "by North", "by South", *uids, "give its UID"]
    out = tmp_path / "out"
    for name in ("liver", "liver@1.2.0"):
        refused(iodeep("pull", name, place, "--out", out), 2, *words)
        run = ["run", DEMO / "mr_t1", "--models", place, "--model", name, "--out", out]
        refused(iodeep(*run), 2, *words)
        refused(iodeep("retire", name, place), 2, *words)
        refused(iodeep("retire", uids[0], place, "--replaced-by", name), 2, *words)
    assert not out.exists()
    card = models[1].card
    for uid in (card.study_instance_uid, card.sop_instance_uid, card.model_uid):
        assert iodeep("pull", uid, place, "--out", tmp_path / uid).status == 0
        [pulled] = find_models(tmp_path / uid).models
        assert pulled.card.sop_instance_uid == card.sop_instance_uid
    # The model is found; that it does not fit a head is another matter.
    run = ["run", DEMO / "mr_t1", "--models", place, "--model", card.model_uid, "--out", out]
    refused(iodeep(*run), 3)
    retired = iodeep("retire", uids[0], place, "--replaced-by", uids[1], "--json")
    assert json.loads(retired.out) == {
        "model": "liver@1.2.0",
        "retired": True,
        "counts_here": True,
    }
    # That of the other publisher is not run in its place.
    run = ["run", DEMO / "mr_t1", "--models", place, "--out", out, "--model"]
    refused(iodeep(*run, "liver@1.2.0"), 2, *words)
    [left] = json.loads(iodeep("list", place, "--json").out)["models"]
    assert left["study_instance_uid"] == uids[1]


def test_versions_of_one_model(
    place: object,
    published: Callable[..., list[Model]],
    tmp_path: Path,
    iodeep: Callable[..., Answer],
) -> None:
    published(of("North", "1.0.0"), of("North", "2.0.0"))
    assert iodeep("pull", "liver", place, "--out", tmp_path / "out").status == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"liver@1.0.0", "liver@2.0.0"}
    refused(iodeep("retire", "liver", place), 2, "2 versions", "liver@1.0.0, liver@2.0.0")
    refused(iodeep("retire", "liver@3.0.0", place), 2, "no model 'liver@3.0.0'", "liver@2.0.0")
    call = ["retire", "liver@1.0.0", place, "--replaced-by", "liver@1.0.0"]
    refused(iodeep(*call), 2, "in its own place")
    why = ["--replaced-by", "liver@2.0.0", "--reason", "misses small ones"]
    assert iodeep("retire", "liver@1.0.0", place, *why).status == 0
    again = iodeep("retire", "liver@1.0.0", place, "--json")
    assert json.loads(again.out) == {
        "model": "liver@1.0.0",
        "retired": False,
        "counts_here": True,
    }
    run = ["run", DEMO / "mr_t1", "--models", place, "--out", tmp_path / "run", "--model"]
    notice = "liver@1.0.0 is retired (replaced by liver@2.0.0: misses small ones)"
    refused(iodeep(*run, "liver@1.0.0"), 2, notice, "a model in use")
    refused(iodeep(*run, "liver"), 3, "liver@2.0.0")  # it does not fit a head


def test_retired_models_stay_retired_elsewhere(
    place: object,
    published: Callable[..., list[Model]],
    tmp_path: Path,
    iodeep: Callable[..., Answer],
) -> None:
    published(of("North"))
    assert "retired" not in iodeep("list", place).out
    assert iodeep("retire", "liver", place, "--reason", "wrong side").status == 0
    notice = {"liver@1.2.0": "withdrawn: wrong side"}
    again = iodeep("push", tmp_path / "packed-0", place, "--json")
    assert json.loads(again.out)["retired"] == notice
    said = iodeep("push", tmp_path / "packed-0", place).out
    assert "liver@1.2.0 is retired there (withdrawn: wrong side)" in said

    pull = ["pull", "liver", place, "--out"]
    assert json.loads(iodeep(*pull, tmp_path / "1", "--json").out)["retired"] == notice
    assert "liver@1.2.0 is retired (withdrawn: wrong side)" in iodeep(*pull, tmp_path / "2").out
    (tmp_path / "elsewhere").mkdir()
    assert "is retired there" in iodeep("push", tmp_path / "1", tmp_path / "elsewhere").out
    for folder in ("1", "elsewhere"):
        assert iodeep("list", tmp_path / folder).out == "no models\n"
        assert "wrong side" in iodeep("list", tmp_path / folder, "--all").out


def test_copies_of_one_version(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    """As two that publish at the same time leave them."""
    network, place = make_network(tmp_path), tmp_path / "place"
    for name in ("first", "second"):
        write_model(network, of("North"), place / name)
    assert iodeep("pull", "liver@1.2.0", place, "--out", tmp_path / "out").status == 0
    assert iodeep("show", tmp_path / "out").status == 0
    assert iodeep("retire", "liver@1.2.0", place).out == "liver@1.2.0 is retired\n"
    assert find_models(place).models == ()


def test_one_version_with_two_contents(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    network, place = make_network(tmp_path), tmp_path / "place"
    models = [
        write_model(network, of("North", title=title), place / title) for title in ("One", "Two")
    ]
    call = ["pull", "liver@1.2.0", place, "--out", tmp_path / "out"]
    refused(iodeep(*call), 2, "2 different", *(m.card.study_instance_uid for m in models))
    assert iodeep(call[0], models[0].card.study_instance_uid, *call[2:]).status == 0
