"""A damaged cache heals: what is wrong there is fetched again, by the verb itself."""

from __future__ import annotations

import json
import random
import shutil
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from command import Answer
from makers.odd_objects import put
from makers.packed_models import files, make_model
from pacs.hostile import Files, serving
from pacs.servers import Orthanc

from IODeepLib import __version__
from IODeepLib.disk.cache import Cache
from IODeepLib.disk.file_memo import FileMemo
from IODeepLib.model_object import Model, verify
from IODeepLib.sources import known
from IODeepLib.sources.find import source_of


@pytest.fixture(autouse=True)
def _another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is remembered of what was read before the damage."""
    monkeypatch.setattr(FileMemo, "get", lambda self, path, read, *what: read())


@pytest.fixture(params=[1, 3], ids=["one part", "three parts"])
def model(tmp_path: Path, request: pytest.FixtureRequest) -> Model:
    return make_model(tmp_path, parts=request.param)


@pytest.fixture
def server(model: Model) -> Iterator[str]:
    """A service that has it."""
    with serving(Files(files(model))) as running:
        yield running.source


def pulled(iodeep: Callable[..., Answer], source: str, model: Model, out: Path) -> None:
    """`pull` gives the model as it was stored, and so does it the next time."""
    for time in ("first", "second"):
        answer = iodeep("pull", model.label, source, "--out", out / time)
        assert (answer.status, answer.err) == (0, ""), answer
        (folder,) = (out / time).iterdir()
        for path in files(model):
            assert (folder / path.name).read_bytes() == path.read_bytes()


def flipped(path: Path, position: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(position * (len(content) - 1))] ^= 4
    path.write_bytes(content)


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "something").write_text("in the way")


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "nowhere")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "removed": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "last byte": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "twice": lambda path: path.write_bytes(path.read_bytes() * 2),
    "noise": lambda path: path.write_bytes(random.Random(1).randbytes(path.stat().st_size)),
    "a folder": folder_instead,
    "a link to nowhere": dangling,
    "an image": lambda path: shutil.copy(IMAGE, path),
    **{
        f"a bit at {place}": lambda path, place=place: flipped(path, place)
        for place in (0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)
    },
}
IMAGE = next((Path(known.__file__).parents[1] / "demo_data" / "mr_t1").iterdir())
KINDS = {"card": "cards/*.dcm", "what is known": "cards/*.json", "weights": "weights/*/*.dcm"}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_one_file_is_damaged(
    server: str,
    model: Model,
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    kind: str,
    damage: Callable[[Path], object],
) -> None:
    pulled(iodeep, server, model, tmp_path / "before")
    for path in sorted((tmp_path / "cache").rglob(kind)):
        damage(path)
    pulled(iodeep, server, model, tmp_path / "after")


@pytest.mark.parametrize("kind", ["cards/*", "weights/*/*", "locks/*", "2/*/cards", "2/*/weights"])
def test_something_else_lies_there(
    server: str, model: Model, tmp_path: Path, iodeep: Callable[..., Answer], kind: str
) -> None:
    pulled(iodeep, server, model, tmp_path / "before")
    for path in sorted((tmp_path / "cache").rglob(kind)):
        if path.is_dir():
            shutil.rmtree(path)
            path.write_text("in the way")
        else:
            folder_instead(path)
    pulled(iodeep, server, model, tmp_path / "after")


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_files_that_may_not_be_read(
    server: str,
    model: Model,
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    without_privileges: Callable[[], AbstractContextManager[None]],
    kind: str,
) -> None:
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if parent.owner() == tmp_path.owner() and parent.stat().st_mode & 0o005 != 0o005:
            parent.chmod(0o755)
    # Python itself may lie where only root may look: what it loads late is loaded before.
    pulled(iodeep, server, model, tmp_path / "loaded")
    shutil.rmtree(tmp_path / "cache")
    with without_privileges():
        pulled(iodeep, server, model, tmp_path / "before")
        for path in sorted((tmp_path / "cache").rglob(kind)):
            path.chmod(0)
        pulled(iodeep, server, model, tmp_path / "after")


def test_files_of_others_under_their_names(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    models = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        models.append(make_model(tmp_path / name))
    with serving(Files([path for model in models for path in files(model)])) as running:
        for model in models:
            uid = model.card.study_instance_uid
            assert iodeep("pull", uid, running.source, "--out", tmp_path / uid).status == 0
        for kind in KINDS.values():
            one, other = sorted((tmp_path / "cache").rglob(kind))
            aside = one.rename(tmp_path / "aside")
            other.rename(one)
            aside.rename(other)
        source = source_of(running.source)
        for model in source.models().models:
            verify(source.fetch(model))
            [true] = [
                one for one in models if one.card.sop_instance_uid == model.card.sop_instance_uid
            ]
            assert model.card.manifest == true.card.manifest


# What somebody may have written there by hand, with the right checksum.
HAND_MADE = {
    "null": None,
    "a number": 5,
    "a text": "x",
    "a list": [],
    "an empty object": {},
    "a list of lists": [[1], [2]],
    "lists": {"read_by": __version__, "architecture": [], "name": []},
    "numbers": {"read_by": __version__, "architecture": [1, 2], "name": 5},
    "an architecture of text": {"read_by": __version__, "architecture": ["a", "b"]},
    "another field": {"read_by": __version__, "architecture": [1, 2], "name": "a", "more": "b"},
    "studies": {"1.2": ["1 CT", [["1.2.3", "1.2.3.4"]]], "1.3": None},
    "studies that are none": {"../../x": ["1 CT", [["..", "/etc"]]]},
    "numbers for studies": {"1.2": [1, 2]},
}


@pytest.mark.parametrize("content", HAND_MADE.values(), ids=HAND_MADE)
@pytest.mark.parametrize("kind", ["cards/*.json", "known.json"])
def test_json_made_by_hand(
    orthanc: Orthanc, tmp_path: Path, iodeep: Callable[..., Answer], kind: str, content: object
) -> None:
    model = make_model(tmp_path)
    for path in files(model):
        put(orthanc, path)
    source = f"dimse://{orthanc.aet}@127.0.0.1:{orthanc.dicom_port}"
    assert iodeep("list", source).status == 0
    [path] = (tmp_path / "cache").rglob(kind)
    good = path.read_bytes()
    encoded = json.dumps(content).encode()
    path.write_bytes(f"{zlib.crc32(encoded):08x}\n".encode() + encoded)
    listed = iodeep("list", source, "--json")
    assert (listed.status, listed.err) == (0, "")
    assert [found["name"] for found in json.loads(listed.out)["models"]] == [model.card.name]
    assert path.read_bytes() == good


def test_two_heal_it_at_once(server: str, model: Model, tmp_path: Path) -> None:
    source_of(server).fetch(source_of(server).models().models[0])
    for path in (tmp_path / "cache").rglob("*.dcm"):
        path.write_bytes(b"")
    errors: list[BaseException] = []

    def heal() -> None:
        try:
            source = source_of(server)
            verify(source.fetch(source.models().models[0]))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=heal) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def forged(path: Path, copy: Path) -> Path:
    """The same UIDs, and another content that is good in itself: what somebody else made of it."""
    import pydicom

    dataset = pydicom.dcmread(path)
    dataset.ContentDescription = "forged"
    dataset.save_as(copy)
    return copy


def test_what_one_server_gave_is_not_anothers(
    server: str, model: Model, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    card, *weights = files(model)
    with serving(Files([forged(card, tmp_path / "forged.dcm"), *weights])) as other:
        [first] = source_of(other.source).models().models
        [second] = source_of(server).models().models
        assert first.card.sop_instance_uid == second.card.sop_instance_uid
        assert b"forged" in first.card.path.read_bytes()
        assert b"forged" not in second.card.path.read_bytes()
        source_of(other.source).fetch(first)
        assert source_of(server).models().models[0].missing_parts
    pulled(iodeep, server, model, tmp_path / "out")


def test_what_a_former_version_left_goes(server: str, model: Model, tmp_path: Path) -> None:
    """It told no servers apart."""
    left = tmp_path / "cache" / "cards" / f"{model.card.sop_instance_uid}.dcm"
    left.parent.mkdir(parents=True)
    shutil.copy(files(model)[0], left)
    source = source_of(server)
    source.fetch(source.models().models[0])
    assert not left.exists()
    assert len(Cache().cards()) == 1
