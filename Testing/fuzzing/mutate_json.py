"""Damage to JSON: other values, missing and foreign keys, lists too long and nested too deeply."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

from fuzzing import mutate_bytes

# Values as JSON text, because some of them no serializer writes.
_VALUES = (
    *("null", "true", "false", "0", "-0", "-1", "1", "2", "0.5", "1e-400", "1e308", "-1e308"),
    *("1e400", "NaN", "Infinity", "-Infinity", "9223372036854775808", "1" + "0" * 400),
    *("1" * 5000, '""', '" "', '"\\u0000"', '"\\ud800"', '"\\\\"', '"/"', '"../x"', '"a\\nb"'),
    *("[]", "{}", "[[]]", "[null]", "[1,2,3]", "[0,0,0]", "[-1,-1,-1]", "[1e300,1e300,1e300]"),
    *("[1,2]", "[65536,65536,65536]", "[1000000000,1000000000,1000000000]"),
    '{"mode":"native"}',
    '{"value":"1","scheme":"SCT","meaning":"x"}',
)
_MARK = "@@fuzz{}@@"


def damaged(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """`data` (JSON in UTF-8) with one to three damages, now and then to its text as well."""
    try:
        tree = json.loads(data)
    except ValueError:
        return mutate_bytes.damaged(rng, data, others)
    donors = [json.loads(other) for other in rng.sample(list(others), min(2, len(others)))]
    raw: list[str] = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        tree = _changed(rng, tree, donors, raw)
    text = json.dumps(tree, ensure_ascii=rng.random() < 0.5)
    for i, value in enumerate(raw):
        text = text.replace(f'"{_MARK.format(i)}"', value)
    result = text.encode("utf-8", "surrogatepass")
    return mutate_bytes.damaged(rng, result, others) if rng.random() < 0.15 else result


def _changed(rng: Random, tree: Any, donors: list[Any], raw: list[str]) -> Any:
    """`tree` with one change somewhere; `raw` collects the text that marks stand for."""
    holders = [holder for holder in _holders(tree) if holder]
    if not holders:
        return _new_value(rng, tree, donors, raw)
    holder = rng.choice(holders)
    key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    kind = rng.randrange(6)
    if kind <= 2:
        holder[key] = _new_value(rng, holder[key], donors, raw)
    elif kind == 3:
        del holder[key]
    elif isinstance(holder, dict):
        holder[rng.choice((*holder, "name", "x", "", "__class__", "mode", "step"))] = holder[key]
    else:
        holder[key:key] = [holder[key]] * rng.choice((1, 2, 30))
    return tree


def _holders(tree: Any) -> list[Any]:
    found, todo = [], [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, (dict, list)):
            found.append(node)
            todo += node.values() if isinstance(node, dict) else node
    return found


def _new_value(rng: Random, old: Any, donors: list[Any], raw: list[str]) -> Any:
    kind = rng.randrange(10)
    if kind == 0 and isinstance(old, str):
        return old * rng.choice((2, 100, 10_000))
    if kind == 1 and isinstance(old, (int, float)):
        return old * rng.choice((-1, 0.5, 1e6, 1 + 1e-12))
    if kind == 2 and donors:
        holder = rng.choice(_holders(rng.choice(donors)) or [None])
        return json.loads(json.dumps(holder))
    if kind == 3:
        depth = rng.choice((2, 50, 5000, 100_000))
        opening, closing = rng.choice((("[", "]"), ('{"a":', "}")))
        raw.append(opening * depth + ("1" if opening != "[" else "") + closing * depth)
    else:
        raw.append(rng.choice(_VALUES))
    return _MARK.format(len(raw) - 1)
