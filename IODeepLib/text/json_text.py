"""JSON text that comes from elsewhere, to plain values: refused where it is not what it seems."""

from __future__ import annotations

import json
import re
from typing import Any

# A recipe is a page of text; what is larger than this was not written as one.
MAX_JSON_CHARACTERS = 4_000_000
_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")


class StructureError(ValueError):
    """What is wrong, and where: `path` is a JSON path such as `$.input.channels[0].name`."""

    def __init__(self, path: str, found: str, wanted: str) -> None:
        super().__init__(path, found, wanted)
        self.path, self.found, self.wanted = path, found, wanted


def parse_json(text: str, most: int = MAX_JSON_CHARACTERS) -> Any:
    """JSON text to plain values; NaN, infinities, repeated keys and broken text are refused.

    The standard library reads it: msgspec keeps the last of repeated keys, and says nothing.

    Args:
        text: the JSON.
        most: characters that it may have.

    Raises:
        StructureError: it is no such text.
    """
    if len(text) > most:
        raise StructureError("$", f"{len(text)} characters", f"at most {most} characters")
    try:
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_each_key_once)
        if _HALF_PAIR.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except StructureError:
        raise
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise StructureError("$", f"no JSON ({error.msg}, {where})", "JSON text") from None
    except UnicodeEncodeError:
        raise StructureError("$", "half a surrogate pair (\\ud800 to \\udfff)", "text") from None
    except (RecursionError, ValueError) as error:
        raise StructureError("$", f"JSON that cannot be read ({error})", "plain JSON") from None
    return value


def _refuse_constant(constant: str) -> Any:
    raise StructureError("$", f"the number {constant}", "finite numbers")


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise StructureError("$", f"the key {twice!r} twice in one object", "each key once")
    return result
