"""What is signed here and by DCMTK's dcmsign, each checked by the other, before and after PACS."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from judges import standard_errors
from makers.certificates import made
from makers.packed_models import make_model
from makers.reencoded import by_dcmtk, by_pydicom
from makers.signed_objects import (
    KEYS,
    dcmtk_agrees,
    publisher,
    sign,
    signed_by_dcmtk,
    verdicts,
)
from pacs import servers
from pacs.servers import Orthanc
from pydicom.uid import ImplicitVRLittleEndian

from IODeepLib.disk.cache import Cache
from IODeepLib.errors import InputError
from IODeepLib.model_object import verify
from IODeepLib.model_object.retirement import write_retirement
from IODeepLib.sources.find import source_of
from IODeepLib.sources.folder import find_models
from IODeepLib.trust.coverage import PRIVATE_ELEMENTS, to_sign
from IODeepLib.trust.dicom_signature import Integrity
from IODeepLib.trust.object_file import opened_object
from IODeepLib.trust.signature_reading import read_signatures


@pytest.fixture(scope="module")
def packed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of three parts, and a notice that retires it."""
    folder = tmp_path_factory.mktemp("packed")
    model = make_model(folder, parts=3)
    notice = folder / "packed" / "notice.dcm"
    write_retirement(model.card, notice, reason="wrong", replacement=None)
    return folder / "packed"


@pytest.fixture
def packed(packed_once: Path, tmp_path: Path) -> Path:
    """A copy, to be signed."""
    return shutil.copytree(packed_once, tmp_path / "packed")


WAYS: dict[str, Callable[[Path], None]] = {
    "as it is": lambda path: None,
    "implicit": by_dcmtk("+ti"),
    "implicit, undefined lengths": by_dcmtk("+ti", "-e"),
    "big endian": by_dcmtk("+tb"),
    "explicit, undefined lengths": by_dcmtk("+te", "-e"),
    "implicit by pydicom": by_pydicom,
}


@pytest.mark.parametrize("kind", KEYS)
def test_dcmtk_finds_what_is_signed_here_good(kind: str, packed: Path, tmp_path: Path) -> None:
    paths = sorted(packed.iterdir())
    sign(paths, tmp_path / "keys", publisher(kind))
    for path in paths:
        assert verdicts(path) == ["intact"]
        assert dcmtk_agrees(path, tmp_path / "keys", publisher(kind))
    assert dcmtk_agrees(paths[0], tmp_path / "keys", made("CN=Another")) is False


@pytest.mark.parametrize("kind", ["RSA", "P-256", "P-384"])
@pytest.mark.parametrize("digest", ["+m2", "+m3", "+m5"])
def test_what_dcmtk_signs_is_found_good_here(
    kind: str, digest: str, packed: Path, tmp_path: Path
) -> None:
    card = packed / "card.dcm"
    signed_by_dcmtk(card, tmp_path / "keys", publisher(kind), digest)
    assert verdicts(card) == ["intact"]
    [found] = read_signatures(card)
    assert found.digest == {"+m2": "SHA256", "+m3": "SHA384", "+m5": "SHA512"}[digest]
    assert found.certificates == (publisher(kind).der,)
    assert found.signed_at is not None


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["RSA", "P-256"])
def test_a_signature_survives(way: str, kind: str, packed: Path, tmp_path: Path) -> None:
    paths = [packed / name for name in ("card.dcm", "weights-1.dcm", "notice.dcm")]
    sign(paths, tmp_path / "keys", publisher(kind))
    for path in paths:
        WAYS[way](path)
        assert verdicts(path) == ["intact"], path
        assert dcmtk_agrees(path, tmp_path / "keys", publisher(kind))


