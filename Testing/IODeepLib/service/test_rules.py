"""Rules decide what is run on which series, and say why nothing is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from makers.certificates import made
from makers.packed_models import files
from makers.recipes import ABDOMEN, BRAIN, LIVER
from makers.signed_objects import sign
from makers.small_studies import small_model, small_study
from makers.trust_lists import entry, in_a_folder, toml

from IODeepLib.codes import Code
from IODeepLib.model_object import Model
from IODeepLib.recipe import AppliesTo, Range
from IODeepLib.series import ImageSeries, find_series
from IODeepLib.service.rules import Decision, decide
from IODeepLib.service.settings import Priority, Product, Rule, Which
from IODeepLib.service.states import State
from IODeepLib.sources.folder import FolderSource

Asked = Callable[..., list[Decision]]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Model]:
    """Two for the brain that are equally good, an older version, and one for anything."""
    folder = tmp_path_factory.mktemp("models")
    brain = {"modalities": ["MR"], "anatomic_regions": [BRAIN]}
    small_model(folder, "alpha", applies_to=brain, version="2.0.0", model_uid="2.25.1")
    small_model(folder, "beta", applies_to=brain)
    small_model(folder, "any")
    small_model(folder / "old", "alpha", applies_to=brain, version="1.0.0", model_uid="2.25.1")
    small_model(folder, "belly", applies_to={"anatomic_regions": [ABDOMEN]})
    return list(FolderSource(folder).models().models)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[ImageSeries]:
    folder = tmp_path_factory.mktemp("study")
    return find_series(small_study().write(folder))


@pytest.fixture
def asked(models: Sequence[Model], images: Sequence[ImageSeries]) -> Asked:
    """What these rules say of the study."""

    def ask(*rules: Rule, models: Sequence[Model] = models) -> list[Decision]:
        return decide(images, models, rules)

    return ask


def named(models: Sequence[Model], *labels: str) -> list[Model]:
    return [model for model in models if model.label in labels]


def labels(decisions: Sequence[Decision]) -> list[str]:
    return [decision.label for decision in decisions]


def test_the_best_is_run(asked: Asked, models: list[Model], images: list[ImageSeries]) -> None:
    some = named(models, "alpha@2.0.0", "alpha@1.0.0", "any@1.0.0", "belly@1.0.0")
    (decision,) = asked(Rule(), models=some)
    job = decision.job
    assert job is not None
    assert (job.label, job.state, job.products) == ("alpha@2.0.0", State.WAITING, ("seg", "sr"))
    assert (job.study, job.series) == (images[0].study_instance_uid, images[0].series_instance_uid)
    assert "any@1.0.0" in decision.why


def test_of_equals_nobody_takes_one(asked: Asked) -> None:
    (decision,) = asked(Rule())
    job = decision.job
    assert job is not None
    assert (job.state, job.model) == (State.CHOICE, "")
    assert sorted(label for _, label in job.choices) == ["alpha@2.0.0", "beta@1.0.0"]
    assert "2 models fit equally well" in job.reason


def test_all_that_fit(asked: Asked) -> None:
    decisions = asked(Rule(models=Which.ALL))
    assert sorted(labels(decisions)) == ["alpha@2.0.0", "any@1.0.0", "beta@1.0.0"]
    assert len({one.job.uid for one in decisions if one.job}) == 3


def test_one_for_each_region(asked: Asked, models: list[Model]) -> None:
    some = named(models, "alpha@2.0.0", "any@1.0.0")
    decisions = asked(Rule(models=Which.REGIONS), models=some)
    assert [(one.label, one.why) for one in decisions] == [
        ("alpha@2.0.0", "the best for Brain"),
        ("any@1.0.0", "the best for any region"),
    ]
    by_choice = asked(Rule(models=Which.REGIONS))
    assert [one.label for one in by_choice] == ["", "any@1.0.0"]
    assert len(by_choice[0].choices) == 2


def test_by_name(asked: Asked) -> None:
    rule = Rule(models=("alpha@1.0.0", "beta", "gamma", "belly"))
    old, beta, gamma, belly = asked(rule)
    assert (old.label, beta.label) == ("alpha@1.0.0", "beta@1.0.0")
    assert (gamma.job, gamma.why) == (None, "no model gamma that is in use")
    assert belly.job is None
    assert "belly@1.0.0" in belly.why
    assert "anatomy" in belly.why


def test_only_trusted_ones(
    asked: Asked, models: list[Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (decision,) = asked(Rule(trusted=True))
    assert decision.job is None
    assert decision.why == "no model of a publisher that this site trusts"

    site, _ = in_a_folder(tmp_path, monkeypatch)
    ours = made("CN=Radiology,O=Hospital")
    site.write_text(toml(entry("radiology", ours.pem), policy="warn"))
    signed = small_model(tmp_path / "models", "beta", applies_to={"anatomic_regions": [BRAIN]})
    sign(files(signed), tmp_path / "keys", ours)
    trusted = FolderSource(tmp_path / "models").models().models
    (decision,) = asked(Rule(trusted=True), models=[*models, *trusted])
    assert decision.model == signed.card.sop_instance_uid


@pytest.mark.parametrize(
    ("applies_to", "words"),
    [
        (AppliesTo(("CT",)), "modality fails: required CT, found MR"),
        (AppliesTo(("MR",), slices=Range(min=100)), "slices fails: required at least 100, found 6"),
        (AppliesTo(("MR",), anatomic_regions=(Code(*LIVER.values()),)), "anatomy fails"),
    ],
)
def test_a_rule_that_does_not_apply(applies_to: AppliesTo, words: str, asked: Asked) -> None:
    (decision,) = asked(Rule(applies_to=applies_to))
    assert decision.job is None
    assert "the rule does not apply" in decision.why
    assert words in decision.why


def test_a_rule_that_applies_although_the_series_does_not_say_all(asked: Asked) -> None:
    applies_to = AppliesTo(("MR",), patient_age=Range(min=18), slices=Range(min=6))
    (decision,) = asked(Rule(applies_to=applies_to, models=("any",)))
    assert decision.label == "any@1.0.0"


def test_what_two_rules_ask_for_is_done_as_the_first_says(asked: Asked) -> None:
    first = Rule(name="night", models=("any",), hours="19:00-07:00", priority=Priority.LOW)
    products = (Product.SEG, Product.PICTURE)
    (decision,) = asked(first, Rule(models=("any",), store=products))
    job = decision.job
    assert job is not None
    assert (job.rule, job.opens, job.closes) == ("night", 1140, 420)
    assert (job.priority, job.products) == (Priority.LOW.rank, ("seg", "sr"))
    (other, _) = asked(Rule(models=("any",), store=products), Rule(models=("beta",)))
    assert (other.rule, other.products) == ("rule 1", products)


def test_no_models_at_all(asked: Asked) -> None:
    (decision,) = asked(Rule(), models=[])
    assert (decision.job, "no model" in decision.why) == (None, True)


def test_images_of_our_own_start_nothing(models: list[Model], tmp_path: Path) -> None:
    own = find_series(small_study(Manufacturer="IODeep").write(tmp_path))
    assert len(own) == 1
    assert decide(own, models, [Rule(models=Which.ALL)]) == []


def test_a_series_that_grows_is_other_work(models: list[Model], tmp_path: Path) -> None:
    stack = small_study(slices=8)
    whole = stack.write(tmp_path / "whole")
    part = tmp_path / "part"
    part.mkdir()
    for path in sorted(whole.iterdir())[:6]:
        (part / path.name).write_bytes(path.read_bytes())
    rule = Rule(models=("any",))
    jobs = [decide(find_series(place), models, [rule])[0].job for place in (part, whole, whole)]
    uids = [job.uid for job in jobs if job]
    assert uids[0] != uids[1] == uids[2]
