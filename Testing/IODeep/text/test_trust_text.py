"""Who published a model, as people read it: real signatures, judged by real lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from IODeepSlicer.text import card_text, fit_text, holding_text, signature_text, trust_text
from IODeepSlicer.text.trust_text import Badge
from makers.certificates import Made, made
from makers.demo_image import image
from makers.published import publish
from makers.trust_lists import entry, in_a_folder, toml

from IODeepLib.model_object import Model
from IODeepLib.selection import select
from IODeepLib.sources.folder import find_model
from IODeepLib.trust.signature_reading import read_signatures
from IODeepLib.trust.verdict import Kind

BRAIN = {"Modality": "MR", "BodyPartExamined": "BRAIN", "SeriesDescription": "T1"}
KEYS = {
    "ours": made("CN=Radiology,O=Hospital"),
    "a stranger's": made("CN=Stranger,O=Hospital"),
    "a forbidden one's": made("CN=Forbidden,O=Hospital"),
    "a hostile one's": made(r"CN=\<img src\=//host/a.png\>,O=Hospital"),
}
_Judged = Callable[..., Model]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder with a model for each who published one, and more."""
    place = tmp_path_factory.mktemp("trust_text") / "models"
    place.mkdir()
    keys: dict[str, Made | None] = {"nobody's": None, **KEYS}
    found = {
        name: publish(place, f"model-{number}", by=by).card.path.parent
        for number, (name, by) in enumerate(keys.items())
    }
    changed = publish(place, "changed", by=KEYS["ours"]).card.path
    dataset = pydicom.dcmread(changed)
    dataset.Manufacturer = "Somebody else"
    dataset.save_as(changed)
    return found | {"a changed one": changed.parent}


