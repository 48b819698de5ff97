"""`iodeep sign`, and what `iodeep show` says after everything that somebody may do to a model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from command import Answer, refused
from makers import series
from makers.certificates import made, rsa_key
from makers.packed_models import altered, flip, make_model
from makers.signed_objects import (
    dcmtk_agrees,
    in_block,
    key_files,
    publisher,
    sign,
    signed_by_dcmtk,
    verdicts,
    with_signature_of,
)
from pydicom.dataset import Dataset

from IODeepLib.model_object.private_dictionary import Element, block_of
from IODeepLib.trust.signature_reading import read_signatures

Iodeep = Callable[..., Answer]


@pytest.fixture(scope="module")
def signed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a signed model, in `packed`, and another one by the same signer, in `other`."""
    folder = tmp_path_factory.mktemp("signed")
    make_model(folder)
    (folder / "elsewhere").mkdir()
    make_model(folder / "elsewhere")
    (folder / "elsewhere" / "packed").rename(folder / "other")
    for name in ("packed", "other"):
        sign(sorted((folder / name).iterdir()), folder / "keys")
    return folder


@pytest.fixture
def signed(signed_once: Path, tmp_path: Path) -> Path:
    """A copy of the model."""
    return shutil.copytree(signed_once / "packed", tmp_path / "packed")


def change(path: Path, what: Callable[[Dataset], object]) -> None:
    """Change a file, and nothing else in it."""
    dataset = pydicom.dcmread(path)
    what(dataset)
    dataset.save_as(path)


def test_a_model_is_signed_and_shown_to_be(tmp_path: Path, iodeep: Iodeep) -> None:
    make_model(tmp_path, parts=3)
    key, certificate = key_files(tmp_path / "keys", publisher("RSA"))
    packed = tmp_path / "packed"
    assert "not signed    card, part 1, part 2, part 3" in iodeep("show", packed).out
    answer = iodeep("sign", packed, "--key", key, "--certificate", certificate)
    assert answer.status == 0
    assert "4 objects signed by CN=Publisher RSA,O=Hospital" in answer.out
    for path in packed.iterdir():
        assert dcmtk_agrees(path, tmp_path / "keys", publisher("RSA"))
    shown = iodeep("show", packed)
    assert shown.status == 0
    assert "signed        card, part 1, part 2, part 3: intact; by CN=Publisher" in shown.out
    assert "trust         signed by CN=" in shown.out and "not signed" not in shown.out
    document = json.loads(iodeep("show", packed, "--json").out)
    assert [one["of"] for one in document["signatures"]] == ["card", "part 1", "part 2", "part 3"]
    for one in document["signatures"]:
        assert one["integrity"] == "intact" and one["left_out"] == [] and not one["time_stamp"]
        assert one["certificate"]["subject"] == "CN=Publisher RSA,O=Hospital"
        assert "PrivateDataElementCharacteristicsSequence" in one["covered"]


PARTS: dict[str, tuple[str, Element, Element | None]] = {
    "recipe": ("card.dcm", Element.RECIPE, Element.RECIPE_DIGEST),
    "model card": ("card.dcm", Element.MODEL_CARD, Element.MODEL_CARD_DIGEST),
    "manifest": ("card.dcm", Element.MANIFEST, Element.MANIFEST_DIGEST),
    "model UID": ("card.dcm", Element.MODEL_UID, None),
    "weights": ("weights-1.dcm", Element.PAYLOAD, Element.PAYLOAD_DIGEST),
}


@pytest.mark.parametrize("part", [*PARTS, "architecture"])
def test_a_byte_is_changed(part: str, signed: Path, iodeep: Iodeep) -> None:
    name, element, _ = PARTS.get(part, ("card.dcm", Element.ARCHITECTURE, None))
    block = block_of(pydicom.dcmread(signed / name))
    assert block is not None
    value = block[element].value
    content = value.encode() if isinstance(value, str) else bytes(value)
    place = (signed / name).read_bytes().rindex(content) + len(content) // 2
    flip(signed / name, place)
    answer = iodeep("show", signed)
    refused(answer, 4, "altered" if part != "recipe" else "")


@pytest.mark.parametrize("part", PARTS)
def test_what_is_changed_with_its_digest_is_not_as_it_is_described(
    part: str, signed: Path, iodeep: Iodeep
) -> None:
    name, *elements = PARTS[part]
    change(signed / name, in_block(*elements))
    refused(iodeep("show", signed), 4, "altered", "(0008,0300) says")


