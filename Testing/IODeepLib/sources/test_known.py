"""What is known from the last time: used as long as it holds, and no longer."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from makers.packed_models import files, flip, make_model
from pacs.servers import Dcmqrscp, Orthanc

from IODeepLib import __version__
from IODeepLib.disk.cache import Cache
from IODeepLib.errors import ModelError
from IODeepLib.model_object import Card, Model
from IODeepLib.model_object.retirement import write_retirement
from IODeepLib.sources import Source, known
from IODeepLib.sources.dimse import DimseArchive
from IODeepLib.sources.find import source_of
from IODeepLib.sources.folder import read_instance
from IODeepLib.sources.known import check_intact, read_known, remember
from IODeepLib.sources.push import retire


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The studies whose instances are searched for over DIMSE."""
    found: list[str] = []
    find = DimseArchive.find_instances

    def counted(archive: DimseArchive, keys: dict[str, str]) -> object:
        found.append(keys["StudyInstanceUID"])
        return find(archive, keys)

    monkeypatch.setattr(DimseArchive, "find_instances", counted)
    return found


def over_dimse(orthanc: Orthanc) -> Source:
    return source_of(f"dimse://{orthanc.aet}@127.0.0.1:{orthanc.dicom_port}")


def made(folder: Path, parts: int = 1) -> Model:
    folder.mkdir()
    return make_model(folder, parts)


def in_cache(folder: Path) -> Path:
    """A card under the name that it has in a cache."""
    model = make_model(folder)
    return files(model)[0].rename(folder / f"{model.card.sop_instance_uid}.dcm")


def labels(source: Source) -> list[str]:
    return [model.label for model in source.models().models]


def delete(orthanc: Orthanc, level: str, uid: str) -> None:
    url = f"http://127.0.0.1:{orthanc.http_port}"
    [there] = requests.post(f"{url}/tools/lookup", data=uid, timeout=60).json()
    assert there["Type"] == level
    requests.delete(f"{url}{there['Path']}", timeout=60).raise_for_status()


def test_a_study_that_did_not_change_is_not_searched_again(
    orthanc: Orthanc, tmp_path: Path, searches: list[str]
) -> None:
    one = made(tmp_path / "one")
    source_of(orthanc.source).store(files(one))
    assert labels(over_dimse(orthanc)) == [one.label]
    assert searches == [one.card.study_instance_uid]
    assert labels(over_dimse(orthanc)) == [one.label]
    assert len(searches) == 1
    other = made(tmp_path / "other")
    source_of(orthanc.source).store(files(other))
    assert labels(over_dimse(orthanc)) == [one.label, other.label]
    assert searches[1:] == [other.card.study_instance_uid]


def test_a_server_that_counts_nothing_is_searched_each_time(
    dcmqrscp: Dcmqrscp, tmp_path: Path, searches: list[str]
) -> None:
    model = make_model(tmp_path)
    source = source_of(dcmqrscp.source)
    source.store(files(model))
    searches.clear()
    assert labels(source) == labels(source_of(dcmqrscp.source)) == [model.label]
    assert len(searches) == 2
    retire(model, source, reason="", replacement=None)
    assert labels(source_of(dcmqrscp.source)) == []


def test_a_retirement_shows_even_where_as_much_was_removed(
    orthanc: Orthanc, tmp_path: Path
) -> None:
    model = make_model(tmp_path)
    source = over_dimse(orthanc)
    source.store(files(model))
    assert labels(source) == [model.label]
    retire(model, source, reason="wrong", replacement=None)
    delete(orthanc, "Instance", model.card.manifest.parts[0].sop_instance_uid)
    catalog = over_dimse(orthanc).models()
    assert catalog.models == ()
    assert [found.label for found, _ in catalog.retired] == [model.label]


def test_what_was_removed_is_not_known_any_more(orthanc: Orthanc, tmp_path: Path) -> None:
    one, other = made(tmp_path / "one"), made(tmp_path / "other", parts=3)
    source = over_dimse(orthanc)
    source.store([*files(one), *files(other)])
    assert len(labels(source)) == 2
    delete(orthanc, "Instance", one.card.sop_instance_uid)
    delete(orthanc, "Study", other.card.study_instance_uid)
    assert labels(over_dimse(orthanc)) == []


def test_a_card_that_is_gone_from_the_cache_comes_again(orthanc: Orthanc, tmp_path: Path) -> None:
    model = make_model(tmp_path)
    source = over_dimse(orthanc)
    source.store(files(model))
    assert labels(source) == [model.label]
    [card] = Cache().cards()
    shutil.rmtree(card.parent)
    assert labels(over_dimse(orthanc)) == [model.label]


def test_a_known_card_is_the_same_card(tmp_path: Path) -> None:
    path = in_cache(tmp_path)
    card = remember(path)
    assert isinstance(card, Card)
    assert read_known(path) == card == read_instance(path)
    check_intact(card)
    path.write_bytes(path.read_bytes()[:200])  # from here on only what is known can be read
    known = read_known(path)
    assert known == card
    assert known.recipe == dataclasses.replace(card).recipe
    with pytest.raises(ModelError, match="damaged"):
        check_intact(card)


@pytest.mark.parametrize(
    "harm",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"manifest_json"', '"another"'),
        lambda text: text.replace('"name"', '"mane"'),
        lambda text: text.replace("Leber", "leber"),
        lambda text: "[]",
        lambda text: "",
    ],
    ids=["half", "another field", "another name", "a letter", "something else", "nothing"],
)
def test_what_was_damaged_is_not_known(tmp_path: Path, harm: Callable[[str], str]) -> None:
    path = in_cache(tmp_path)
    remember(path)
    beside = path.with_suffix(".json")
    good = beside.read_text("utf-8")
    beside.write_text(harm(good), "utf-8")
    assert beside.read_text("utf-8") != good
    with pytest.raises(ModelError, match="damaged"):
        read_known(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("checksum", 5),
        ("read_by", None),
        ("card", []),
        ("card.name", "../up"),
        ("card.version", "1/2"),
        ("card.manifest_json", ["{}"]),
        ("card.created", "yesterday"),
        ("card.networks", [["", "a", ["", "0", "9"]]]),
        ("card.sop_instance_uid", "2.25.1"),
        ("card.model_uid", ...),
    ],
)
def test_what_was_not_written_here_is_not_known(tmp_path: Path, key: str, value: object) -> None:
    path = in_cache(tmp_path)
    remember(path)
    beside = path.with_suffix(".json")
    holder = whole = json.loads(beside.read_bytes().partition(b"\n")[2])
    *outer, name = key.split(".")
    for one in outer:
        holder = holder[one]
    holder |= {name: value}
    if value is ...:
        del holder[name]
    known._write(beside, whole)
    with pytest.raises(ModelError, match="damaged"):
        read_known(path)


def test_what_another_version_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = in_cache(tmp_path)
    monkeypatch.setattr(known, "__version__", "0.0.1")
    card = remember(path)
    monkeypatch.undo()
    before = path.with_suffix(".json").read_text("utf-8")
    assert read_known(path) == card
    after = path.with_suffix(".json").read_text("utf-8")
    assert after[9:] == before[9:].replace("0.0.1", __version__)
    check_intact(card)


def test_notices_and_weights_are_read_as_they_are(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    notice = tmp_path / "notice.dcm"
    write_retirement(model.card, notice, reason="", replacement=None)
    for path in (notice, files(model)[1]):
        assert remember(path) == read_known(path) == read_instance(path)
        check_intact(read_known(path))
        flip(path, 200)
        with pytest.raises(ModelError, match="damaged"):
            check_intact(read_instance(path))
