"""A round from its announcement to its outcome, in a folder and in real servers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from judges import standard_errors
from makers.federated import World, world
from makers.signed_objects import dcmtk_agrees
from pacs.servers import Dcmqrscp, Orthanc
from pydicom import dcmread

from IODeepLib.disk.cache import Cache
from IODeepLib.errors import InputError, UsageError
from IODeepLib.federation.aggregate import aggregate
from IODeepLib.federation.records import Rule
from IODeepLib.federation.reproduce import check_outcome
from IODeepLib.federation.rounds import find_rounds
from IODeepLib.federation.signers import Signers
from IODeepLib.federation.statement import PATIENT_ID
from IODeepLib.federation.status import status
from IODeepLib.federation.tensors import tensors_of
from IODeepLib.model_object import Model
from IODeepLib.sources import Source
from IODeepLib.sources.find import source_of
from IODeepLib.sources.folder import FolderSource, find_models
from IODeepLib.training.new_weights import shapes_of


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    (tmp_path / "shared").mkdir()
    return world(tmp_path, FolderSource(tmp_path / "shared"), monkeypatch)


@pytest.fixture(params=["folder", "dicomweb", "dimse"])
def anywhere(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    source: Source
    if request.param == "folder":
        (tmp_path / "shared").mkdir()
        source = FolderSource(tmp_path / "shared")
    elif request.param == "dicomweb":
        orthanc: Orthanc = request.getfixturevalue("orthanc")
        source = source_of(orthanc.source, Cache(tmp_path / "cache"))
    else:
        dcmqrscp: Dcmqrscp = request.getfixturevalue("dcmqrscp")
        source = source_of(dcmqrscp.source, Cache(tmp_path / "cache"))
    return world(tmp_path, source, monkeypatch)


def weights(model: Model) -> dict[str, np.ndarray]:
    there = tensors_of(model)
    return {name: there[name].whole() for name in shapes_of(model)}


def objects(world: World) -> Iterator[Path]:
    """All objects of rounds in a folder."""
    assert isinstance(world.source, FolderSource)
    for path in sorted(world.source.folder.rglob("*.dcm")):
        if dcmread(path, specific_tags=["PatientID"]).PatientID == PATIENT_ID:
            yield path


def test_two_rounds_wherever_they_are(anywhere: World, tmp_path: Path) -> None:
    source = anywhere.source
    said = anywhere.announce()
    with pytest.raises(InputError, match="0 updates"):
        aggregate(source, anywhere.coordinator, tmp_path / "ended")
    anywhere.join_all(said)
    outcome = aggregate(source, anywhere.coordinator, tmp_path / "ended")
    assert [len(outcome.taken), len(outcome.refused)] == [3, 0]
    assert sorted(one.weight for one in outcome.taken) == [10, 12, 20]
    assert outcome.epsilon is None
    models = source.models()
    assert not models.problems
    assert [model.label for model in models.every] == ["brain@1.0.0", "brain@1.1.0"]
    new = source.fetch(models.models[1])
    assert new.card.parent_uid == anywhere.parent.card.sop_instance_uid
    assert new.card.sop_instance_uid == outcome.card_uid
    assert new.trust is not None
    assert new.trust.is_trusted
    assert "3 sites with 42 cases" in new.card.recipe.card.training_data
    before, after = weights(anywhere.parent), weights(new)
    for name, old in before.items():  # three small steps by chance, averaged
        assert 0 < np.abs(after[name] - old).max() < 5e-3
    [one] = find_rounds(source, tmp_path / "again", Signers()).rounds
    check_outcome(source, one, tmp_path / "check")

    second = World(
        tmp_path, source, new, anywhere.coordinator, anywhere.sites, anywhere.made
    ).announce(noise=2.0, clip=0.01, rule=Rule.MEDIAN)
    assert (second.number, second.earlier, second.version) == (2, (0.0,), "1.2.0")
    stands, refused = status(source, tmp_path / "status")
    assert not refused
    assert [len(stand.missing) for stand in stands] == [0, 3]
    assert {who.sha256 for who in stands[0].sent} == {
        site.certificate.sha256 for site in anywhere.sites
    }


def test_the_average_is_what_numpy_says(here: World, tmp_path: Path) -> None:
    said = here.announce(clip=1e6)
    here.join_all(said, (10, 20, 1_000_000))
    outcome = aggregate(here.source, here.coordinator, tmp_path / "ended")
    assert sorted(one.weight for one in outcome.taken) == [10, 20, 40]
    new = here.source.models().models[1]
    before, after = weights(here.parent), weights(new)
    # What `changing` does, of the seeds 1, 2 and 3.
    generators = {10: 1, 20: 2, 40: 3}
    steps = {}
    for weight, seed in generators.items():
        rng = np.random.default_rng(seed)
        steps[weight] = {n: 1e-3 * rng.standard_normal(old.shape) for n, old in before.items()}
    for name, old in before.items():
        wanted = old + sum(weight * step[name] for weight, step in steps.items()) / 70
        np.testing.assert_allclose(after[name], wanted, atol=1e-6)


def test_the_objects_are_sound_and_signed(here: World, tmp_path: Path) -> None:
    here.join_all(here.announce())
    aggregate(here.source, here.coordinator, tmp_path / "ended")
    labels: dict[str, int] = {}
    for path in objects(here):
        assert standard_errors(path) == []
        label = dcmread(path).ContentLabel
        labels[label] = labels.get(label, 0) + 1
        if label != "ROUND_DIFFERENCE":  # which its statement has the digests of
            assert dcmtk_agrees(path, tmp_path / "judge", *here.made.values())
    assert labels == {"ROUND": 1, "ROUND_UPDATE": 3, "ROUND_DIFFERENCE": 3, "ROUND_OUTCOME": 1}


def test_nobody_who_looks_for_models_finds_them(here: World, tmp_path: Path) -> None:
    here.join_all(here.announce())
    there = list(objects(here))
    assert len(there) == 7
    catalog = find_models(there[0].parent)
    assert (catalog.every, catalog.problems) == ((), ())
    for path in there:
        header = dcmread(path)
        # What readers of all versions go by, in folders, in PACS and in Slicer.
        assert not header.PatientID.startswith("IODEEP")
        assert not header.ContentLabel.startswith("IODEEP_")
        assert not header.SeriesDescription.startswith("IODeep-")
        assert header.CreatorVersionUID != "2.25.229902231591456853221944077387708791045"
        assert header.private_creators(0x0017) == ["IODEEP 1"]


def test_a_changed_outcome_is_not_reproduced(here: World, tmp_path: Path) -> None:
    here.join_all(here.announce())
    aggregate(here.source, here.coordinator, tmp_path / "ended")
    update = next(p for p in objects(here) if dcmread(p).ContentLabel == "ROUND_DIFFERENCE")
    content = bytearray(update.read_bytes())
    content[len(content) // 2] ^= 1
    update.write_bytes(content)
    [one] = find_rounds(here.source, tmp_path / "again", Signers()).rounds
    with pytest.raises(InputError, match="altered"):
        check_outcome(here.source, one, tmp_path / "check")


def test_who_announced_a_round_ends_it(here: World, tmp_path: Path) -> None:
    here.join_all(here.announce())
    with pytest.raises(UsageError, match="no round"):
        aggregate(here.source, here.sites[0], tmp_path / "ended")


def test_a_stranger_announces_nothing_here(here: World, tmp_path: Path) -> None:
    stranger = replace(here, coordinator=here.sites[0])
    said = stranger.announce()
    found = find_rounds(here.source, tmp_path / "rounds", Signers())
    assert not found.rounds
    assert "not in this site's list" in found.refused[said.round_uid]
    with pytest.raises(UsageError, match=r"no round .*not in this site's list"):
        stranger.join_all(said)
