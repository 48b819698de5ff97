"""What may not go into a new version is refused by name, and the others go on without it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.certificates import made
from makers.federated import World, changing, world
from makers.signed_objects import signer_of
from msgspec.structs import replace
from pydicom import dcmread

from IODeepLib.errors import InputError
from IODeepLib.federation import rounds
from IODeepLib.federation.aggregate import aggregate
from IODeepLib.federation.difference import write_difference
from IODeepLib.federation.join import join
from IODeepLib.federation.records import Outcome, Round, Update
from IODeepLib.federation.statement import write_statement
from IODeepLib.federation.tensors import trained_in
from IODeepLib.model_object.datasets import new_uid
from IODeepLib.sources.folder import FolderSource
from IODeepLib.trust import signing
from IODeepLib.trust.signer import Signer


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    (tmp_path / "shared").mkdir()
    return world(
        tmp_path, FolderSource(tmp_path / "shared"), monkeypatch, ("North", "South", "Bad")
    )


def send(
    here: World,
    said: Round,
    signer: Signer | None,
    *,
    difference: Callable[[dict[str, Any]], dict[str, Any]] = lambda found: found,
    update: Callable[[Update], Update] = lambda found: found,
    parts: bool = True,
    altered: Callable[[Path], None] = lambda path: None,
) -> None:
    """What a site of any kind of manners sends."""
    folder = here.folder / f"sent-{new_uid()}"
    folder.mkdir()
    small = {
        name: np.full(tensor.shape, 1e-4, np.float32)
        for name, tensor in trained_in(here.parent, said).items()
    }
    manifest = write_difference(difference(small), said, folder)
    statement = Update("iodeep-update/1", said.round_uid, said.parent_digest, 10, manifest)
    path = folder / "update.dcm"
    write_statement(update(statement), said, path, signer or here.sites[0])
    if signer is None:
        dataset = dcmread(path)
        del dataset.MACParametersSequence, dataset.DigitalSignaturesSequence
        dataset.save_as(path)
    altered(folder)
    here.source.store([p for p in sorted(folder.iterdir()) if parts or p.name == "update.dcm"])


def ended(here: World, said: Round, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """Two good sites beside what was sent, and the deadline is over."""
    for number, site in enumerate(here.sites[:2]):
        folder = here.folder / f"good-{number}"
        join(here.source, site, folder, changing(number, 10), round_uid=said.round_uid)
    monkeypatch.setattr(rounds, "now", lambda: said.due + timedelta(seconds=1))
    outcome = aggregate(
        here.source, here.coordinator, here.folder / "ended", round_uid=said.round_uid
    )
    assert {one.site for one in outcome.taken} == {s.certificate.sha256 for s in here.sites[:2]}
    return outcome


def nan(found: dict[str, Any]) -> dict[str, Any]:
    found["head.bias"][1] = np.nan
    return found


def large(found: dict[str, Any]) -> dict[str, Any]:
    found["head.bias"][1] = 1.01
    return found


def reshaped(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"head.weight": found["head.weight"].reshape(8, 3, 1, 1, 1)}


def less(found: dict[str, Any]) -> dict[str, Any]:
    del found["head.bias"]
    return found


def more(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"../../etc/passwd": np.zeros(3, np.float32)}


def flipped(folder: Path) -> None:
    path = folder / "difference-1.dcm"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


BY_A_SITE: dict[str, tuple[dict[str, Any], str]] = {
    "NaN": ({"difference": nan}, "not finite"),
    "too large a norm": ({"difference": large}, "norm 1.01"),
    "wrong shapes": ({"difference": reshaped}, "'head.weight' is (8, 3"),
    "too few tensors": ({"difference": less}, "too many or missing: 'head.bias'"),
    "a path for a tensor": ({"difference": more}, "too many or missing: '../../etc/passwd'"),
    "another parent": (
        {"update": lambda one: replace(one, parent_digest="1" * 64)},
        "of another parent (1111",
    ),
    "another round": (
        {"update": lambda one: replace(one, round_uid="2.25.77")},
        "is about the round 2.25.77",
    ),
    "vanished": ({"parts": False}, "is not there"),
    "altered": ({"altered": flipped}, "was altered"),
}


def test_bad_updates_of_sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shared").mkdir()
    source = FolderSource(tmp_path / "shared")
    here = world(tmp_path, source, monkeypatch, ("North", "South", *BY_A_SITE))
    said = here.announce()
    for (terms, _), site in zip(BY_A_SITE.values(), here.sites[2:], strict=True):
        send(here, said, site, **terms)
    refused = {one.site: one for one in ended(here, said, monkeypatch).refused}
    for (kind, (_, words)), site in zip(BY_A_SITE.items(), here.sites[2:], strict=True):
        # Nobody can say whose one is that is about something else.
        one = refused.pop("" if kind == "another round" else site.certificate.sha256)
        assert words in one.why, kind
        assert one.name == ("" if kind == "another round" else site.subject)
    assert not refused


def test_unsigned_and_strangers(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = signer_of(here.folder / "key-stranger", made("CN=North,O=Hospital"))
    said = here.announce()
    send(here, said, None)
    send(here, said, stranger)
    send(here, said, here.coordinator)  # whom all trust, and who is no site
    why = sorted(one.why for one in ended(here, said, monkeypatch).refused)
    assert [one.partition(":")[0] for one in why] == ["it is unsigned", "trusted", "unknown signer"]


def test_the_second_update_of_a_site(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    said = here.announce()
    send(here, said, here.sites[1])
    send(here, said, here.sites[1])
    monkeypatch.setattr(rounds, "now", lambda: said.due + timedelta(seconds=1))
    join(
        here.source, here.sites[1], here.folder / "third", changing(1, 10), round_uid=said.round_uid
    )
    with pytest.raises(InputError, match=r"1 update in .* a second update of the same site"):
        aggregate(here.source, here.coordinator, here.folder / "ended")


def test_a_late_update(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    said = here.announce()

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(hours=2)

    with monkeypatch.context() as clock:
        clock.setattr(signing, "datetime", Later)
        send(here, said, here.sites[2])
    [refused] = ended(here, said, monkeypatch).refused
    assert refused.why.startswith("late: signed at")
    assert refused.site == here.sites[2].certificate.sha256


def test_too_few_end_no_round(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    said = here.announce(minimum=3)
    send(here, said, None)
    with pytest.raises(InputError, match=r"2 updates .* 1 refused .*unsigned.*wanted: 3 at least"):
        ended(here, said, monkeypatch)
    assert len(here.source.models().every) == 1


def test_an_update_of_an_earlier_round_is_none_of_this_one(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has seen it stores it again, in the study of another round."""
    first = here.announce(clip=0.5)
    folder = here.folder / "first"
    join(here.source, here.sites[2], folder, changing(1, 10), round_uid=first.round_uid)
    second = here.announce()
    for path in sorted((folder / "update").glob("*.dcm")):
        dataset = dcmread(path)
        dataset.StudyInstanceUID = second.round_uid
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = new_uid()
        dataset.save_as(path)
        here.source.store([path])
    [refused] = ended(here, second, monkeypatch).refused
    assert f"is about the round {first.round_uid}" in refused.why
