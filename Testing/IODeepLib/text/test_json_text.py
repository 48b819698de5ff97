"""JSON text: what is refused before anything is made of it."""

from __future__ import annotations

import pytest

from IODeepLib.text.json_text import MAX_JSON_CHARACTERS, StructureError, parse_json


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "-Infinity"),
        ('{"a": 1, "a": 2}', "the key 'a' twice"),
        ('[{"b": {"a": 1, "c": 2, "a": 1}}]', "the key 'a' twice"),
        (r'{"a": 1, "\u0061": 2}', "the key 'a' twice"),
        ("{", "line 1, column 2"),
        ("", "line 1, column 1"),
        ("[" * 100_000, "cannot be read"),
        ('{"a":' * 50_000, "cannot be read"),
        (" " * (MAX_JSON_CHARACTERS + 1), f"{MAX_JSON_CHARACTERS + 1} characters"),
        ("1" * 10_000, "cannot be read"),
        (r'["half a \ud83d pair"]', "half a surrogate pair"),
    ],
    ids=[
        *("nan", "infinity", "twice", "twice inside", "twice, escaped", "cut", "empty"),
        *("deep", "deeper", "long", "digits", "half"),
    ],
)
def test_json_that_is_refused(text: str, found: str) -> None:
    with pytest.raises(StructureError) as caught:
        parse_json(text)
    assert caught.value.path == "$" and found in caught.value.found


def test_other_json_is_what_it_says() -> None:
    text = r'{"a": [1, 1.5, true, null, "\ud83d\ude00"], "b": {"a": 1e400}}'
    assert parse_json(text) == {"a": [1, 1.5, True, None, "😀"], "b": {"a": float("inf")}}
