"""What a site's policy does to runs in Slicer: its own core, and the real process of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import slicer_application
from IODeepSlicer.scene import nodes
from IODeepSlicer.sources.models import readAhead, readingAhead
from IODeepSlicer.text import result_text
from IODeepSlicer.work.waiting import wait
from makers.certificates import made
from makers.published import IMAGES, publish
from makers.trust_lists import entry, in_a_folder, toml

from IODeep import IODeepLogic
from IODeepLib.errors import IODeepError, NoModelFitsError

pytestmark = pytest.mark.usefixtures("scene")

OURS, STRANGER = made("CN=Radiology,O=Hospital"), made("CN=Stranger,O=Hospital")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of ours, and a higher version of it by a stranger."""
    folder = tmp_path_factory.mktemp("trusted") / "models"
    folder.mkdir()
    publish(folder, version="1.2.0", by=OURS)
    publish(folder, version="99.0.0", by=STRANGER)
    return folder


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A site that trusts us, with a policy. Processes of runs see it, too."""
    _, own = in_a_folder(tmp_path, monkeypatch)
    monkeypatch.setenv("IODEEP_MEMORY", str(tmp_path / "memory"))

    def say(policy: str) -> None:
        own.write_text(toml(entry("radiology", OURS.pem), policy=policy))

    return say


def test_a_strangers_higher_version_is_not_the_best(
    logic: IODeepLogic, models: Path, site: Callable[[str], None]
) -> None:
    site("warn")
    volume = slicer_application.load(IMAGES)
    selection = logic.select(volume, logic.findModels(models).models)
    assert [one.model.card.version for one in selection.fitting] == ["1.2.0", "99.0.0"]
    assert selection.best.model.trust.is_trusted


def test_under_warn_that_stands_first_in_the_result(
    logic: IODeepLogic, models: Path, site: Callable[[str], None]
) -> None:
    site("warn")
    volume = slicer_application.load(IMAGES)
    ours, strangers = logic.findModels(models).models
    found = {}
    for model in (ours, strangers):
        document = nodes.documentOf(logic.run(volume, model))
        found[model.card.version] = result_text.warnings(document)
        assert not set(found[model.card.version]) & set(result_text.otherNotes(document))
    assert not any("publisher" in said for said in found["1.2.0"])
    assert found["99.0.0"][0].startswith("publisher: nothing proves")
    assert "CN=Stranger" in found["99.0.0"][0]


def test_under_require_it_is_listed_and_not_run(
    logic: IODeepLogic, models: Path, site: Callable[[str], None]
) -> None:
    site("require")
    volume = slicer_application.load(IMAGES)
    strangers = logic.findModels(models).models[1]
    with pytest.raises(NoModelFitsError, match=r"is not run here .*CN=Stranger"):
        logic.start(volume, strangers)
    (problem,) = logic.runQueue([(volume, strangers)]).problems
    assert "is not run here" in problem


def test_a_policy_of_the_meantime_counts(
    logic: IODeepLogic, models: Path, site: Callable[[str], None]
) -> None:
    site("warn")
    volume = slicer_application.load(IMAGES)
    run = logic.start(volume, logic.findModels(models).models[1])
    site("require")
    wait(run)
    with pytest.raises(IODeepError, match="CN=Stranger"):
        run.outcome()


def test_what_is_wrong_is_not_said_ahead(
    models: Path, site: Callable[[str], None], tmp_path: Path
) -> None:
    site("warn")
    assert len(list(readingAhead(str(models)))) == 4  # two cards with their weights
    assert list(readingAhead(str(tmp_path / "nothing"))) == []
    card = next(models.rglob("card.dcm")).read_bytes()
    (tmp_path / "damaged.dcm").write_bytes(card[: len(card) // 2])
    readAhead(tmp_path / "damaged.dcm")