@pytest.mark.parametrize("part", ["recipe", "model card", "manifest"])
def test_what_is_changed_with_its_description_is_not_what_was_signed(
    part: str, signed: Path, iodeep: Iodeep
) -> None:
    name, *elements = PARTS[part]
    altered(signed / name, in_block(*elements))
    answer = iodeep("show", signed)
    assert answer.status == 4
    assert "signed        card: broken: the signature is broken" in answer.out
    assert "part 1: intact" in answer.out
    assert "card: the signature is broken" in answer.err and "; next: " in answer.err


def test_the_architecture_is_changed_with_all_its_digests(
    signed: Path, tmp_path: Path, iodeep: Iodeep
) -> None:
    """A network with another bias, packed by somebody else under the same UIDs."""
    card = signed / "card.dcm"
    altered(card, in_block(Element.ARCHITECTURE, Element.ARCHITECTURE_DIGEST))
    assert verdicts(card) == ["broken"]
    answer = iodeep("show", signed)
    assert answer.status == 4


IDENTITY = {
    "SOPInstanceUID": "1.2.3",
    "SeriesInstanceUID": "1.2.3",
    "StudyInstanceUID": "1.2.3",
    "SeriesDescription": "IODeep-liver-9.9.9",
    "SoftwareVersions": "IODeep 9.9.9",
    "Manufacturer": "Somebody else",
    "ContentDate": "20400101",
    "ContentLabel": "IODEEP_OTHER",
    "Modality": "CT",
    "BodyPartExamined": "HEAD",
}


@pytest.mark.parametrize("keyword", IDENTITY)
def test_what_tells_which_object_it_is_is_changed(
    keyword: str, signed: Path, iodeep: Iodeep
) -> None:
    change(signed / "card.dcm", lambda ds: setattr(ds, keyword, IDENTITY[keyword]))
    assert verdicts(signed / "card.dcm") == ["broken"]
    assert iodeep("show", signed).status == 4


def test_the_parent_is_added_or_the_weights_are_others(signed: Path) -> None:
    def other(dataset: Dataset) -> None:
        dataset.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID = "1.2.3"

    def more(dataset: Dataset) -> None:
        dataset.ReferencedInstanceSequence.append(dataset.ReferencedInstanceSequence[0])

    for what in (other, more):
        change(signed / "card.dcm", what)
        assert verdicts(signed / "card.dcm") == ["broken"]


def test_an_element_is_added(signed: Path, iodeep: Iodeep) -> None:
    change(signed / "card.dcm", lambda ds: setattr(ds, "ContentCreatorName", "Nobody"))
    answer = iodeep("show", signed)
    assert answer.status == 4
    assert "covers fewer elements than it has to: not ContentCreatorName (0070,0084)" in answer.out


def test_an_element_is_taken_away(signed: Path, iodeep: Iodeep) -> None:
    change(signed / "card.dcm", lambda ds: delattr(ds, "AnatomicRegionSequence"))
    assert iodeep("show", signed).status == 4
    assert verdicts(signed / "card.dcm") == ["broken"]


def test_the_description_is_taken_away(signed: Path, iodeep: Iodeep) -> None:
    change(signed / "card.dcm", lambda ds: delattr(ds, "PrivateDataElementCharacteristicsSequence"))
    answer = iodeep("show", signed)
    assert answer.status == 4 and "card: the signature is broken" in answer.err


def test_the_weights_of_another_model(signed: Path, signed_once: Path, iodeep: Iodeep) -> None:
    shutil.copy(signed_once / "other" / "weights-1.dcm", signed)
    refused(iodeep("show", signed), 4, "whose card is not here")


def test_the_signature_of_another_card_by_the_same_signer(
    signed: Path, signed_once: Path, tmp_path: Path, iodeep: Iodeep
) -> None:
    card = signed / "card.dcm"
    with_signature_of(signed_once / "other" / "card.dcm", card)
    answer = iodeep("show", signed)
    assert answer.status == 4 and "of another object" in answer.err
    assert not dcmtk_agrees(card, tmp_path / "keys", publisher())


def test_a_signature_is_taken_away(signed: Path, iodeep: Iodeep) -> None:
    def strip(dataset: Dataset) -> None:
        del dataset.DigitalSignaturesSequence, dataset.MACParametersSequence

    change(signed / "card.dcm", strip)
    answer = iodeep("show", signed)
    assert answer.status == 0
    assert "not signed    card" in answer.out and "signed        part 1: intact" in answer.out


