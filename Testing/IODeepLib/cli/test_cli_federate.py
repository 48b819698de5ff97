"""Federated rounds from the command line; sites train in Testing/judges, which has PyTorch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Answer, refused
from makers.federated import World, changing, world
from makers.signed_objects import key_files

from IODeepLib.federation.join import join
from IODeepLib.sources.folder import FolderSource

Command = Callable[..., Answer]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    (tmp_path / "shared").mkdir()
    return world(tmp_path, FolderSource(tmp_path / "shared"), monkeypatch)


def key(here: World, name: str) -> tuple[object, ...]:
    private, certificate = key_files(here.folder / f"files-{name}", here.made[name])
    return "--key", private, "--certificate", certificate


def test_the_story_of_a_round(here: World, iodeep: Command) -> None:
    shared = here.folder / "shared"
    sites = [
        part
        for name in ("North", "South", "West")
        for part in ("--site", key_files(here.folder / f"files-{name}", here.made[name])[1])
    ]
    coordinator = key(here, "Coordinator")
    call = ("federate", "start", shared, "--model", "brain", *sites, "--clip", "5", *coordinator)
    answer = iodeep(*call, "--noise", "0.001", "--json")
    assert answer.status == 0, answer.err
    uid = json.loads(answer.out)["round"]
    for number, site in enumerate(here.sites[:2]):
        join(here.source, site, here.folder / f"site{number}", changing(number, 10))
    answer = iodeep("federate", "status", shared)
    assert answer.status == 0
    assert "round 1 of brain (1.0.0 to 1.1.0), by Coordinator: open until" in answer.out
    assert f"missing: {here.sites[2].certificate.sha256[:12]}" in answer.out
    assert "epsilon: 2.01e+06 at delta 1e-05, for all that one site has" in answer.out
    out = here.folder / "ended"
    end = ("federate", "aggregate", shared, "--out", out, *coordinator)
    refused(iodeep(*end), 4, "2 updates", "those of all its sites (3), or its deadline", "wait")
    join(here.source, here.sites[2], here.folder / "site2", changing(2, 10))
    answer = iodeep(*end, "--json")
    assert answer.status == 0, answer.err
    document = json.loads(answer.out)
    assert (document["round"], document["version"], document["refused"]) == (uid, "1.1.0", [])
    assert [one["cases"] for one in document["taken"]] == [10, 10, 10]
    refused(iodeep(*end), 2, "no round")
    answer = iodeep("federate", "aggregate", shared, "--check")
    assert answer.status == 0, answer.err
    assert f"the same bits (SHA-256 {document['network_sha256']})" in answer.out
    [one] = json.loads(iodeep("federate", "status", shared, "--json").out)["rounds"]
    assert (one["ended"], one["open"], one["missing"]) == (True, False, [])
    assert one["network_sha256"] == document["network_sha256"]
    listed = json.loads(iodeep("list", shared, "--json").out)
    assert "brain" in json.dumps(listed)
    assert "ROUND" not in json.dumps(listed)
    pulled, pushed = here.folder / "pulled", here.folder / "pushed"
    pushed.mkdir()
    assert iodeep("pull", uid, shared, "--out", pulled).status == 0
    assert iodeep("push", pulled, pushed).status == 0
    assert len(list(pushed.rglob("*.dcm"))) == 8
    answer = iodeep("list", pushed)
    assert (answer.status, answer.out, answer.err) == (0, "no models\n", "")
    answer = iodeep("show", out / "model")
    assert "epsilon" in answer.out


def test_what_cannot_be_asked_for(here: World, iodeep: Command) -> None:
    shared = here.folder / "shared"
    start = ("federate", "start", shared, "--model", "brain", *key(here, "Coordinator"))
    for option, value, words in (
        ("--clip", "nan", "the number NaN"),
        ("--noise", "-1", "$.noise"),
        ("--steps", "1000000000", "$.settings.steps"),
        ("--rate", "inf", "the number Infinity"),
        ("--version", "../1", "$.version"),
        ("--minimum", "0", "$.minimum"),
    ):
        refused(iodeep(*start, option, value), 4, words)
    refused(iodeep(*start, "--hours", "0"), 2, "--hours 0")
    assert "no rounds" in iodeep("federate", "status", shared).out


def test_a_stranger_announces_nothing_here(here: World, iodeep: Command) -> None:
    shared = here.folder / "shared"
    answer = iodeep("federate", "start", shared, "--model", "brain", *key(here, "North"))
    assert answer.status == 0, answer.err
    answer = iodeep("federate", "status", shared)
    assert "not a round here" in answer.out
    assert "not in this site's list" in answer.out
    refused(iodeep("federate", "aggregate", shared, "--check"), 2, "no round")