@pytest.fixture
def judged(folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Judged:
    """One of them, as this computer judges it."""
    path, _ = in_a_folder(tmp_path, monkeypatch)

    def judge(name: str, policy: str = "warn") -> Model:
        believed = [
            entry("radiology", KEYS["ours"].pem),
            entry("forbidden", KEYS["a forbidden one's"].pem, models=["other-*"]),
        ]
        path.write_text(toml(*believed, policy=policy) if policy else "")
        return find_model(folders[name])

    return judge


WORDS = {
    "ours": (Badge.TRUSTED, "Signed and trusted", "Signed by radiology, trusted"),
    "nobody's": (Badge.UNSIGNED, "Not signed", "trusted publisher: unsigned"),
    "a stranger's": (Badge.UNKNOWN, "Signed by somebody unknown here", "CN=Stranger"),
    "a forbidden one's": (
        Badge.DOUBTFUL,
        "Signed by a publisher who may not speak for this model",
        "other-*",
    ),
    "a changed one": (Badge.BAD, "Signature bad", "Not run on this computer"),
}


@pytest.mark.parametrize("name", WORDS)
def test_the_verdict_in_words(name: str, judged: _Judged) -> None:
    trust = judged(name).trust
    badge, heading, part = WORDS[name]
    assert trust_text.badge(trust) is badge
    assert trust_text.tip(trust).splitlines()[0] == heading
    text, color = trust_text.line(trust)
    assert part in text
    bad = badge is Badge.BAD
    colors = {Badge.TRUSTED: "", Badge.BAD: fit_text.RED}
    assert color == colors.get(badge, fit_text.AMBER)
    assert bool(trust_text.refusal(trust)) is bad
    assert trust_text.isTrusted(trust) is (name == "ours")


def test_there_are_words_for_every_verdict(judged: _Judged) -> None:
    trust = judged("ours").trust
    words = [trust_text.word(replace(trust, kind=kind)) for kind in Kind]
    assert len(set(words)) == len(words) and all(words)
    assert trust_text.word(None) not in words
    assert set(trust_text.COLORS) == set(Badge)


@pytest.mark.parametrize("name", ["nobody's", "a stranger's", "a forbidden one's"])
def test_required_it_is_listed_and_not_run(name: str, judged: _Judged) -> None:
    model = judged(name, "require")
    (candidate,) = select(image(**BRAIN), [model]).candidates
    assert fit_text.isRefused(candidate) and fit_text.badge(candidate)[0] == "not run"
    assert fit_text.firstFault(candidate) == ""  # it is not the image's fault
    assert model.trust.found[:40] in trust_text.refusal(model.trust)
    assert trust_text.line(model.trust)[1] == fit_text.RED
    (allowed,) = select(image(**BRAIN), [judged(name)]).candidates
    assert fit_text.badge(allowed)[0] == "fits"
    assert trust_text.refusal(allowed.model.trust) == ""


@pytest.mark.parametrize("policy", ["", "off"])
def test_where_nobody_looks_nothing_is_an_alarm(policy: str, judged: _Judged) -> None:
    for name in ("nobody's", "a stranger's"):
        trust = judged(name, policy).trust
        assert trust_text.line(trust)[1] == "" and trust_text.refusal(trust) == ""


def test_a_newer_version_is_of_the_same_publisher(judged: _Judged) -> None:
    ours = judged("ours")
    strangers, nobodys = judged("a stranger's"), judged("nobody's")

    def newer(model: Model) -> Model:
        return replace(model, card=replace(model.card, version="99.0.0"))

    others = [newer(strangers), newer(nobodys)]
    assert all(other.card.model_uid == ours.card.model_uid for other in others)
    assert holding_text.newerThan(ours, others) is None
    assert holding_text.newerThan(ours, [*others, newer(ours)]).trust.is_trusted


def test_the_card_says_who_signed_it(judged: _Judged) -> None:
    html = card_text.cardHtml(judged("ours"))
    ends = f"{KEYS['ours'].x509.not_valid_after_utc:%Y-%m-%d}"
    for words in ("radiology", "CN=Radiology,O=Hospital", ends):
        assert words in html
    assert html.index("CN=Radiology") < html.index("Intended use")
    html = card_text.cardHtml(judged("a stranger's"))
    assert "CN=Stranger" in html and "not a trusted one" in html
    assert "Signed by" not in card_text.cardHtml(judged("nobody's"))


def _details(model: Model) -> str:
    signatures = {"card": model.card.signatures}
    signatures |= {"part 1": read_signatures(model.parts[0].path)}
    return signature_text.detailsHtml(model, signatures, ["part 2"])


def test_the_details_have_all_that_is_to_be_compared(judged: _Judged, tmp_path: Path) -> None:
    model = judged("ours", "require")
    html = _details(model)
    certificate = KEYS["ours"].x509
    valid = (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    serial = f"{certificate.serial_number:x}"
    fingerprint = signature_text.fingerprint(model)
    assert (
        fingerprint.replace(":", "").lower()
        == certificate.fingerprint(certificate.signature_hash_algorithm).hex()
    )
    for words in (
        "trusted: radiology",
        "require (",
        "CN=Radiology,O=Hospital",
        serial,
        " to ".join(f"{day:%Y-%m-%d}" for day in valid),
        "card, part 1",  # are signed
        "part 2",  # is not here
        "PrivateDataElementCharacteristicsSequence",
        "the signer&#x27;s own word",
        "never run",
    ):
        assert words in html, words
    assert "<br>".join((fingerprint[:47], fingerprint[48:])) in html
    assert html.count("The signature of: ") == 2  # they are over different elements


def test_a_subject_stays_text(judged: _Judged) -> None:
    model = judged("a hostile one's")
    for html in (
        trust_text.tipHtml(model.trust),
        card_text.cardHtml(model),
        _details(model),
    ):
        assert "&lt;img src" in html and "<img" not in html


def test_what_is_not_signed_is_said(judged: _Judged) -> None:
    model = judged("nobody's")
    html = _details(model)
    assert "Not signed" in html and "The signature of" not in html
    assert signature_text.fingerprint(model) == ""
    assert "is run after a warning" in html


def test_a_bad_signature_says_what_is_bad(judged: _Judged) -> None:
    html = _details(judged("a changed one"))
    assert "It is not run on this computer." in html and "something was changed" in html