@pytest.mark.parametrize("option", ["+ms", "+mm", "+mr"])
def test_digests_that_can_be_forged(
    option: str, signed: Path, tmp_path: Path, iodeep: Iodeep
) -> None:
    signed_by_dcmtk(signed / "card.dcm", tmp_path / "keys", publisher("RSA"), option)
    name = {"+ms": "SHA1", "+mm": "MD5", "+mr": "RIPEMD160"}[option]
    assert f"card: weak: digested with {name}; by CN=Publisher RSA" in iodeep("show", signed).out
    assert verdicts(signed / "card.dcm") == ["intact", "weak"]


def test_keys_that_can_be_broken(signed: Path, tmp_path: Path, iodeep: Iodeep) -> None:
    weak = made("CN=Weak", key=rsa_key(1024))
    signed_by_dcmtk(signed / "card.dcm", tmp_path / "theirs", weak)
    assert "weak: signed with an RSA key of 1024 bits" in iodeep("show", signed).out
    key, certificate = key_files(tmp_path / "keys", weak)
    answer = iodeep("sign", signed, "--key", key, "--certificate", certificate)
    refused(answer, 4, "an RSA key of 1024 bits", "2048")


def test_one_of_two_signatures_is_bad(signed: Path, tmp_path: Path, iodeep: Iodeep) -> None:
    card = signed / "card.dcm"
    sign([card], tmp_path / "keys", publisher("RSA"))

    def backdate(dataset: Dataset) -> None:
        dataset.DigitalSignaturesSequence[1].DigitalSignatureDateTime = "20200101000000.000000+0000"

    change(card, backdate)
    assert verdicts(card) == ["intact", "broken"]
    answer = iodeep("show", signed)
    assert answer.status == 4
    assert "card, part 1: intact" in answer.out
    assert "card: broken" in answer.out and "CN=Publisher RSA,O=Hospital, 2020-01-01" in answer.out
    assert not dcmtk_agrees(card, tmp_path / "t", publisher(), publisher("RSA"))


def test_a_signature_over_less_than_all(signed: Path, tmp_path: Path, iodeep: Iodeep) -> None:
    few = ["-t", "0008,0016", "-t", "0008,0018", "-t", "0020,000d", "-t", "0020,000e"]
    signed_by_dcmtk(signed / "card.dcm", tmp_path / "keys", publisher("RSA"), *few)
    assert verdicts(signed / "card.dcm") == ["intact", "partial"]
    found = read_signatures(signed / "card.dcm")[1]
    assert len(found.covered) == 4 and 0x00080300 in found.left_out
    answer = iodeep("show", signed)
    assert answer.status == 4 and "covers fewer elements than it has to" in answer.err


def in_parameters(what: Callable[[Dataset], object]) -> Callable[[Dataset], None]:
    return lambda ds: what(ds.MACParametersSequence[0]) and None


def in_signature(what: Callable[[Dataset], object]) -> Callable[[Dataset], None]:
    return lambda ds: what(ds.DigitalSignaturesSequence[0]) and None


def twice(dataset: Dataset) -> None:
    dataset.MACParametersSequence.append(dataset.MACParametersSequence[0])


def many(dataset: Dataset) -> None:
    for _ in range(40):
        dataset.DigitalSignaturesSequence.append(dataset.DigitalSignaturesSequence[0])


NO_SIGNATURES: dict[str, tuple[Callable[[Dataset], None], str, str]] = {
    "an algorithm of tomorrow": (
        in_parameters(lambda item: setattr(item, "MACAlgorithm", "SHA3")),
        "unreadable",
        "the MAC algorithm SHA3",
    ),
    "another transfer syntax": (
        in_parameters(
            lambda item: setattr(item, "MACCalculationTransferSyntaxUID", "1.2.840.10008.1.2")
        ),
        "unreadable",
        "its MAC is over the transfer syntax Implicit VR Little Endian",
    ),
    "parameters of no signature": (
        in_parameters(lambda item: setattr(item, "MACIDNumber", 77)),
        "unreadable",
        "0 MAC parameters with the number 0",
    ),
    "parameters that are there twice": (twice, "unreadable", "2 MAC parameters with the number 0"),
    "fewer elements": (
        in_parameters(lambda item: item.DataElementsSigned.pop()),
        "broken",
        "something was changed since",
    ),
    "no elements": (
        in_parameters(lambda item: setattr(item, "DataElementsSigned", [0x00200000 | 0x9999])),
        "unreadable",
        "over nothing that is there",
    ),
    "itself": (
        in_parameters(lambda item: item.DataElementsSigned.append(0xFFFAFFFA)),
        "unreadable",
        "which no signature is over",
    ),
    "no certificate": (
        in_signature(lambda item: setattr(item, "CertificateOfSigner", b"\0\0")),
        "unreadable",
        "no certificate",
    ),
    "a certificate that is none": (
        in_signature(lambda item: setattr(item, "CertificateOfSigner", b"\x30\x02ab")),
        "unreadable",
        "is no certificate that can be read",
    ),
    "a certificate of another kind": (
        in_signature(lambda item: setattr(item, "CertificateType", "PGP")),
        "unreadable",
        "a certificate of the type PGP",
    ),
    "no value": (
        in_signature(lambda item: delattr(item, "Signature")),
        "unreadable",
        "it has no Signature (0400,0120)",
    ),
    "another value": (
        in_signature(lambda item: setattr(item, "Signature", bytes(64))),
        "broken",
        "something was changed since",
    ),
    "another purpose": (
        in_signature(
            lambda item: setattr(item.DigitalSignaturePurposeCodeSequence[0], "CodeValue", "5")
        ),
        "broken",
        "something was changed since",
    ),
}


