"""Nobody takes the place of a publisher whom the site trusts: each attack, with the real verbs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path

import pydicom
import pytest
from command import Answer, refused
from makers.certificates import DAY, made
from makers.packed_models import altered, flip, with_recipe
from makers.published import IMAGES, publish
from makers.signed_objects import key_files, sign, signer_of, with_signature_of
from makers.trust_lists import entry, in_a_folder, toml

from IODeepLib.model_object import publishers
from IODeepLib.model_object.private_dictionary import Element, block_of
from IODeepLib.model_object.retirement import write_retirement
from IODeepLib.sources.folder import find_model
from IODeepLib.trust.signing import sign_files

Command = Callable[..., Answer]
OURS, STRANGER = made("CN=Radiology,O=Hospital"), made("CN=Radiology,O=Hospital")
BOARD = made("CN=Board,O=Hospital")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with one version each, by who published it."""
    folder = tmp_path_factory.mktemp("published") / "models"
    folder.mkdir()
    models = {
        "ours": publish(folder, version="1.2.0", by=OURS),
        "ours before": publish(folder, version="1.1.0", by=OURS),
        "a stranger's": publish(folder, version="99.0.0", by=STRANGER),
        "nobody's": publish(folder, version="99.0.0"),
        "look-alike": publish(folder, "bra1n", "1.2.0", STRANGER, "2.25.271828"),
    }
    return {name: model.card.path.parent for name, model in models.items()}


