"""The door: no UID that is none comes in, whatever a server answers with."""

from __future__ import annotations

import pytest

from IODeepLib.sources.archive import BadUidError, Entity, Level, matches_in

# UIDs that are none; with {}, a folder that nothing may be written to.
NO_UIDS = {
    "absolute": "{}/x",
    "upwards": "../../../../../../../..{}",
    "dots": "..",
    "empty part": "1..2",
    "a letter": "1.2.x",
    "backslash": "1.2\\..\\x",
    "escaped": "%2e%2e%2f",
    "NUL within": "1.2\0/x",
    "line feed": "1.2\n3",
    "too long": "1." * 40 + "1",
    "query": "1.2?includefield=all",
    "unicode digits": "١.٢",
}


@pytest.mark.parametrize("uid", NO_UIDS.values(), ids=NO_UIDS)
@pytest.mark.parametrize("level", Level)
def test_an_answer_without_a_uid_is_an_error(uid: str, level: Level) -> None:
    good = {one.value: "1.2.3" for one in Level}
    found = matches_in([good, good | {level.value: uid}, good], Level.INSTANCE, "pacs")
    assert [entity.sop_uid for entity in found.entities] == ["1.2.3"] * 2
    [error] = found.errors
    assert f"the {level.words}" in str(error)
    assert str(error).isprintable()
    with pytest.raises(BadUidError):
        Entity(**{"study_uid": "1", "series_uid": "2", "sop_uid": "3"} | {NAMES[level]: uid})


NAMES = {Level.STUDY: "study_uid", Level.SERIES: "series_uid", Level.INSTANCE: "sop_uid"}


@pytest.mark.parametrize("level", Level)
def test_an_answer_that_lacks_a_uid_is_an_error(level: Level) -> None:
    answer = {one.value: "1.2.3" for one in Level if one is not level}
    found = matches_in([answer, answer | {level.value: " "}], level, "pacs")
    assert not found.entities
    assert [f"no {level.words}" in str(error) for error in found.errors] == [True, True]


def test_a_series_is_no_instance() -> None:
    """Some servers answer for a series with an instance of it."""
    answer = {one.value: f"1.{number}" for number, one in enumerate(Level)}
    [entity] = matches_in([answer], Level.SERIES, "pacs").entities
    assert (entity.study_uid, entity.series_uid, entity.sop_uid) == ("1.0", "1.1", "")
