"""Three sites, a PACS each, two rounds: by the command line, as people at each site would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pacs.servers import Orthanc, orthanc

import IODeepLib
from federated.sites import SITES, brain_of, write_patient
from IODeepLib.cohort import Cohort, Split, read_cohort
from IODeepLib.evaluation import evaluate, mean_dice
from IODeepLib.federation.aggregate import aggregate
from IODeepLib.federation.difference import read_difference
from IODeepLib.federation.join import join
from IODeepLib.federation.records import MOST_CASES, Round, Rule, Settings, Update
from IODeepLib.federation.start import start
from IODeepLib.federation.statement import read_statement
from IODeepLib.federation.tensors import Tensor, trained_in
from IODeepLib.federation.training import trainer
from IODeepLib.model_object import Model
from IODeepLib.sources import Source
from IODeepLib.sources.find import source_of
from IODeepLib.sources.folder import FolderSource
from IODeepLib.trust.signer import Signer, read_signer

DEMO = Path(IODeepLib.__file__).parent / "demo_data"
PATIENTS, SHARES = 3, "67,0,33"
STEPS, RATE, PATCH, BATCH = 30, 1e-3, "32,32,32", 2
CLIP = 20.0
NAME = "brain-tissue-t1-demo"
_PATCH = tuple(map(int, PATCH.split(",")))
Array = np.ndarray
Change = Callable[[dict[str, Array]], dict[str, Array]]


@dataclass(frozen=True)
class Party:
    """A site: its folder, its settings, its PACS."""

    name: str
    folder: Path
    pacs: Orthanc

    def iodeep(self, *arguments: object) -> dict[str, Any]:
        """What the command says there, as JSON."""
        own = {
            "IODEEP_CONFIG": str(self.folder / "iodeep.toml"),
            "IODEEP_CACHE": str(self.folder / "cache"),
            "IODEEP_MEMORY": str(self.folder / "memory"),
            "IODEEP_OUTBOX": str(self.folder / "outbox"),
        }
        (self.folder / "iodeep.toml").touch()
        call = [sys.executable, "-m", "IODeepLib.cli", *map(str, arguments), "--json"]
        done = subprocess.run(call, capture_output=True, text=True, env=os.environ | own)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {' '.join(call)}: {done.stderr}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    @property
    def keys(self) -> tuple[object, ...]:
        """The options with which it signs."""
        return "--key", self.folder / "key" / "key.pem", "--certificate", self.certificate

    @property
    def certificate(self) -> Path:
        """Its certificate."""
        return self.folder / "key" / "certificate.pem"

    @property
    def signer(self) -> Signer:
        """It, as the library takes it."""
        return read_signer(self.folder / "key" / "key.pem", self.certificate, lambda path: "")

    @property
    def cohort(self) -> Cohort:
        """Its data."""
        return read_cohort(self.folder / "cohort.json")


@dataclass
class Told:
    """What came of it.

    Attributes:
        sites: their names and scanners.
        dice: by version, on the test cases of each site.
        poisoned: the same with a fourth site that sends poison, by rule.
        seconds: what took how long.
        processor_seconds: of all processes, but for the servers.
    """

    sites: list[tuple[str, str]] = field(default_factory=list)
    dice: dict[str, list[float]] = field(default_factory=dict)
    poisoned: dict[str, list[float]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    processor_seconds: float = 0.0


def story(folder: Path, shared: Path, say: Callable[[str], None]) -> Told:
    """Two rounds of three sites, each alone, and the poison."""
    told = Told([(site.name, site.scanner) for site in SITES])
    with ExitStack() as stack:
        with _took(told, "preparing", say):
            parties = [
                Party(
                    site.name,
                    folder / site.name,
                    stack.enter_context(orthanc(folder / f"orthanc-{site.name}")),
                )
                for site in SITES
            ]
            _prepare(parties, folder, shared)
        here = parties[0].pacs.source  # the first site is the coordinator, too
        for number in (1, 2):
            with _took(told, f"round {number}", say):
                _round(parties, number)
        parent = _of_version(source_of(here), "1.1.0")
        with _took(told, "each alone", say):
            alone = {f"{one.name} alone": _alone(one, parent) for one in parties}
        with _took(told, "measuring", say):
            models = {"before": parent, **alone}
            for number in (1, 2):
                version = f"1.{number + 1}.0"
                models[f"round {number}"] = _of_version(source_of(here), version)
            for what, model in models.items():
                told.dice[what] = [_dice(model, one) for one in parties]
        with _took(told, "poison", say):
            for rule in (Rule.MEAN, Rule.TRIMMED):
                model = _poisoned(parties, folder, parent, rule)
                told.poisoned[rule.value] = [_dice(model, one) for one in parties]
    told.processor_seconds = round(sum(os.times()[:4]))
    return told


def _prepare(parties: Sequence[Party], folder: Path, shared: Path) -> None:
    brain, tissues = brain_of(shared)
    coordinator = parties[0]
    for number, (site, party) in enumerate(zip(SITES, parties, strict=True)):
        rng = np.random.default_rng(number)
        party.folder.mkdir(exist_ok=True)
        for patient in range(PATIENTS):
            write_patient(party.folder / "patients", site, patient, brain, tissues, rng)
        party.iodeep("push", party.folder / "patients", party.pacs.source)
        party.iodeep("key", "new", party.name, "--no-pass-phrase", "--out", party.folder / "key")
    for party in parties:
        _trust(party, coordinator)
    packed = folder / "packed"
    recipe = ("--recipe", DEMO / "recipe.json")
    network = DEMO / "demo_network.onnx"
    coordinator.iodeep("pack", network, *recipe, "--out", packed, "--sign", *coordinator.keys)
    coordinator.iodeep("push", packed, coordinator.pacs.source)
    for party in parties:
        party.iodeep(
            "cohort",
            party.pacs.source,
            "--model",
            NAME,
            "--models",
            coordinator.pacs.source,
            "--shares",
            SHARES,
            "--copies",
            party.folder / "copies",
            "--date",
            "20250317",
            "--out",
            party.folder / "cohort.json",
        )


def _trust(party: Party, coordinator: Party) -> None:
    sha256 = coordinator.signer.certificate.sha256
    name = ("--name", coordinator.name, "--fingerprint", sha256)
    party.iodeep("trust", "add", coordinator.certificate, *name)


def _round(parties: Sequence[Party], number: int) -> None:
    coordinator = parties[0]
    here = coordinator.pacs.source
    sites = [part for one in parties for part in ("--site", one.certificate)]
    training = ("--steps", STEPS, "--rate", RATE, "--patch-size", PATCH, "--batch-size", BATCH)
    model = f"{NAME}@1.{number}.0"
    coordinator.iodeep(
        *("federate", "start", here, "--model", model, *sites, "--minimum", 3),
        *("--clip", CLIP, *training, *coordinator.keys),
    )
    for party in parties:
        out = party.folder / f"round-{number}"
        party.iodeep(
            *("federate", "join", here, party.folder / "cohort.json"),
            *("--out", out, "--device", "cpu", *party.keys),
        )
    out = coordinator.folder / f"ended-{number}"
    ended = coordinator.iodeep("federate", "aggregate", here, "--out", out, *coordinator.keys)
    # Anybody computes it again.
    again = parties[-1].iodeep("federate", "aggregate", here, "--check", "--round", ended["round"])
    assert again["network_sha256"] == ended["network_sha256"]


def _alone(party: Party, parent: Model) -> Model:
    """What a site learns by itself, in as many steps as both rounds have: a round of one site."""
    signer = party.signer
    source = _place(party.folder / "alone", parent)
    said = start(
        source,
        parent,
        signer,
        deadline=datetime.now(UTC) + timedelta(hours=1),
        minimum=1,
        clip=1e6,
        sites=[signer.certificate.sha256],
        settings=Settings(
            rate=RATE,
            steps=2 * STEPS,
            batch_size=BATCH,
            patch_size=tuple(map(int, PATCH.split(","))),
        ),
    )
    join(source, signer, party.folder / "alone-site", trainer(party.cohort, "cpu"))
    aggregate(source, signer, party.folder / "alone-ended")
    return _of_version(source, said.version)


def _place(folder: Path, parent: Model) -> FolderSource:
    """A folder with the parent in it."""
    folder.mkdir()
    source = FolderSource(folder)
    assert parent.card.path is not None
    source.store([*(part.path for part in parent.weights()), parent.card.path])
    return source


def _of_version(source: Source, version: str) -> Model:
    [model] = [one for one in source.models().every if one.card.version == version]
    return source.fetch(model)


def _poisoned(parties: Sequence[Party], folder: Path, parent: Model, rule: Rule) -> Model:
    """The first round again, with the same three updates and a fourth one, which is poison.

    Nobody trains again: what the three learned is in what they sent.
    """
    place = folder / f"poisoned-{rule.value}"
    source = _place(place, parent)
    key = folder / "poisoner" / "key"
    if not key.exists():
        parties[0].iodeep("key", "new", "East", "--no-pass-phrase", "--out", key)
    poisoner = read_signer(key / "key.pem", key / "certificate.pem", lambda path: "")
    signers = [*(party.signer for party in parties), poisoner]
    said = start(
        source,
        parent,
        signers[0],
        deadline=datetime.now(UTC) + timedelta(hours=1),
        minimum=3,
        clip=CLIP,
        rule=rule,
        sites=[one.certificate.sha256 for one in signers],
    )
    trains = [*(_again(party) for party in parties), (_poison, MOST_CASES)]
    for number, (signer, (change, cases)) in enumerate(zip(signers, trains, strict=True)):

        def train(
            model: Model, about: Round, _: Path, change: Change = change, cases: int = cases
        ) -> tuple[dict[str, Array], int]:
            before = {name: one.whole() for name, one in trained_in(model, about).items()}
            return change(before), cases

        join(source, signer, place / f"site-{number}", train)
    aggregate(source, signers[0], place / "ended")
    return _of_version(source, said.version)


def _again(party: Party) -> tuple[Change, int]:
    """What a site learned in the first round."""
    sent = party.folder / "round-1" / "update"
    update = read_statement(Update, sent / "update.dcm").said

    def change(before: dict[str, Array]) -> dict[str, Array]:
        wanted = {n: Tensor(one.shape, memoryview(one.tobytes())) for n, one in before.items()}
        learned = read_difference(update, sorted(sent.glob("difference-*.dcm")), wanted)
        return {name: one + learned[name].whole() for name, one in before.items()}

    return change, update.cases


def _poison(before: dict[str, Array]) -> dict[str, Array]:
    """As long as the clipping norm lets it be, where it does most: all is background."""
    bias = before["head.bias"] + np.array([CLIP, 0, 0], np.float32)
    return before | {"head.bias": bias}


def _dice(model: Model, party: Party) -> float:
    found = mean_dice(evaluate([model], party.cohort, split=Split.TEST, surfaces=False))
    assert found is not None
    return found


@contextmanager
def _took(told: Told, what: str, say: Callable[[str], None]) -> Iterator[None]:
    say(f"{what} ...")
    begin = time.monotonic()
    yield
    told.seconds[what] = round(time.monotonic() - begin)
