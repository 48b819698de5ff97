"""The line of a key is found, however its table is written."""

from __future__ import annotations

import tomllib

import pytest

from IODeepLib.disk.toml_lines import line_of

CONTENT = """\
# a comment with [brackets] and = signs
top = 1
[servers.pacs]
url = "dicomweb+http://[::1]/dicom-web"
"quoted" = 2

[service]   # the service
source = "pacs"
quiet_of = { CT = 5, MR = 10 }

[[service.rules]]
name = "first"

[[service.rules]]
name = "second"
store = [
    "seg",
    "sr",
]
applies_to.modalities = ["MR"]
[service.rules.applies_to]
slices = { min = 2 }
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("top", 2),
        ("servers.pacs.url", 4),
        ("servers.pacs.quoted", 5),
        ("service", 7),
        ("service.source", 8),
        ("service.quiet_of.MR", 9),
        ("service.rules[0].name", 12),
        ("service.rules[1].name", 15),
        ("service.rules[1].store[1]", 16),
        ("service.rules[1].applies_to.modalities", 20),
        ("service.rules[1].applies_to.slices.min", 22),
        ("service.rules[1].hours", 14),
        ("service.nothing", 7),
        ("nothing", None),
        ("", None),
    ],
)
def test_the_line_of_a_key(path: str, line: int | None) -> None:
    assert line_of(CONTENT, path) == line


def test_the_example_is_toml_but_for_the_key_that_stands_twice() -> None:
    once = CONTENT.replace('applies_to.modalities = ["MR"]\n', "")
    assert tomllib.loads(once)["service"]["rules"][1]["applies_to"] == {"slices": {"min": 2}}
