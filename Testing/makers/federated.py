"""Sites that take part in federated rounds: keys and the demo network, and nobody trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import trust_lists
from makers.certificates import Made, made
from makers.published import publish
from makers.signed_objects import signer_of

from IODeepLib.federation.join import Train, join
from IODeepLib.federation.records import Round
from IODeepLib.federation.start import start
from IODeepLib.federation.tensors import trained_in
from IODeepLib.model_object import Model
from IODeepLib.sources import Source
from IODeepLib.sources.push import push
from IODeepLib.trust.signer import Signer

SITES = ("North", "South", "West")


@dataclass(frozen=True)
class World:
    """A coordinator, three sites and what they share.

    Attributes:
        folder: for files of all of them.
        source: where they meet; it holds the parent.
        parent: the version that is tuned.
        coordinator: who announces rounds, and whom all of them trust.
        sites: the others.
        made: the certificates, by name.
    """

    folder: Path
    source: Source
    parent: Model
    coordinator: Signer
    sites: tuple[Signer, ...]
    made: Mapping[str, Made]

    def announce(self, **terms: Any) -> Round:
        """Start a round for all sites."""
        given: dict[str, Any] = {
            "deadline": datetime.now(UTC) + timedelta(hours=1),
            "minimum": 2,
            "clip": 1.0,
            "sites": [site.certificate.sha256 for site in self.sites],
        }
        return start(self.source, self.parent, self.coordinator, **given | terms)

    def join_all(self, said: Round, cases: Sequence[int] = (10, 20, 12)) -> None:
        """Every site takes part."""
        for number, (site, count) in enumerate(zip(self.sites, cases, strict=True)):
            folder = self.folder / f"site-{number}-{said.round_uid}"
            join(self.source, site, folder, changing(number + 1, count), round_uid=said.round_uid)


def world(
    folder: Path, source: Source, monkeypatch: pytest.MonkeyPatch, sites: Sequence[str] = SITES
) -> World:
    """The network in the source, and a trust list with the coordinator alone."""
    certificates = {name: made(f"CN={name},O=Hospital") for name in ("Coordinator", *sites)}
    coordinator = certificates["Coordinator"]
    _, own = trust_lists.in_a_folder(folder, monkeypatch)
    own.write_text(trust_lists.toml(trust_lists.entry("Coordinator", coordinator.pem)))
    model = publish(folder / "published", "brain", "1.0.0", coordinator)
    assert model.card.path is not None
    push(sorted(model.card.path.parent.iterdir()), source)
    signers = {
        name: signer_of(folder / f"key-{name}", certificate)
        for name, certificate in certificates.items()
    }
    return World(
        folder,
        source,
        model,
        signers["Coordinator"],
        tuple(signers[name] for name in sites),
        certificates,
    )


def changing(
    seed: int, cases: int, step: float = 1e-3, change: Callable[[Any], Any] = lambda new: new
) -> Train:
    """In the place of training: every weight moves a little, by chance."""

    def train(parent: Model, said: Round, folder: Path) -> tuple[Mapping[str, Any], int]:
        rng = np.random.default_rng(seed)
        weights = {
            name: (tensor.whole() + step * rng.standard_normal(tensor.shape)).astype(np.float32)
            for name, tensor in trained_in(parent, said).items()
        }
        return change(weights), cases

    return train
