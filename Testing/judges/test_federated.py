"""A site trains in a round with real images, and nothing of them leaves it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from command import Answer
from makers.federated import World, world
from makers.published import IMAGES
from makers.signed_objects import key_files

from IODeepLib.federation.aggregate import aggregate
from IODeepLib.federation.records import Settings
from IODeepLib.federation.reproduce import check_outcome
from IODeepLib.federation.rounds import find_rounds
from IODeepLib.federation.signers import Signers
from IODeepLib.federation.tensors import tensors_of
from IODeepLib.sources.folder import FolderSource

pytest.importorskip("torch")
Command = Callable[..., Answer]
CANARY = {
    "PatientName": "Canary^Yellow",
    "PatientID": "CANARY-4711",
    "PatientBirthDate": "19370417",
    "StudyDate": "20010203",
    "SeriesDate": "20010203",
    "AcquisitionDate": "20010203",
    "ContentDate": "20010203",
    "StudyTime": "112233.445566",
    "AccessionNumber": "ACC8675309",
    "InstitutionName": "Saint Elsewhere",
    "ReferringPhysicianName": "Referrer^Rita",
    "OperatorsName": "Operator^Olga",
    "StationName": "SCANNER-0815",
    "DeviceSerialNumber": "SERIAL-99887766",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    (tmp_path / "shared").mkdir()
    return world(tmp_path, FolderSource(tmp_path / "shared"), monkeypatch)


@pytest.fixture
def patient(tmp_path: Path) -> list[Path]:
    """The images and the truth of a patient about whom much is known."""
    folder = tmp_path / "patient"
    folder.mkdir()
    for path in (*sorted(IMAGES.glob("*.dcm")), IMAGES.parent / "reference_seg.dcm"):
        dataset = pydicom.dcmread(path)
        for keyword, value in CANARY.items():
            setattr(dataset, keyword, value)
        dataset.save_as(folder / path.name)
    return sorted(folder.iterdir())


def uids(dataset: pydicom.Dataset) -> Iterator[str]:
    """The UIDs of an object that are its own, and no standard's."""
    for element in dataset.iterall():
        if element.VR == "UI" and not str(element.value).startswith("1.2.840.10008"):
            yield from map(str, element.value if element.VM > 1 else [element.value])


def test_nothing_of_a_patient_leaves_the_site(
    here: World, patient: list[Path], iodeep: Command
) -> None:
    shared, cohort = here.folder / "shared", here.folder / "cohort.json"
    said = here.announce(
        clip=5.0,
        minimum=1,
        sites=[here.sites[0].certificate.sha256],
        settings=Settings(steps=3, rate=1e-3, patch_size=(32, 32, 32), batch_size=1),
    )
    call = ("cohort", patient[0].parent, "--model", "brain", "--models", shared)
    answer = iodeep(*call, "--automatic", "--out", cohort)
    assert answer.status == 0, answer
    before = set(shared.rglob("*.dcm"))
    private, certificate = key_files(here.folder / "site-key", here.made["North"])
    keys = ("--key", private, "--certificate", certificate)
    join = ("federate", "join", shared, cohort, "--out", here.folder / "site", *keys, "--json")
    answer = iodeep(*join)
    assert answer.status == 0, answer
    assert json.loads(answer.out) == {"round": said.round_uid, "cases": 1, "sent_now": True}
    sent = sorted(set(shared.rglob("*.dcm")) - before)
    assert len(sent) == 2
    content = b"".join(path.read_bytes() for path in sent)
    assert said.round_uid.encode() in content  # it is looked for in the right place
    secrets = {part for value in CANARY.values() for part in value.split("^")}
    pixels: set[bytes] = set()
    for path in patient:
        dataset = pydicom.dcmread(path)
        secrets |= {*uids(dataset), path.name}
        if dataset.Modality == "MR":
            row = dataset.pixel_array[dataset.Rows // 2, 20:52]
            if row.any():
                pixels |= {row.astype(kind).tobytes() for kind in ("<i2", "<f4", "u1")}
    assert len(secrets) > 90
    assert pixels
    secrets |= {str(patient[0].parent), str(cohort)}
    for secret in secrets:
        assert secret.encode() not in content, secret
        assert secret.encode("utf-16-le") not in content, secret
    for piece in pixels:
        assert piece not in content
    # What was learned is in it, all the same: the network has changed, and goes on to be one.
    outcome = aggregate(here.source, here.coordinator, here.folder / "ended")
    [new] = [one for one in here.source.models().models if one.card.version == said.version]
    assert new.card.network_digest == outcome.digest
    old, changed = tensors_of(here.parent), tensors_of(new)
    moved = [float(np.abs(changed[n].whole() - old[n].whole()).max()) for n in changed]
    assert max(moved) > 1e-5
    [one] = find_rounds(here.source, here.folder / "again", Signers()).rounds
    check_outcome(here.source, one, here.folder / "check")
    assert iodeep(*join).status == 2  # the round has ended