@pytest.mark.parametrize("attack", NO_SIGNATURES)
def test_what_is_no_signature(attack: str, signed: Path, iodeep: Iodeep) -> None:
    what, integrity, words = NO_SIGNATURES[attack]
    change(signed / "card.dcm", what)
    assert verdicts(signed / "card.dcm") == [integrity]
    answer = iodeep("show", signed)
    assert answer.status == 4
    assert words in answer.err and "; next: " in answer.err


def test_the_certificate_of_somebody_else(signed: Path, iodeep: Iodeep) -> None:
    def claim(item: Dataset) -> None:
        item.CertificateOfSigner = publisher("P-384").der

    change(signed / "card.dcm", in_signature(claim))
    assert verdicts(signed / "card.dcm") == ["broken"]
    assert iodeep("show", signed).status == 4


def test_elements_that_are_named_and_not_there(signed: Path) -> None:
    change(
        signed / "card.dcm",
        in_parameters(lambda item: item.DataElementsSigned.append(0x00700084)),
    )
    [found] = read_signatures(signed / "card.dcm")
    assert found.integrity == "intact" and 0x00700084 not in found.covered


def test_too_many_signatures(signed: Path, iodeep: Iodeep) -> None:
    change(signed / "card.dcm", many)
    refused(iodeep("show", signed), 4, "more than 32 items in DigitalSignaturesSequence")


def test_signatures_within_items_are_not_the_objects(signed: Path, iodeep: Iodeep) -> None:
    def move(dataset: Dataset) -> None:
        item = dataset.ReferencedInstanceSequence[0]
        for keyword in ("MACParametersSequence", "DigitalSignaturesSequence"):
            setattr(item, keyword, dataset[keyword].value)
            delattr(dataset, keyword)

    change(signed / "card.dcm", move)
    assert "not signed    card" in iodeep("show", signed).out


def test_a_signed_model_of_before(tmp_path: Path, iodeep: Iodeep) -> None:
    """What an older version wrote cannot be signed, and says so."""
    model = make_model(tmp_path)
    assert model.card.path is not None
    for path in (tmp_path / "packed").iterdir():
        change(path, lambda ds: delattr(ds, "PrivateDataElementCharacteristicsSequence"))
    key, certificate = key_files(tmp_path / "keys", publisher())
    answer = iodeep("sign", tmp_path / "packed", "--key", key, "--certificate", certificate)
    refused(answer, 4, "has no PrivateDataElementCharacteristicsSequence", "pack it again")


def test_a_damaged_model_is_not_signed(signed: Path, tmp_path: Path, iodeep: Iodeep) -> None:
    flip(signed / "weights-1.dcm", -5000)
    before = {path: path.read_bytes() for path in signed.iterdir()}
    key, certificate = key_files(tmp_path / "keys", publisher("RSA"))
    answer = iodeep("sign", signed, "--key", key, "--certificate", certificate)
    refused(answer, 4, "was altered")
    assert {path: path.read_bytes() for path in signed.iterdir()} == before


def test_what_is_not_of_iodeep_is_passed_over(tmp_path: Path, iodeep: Iodeep) -> None:
    make_model(tmp_path)
    image = series.save(series.image(np.ones((4, 5), np.uint16)), tmp_path / "packed" / "image.dcm")
    key, certificate = key_files(tmp_path / "keys", publisher())
    answer = iodeep("sign", tmp_path / "packed", "--key", key, "--certificate", certificate)
    assert "2 objects signed" in answer.out
    assert "passed over   1 object that IODeep did not make" in answer.out
    assert verdicts(image) == []
    answer = iodeep("sign", image, "--key", key, "--certificate", certificate)
    refused(answer, 4, "holds no network and no result of IODeep")
