"""Answers in the DICOM JSON model that are none: a clear line, and never a fault of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import DEMO, Answer
from makers.packed_models import files, make_model
from pacs.hostile import Files, head, serving

from IODeepLib.sources import retries
from IODeepLib.sources.archive import TransientError
from IODeepLib.sources.dicomweb.dicom_json import answers_in, items, text

STUDY, SERIES, SOP, MODALITY, COUNT = "0020000D", "0020000E", "00080018", "00080060", "00201209"


def uid(*values: object) -> dict[str, Any]:
    return {"vr": "UI", "Value": list(values)}


# Raw bodies that are no list of answers.
NONE = {
    "nothing to parse": b"{",
    "a number": b"5",
    "null": b"null",
    "a text": b'"1.2.3"',
    "an object": b"{}",
    "an error": b'{"error": "no"}',
    "lists": b"[[]]",
    "numbers": b"[1, 2]",
    "nulls": b"[null]",
    "one that is none": b'[{"0020000D": {"Value": ["1"]}}, 5]',
    "not UTF-8": b"[\xff\xfe]",
    "a byte order mark": b"\xef\xbb\xbf[{]",
    "nested too deeply": b"[" * 100_000,
    "a number too long": b"[" + b"1" * 10_000 + b"]",
    "comments": b"[] // none",
    "XML": b"<NativeDicomModel/>",
    "NaN": b"NaN",
}
# What is wrong in one answer.
ODD: dict[str, dict[str, Any]] = {
    "no UIDs": {},
    "no value": {STUDY: {"vr": "UI"}},
    "an empty value": {STUDY: uid(), SERIES: uid(), SOP: uid()},
    "null values": {STUDY: uid(None), SERIES: uid(None), SOP: uid(None)},
    "a value that is no list": {STUDY: {"Value": "1.2"}, SERIES: {"Value": 5}, SOP: {"Value": {}}},
    "elements that are none": {STUDY: None, SERIES: 5, SOP: "1.2.3"},
    "numbers for UIDs": {STUDY: uid(12), SERIES: uid(1.5), SOP: uid(1e400)},
    "booleans for UIDs": {STUDY: uid(True), SERIES: uid(False), SOP: uid(True)},
    "objects for UIDs": {STUDY: uid({}), SERIES: uid([]), SOP: uid({"Alphabetic": "1.2"})},
    "several UIDs": {STUDY: uid("1.2", "1.3"), SERIES: uid("1.2"), SOP: uid("1.2")},
    "half a surrogate": {STUDY: uid("\ud800"), SERIES: uid("1.2"), SOP: uid("1.2")},
    "control characters": {STUDY: uid("1.2\x1b[2J\x9b\u202e"), SERIES: uid("1"), SOP: uid("1")},
    "very long": {STUDY: uid("1." * 10**5), SERIES: uid("1.2"), SOP: uid("1.2")},
    "a path": {STUDY: uid("../.."), SERIES: uid("/etc"), SOP: uid("C:\\x")},
    "tags that are none": {"x": 5, "": {}, "0020000Dx": uid("1"), "(0020,000D)": uid("1")},
    "tags of repeating groups": {"60xx0010": uid(1), "60000010": uid(1), "00280A00": uid(1)},
    "keywords for tags": {"StudyInstanceUID": uid("1.2"), "SeriesInstanceUID": uid("1.2")},
    "odd attributes": {MODALITY: uid({"a": []}), COUNT: uid("1" * 5000), "00200011": uid(None)},
}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "_sleep", lambda seconds: None)
    monkeypatch.setattr(TransientError, "tries", 2)


def calls(source: str, folder: Path) -> dict[str, tuple[object, ...]]:
    return {
        "list": ("list", source),
        "pull": ("pull", "1.2.3", source, "--out", folder / "o"),
        "select": ("select", source, "--study", "1.2.3", "--models", DEMO),
        "push": ("push", folder / "packed", source),
    }


@pytest.mark.parametrize("body", NONE.values(), ids=NONE)
@pytest.mark.parametrize("verb", ["list", "pull", "push"])
def test_what_is_no_answer(
    tmp_path: Path, iodeep: Callable[..., Answer], body: bytes, verb: str
) -> None:
    make_model(tmp_path)
    with serving(lambda request: [head() + body]) as server:
        answer = iodeep(*calls(server.source, tmp_path)[verb])
    assert answer.status == 5, answer
    [line] = answer.err.strip().splitlines()
    assert "answered with JSON of another kind" in line
    assert "a fault of IODeep" not in line
    assert line.isprintable()


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_one_answer_that_is_odd(
    tmp_path: Path, iodeep: Callable[..., Answer], odd: dict[str, Any]
) -> None:
    """Models beside it are listed, and it gets one line."""
    model = make_model(tmp_path)
    good = Files(files(model))

    def answers(request: Any) -> list[bytes]:
        whole = b"".join(good(request))
        if request.kind == "instances" and request.query.get("SeriesNumber") == "1":
            found = json.loads(whole.partition(b"\r\n\r\n")[2])
            added = (
                [odd | {"00100020": {"Value": ["IODEEP"]}}]
                if request.query["offset"] == "0"
                else []
            )
            return [head() + json.dumps(found + added).encode()]
        return [whole]

    with serving(answers) as server:
        listed = iodeep("list", server.source, "--json")
    assert listed.status == 0, listed
    document = json.loads(listed.out)
    assert [found["name"] for found in document["models"]] == [model.card.name]
    assert len(document["problems"]) == 1
    [line] = listed.err.strip().splitlines()
    assert "has an object with" in line or "answered" in line
    assert line.isprintable()
    assert len(line) < 2000


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("verb", ["list", "pull", "select", "push"])
def test_nothing_but_an_odd_answer(
    tmp_path: Path, iodeep: Callable[..., Answer], odd: dict[str, Any], verb: str
) -> None:
    make_model(tmp_path)
    with serving(lambda request: [head() + json.dumps([odd]).encode()]) as server:
        answer = iodeep(*calls(server.source, tmp_path)[verb])
    assert answer.status in ((0, 5) if verb == "list" else (4, 5, 2)), answer
    for line in answer.err.strip().splitlines():
        assert line.isprintable()
        assert "a fault of IODeep" not in line


STORED = {
    "nothing": b"",
    "null": b"null",
    "a number": b"5",
    "an empty list": b"[]",
    "sequences that are none": b'{"00081198": 5, "00081199": {"Value": 7}}',
    "items that are none": b'{"00081198": {"Value": [null, 5]}, "00081199": {"Value": [[]]}}',
    "a reason that is none": b'{"00081198": {"Value": [{"00081197": {"Value": ["x"]}}]}}',
    "a reason without end": b'{"00081198": {"Value": [{"00081197": {"Value": ["'
    + b"9" * 5000
    + b'"]}}]}}',
    "no reason": b'{"00081198": {"Value": [{}]}}',
    "no JSON": b"<html>",
}


@pytest.mark.parametrize("body", STORED.values(), ids=STORED)
def test_answers_to_storing_that_are_none(
    tmp_path: Path, iodeep: Callable[..., Answer], body: bytes
) -> None:
    make_model(tmp_path)

    def answers(request: Any) -> list[bytes]:
        return [head() + body] if request.head.startswith("POST") else [head("204 No Content")]

    with serving(answers) as server:
        answer = iodeep("push", tmp_path / "packed", server.source)
    assert answer.status == 5, answer
    [line] = answer.err.strip().splitlines()
    assert "a fault of IODeep" not in line


def test_values_as_text() -> None:
    [answer] = answers_in(
        json.dumps([{STUDY: uid("1.2"), MODALITY: {"Value": ["CT", "MR"]}}]).encode()
    )
    assert answer == {"StudyInstanceUID": "1.2", "Modality": "CT\\MR"}
    assert text({"a": {"Value": [1, None, "x", {}]}}, "a") == "1\\x"
    assert items({"a": {"Value": [1, {"b": 2}]}}, "a") == [{"b": 2}]
