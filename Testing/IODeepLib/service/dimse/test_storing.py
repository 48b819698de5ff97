"""Images that are sent to the service are on the disk when the sender hears so, and only images."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from makers.small_studies import small_study
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, SegmentationStorage, generate_uid
from pynetdicom import AE
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode

from IODeepLib.headers import quiet
from IODeepLib.service.hands import Hands
from IODeepLib.service.studies import Studies
from IODeepLib.service.tidying import tidy

Serving = Callable[..., Any]
MORE = {"NumberOfSeriesRelatedInstances": "7"}


@contextmanager
def associated(port: int, classes: Sequence[str] = (MRImageStorage,), title: str = "CT1") -> Any:
    entity = AE(title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 10
    for one in classes:
        entity.add_requested_context(one, ExplicitVRLittleEndian)
    association = entity.associate("127.0.0.1", port, ae_title="IODEEP")
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def stored(association: Any, content: bytes, uid: str, sop_class: str = MRImageStorage) -> int:
    """The status of an answer to these bytes; as pynetdicom sends them, which it looks into."""
    request = C_STORE()
    request.MessageID = 7
    request.AffectedSOPClassUID, request.Priority = sop_class, 2
    request._affected_sop_instance_uid = uid  # what it would not let through
    request.DataSet = BytesIO(content)
    number = next(one.context_id for one in association.accepted_contexts)
    association._reactor_checkpoint.clear()
    while not association._is_paused:
        time.sleep(0.001)
    with quiet():
        association.dimse.send_msg(request, number)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    return int(answer.Status) if answer is not None else -1


def object_of(uid: str, **changes: Any) -> tuple[bytes, str]:
    """The data set of a small image, as it is sent."""
    with quiet():
        image = Dataset()
        image.SOPClassUID, image.SOPInstanceUID = MRImageStorage, uid
        image.StudyInstanceUID, image.SeriesInstanceUID = "2.25.1", "2.25.2"
        image.Modality = "MR"
        for keyword, value in changes.items():
            setattr(image, keyword, value)
        return encode(image, False, True) or b"", uid


def seen(hands: Hands) -> list[str]:
    return [row["uid"] for row in hands.database.ask("SELECT uid FROM studies ORDER BY uid")]


def kept(hands: Hands) -> list[str]:
    return sorted(path.name for path in hands.place.received.rglob("*.dcm"))


def test_a_study_comes_from_dcmtk(serving: Serving, tmp_path: Path) -> None:
    """Twice; it is the same study, and counts as one that was seen."""
    study = small_study(3)
    folder = study.write(tmp_path / "study")
    with serving() as (hands, port):
        for _ in range(2):
            call = ["dcmsend", "-aec", "IODEEP", "127.0.0.1", str(port)]
            subprocess.run([*call, *map(str, sorted(folder.iterdir()))], check=True)
        assert seen(hands) == [study.study]
        (series,) = hands.received.more_than(study.study, []).values()
        assert (series.instance_count, series.attributes["Modality"]) == (6, "MR")
        sent = {dcmread(path).SOPInstanceUID: dcmread(path) for path in folder.iterdir()}
        for path in hands.place.received.rglob("*.dcm"):
            image = dcmread(path)
            assert image == sent[image.SOPInstanceUID]
        assert hands.received.more_than(study.study, [replace(series, attributes=MORE)]) == {}
        tidy(hands)
        assert len(kept(hands)) == 6  # it waits to be looked at
        taken = Studies(hands.database, "test").next()
        assert taken is not None
        Studies(hands.database, "test").looked_at(taken, "content")
        tidy(hands)
        assert kept(hands) == []


def test_what_an_ended_service_has_not_received_is_cleared_away(serving: Serving) -> None:
    with serving() as (hands, _):
        left = hands.received.arriving("0123456789abcdef")
        ours = hands.received.arriving(hands.owner.name)
        for path in (left, ours):
            path.touch()
        tidy(hands)
        assert hands.received.arrivals() == [ours]


def test_what_is_no_image_is_not_asked_for(serving: Serving) -> None:
    with (
        serving() as (_, port),
        associated(port, [MRImageStorage, SegmentationStorage]) as association,
    ):
        accepted = {one.abstract_syntax for one in association.accepted_contexts}
        assert accepted == {MRImageStorage}
    with serving(store=False) as (_, port), associated(port) as association:
        assert not association.is_established


@pytest.mark.parametrize(
    ("changes", "uid", "status"),
    [
        ({}, "2.25.3", 0x0000),
        ({"SOPInstanceUID": "2.25.4"}, "2.25.3", 0xA900),
        ({"SOPClassUID": SegmentationStorage}, "2.25.3", 0xA900),
        ({"StudyInstanceUID": "../../../etc"}, "2.25.3", 0xC000),
        ({"SeriesInstanceUID": ".."}, "2.25.3", 0xC000),
        ({"StudyInstanceUID": ""}, "2.25.3", 0xC000),
        ({}, "../x", 0xC000),
        ({}, "", 0xC000),
        ({"EncapsulatedDocument": bytes(2**21)}, "2.25.3", 0xA700),
    ],
)
def test_objects_that_are_odd(
    serving: Serving, tmp_path: Path, changes: dict[str, Any], uid: str, status: int
) -> None:
    """Whatever comes, the next object is taken."""
    with serving(largest_gb=0.001) as (hands, port), associated(port) as association:
        content, _ = object_of("2.25.3", **changes)
        assert stored(association, content, uid) == status
        assert kept(hands) == (["2.25.3.dcm"] if status == 0 else [])
        assert stored(association, *object_of("2.25.5")) == 0
        assert "2.25.5.dcm" in kept(hands)
        assert hands.received.arrivals() == []
    assert not [path for path in tmp_path.rglob("*") if path.name in ("x.dcm", "etc")]


def test_what_is_no_data_set(serving: Serving) -> None:
    with serving() as (hands, port), associated(port) as association:
        for content in (b"x", bytes(1000), b"\xff" * 1000):
            assert stored(association, content, "2.25.3") == 0xC000
        assert (kept(hands), seen(hands)) == ([], [])


def test_a_disk_that_is_full_loses_nothing(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/dev/full is such a disk; there an object goes while it arrives."""
    with serving() as (hands, port), associated(port) as association:
        assert stored(association, *object_of("2.25.3")) == 0
        with monkeypatch.context() as patch:
            arriving = hands.place.received / ".full"
            arriving.symlink_to("/dev/full")
            patch.setattr(type(hands.received), "arriving", lambda self, owner: arriving)
            assert stored(association, *object_of("2.25.4")) == 0xA700
        assert kept(hands) == ["2.25.3.dcm"]
        assert stored(association, *object_of("2.25.4")) == 0
        assert kept(hands) == ["2.25.3.dcm", "2.25.4.dcm"]


def test_a_sender_that_is_cut_off_leaves_nothing(serving: Serving) -> None:
    with serving() as (hands, port):
        with associated(port) as association:
            request = C_STORE()
            request.MessageID, request.AffectedSOPClassUID = 1, MRImageStorage
            request.AffectedSOPInstanceUID = generate_uid()
            request.DataSet = BytesIO(bytes(2**20))
            send = association.dul.send_pdu
            sent: list[Any] = []
            association.dul.send_pdu = lambda pdu: (sent.append(pdu), len(sent) < 9 and send(pdu))
            association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
            association.dul.send_pdu = send
            association.abort()
        until_quiet(hands)
        assert (kept(hands), seen(hands)) == ([], [])


def until_quiet(hands: Hands) -> None:
    ends = time.monotonic() + 30
    while hands.received.arrivals() and time.monotonic() < ends:
        time.sleep(0.05)
    assert hands.received.arrivals() == []
