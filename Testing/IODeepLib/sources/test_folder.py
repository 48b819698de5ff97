"""Models found in folders."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pydicom
import pytest
from makers.packed_models import altered, files, make_model, make_network
from makers.recipes import liver_recipe

from IODeepLib.disk import file_memo
from IODeepLib.disk.files import whole_folder
from IODeepLib.errors import ModelError
from IODeepLib.model_object import write_model
from IODeepLib.model_object.characteristics import sha256
from IODeepLib.model_object.private_dictionary import CREATOR, GROUP, Element
from IODeepLib.sources import Source
from IODeepLib.sources.folder import FolderSource, find_model, find_models


def test_models_are_found_among_other_files(tmp_path: Path, shared_data: Path) -> None:
    network = make_network(tmp_path)
    for name, version in (("spleen", "1.0.0"), ("liver", "2.0.0"), ("liver", "1.0.0")):
        recipe = liver_recipe(name=name, version=version)
        write_model(network, recipe, tmp_path / "models" / name / version, max_part_bytes=20_000)
    (tmp_path / "models" / "notes.txt").write_text("notes")
    (tmp_path / "models" / "broken link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "models" / "pipe")
    images = shared_data / "dicom" / "ct_abdomen_totalseg_repaired"
    (tmp_path / "models" / "images").symlink_to(images)
    (tmp_path / "models" / "IM0000.dcm").write_bytes((images / "IM0000.dcm").read_bytes())
    catalog = find_models(tmp_path / "models")
    labels = [model.label for model in catalog.models]
    assert labels == ["liver@1.0.0", "liver@2.0.0", "spleen@1.0.0"]
    assert not catalog.problems and not any(model.missing_parts for model in catalog.models)


def test_what_is_damaged_is_told_and_hides_nothing(tmp_path: Path) -> None:
    good = make_model(tmp_path, parts=3)
    bad = write_model(make_network(tmp_path), liver_recipe(name="bad"), tmp_path / "bad")
    anonymous = write_model(make_network(tmp_path), liver_recipe(name="anon"), tmp_path / "anon")
    files(bad)[0].write_bytes(files(bad)[0].read_bytes()[:-1000])
    for path in files(anonymous):
        altered(path, lambda dataset: dataset.remove_private_tags())
    files(good)[2].unlink()
    catalog = find_models(tmp_path)
    [model] = catalog.models
    assert (model.label, model.missing_parts) == ("liver@1.2.0", (2,))
    told = {problem.path: str(problem.error) for problem in catalog.problems}
    assert set(told) == {*files(bad), *files(anonymous)}
    assert "part 1 of 1 of bad@1.2.0, whose card is not here" in told[files(bad)[1]]


def test_copies_count_once(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    for path in files(model):
        (tmp_path / "packed" / f"copy of {path.name}").write_bytes(path.read_bytes())
    catalog = find_models(tmp_path)
    assert len(catalog.models) == 1 and not catalog.problems


def test_one_model_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="holds no model"):
        find_model(tmp_path / "empty")
    with pytest.raises(ModelError, match="is no folder"):
        find_model(tmp_path / "missing")
    make_model(tmp_path)
    write_model(make_network(tmp_path), liver_recipe(name="spleen"), tmp_path / "packed" / "2")
    with pytest.raises(ModelError, match=r"holds liver@1\.2\.0, spleen@1\.2\.0"):
        find_model(tmp_path)


def test_a_lone_damaged_card_is_the_error(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    altered(files(model)[0], lambda dataset: dataset.remove_private_tags())
    with pytest.raises(ModelError, match="lost the private block"):
        find_model(tmp_path / "packed")


def test_a_folder_is_a_source(tmp_path: Path) -> None:
    make_model(tmp_path, parts=3)
    source: Source = FolderSource(tmp_path)
    [model] = source.models().models
    assert source.fetch(model) is model
    files(model)[1].unlink()
    [model] = source.models().models
    with pytest.raises(ModelError, match="part 1 of 3"):
        source.fetch(model)


def test_half_written_models_are_not_seen(tmp_path: Path) -> None:
    make_model(tmp_path)
    with whole_folder(tmp_path / "other") as folder:
        shutil.copy(tmp_path / "packed" / "card.dcm", folder)
        (tmp_path / "packed" / "card.dcm").unlink()
        assert find_models(tmp_path).models == ()
    assert len(find_models(tmp_path).models) == 1


def test_a_folder_that_cannot_be_read_is_said(
    caplog: pytest.LogCaptureFixture,
    without_privileges: Callable[[], AbstractContextManager[None]],
) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own are in a folder of root's
        (Path(name) / "theirs").mkdir(mode=0)
        Path(name).chmod(0o755)
        with without_privileges():
            assert find_models(name).models == ()
    assert f"{Path(name, 'theirs')} cannot be read (Permission denied)" in caplog.text


@pytest.mark.parametrize("uid", ["../../elsewhere", "..", "", "/tmp/1.2"])  # noqa: S108
def test_uids_from_elsewhere_name_no_other_files(tmp_path: Path, uid: str) -> None:
    card = files(make_model(tmp_path))[0]
    altered(card, lambda dataset: setattr(dataset, "StudyInstanceUID", uid))
    with pytest.raises(ModelError, match=r"has (the|no) Study Instance UID"):
        FolderSource(tmp_path / "a" / "store").store([card])
    assert not (tmp_path / "a").exists()


def test_a_card_is_parsed_again_only_if_its_file_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_memo, "SETTLED_AFTER", 0)
    model = make_model(tmp_path)
    (first,) = find_models(tmp_path).models
    (again,) = find_models(tmp_path).models
    assert again.card is first.card
    altered(files(model)[0], lambda dataset: dataset.remove_private_tags())
    catalog = find_models(tmp_path)
    assert not catalog.models and "lost the private block" in str(catalog.problems[0].error)


def test_a_card_that_asks_for_nonsense_hides_no_other(tmp_path: Path) -> None:
    make_model(tmp_path)
    bad = write_model(make_network(tmp_path), liver_recipe(name="bad"), tmp_path / "bad")

    def change(dataset: pydicom.Dataset) -> None:
        block = dataset.private_block(GROUP, CREATOR)
        text = block[Element.RECIPE].value.replace('"modalities"', '"modality"')
        block[Element.RECIPE].value = text
        block[Element.RECIPE_DIGEST].value = sha256(text)

    altered(files(bad)[0], change)
    catalog = find_models(tmp_path)
    assert [model.label for model in catalog.models] == ["liver@1.2.0"]
    assert "$.applies_to.modality: a key that is not known here" in str(catalog.problems[0].error)
