"""What a hostile coordinator or site may ask for or claim: nothing beyond limits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers.rounds import round_of

from IODeepLib.errors import InputError
from IODeepLib.federation.records import Round, Rule, Update, from_json, to_json


def test_a_round_reads_as_it_was_written() -> None:
    said = round_of(rule=Rule.TRIMMED, minimum=3, sites=("a" * 64, "b" * 64, "c" * 64), noise=0.5)
    assert from_json(Round, to_json(said), "round") == said


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("settings", "steps"), 10**9),
        (("settings", "rate"), float("nan")),
        (("settings", "rate"), float("inf")),
        (("settings", "rate"), "1e-3"),
        (("settings", "batch_size"), 0),
        (("settings", "augment"), 1),
        (("settings", "program"), "rm -rf /"),
        (("clip",), 0.0),
        (("clip",), float("nan")),
        (("noise",), -1.0),
        (("delta",), 1.0),
        (("minimum",), 0),
        (("trim",), 0),
        (("number",), 2**70),
        (("model",), "../../etc/passwd"),
        (("model",), "brain\n"),
        (("version",), "../1.0.0"),
        (("version",), "1.0.0"),
        (("parent_uid",), "1.2/../3"),
        (("round_uid",), ""),
        (("parent_digest",), "0" * 63),
        (("deadline",), "2030-13-45T25:00:00Z"),
        (("deadline",), "tomorrow"),
        (("sites",), ["everyone"]),
        (("sites",), ["a" * 64]),
        (("rule",), "worst"),
        (("tensors",), []),
        (("tensors",), [{"name": "w", "shape": [2]}, {"name": "w", "shape": [2]}]),
        (("tensors",), [{"name": "w", "shape": [-1]}]),
        (("tensors",), [{"name": "", "shape": [2]}]),
        (("tensors",), [{"name": "w" * 5000, "shape": [2]}]),
        (("schema",), "iodeep-round/2"),
    ],
)
def test_a_hostile_round_is_refused(where: tuple[str, ...], value: Any) -> None:
    document = json.loads(to_json(round_of()))
    document.setdefault("settings", {})
    inner = document
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    with pytest.raises(InputError, match="round"):
        from_json(Round, json.dumps(document), "the round")


def test_nobody_writes_what_nobody_would_read() -> None:
    with pytest.raises(InputError):
        to_json(round_of(clip=float("nan")))
    with pytest.raises(InputError):
        to_json(round_of(noise=1e9))


@pytest.mark.parametrize("cases", [0, -1, 10**9, 2.5, "10", None])
def test_a_site_has_as_many_cases_as_there_can_be(cases: Any) -> None:
    update = {
        "schema": "iodeep-update/1",
        "round_uid": "2.25.1",
        "parent_digest": "0" * 64,
        "cases": cases,
        "weights": {
            "schema": "iodeep-manifest/1",
            "series_instance_uid": "2.25.3",
            "parts": [],
        },
    }
    with pytest.raises(InputError, match="cases"):
        from_json(Update, json.dumps(update), "the update")
    assert from_json(Update, json.dumps(update | {"cases": 7}), "the update").cases == 7


def test_the_trimmed_mean_needs_more_than_it_leaves_out() -> None:
    assert round_of(rule=Rule.TRIMMED, trim=2, minimum=2).least == 5
    assert round_of(rule=Rule.MEDIAN, trim=2, minimum=2).least == 2


_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.sampled_from([*json.loads(to_json(round_of())), "sites", "noise", "rule", "other"]),
        _VALUES | st.lists(_VALUES, max_size=2) | st.dictionaries(st.text(max_size=3), _VALUES),
        max_size=4,
    )
)
def test_any_round_is_within_limits_or_refused(changes: dict[str, Any]) -> None:
    document = json.dumps(json.loads(to_json(round_of())) | changes)
    try:
        said = from_json(Round, document, "the round")
    except InputError:
        return
    assert 0 < said.clip <= 1e6
    assert 0 <= said.noise <= 1000
    assert said.due.tzinfo is not None
    assert said.settings.steps <= 100_000