@pytest.fixture
def models(tmp_path: Path, published: dict[str, Path]) -> Callable[..., Path]:
    """A folder with copies of some of them."""

    def copied(*names: str) -> Path:
        for name in names:
            shutil.copytree(published[name], tmp_path / "models" / name)
        return tmp_path / "models"

    return copied


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A site that trusts us, with a policy; and others, if they are said."""
    path, _ = in_a_folder(tmp_path, monkeypatch)

    def say(policy: str, *entries: str) -> None:
        path.write_text(toml(*(entries or (entry("radiology", OURS.pem),)), policy=policy))

    return say


def listed(iodeep: Command, folder: Path, *options: str) -> dict[str, dict]:
    """What `list` says of trust, by the version of the model."""
    document = json.loads(iodeep("list", folder, "--json", *options).out)
    return {f"{one['name']}@{one['version']}": one["trust"] for one in document["models"]}


def selected(iodeep: Command, folder: Path) -> list[dict]:
    """The candidates of `select`, in their order."""
    (document,) = json.loads(iodeep("select", IMAGES, "--models", folder, "--json").out)
    return document["candidates"]


def reason(candidate: dict) -> dict:
    (found,) = (one for one in candidate["reasons"] if one["criterion"] == "publisher")
    return found


@pytest.mark.parametrize("policy", ["warn", "require"])
@pytest.mark.parametrize("other", ["a stranger's", "nobody's"])
def test_a_higher_version_of_another_is_shown_and_not_chosen(
    other: str, policy: str, models: Callable[..., Path], site: Callable, iodeep: Command
) -> None:
    site(policy)
    folder = models(other, "ours")
    trust = listed(iodeep, folder)
    assert trust["brain@1.2.0"]["verdict"] == "trusted"
    assert trust["brain@99.0.0"]["may_run"] == (policy == "warn")
    first, second = selected(iodeep, folder)
    assert (first["version"], first["place"]) == ("1.2.0", 1)
    assert reason(first) == {
        "criterion": "publisher",
        "verdict": "fits",
        "required": "trusted",
        "found": "trusted: radiology",
        "attribute": "DigitalSignaturesSequence",
    }
    assert second["version"] == "99.0.0"
    assert second["place"] == (2 if policy == "warn" else None)
    assert reason(second)["verdict"] == ("unknown" if policy == "warn" else "fails")
    text = iodeep("select", IMAGES, "--models", folder).out
    assert "brain (radiology)" in text
    assert ("unsigned" if other == "nobody's" else "unknown signer") in text


def test_the_trusted_one_is_run_by_its_name(
    models: Callable[..., Path], site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    site("warn")
    folder = models("a stranger's", "nobody's", "ours")
    call = ("run", IMAGES, "--models", folder, "--model", "brain", "--out", tmp_path / "out")
    document = json.loads(iodeep(*call, "--json").out)
    assert document["provenance"]["version"] == "1.2.0"
    assert document["provenance"]["trust"] == "trusted: radiology"
    assert not [note for note in document["notes"] if "publisher" in note]


def test_under_warn_it_is_said_in_the_result(
    models: Callable[..., Path], site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    site("warn")
    out = tmp_path / "out"
    answer = iodeep("run", IMAGES, "--models", models("nobody's"), "--out", out)
    words = "nothing proves that this network is of a trusted one (unsigned)"
    assert answer.status == 0 and words in answer.out
    document = json.loads((out / "result.json").read_text())
    assert any(words in note for note in document["notes"])
    assert document["provenance"]["trust"] == "unsigned"
    assert words.encode() in (out / "report.dcm").read_bytes()


@pytest.mark.parametrize("other", ["a stranger's", "nobody's"])
def test_under_require_nothing_else_is_run(
    other: str, models: Callable[..., Path], site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    site("require")
    folder, out = models(other), tmp_path / "out"
    (tmp_path / "own.toml").write_text(toml(entry("me", STRANGER.pem), policy="off"))
    run = ("run", IMAGES, "--models", folder, "--out", out)
    for call in (run, (*run, "--model", "brain@99.0.0")):
        refused(iodeep(*call), 3, "publisher fails: required trusted, found")
        assert not out.exists()
    refused(iodeep("check", folder / other, IMAGES, "--out", out), 3, "is not run here")
    assert not out.exists()
    assert "brain" in iodeep("list", folder).out
    assert "no models" in iodeep("list", folder, "--trusted").out


def test_where_nobody_said_anything_all_goes_on_but_for_one_sentence(
    models: Callable[..., Path], site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    folder, out = models("nobody's"), tmp_path / "out"
    (candidate,) = selected(iodeep, folder)
    assert reason(candidate)["verdict"] == "any"
    assert iodeep("run", IMAGES, "--models", folder, "--out", out).status == 0
    notes = json.loads((out / "result.json").read_text())["notes"]
    assert sum("nothing proves that this network" in note for note in notes) == 1


@pytest.mark.parametrize("others", [("a stranger's",), ("nobody's",)])
def test_without_a_list_nobody_takes_anybodys_place_either(
    others: tuple[str, ...], models: Callable[..., Path], site: Callable, iodeep: Command, tmp_path
) -> None:
    """The same UID and name are two models, and a person says which."""
    folder = models("ours", *others)
    answer = iodeep("run", IMAGES, "--models", folder, "--out", tmp_path / "out")
    refused(answer, 2, "2 models fit", "brain@1.2.0", "brain@99.0.0")


def test_an_older_version_comes_back(
    models: Callable[..., Path], site: Callable, iodeep: Command
) -> None:
    site("require")
    candidates = selected(iodeep, models("ours before", "ours"))
    assert [(c["version"], c["place"]) for c in candidates] == [("1.2.0", 1), ("1.1.0", 1)]


def test_names_that_look_alike_are_shown_apart(
    models: Callable[..., Path], site: Callable, iodeep: Command
) -> None:
    site("warn")
    shown = iodeep("list", models("look-alike", "ours")).out
    assert "brain (radiology)" in shown
    assert "bra1n (CN=Radiology,O=Hospital (unknown signer), SHA-256 " in shown


# --- what was signed is changed -------------------------------------------------------------


def card_of(folder: Path) -> Path:
    return find_model(folder).card.path


def new_private(element: Element, value: object) -> Callable[[Path, Path], None]:
    def change(card: Path, donor: Path) -> None:
        def put(dataset: pydicom.Dataset) -> None:
            block_of(dataset)[element].value = value

        altered(card, put)  # and the description, so that only the signature tells

    return change


def new_standard(keyword: str, value: str) -> Callable[[Path, Path], None]:
    return lambda card, donor: altered(card, lambda dataset: setattr(dataset, keyword, value))


def without_signature(card: Path, donor: Path) -> None:
    def remove(dataset: pydicom.Dataset) -> None:
        del dataset.DigitalSignaturesSequence, dataset.MACParametersSequence

    altered(card, remove)


def one_bad_of_two(card: Path, donor: Path) -> None:
    sign([card], card.parent.parent / "theirs", STRANGER)
    dataset = pydicom.dcmread(card)
    item = dataset.DigitalSignaturesSequence[1]
    item.Signature = item.Signature[:8] + bytes([item.Signature[8] ^ 1]) + item.Signature[9:]
    dataset.save_as(card)


def fewer_elements(card: Path, donor: Path) -> None:
    def change(dataset: pydicom.Dataset) -> None:
        signed = dataset.MACParametersSequence[0].DataElementsSigned
        dataset.MACParametersSequence[0].DataElementsSigned = list(signed)[:-1]

    altered(card, change)


def new_recipe(card: Path, donor: Path) -> None:
    model = find_model(card.parent)
    recipe = json.loads(model.card.recipe_json)
    recipe["applies_to"]["pixel_spacing"]["max"] = 9
    with_recipe(model, json.dumps(recipe))


CHANGES = {
    "the recipe": (new_recipe, "broken"),
    "the model UID": (new_private(Element.MODEL_UID, "2.25.5"), "broken"),
    "a title": (new_standard("ContentDescription", "Another"), "broken"),
    "another card's signature": (lambda card, donor: with_signature_of(donor, card), "broken"),
    "one bad signature of two": (one_bad_of_two, "broken"),
    "fewer elements": (fewer_elements, "broken"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_changed_is_never_run(
    name: str, models: Callable[..., Path], site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    change, verdict = CHANGES[name]
    folder = models("ours")
    change(card_of(folder), card_of(models("ours before") / "ours before"))
    shutil.rmtree(folder / "ours before")
    site("warn")
    (trust,) = listed(iodeep, folder).values()
    assert (trust["verdict"], trust["may_run"]) == (verdict, False), trust
    out = tmp_path / "out"
    refused(iodeep("run", IMAGES, "--models", folder, "--out", out), 3, "publisher fails")
    assert not out.exists()


def test_a_byte_of_the_weights(
    models: Callable[..., Path], site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    site("require")
    folder = models("ours")
    weights = find_model(folder).weights()[0]
    flip(weights.path, weights.payload.offset + weights.payload.length // 2)
    answer = iodeep("run", IMAGES, "--models", folder, "--out", tmp_path / "out")
    refused(answer, 4, "SHA-256")


def test_a_signature_that_is_taken_away(
    models: Callable[..., Path], site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    """From what was seen with it, and from the next version, which only that publisher makes."""
    site("warn")
    folder = models("ours")
    assert listed(iodeep, folder)["brain@1.2.0"]["verdict"] == "trusted"
    without_signature(card_of(folder), card_of(folder))
    trust = listed(iodeep, folder)["brain@1.2.0"]
    assert trust["verdict"] == "broken" and not trust["may_run"]
    assert "signed by radiology before: somebody took that away" in trust["found"]
    refused(
        iodeep("run", IMAGES, "--models", folder, "--out", tmp_path / "out"), 3, "took that away"
    )
    shutil.rmtree(folder)
    trust = listed(iodeep, models("nobody's"))["brain@99.0.0"]
    assert "unsigned, though radiology signs this model" in trust["found"]


def test_a_signature_that_is_exchanged_for_another(
    models: Callable[..., Path], site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    """By somebody who has changed the card, and signed it anew as who they are."""
    site("warn")
    folder = models("ours")
    assert listed(iodeep, folder)["brain@1.2.0"]["verdict"] == "trusted"
    card = card_of(folder)
    site("warn", entry("board", BOARD.pem))  # who trusts us no more has not been robbed
    assert listed(iodeep, folder)["brain@1.2.0"]["verdict"] == "unknown signer"
    without_signature(card, card)
    altered(card, lambda dataset: setattr(dataset, "ContentDescription", "Another"))
    sign([card], tmp_path / "theirs", STRANGER)
    for entries in ((entry("radiology", OURS.pem),), (entry("board", BOARD.pem),)):
        site("warn", *entries)
        trust = listed(iodeep, folder)["brain@1.2.0"]
        assert (trust["verdict"], trust["may_run"]) == ("broken", False)
        assert "signed by radiology before: somebody took that away" in trust["found"]
    out = tmp_path / "out"
    refused(iodeep("run", IMAGES, "--models", folder, "--out", out), 3, "took that away")


def test_what_was_trusted_before_its_certificate_ended(
    models: Callable[..., Path],
    site: Callable,
    iodeep: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the site believes in what this machine remembers; never of what it has not seen."""
    folder = models("nobody's")
    short = made("CN=Short,O=Hospital", ends=5)
    sign([card_of(folder)], tmp_path / "keys", short)
    listed_so = (entry("short", short.pem), entry("radiology", OURS.pem))
    kinds = []
    for believed in (False, True):
        path = tmp_path / "site.toml"
        for days in (0, 10):
            path.write_text(toml(*listed_so, policy="require", believe_first_seen=believed))
            with monkeypatch.context() as later:
                later.setattr(publishers, "datetime", Clock(days))
                (trust,) = listed(iodeep, folder).values()
            kinds.append(trust["verdict"])
    assert kinds == ["trusted", "expired", "trusted", "trusted"]
    assert "when it was first trusted here" in trust["found"]
    (tmp_path / "memory" / "signers.json").unlink()
    monkeypatch.setattr(publishers, "datetime", Clock(10))
    assert listed(iodeep, folder)["brain@99.0.0"]["verdict"] == "expired"


