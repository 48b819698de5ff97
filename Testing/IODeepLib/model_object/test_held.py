"""Weights stay those that were verified for as long as they are used, whoever exchanges files."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from makers.packed_models import files, flip, make_model

from IODeepLib.disk.byte_ranges import joined
from IODeepLib.errors import ModelError
from IODeepLib.model_object import Model
from IODeepLib.model_object.held import held
from IODeepLib.trust.verdict import Kind, Publisher, Trust

US = Publisher("key", "us", "CN=us", "AB", datetime(2030, 1, 1, tzinfo=UTC))


@pytest.fixture(params=[1, 3])
def model(tmp_path: Path, request: pytest.FixtureRequest) -> Model:
    return make_model(tmp_path, parts=request.param)


def trusted(model: Model) -> Model:
    return replace(model, trust=Trust(Kind.TRUSTED, "trusted: us", US))


def payloads(model: Model) -> list[bytes]:
    return [joined([part.payload]) for part in model.weights()]


def altered(path: Path) -> None:
    flip(path, -2000)


def altered_and_put_back(path: Path) -> None:
    for _ in range(2):
        flip(path, -2000)


def exchanged_and_put_back(path: Path) -> None:
    aside, other = path.with_name("aside"), path.with_name("other")
    path.rename(aside)
    other.write_bytes(bytes(10))
    other.rename(path)
    aside.replace(path)


def times_put_back(path: Path) -> None:
    before = path.stat()
    flip(path, -2000)
    flip(path, -2000)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


DEEDS = [altered, altered_and_put_back, exchanged_and_put_back, times_put_back, Path.unlink]


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("which", [0, 1])
def test_a_change_meanwhile_ends_it(deed: Callable[[Path], None], which: int, model: Model) -> None:
    path = files(model)[which]
    with pytest.raises(ModelError, match=path.name), held(model):
        deed(path)


def test_what_is_altered_before_is_never_used(model: Model) -> None:
    flip(files(model)[1], -2000)
    with pytest.raises(ModelError, match="altered"), held(trusted(model)):
        raise AssertionError


@pytest.mark.parametrize("deed", DEEDS)
def test_where_others_may_write_copies_are_used(deed: Callable[[Path], None], model: Model) -> None:
    model.card.path.parent.chmod(0o777)
    wanted = payloads(model)
    with held(trusted(model)) as own:
        places = [part.path for part in own.weights()]
        assert not {*places} & {*files(model)}
        assert [place.stat().st_mode & 0o077 for place in {p.parent for p in places}] == [0]
        for path in files(model)[1:]:
            deed(path)
        assert payloads(own) == wanted
    assert not any(place.exists() for place in places)


def test_otherwise_they_are_used_where_they_lie(model: Model) -> None:
    with held(trusted(model)) as own:
        assert own.parts == model.parts
    model.card.path.parent.chmod(0o777)
    with held(model) as own:  # nobody is believed: there is nothing to be kept
        assert own.parts == model.parts