@pytest.mark.parametrize("way", [way for way in WAYS if "implicit" in way or "big" in way])
def test_what_came_back_in_another_encoding_is_signed_alike(
    way: str, packed: Path, tmp_path: Path
) -> None:
    card = packed / "card.dcm"
    WAYS[way](card)
    sign([card], tmp_path / "keys")
    assert verdicts(card) == ["intact"]
    assert dcmtk_agrees(card, tmp_path / "keys", publisher())
    by_dcmtk("+te")(card)
    assert verdicts(card) == ["intact"]
    assert dcmtk_agrees(card, tmp_path / "keys", publisher())


@pytest.mark.parametrize("over", ["DICOMweb", "DIMSE"])
def test_a_signed_model_goes_through_orthanc(
    over: str, orthanc: Orthanc, packed: Path, tmp_path: Path
) -> None:
    (packed / "notice.dcm").unlink()
    sign(sorted(packed.iterdir()), tmp_path / "keys", publisher("RSA"))
    signed_by_dcmtk(packed / "card.dcm", tmp_path / "theirs", publisher("P-384"))
    by_pydicom(packed / "weights-1.dcm")
    address = {
        "DICOMweb": orthanc.source,
        "DIMSE": f"dimse://{orthanc.aet}@127.0.0.1:{orthanc.dicom_port}",
    }[over]
    source_of(address).store(sorted(packed.iterdir()))
    elsewhere = source_of(address, Cache(tmp_path / "elsewhere"))
    [found] = elsewhere.models().models
    fetched = elsewhere.fetch(found)
    verify(fetched)
    assert fetched.card.path is not None
    assert verdicts(fetched.card.path) == ["intact", "intact"]
    both = publisher("RSA"), publisher("P-384")
    assert dcmtk_agrees(fetched.card.path, tmp_path / "trusted", *both)
    for part in fetched.weights():
        assert verdicts(part.path) == ["intact"]
        assert dcmtk_agrees(part.path, tmp_path / "trusted", *both)


def test_an_archive_that_stores_everything_in_implicit_vr(packed: Path, tmp_path: Path) -> None:
    sign(sorted(packed.iterdir()), tmp_path / "keys", publisher("RSA"))
    settings = {"IngestTranscoding": ImplicitVRLittleEndian}
    with servers.orthanc(tmp_path / "orthanc", **settings) as server:
        source_of(server.source).store(sorted(packed.iterdir()))
        for number, uid in enumerate(json.loads(server.get("/instances"))):
            path = tmp_path / f"{number}.dcm"
            path.write_bytes(server.get(f"/instances/{uid}/file"))
            syntax = pydicom.dcmread(path).file_meta.TransferSyntaxUID
            assert syntax == ImplicitVRLittleEndian
            assert verdicts(path) == ["intact"]
            assert dcmtk_agrees(path, tmp_path / "keys", publisher("RSA"))
    assert number + 1 == len(list(packed.iterdir()))


def test_signed_instances_are_sound(packed: Path, tmp_path: Path) -> None:
    sign(sorted(packed.iterdir()), tmp_path / "keys")
    for path in packed.iterdir():
        assert standard_errors(path) == []


def test_all_else_stays_as_it_was(packed: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in packed.iterdir()}
    [model] = find_models(packed).every
    sign(sorted(packed.iterdir()), tmp_path / "keys")
    for path, content in before.items():
        assert path.read_bytes().startswith(content)  # the sequences come last in these
    again = find_models(packed)
    assert not again.problems and again.notice(again.every[0]) is not None
    assert replace(again.every[0].card, signatures=()) == model.card
    verify(again.every[0])