class Clock:
    """So many days later."""

    def __init__(self, days: float) -> None:
        self._days = days

    def now(self, zone: tzinfo) -> datetime:
        return datetime.now(zone) + self._days * DAY


def test_a_copy_without_the_signature_hides_nothing(
    models: Callable[..., Path], site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    site("require")
    folder = models("ours")
    shutil.copy(card_of(folder), folder / "0.dcm")
    without_signature(folder / "0.dcm", folder)
    assert listed(iodeep, folder)["brain@1.2.0"]["verdict"] == "trusted"


# --- retired by whom ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "counts"), [(None, False), (STRANGER, False), (OURS, True), (BOARD, True)]
)
def test_who_may_retire_a_model(
    by, counts: bool, models: Callable[..., Path], site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    site("require", entry("radiology", OURS.pem), entry("board", BOARD.pem, models=["brain"]))
    folder = models("ours")
    notice = folder / "notice.dcm"
    write_retirement(find_model(folder).card, notice, reason="bad", replacement=None)
    if by is not None:
        sign_files([notice], signer_of(tmp_path / "keys", by))
    answer = iodeep("list", folder)
    if counts:
        assert "no models" in answer.out
    else:
        assert "brain" in answer.out
        assert "withdrawn: bad, which nobody signed who may say so" in answer.err


def test_a_forged_notice_does_not_stand_before_a_good_one(
    models: Callable[..., Path], site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    site("warn")
    folder = models("ours")
    for name in ("0.dcm", "z.dcm"):
        write_retirement(
            find_model(folder / "ours").card, folder / name, reason=name, replacement=None
        )
    sign_files([folder / "z.dcm"], signer_of(tmp_path / "keys", OURS))
    assert "withdrawn: z.dcm" in iodeep("list", folder, "--all").out


def test_a_notice_that_would_not_count_is_said(
    models: Callable[..., Path], site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    site("require")
    folder = models("ours")
    call = ("retire", "brain@1.2.0", folder)
    refused(iodeep(*call), 2, "a notice that nobody signs, of brain@1.2.0", "add --sign")
    for who, here in ((STRANGER, False), (OURS, True)):
        key, certificate = key_files(tmp_path / "keys", who)
        answer = iodeep(*call, "--sign", "--key", key, "--certificate", certificate)
        assert answer.status == 0 and ("which is not here" in answer.out) is not here
        assert ("no models" in iodeep("list", folder).out) is here


def test_anybody_retires_what_nobody_signed(
    models: Callable[..., Path], site: Callable, iodeep: Command
) -> None:
    site("warn")
    folder = models("nobody's")
    assert iodeep("retire", "brain@99.0.0", folder).status == 0
    assert "no models" in iodeep("list", folder).out


# --- publishing -----------------------------------------------------------------------------


def test_what_others_have_pushed_stands_in_nobodys_way(
    site: Callable, iodeep: Command, tmp_path: Path, published: dict[str, Path]
) -> None:
    """Strangers' objects under our model's UID and version."""
    site("warn")
    pacs = tmp_path / "pacs"
    pacs.mkdir()
    for name in ("nobody's", "a stranger's"):
        assert iodeep("push", published[name], pacs).status == 0
    shown = json.loads(iodeep("list", pacs, "--json").out)["models"]
    verdicts = [one["trust"]["verdict"] for one in shown]
    assert sorted(verdicts) == ["unknown signer", "unsigned"]


def test_the_same_object_with_other_signatures_is_refused(
    models: Callable[..., Path], site: Callable, iodeep: Command, tmp_path: Path, published
) -> None:
    """What a PACS has is never changed; whoever signs later packs anew."""
    folder, pacs = models("nobody's"), tmp_path / "pacs"
    pacs.mkdir()
    assert iodeep("push", folder, pacs).status == 0
    sign([card_of(folder)], tmp_path / "keys", OURS)
    refused(iodeep("push", folder, pacs), 4, "already, with other signatures", "new version")


def test_a_mistake_in_the_list_ends_every_verb(
    models: Callable[..., Path], site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    folder = models("ours")
    (tmp_path / "site.toml").write_text("[trust]\npolicy = 'sometimes'\n")
    for call in (("list", folder), ("select", IMAGES, "--models", folder)):
        refused(iodeep(*call), 2, 'site.toml: trust.policy: "sometimes"')