def test_signing_again_replaces_ones_own_signature_alone(packed: Path, tmp_path: Path) -> None:
    card = packed / "card.dcm"
    for who in (publisher(), publisher("RSA"), publisher(), publisher("RSA")):
        sign([card], tmp_path / "keys", who)
    signed_by_dcmtk(card, tmp_path / "theirs", publisher("P-384"))
    sign([card], tmp_path / "keys", publisher())
    found = read_signatures(card)
    wanted = [publisher("RSA").der, publisher("P-384").der, publisher().der]
    assert [one.certificates[0] for one in found] == wanted
    assert verdicts(card) == ["intact"] * 3
    assert len({one.uid for one in found}) == 3
    dataset = pydicom.dcmread(card)
    numbers = [item.MACIDNumber for item in dataset.MACParametersSequence]
    assert sorted(numbers) == sorted(i.MACIDNumber for i in dataset.DigitalSignaturesSequence)
    assert len(set(numbers)) == 3
    assert dcmtk_agrees(card, tmp_path / "t", publisher(), publisher("RSA"), publisher("P-384"))


def test_dcmtk_signs_what_is_signed_here(packed: Path, tmp_path: Path) -> None:
    card = packed / "card.dcm"
    sign([card], tmp_path / "keys")
    signed_by_dcmtk(card, tmp_path / "theirs", publisher("RSA"))
    assert verdicts(card) == ["intact", "intact"]
    assert dcmtk_agrees(card, tmp_path / "t", publisher(), publisher("RSA"))


def test_all_or_none(packed: Path, tmp_path: Path) -> None:
    paths = sorted(packed.iterdir())
    before = [path.read_bytes() for path in paths]
    bad = tmp_path / "bad.dcm"
    dataset = pydicom.dcmread(paths[0])
    dataset.pop(PRIVATE_ELEMENTS)
    dataset.save_as(bad)
    with pytest.raises(InputError, match=r"has no PrivateData\w+ \(0008,0300\).*pack it again"):
        sign([*paths, bad], tmp_path / "keys")
    assert [path.read_bytes() for path in paths] == before
    assert sorted(packed.iterdir()) == paths


def test_a_deflated_card_is_checked_but_not_signed(packed: Path, tmp_path: Path) -> None:
    card = packed / "card.dcm"
    sign([card], tmp_path / "keys")
    by_dcmtk("+td")(card)
    assert verdicts(card) == ["intact"]
    with pytest.raises(InputError, match=r"is deflated.*dcmconv \+te"):
        sign([card], tmp_path / "keys")


def test_every_standard_element_is_covered_but_those_that_archives_set(packed: Path) -> None:
    left_out = set()
    for path in packed.iterdir():
        with opened_object(path) as found:
            tags = to_sign(found)
        dataset = pydicom.dcmread(path)
        there = {int(e.tag) for e in dataset if not e.tag.is_private and not e.is_empty}
        assert {*tags} <= there
        left_out |= there - {*tags}
    words = {pydicom.datadict.keyword_for_tag(tag) for tag in left_out}
    assert words == {
        *("PatientName", "PatientID", "StudyDate", "StudyTime", "StudyDescription", "StudyID"),
    }


@pytest.mark.parametrize(
    "keyword",
    ["PatientName", "PatientID", "StudyDescription", "StudyDate", "AccessionNumber"],
)
def test_what_archives_correct_breaks_nothing(keyword: str, packed: Path, tmp_path: Path) -> None:
    card = packed / "card.dcm"
    sign([card], tmp_path / "keys")
    dataset = pydicom.dcmread(card)
    setattr(dataset, keyword, "20200101" if keyword == "StudyDate" else "corrected")
    dataset.OriginalAttributesSequence = [pydicom.Dataset()]
    dataset.save_as(card)
    assert verdicts(card) == ["intact"]
    assert dcmtk_agrees(card, tmp_path / "keys", publisher())


def test_what_is_signed_is_said(packed: Path, tmp_path: Path) -> None:
    sign([packed / "card.dcm"], tmp_path / "keys")
    [found] = read_signatures(packed / "card.dcm")
    assert found.integrity is Integrity.INTACT and found.fault == "" and found.left_out == ()
    assert found.purpose == "1 Author's Signature"
    assert PRIVATE_ELEMENTS in found.covered
    assert found.uid.startswith("2.25.")
    assert found.time_stamp is None and len(found.mac) == 64
